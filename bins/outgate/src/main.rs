//! `outgate`, the operator's binary: the relay (`serve`), the relay in a throwaway folder (`try`), and the
//! administration commands, which open the store themselves and work while the relay runs and while it does not.

mod args;
mod commands;
mod exit;
mod logging;
mod output;

use clap::Parser;
use exit::Status;
use std::{process::ExitCode, time::Duration};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long work on other threads may still take once the command is done.
const WIND_UP: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            exit::tell(&exit::CommandError::Failed(format!("the runtime did not start: {error}")));
            return Status::Failed.into();
        }
    };
    let outcome = runtime.block_on(commands::run(cli));
    runtime.shutdown_timeout(WIND_UP);
    match outcome {
        Ok(status) => status.into(),
        Err(error) => {
            exit::tell(&error);
            exit::status(&error).into()
        }
    }
}
