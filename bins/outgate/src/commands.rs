//! One file per noun. Each parses nothing and decides nothing: it calls a use case or a verb of the store, and tells
//! what came of it.

mod activity;
mod backup;
mod config;
mod domain;
mod events;
mod invocation;
mod pages;
mod queue;
mod serve;
mod tryout;
mod user;

use crate::{
    args::{Cli, Command},
    exit::{CommandError, Status},
    output,
};
use clap::CommandFactory;
use invocation::Invocation;

/// Runs the command that was given.
pub(crate) async fn run(cli: Cli) -> Result<Status, CommandError> {
    let invocation = Invocation::new(cli.globals);
    match cli.command {
        Command::Try { once } => tryout::run(&invocation, once).await,
        Command::Serve => serve::run(&invocation).await,
        Command::Domain(command) => domain::run(&invocation, command).await,
        Command::User(command) => user::run(&invocation, command).await,
        Command::Queue(command) => queue::run(&invocation, command).await,
        Command::Activity(args) => activity::run(&invocation, args).await,
        Command::Events(args) => events::run(&invocation, args).await,
        Command::Config(command) => config::run(&invocation, &command),
        Command::Backup { file } => backup::run(&invocation, &file).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "outgate", &mut script);
            output::raw(&script)?;
            Ok(Status::Done)
        }
        Command::Man { command } => manual(&command),
    }
}

/// The manual page of a command, as in `outgate man domain add`.
fn manual(path: &[String]) -> Result<Status, CommandError> {
    let mut command = Cli::command();
    command.build();
    for name in path {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| {
            CommandError::Usage(format!(
                "there is no command `outgate {}`; `outgate help` lists them",
                path.join(" ")
            ))
        })?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    output::raw(&page)?;
    Ok(Status::Done)
}
