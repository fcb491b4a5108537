//! `outgate events`

use clap::Args;

/// Which events to tell.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Only what came after this cursor, as an earlier call gave it
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
    /// Wait for more at the end
    #[arg(long)]
    pub(crate) follow: bool,
}
