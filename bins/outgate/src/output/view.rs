//! The JSON shapes that scripts rely on. They change only on purpose; a new field may be added, none taken away.

mod domain;
mod queue;
mod user;

pub(crate) use domain::{AddedDomain, CheckedDomain, CheckedRecord, Record, ShownDomain};
pub(crate) use queue::{Changed, Paused, Queued, ShownDelivery, ShownMessage, Summary};
pub(crate) use user::{Credentials, ShownUser, Smtp, UserFacts};

use outgate_core::Event;
use serde::Serialize;
use std::net::SocketAddr;

/// A line of `events`.
#[derive(Debug, Serialize)]
pub(crate) struct Logged<'a> {
    pub(crate) cursor: &'a str,
    #[serde(flatten)]
    pub(crate) event: &'a Event,
}

/// `config check`.
#[derive(Debug, Serialize)]
pub(crate) struct CheckedConfig {
    /// Null for the defaults.
    pub(crate) file: Option<String>,
    pub(crate) hostname: String,
    pub(crate) data_dir: String,
}

/// `backup`.
#[derive(Debug, Serialize)]
pub(crate) struct BackedUp {
    pub(crate) file: String,
    pub(crate) bytes: u64,
}

/// A line of `serve`: something listens.
#[derive(Debug, Serialize)]
pub(crate) struct Listening {
    /// `starttls`, `implicit_tls` or `http`.
    pub(crate) listener: &'static str,
    pub(crate) address: SocketAddr,
}

/// `try`.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    /// Whether every step went well.
    pub(crate) ok: bool,
    pub(crate) steps: &'a [Step],
    /// With the password that works until the end; null when no user was made.
    pub(crate) credentials: Option<Credentials<'a>>,
}

/// One step of `try`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    #[serde(rename = "step")]
    pub(crate) name: &'static str,
    pub(crate) ok: bool,
    pub(crate) detail: String,
}
