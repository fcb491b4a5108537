//! `outgate user …`

use clap::Subcommand;
use outgate_core::{DomainName, UserName, Username};
use std::path::PathBuf;

/// What to do with SMTP users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an SMTP user and show its password, once
    Add {
        /// The sending domain it belongs to
        domain: DomainName,
        /// What people call it, as the application is called
        #[arg(long, value_name = "LABEL")]
        name: UserName,
        /// The part of its username before the @ [default: the whole username is generated]
        #[arg(long, value_name = "LOCALPART")]
        username: Option<String>,
        /// Write the password to this new file (mode 0600) instead of printing it
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List the SMTP users of a domain, or of all
    List {
        /// Which domain
        domain: Option<DomainName>,
    },
    /// Show an SMTP user and its last connection
    Show {
        /// Which
        username: Username,
    },
    /// Give an SMTP user another name; its username stays
    Rename {
        /// Which
        username: Username,
        /// The new name
        #[arg(long, value_name = "LABEL")]
        name: UserName,
    },
    /// Make a new password; the old one stops working at once
    Reset {
        /// Which
        username: Username,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Write the password to this new file (mode 0600) instead of printing it
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Refuse an SMTP user until it is enabled again
    Disable {
        /// Which
        username: Username,
    },
    /// Let an SMTP user sign in again, with the same password
    Enable {
        /// Which
        username: Username,
    },
    /// Delete an SMTP user for good; its username is never issued again
    Delete {
        /// Which
        username: Username,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}
