//! How a conversation is to go.

use super::EhloName;
use outgate_core::Secret;
use std::sync::Arc;

/// Whether a conversation that began in clear starts TLS (RFC 3207).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// It stays in clear.
    Never,
    /// When the server offers it and does not refuse it.
    WhenOffered,
    /// Or it ends.
    Always,
}

/// What we sign in with. It is said inside TLS only.
#[derive(Debug)]
pub struct Credentials {
    /// The username.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How a conversation is to go.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name.
    pub name: EhloName,
    /// TLS.
    pub starttls: StartTls,
    /// What to sign in with, if at all.
    pub credentials: Option<Arc<Credentials>>,
}
