//! `outgate config …`

use clap::Subcommand;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say where the configuration comes from and whether it can be used
    Check,
    /// Print the configuration in force, every key of it
    Show,
}
