//! Who caused a change; kept with every event.

use serde::{Deserialize, Serialize};

/// Who caused a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody at the machine's command line, by the operating system's user name.
    Operator {
        /// The operating system's user name.
        name: String,
    },
    /// An SMTP user, for what follows from its own session.
    User {
        /// Its username.
        username: crate::Username,
    },
    /// The relay itself.
    System,
}
