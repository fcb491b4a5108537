//! `outgate-bench`: load for a relay, and a sink that accounts for every message.
//!
//! Each command prints one line of JSON and nothing else on standard output. `load` submits numbered messages and
//! tells rates and latencies; `sink` takes them at the other end; `verify` compares what was acknowledged with what
//! arrived.

mod client;
mod latency;
mod ledger;
mod load;
mod message;
mod sink;
mod tls;
mod verify;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Load for a relay, and a sink that accounts for every message.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Threads of the asynchronous runtime.
    #[arg(long, global = true, default_value_t = 1)]
    threads: usize,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Submit messages; tell messages a second and latencies.
    Load(load::Options),
    /// Take messages and account for each.
    Sink(sink::Options),
    /// Compare what was acknowledged with what arrived: losses, phantoms, duplicates.
    Verify(verify::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Load(options) => on_runtime(cli.threads, load::run(options)),
        Command::Sink(options) => on_runtime(cli.threads, sink::run(options)),
        Command::Verify(options) => verify::run(&options),
    };
    match outcome {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("outgate-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn on_runtime(
    threads: usize,
    work: impl Future<Output = anyhow::Result<serde_json::Value>>,
) -> anyhow::Result<serde_json::Value> {
    let runtime = if threads <= 1 {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?
    };
    runtime.block_on(work)
}
