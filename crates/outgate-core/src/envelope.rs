//! What the client said outside the message: who sends, who receives, and what they want to hear of it.

use crate::{DomainName, EmailAddress, Xtext};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The sender of the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReversePath {
    /// `<>`: a notification, which is never answered.
    Null,
    /// An address.
    Address(EmailAddress),
}

impl ReversePath {
    /// The domain, unless null.
    pub fn domain(&self) -> Option<&DomainName> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address.domain()),
        }
    }
}

impl fmt::Display for ReversePath {
    /// Without angle brackets; null is empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// One recipient of an envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Where to.
    pub address: EmailAddress,
    /// When the sender wants to hear of it; `None` leaves it to the servers (RFC 3461 §4.1).
    pub notify: Option<Notify>,
    /// The address the sender first used, as `type;xtext` (RFC 3461 §4.2).
    pub original: Option<Xtext>,
}

/// When the sender wants a notification (RFC 3461 §4.1); all false is `NEVER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// When it was delivered.
    pub success: bool,
    /// When it failed.
    pub failure: bool,
    /// When it is late.
    pub delay: bool,
}

/// What a failure notification should carry (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnContent {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// The body type that the client declared (RFC 6152, RFC 3030).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// Lines of ASCII.
    #[default]
    SevenBit,
    /// Lines of octets.
    EightBitMime,
}

/// The envelope of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sends.
    pub reverse_path: ReversePath,
    /// Who receives, each address once.
    pub recipients: Vec<Recipient>,
    /// The declared body type.
    pub body: Body,
    /// Whether the client asked for SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// What a failure notification should carry.
    pub return_content: Option<ReturnContent>,
    /// The sender's own name for this envelope (RFC 3461 §4.4).
    pub envelope_id: Option<Xtext>,
}
