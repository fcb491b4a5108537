//! What becomes of each recipient.

use crate::{AttemptId, Timestamp, Timings, Transcript};
use serde::{Deserialize, Serialize};
use std::{fmt, net::SocketAddr, str::FromStr};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Kept, not tried yet.
    Pending,
    /// Tried, to be tried again.
    Deferred,
    /// Set aside by an operator until released.
    Held,
    /// The recipient's server took it.
    Delivered,
    /// Ended without success; the address may be right (mailbox full, too many attempts).
    SoftBounced,
    /// Ended for good: the address or domain does not take mail.
    HardBounced,
    /// Not sent: the domain does not send to this address any more.
    Suppressed,
    /// Ended by an operator.
    Cancelled,
}

/// A text that names no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such status; one of pending, deferred, held, delivered, soft_bounced, hard_bounced, suppressed, cancelled"
)]
pub struct UnknownStatus;

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Deferred,
        Self::Held,
        Self::Delivered,
        Self::SoftBounced,
        Self::HardBounced,
        Self::Suppressed,
        Self::Cancelled,
    ];

    /// Whether nothing more will be tried.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Deferred | Self::Held)
    }

    /// The word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Deferred => "deferred",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::SoftBounced => "soft_bounced",
            Self::HardBounced => "hard_bounced",
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DeliveryStatus {
    type Err = UnknownStatus;
    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(UnknownStatus)
    }
}

/// What deliveries wait and travel together: a recipient's domain, or the smart host.
///
/// Chosen when a message is accepted, by whoever carries; the store only groups by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Destination(Box<str>);

impl Destination {
    /// A destination by its name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A remote server's reply, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The reply code (RFC 5321 §4.2).
    pub code: u16,
    /// The enhanced status code, when it gave one (RFC 3463).
    pub enhanced: Option<(u8, u16, u16)>,
    /// The text of each line, without codes.
    pub lines: Vec<String>,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some((class, subject, detail)) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        for (n, line) in self.lines.iter().enumerate() {
            write!(f, "{}{line}", if n == 0 { " " } else { " / " })?;
        }
        Ok(())
    }
}

/// What kind of trouble a delivery met; the retry law goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The address does not exist or takes no mail.
    Address,
    /// The domain does not exist or takes no mail.
    Domain,
    /// The mailbox is full.
    MailboxFull,
    /// The message itself was refused.
    Content,
    /// We were refused: reputation or policy.
    Policy,
    /// Asked to come back later.
    Greylisted,
    /// Too much, too fast.
    Rate,
    /// DNS did not answer.
    Dns,
    /// No connection, or one that broke.
    Connection,
    /// TLS was demanded and could not be had.
    Tls,
    /// Trouble of our own.
    Local,
    /// Refused, without a reason that we know.
    Other,
}

/// TLS as it was on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsUsed {
    /// As `TLSv1.3`.
    pub version: String,
    /// The cipher suite's name.
    pub cipher: String,
    /// Whether the certificate was valid for the host; `None` when nobody asked.
    pub verified: Option<bool>,
    /// What was wrong with the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Which way an attempt went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPath {
    /// The host's name.
    pub host: Option<String>,
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
    /// TLS, when there was.
    pub tls: Option<TlsUsed>,
    /// What was said on it.
    #[serde(default, skip_serializing_if = "Transcript::is_unknown")]
    pub transcript: Transcript,
    /// How long its steps took.
    #[serde(default, skip_serializing_if = "Timings::is_empty")]
    pub timings: Timings,
}

/// One try at a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its identity; settling the same attempt twice changes nothing.
    pub id: AttemptId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Which way it went.
    pub path: NetworkPath,
    /// What the remote server said of this recipient, when it spoke.
    pub reply: Option<Reply>,
    /// What kind of trouble it met; `None` for success.
    pub class: Option<FailureClass>,
    /// One sentence for people.
    pub reason: String,
}
