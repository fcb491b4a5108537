//! SMTP users and their last connection.

use crate::{DomainId, DomainName, Timestamp, UserId, UserName, Username};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A username and password of one domain, for one application. The hash is not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its identity.
    pub id: UserId,
    /// Its domain.
    pub domain: DomainId,
    /// Its domain's name.
    pub domain_name: DomainName,
    /// What the application signs in with.
    pub username: Username,
    /// What people call it.
    pub name: UserName,
    /// Whether it may sign in.
    pub state: UserState,
    /// Raised by each reset, disable and delete: a send right of an older epoch is stale (law 2).
    pub epoch: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its last successful sign-in (law 5).
    pub last_connection: Option<LastConnection>,
}

/// Whether an SMTP user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// It may.
    Active,
    /// It may not, until enabled again.
    Disabled,
}

impl UserState {
    /// The word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// The last successful AUTH of an SMTP user (law 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastConnection {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: IpAddr,
    /// The TLS version, as `TLSv1.3`.
    pub tls: String,
    /// The SASL mechanism.
    pub mechanism: Mechanism,
    /// The name the client gave in EHLO.
    pub client: String,
}

impl LastConnection {
    /// Whether anything but the time differs from `other`: only then is a login an event.
    pub fn looks_different(&self, other: &Self) -> bool {
        (self.address, &self.tls, self.mechanism, &self.client)
            != (other.address, &other.tls, other.mechanism, &other.client)
    }
}

/// The SASL mechanisms that Outgate takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The two-prompt mechanism that many applications insist on; never standardised.
    Login,
}

impl Mechanism {
    /// Its name in EHLO and AUTH.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }
}
