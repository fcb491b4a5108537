//! SMTP users and their credentials.

use outgate_core::{
    DomainName, LastConnection, Mechanism, Timestamp, User, UserId, UserName, UserState, Username,
};
use serde::Serialize;

/// Where an application submits.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Smtp {
    pub(crate) host: String,
    pub(crate) starttls_port: Option<u16>,
    pub(crate) implicit_tls_port: Option<u16>,
    pub(crate) mechanisms: [Mechanism; 2],
}

/// What is told of an SMTP user in every shape.
#[derive(Debug, Serialize)]
pub(crate) struct UserFacts<'a> {
    pub(crate) id: UserId,
    pub(crate) domain: &'a DomainName,
    pub(crate) name: &'a UserName,
    pub(crate) username: &'a Username,
    pub(crate) created_at: Timestamp,
    pub(crate) smtp: &'a Smtp,
    pub(crate) example_sender: String,
}

impl<'a> UserFacts<'a> {
    pub(crate) fn of(user: &'a User, smtp: &'a Smtp) -> Self {
        Self {
            id: user.id,
            domain: &user.domain_name,
            name: &user.name,
            username: &user.username,
            created_at: user.created_at,
            smtp,
            example_sender: format!("anything@{}", user.domain_name),
        }
    }
}

/// `user add`, `user reset`.
#[derive(Debug, Serialize)]
pub(crate) struct Credentials<'a> {
    #[serde(flatten)]
    pub(crate) facts: UserFacts<'a>,
    /// Left out when it was written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<&'a str>,
}

/// `user show`, and each item of `user list`.
#[derive(Debug, Serialize)]
pub(crate) struct ShownUser<'a> {
    #[serde(flatten)]
    pub(crate) facts: UserFacts<'a>,
    pub(crate) state: UserState,
    pub(crate) last_connection: Option<&'a LastConnection>,
}

impl<'a> ShownUser<'a> {
    pub(crate) fn of(user: &'a User, smtp: &'a Smtp) -> Self {
        Self {
            facts: UserFacts::of(user, smtp),
            state: user.state,
            last_connection: user.last_connection.as_ref(),
        }
    }
}
