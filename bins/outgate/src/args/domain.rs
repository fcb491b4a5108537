//! `outgate domain …`

use clap::Subcommand;
use outgate_core::{DomainName, UserName};
use std::path::PathBuf;

/// What to do with sending domains.
#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// Add a sending domain and make its DKIM keys
    Add {
        /// Its name, exactly as it stands behind the @
        name: DomainName,
        /// You vouch for it: it may send before its DNS is checked
        #[arg(long)]
        trusted: bool,
        /// Make an SMTP user with this name at once
        #[arg(long, value_name = "LABEL")]
        with_user: Option<UserName>,
        /// Write the user's password to this new file (mode 0600) instead of printing it
        #[arg(long, value_name = "FILE", requires = "with_user")]
        password_file: Option<PathBuf>,
    },
    /// List all domains
    List,
    /// Show one domain
    Show {
        /// Which
        name: DomainName,
    },
    /// Print the DNS records to publish for a domain
    Records {
        /// Which
        name: DomainName,
    },
    /// Ask DNS whether a domain's records are right, and say what to change
    ///
    /// A domain with the right ownership record and a right DKIM key becomes verified and may send. Exit status: 0 when
    /// the domain is verified, 1 when it is not.
    Check {
        /// Which
        name: DomainName,
    },
    /// Delete a domain with its SMTP users, for good
    ///
    /// Its history stays. Mail already accepted is still delivered. Added again, it is a new domain with new keys, and
    /// the usernames of its users are never issued again.
    Delete {
        /// Which
        name: DomainName,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}
