//! What can be read of the queue, page by page.

use crate::{
    Attempt, DeliveryId, DeliveryStatus, Destination, DomainId, DomainName, EmailAddress, MessageId,
    ReversePath, Timestamp, Username,
};

/// Which deliveries to read. Empty: all.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Of this domain.
    pub domain: Option<DomainName>,
    /// Submitted by this SMTP user.
    pub user: Option<Username>,
    /// In one of these statuses; empty: in any.
    pub statuses: Vec<DeliveryStatus>,
    /// To exactly this address.
    pub recipient: Option<EmailAddress>,
    /// From exactly this envelope sender.
    pub sender: Option<EmailAddress>,
    /// Whose subject contains this text, letters' case aside.
    pub subject: Option<String>,
    /// Accepted at or after.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
    /// Going to this destination.
    pub destination: Option<Destination>,
}

/// Where the next page starts. Opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageCursor(pub String);

/// One recipient of one message, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its message.
    pub message: MessageId,
    /// Its identity.
    pub delivery: DeliveryId,
    /// When the message was accepted.
    pub at: Timestamp,
    /// The sending domain's name.
    pub domain: DomainName,
    /// Who submitted it.
    pub username: Username,
    /// The envelope's sender.
    pub sender: ReversePath,
    /// To whom.
    pub recipient: EmailAddress,
    /// The message's subject, decoded, when it had one.
    pub subject: Option<String>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// The last reply, or the last reason when there was none.
    pub reply: Option<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it is tried next, if it is.
    pub next_attempt_at: Option<Timestamp>,
    /// Where it goes.
    pub destination: Destination,
}

/// A page of deliveries, newest message first.
#[derive(Clone, Debug)]
pub struct DeliveryPage {
    /// The rows.
    pub rows: Vec<DeliveryRow>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<PageCursor>,
}

/// A message with its whole history.
#[derive(Clone, Debug)]
pub struct MessageHistory {
    /// Which.
    pub message: MessageId,
    /// Its domain.
    pub domain: DomainId,
    /// Bytes kept.
    pub size: u64,
    /// Whether its bytes are still kept; they go when its last delivery ends.
    pub content_kept: bool,
    /// Its recipients.
    pub deliveries: Vec<DeliveryRow>,
    /// Every attempt, oldest first.
    pub attempts: Vec<(DeliveryId, Attempt)>,
}

/// The queue in a few numbers, kept rather than counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSummary {
    /// Not tried yet.
    pub pending: u64,
    /// To be tried again.
    pub deferred: u64,
    /// Set aside.
    pub held: u64,
    /// When the oldest of them was accepted.
    pub oldest_at: Option<Timestamp>,
    /// Whether all deliveries are paused.
    pub paused: bool,
}
