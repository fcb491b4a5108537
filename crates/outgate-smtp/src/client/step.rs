//! What a conversation says to its driver.

use super::{ReplyError, Stage, Verdict};
use outgate_core::Reply;
use std::fmt;

/// What the driver must do next.
#[must_use]
pub enum Step {
    /// Write these bytes, then step again.
    Send(Vec<u8>),
    /// Give more bytes to [`Conversation::receive`], then step again.
    NeedInput(Stage),
    /// Do the TLS handshake, then call [`Conversation::tls_started`].
    StartTls,
    /// Begin a transaction, or quit.
    Ready,
    /// Write the message through a [`super::Stuffing`], then call [`Conversation::content_sent`].
    Content,
    /// The transaction is over; one verdict for each recipient, in order.
    Finished(Vec<Verdict>),
    /// Close the connection.
    Close(Closing),
}

impl fmt::Debug for Step {
    /// Says nothing of what is sent: it may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(bytes) => write!(f, "Send({} octets)", bytes.len()),
            Self::NeedInput(stage) => write!(f, "NeedInput({stage:?})"),
            Self::StartTls => f.write_str("StartTls"),
            Self::Ready => f.write_str("Ready"),
            Self::Content => f.write_str("Content"),
            Self::Finished(verdicts) => f.debug_tuple("Finished").field(verdicts).finish(),
            Self::Close(closing) => f.debug_tuple("Close").field(closing).finish(),
        }
    }
}

/// Why a connection is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    /// We said QUIT.
    Quit,
    /// The server refused to go on.
    Refused {
        /// At what.
        at: Stage,
        /// What it said.
        reply: Reply,
    },
    /// TLS is demanded and not offered.
    NoTls,
    /// A sign-in is demanded and neither PLAIN nor LOGIN is offered.
    NoAuth,
    /// The server sent what is no reply.
    Garbled(ReplyError),
    /// The server sent a reply that makes no sense where it came.
    Nonsense {
        /// Where.
        at: Stage,
        /// What it said.
        reply: Reply,
    },
    /// The server spoke when nothing had been asked: who knows what its next reply would answer.
    OutOfStep,
    /// The connection went away, or an answer took too long.
    Lost {
        /// What was not answered.
        at: Stage,
    },
}

/// Why a transaction cannot begin. Only [`BeginError::NotReady`] leaves the connection unfit for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// The conversation is not at [`Step::Ready`], or has just lost its step.
    #[error("the connection is not ready for a transaction")]
    NotReady,
    /// Nobody to send to.
    #[error("the transaction has no recipient")]
    NoRecipients,
    /// Larger than the server takes (RFC 1870 §6.1).
    #[error("the message has more than the {limit} octets that the server takes")]
    TooLarge {
        /// What it takes.
        limit: u64,
    },
    /// An address that needs SMTPUTF8, which the server does not offer (RFC 6531 §3.2).
    #[error("the server does not take addresses that are not ASCII")]
    NeedsSmtpUtf8,
    /// A command that would not have been one line.
    #[error("the envelope cannot be written as SMTP commands")]
    Unwritable,
}
