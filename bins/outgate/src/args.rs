//! The command line: noun, verb, the thing it acts on.

mod activity;
mod config;
mod domain;
mod events;
mod queue;
mod user;
mod when;

pub(crate) use activity::{ActivityArgs, Filter};
pub(crate) use config::ConfigCommand;
pub(crate) use domain::DomainCommand;
pub(crate) use events::EventsArgs;
pub(crate) use queue::{Change, PauseArgs, QueueCommand, QueueId, Which};
pub(crate) use user::UserCommand;
pub(crate) use when::When;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// A mail relay for your applications: each signs in with an SMTP user of its domain, and its mail is kept safe, signed
/// and delivered.
#[derive(Debug, Parser)]
#[command(name = "outgate", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit status: 0 done, 1 failed, 2 usage, 3 not found, 4 already there, 5 refused without confirmation.
Begin with `outgate try`: the whole relay in a throwaway folder, in one command.";

/// Flags that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// The configuration file [default: /etc/outgate/outgate.toml if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "OUTGATE_CONFIG", hide_env_values = true)]
    #[arg(help_heading = "Everywhere")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder, whatever the configuration says
    #[arg(long, global = true, value_name = "DIR", env = "OUTGATE_DATA", hide_env_values = true)]
    #[arg(help_heading = "Everywhere")]
    pub(crate) data: Option<PathBuf>,
    /// Write JSON to standard output and nothing else: one document, or one a line where it streams
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole relay at work in a throwaway folder, with a sink that captures all mail
    Try {
        /// End after the show: status 0 if every step went well, else 1
        #[arg(long)]
        once: bool,
    },
    /// Run the relay
    ///
    /// SIGTERM and SIGINT drain it and end it (a second one ends it at once); SIGHUP reloads the configuration and
    /// the certificates.
    Serve,
    /// Sending domains
    #[command(subcommand)]
    Domain(DomainCommand),
    /// SMTP users: a username and password of a domain, for one application
    #[command(subcommand)]
    User(UserCommand),
    /// Mail on its way
    #[command(subcommand)]
    Queue(QueueCommand),
    /// What became of each recipient, newest first
    Activity(ActivityArgs),
    /// The log of everything that changed, oldest first
    Events(EventsArgs),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Copy the store to a new file while everything goes on
    ///
    /// The copy holds no password and no private key in the clear. The master key, which opens the DKIM keys in it, is
    /// not part of it: keep a copy of that elsewhere.
    Backup {
        /// A file that is not there yet
        file: PathBuf,
    },
    /// Write the completions of a shell to standard output
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write a manual page (roff) to standard output
    Man {
        /// Of this command, as in `outgate man domain add` [default: of outgate itself]
        command: Vec<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_are_taken_anywhere() {
        for line in [
            ["outgate", "--json", "--data", "/d", "domain", "list"],
            ["outgate", "domain", "list", "--data", "/d", "--json"],
            ["outgate", "domain", "--data", "/d", "list", "--json"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(cli.globals.json);
            assert_eq!(cli.globals.data.unwrap(), PathBuf::from("/d"));
        }
    }
}
