//! The log: every change appends its own fact, in the transaction that makes the change.

use crate::{
    Actor, DeliveryId, DeliveryStatus, DomainId, DomainName, DomainState, EmailAddress, LastConnection,
    MessageId, ReversePath, Timestamp, UserId, UserName, Username, store::PauseScope,
};
use serde::{Deserialize, Serialize};

/// A fact in the log. It never holds a secret, nor the bytes of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened to one recipient in a settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledRecipient {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// To whom.
    pub recipient: EmailAddress,
    /// Where it stands now.
    pub status: DeliveryStatus,
    /// What the remote server said, or why there is no reply.
    pub reply: String,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
}

/// What happened. One verb appends one event, its recipients inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A domain was added.
    DomainAdded {
        /// Which.
        domain: DomainId,
        /// Its name.
        name: DomainName,
        /// Whether the operator vouched for it.
        trusted: bool,
    },
    /// A domain and its users were deleted.
    DomainDeleted {
        /// Which.
        domain: DomainId,
        /// Its name.
        name: DomainName,
        /// How many users went with it.
        users: u64,
    },
    /// DNS said something new of a domain.
    DomainVerification {
        /// Which.
        domain: DomainId,
        /// Its name.
        name: DomainName,
        /// From this state
        from: DomainState,
        /// to this.
        to: DomainState,
    },
    /// An SMTP user was made.
    UserAdded {
        /// Which.
        user: UserId,
        /// Its domain.
        domain: DomainId,
        /// What it signs in with.
        username: Username,
        /// What people call it.
        name: UserName,
    },
    /// An SMTP user got another name.
    UserRenamed {
        /// Which.
        user: UserId,
        /// What it signs in with.
        username: Username,
        /// Its new name.
        name: UserName,
    },
    /// An SMTP user may not sign in for now.
    UserDisabled {
        /// Which.
        user: UserId,
        /// What it signs in with.
        username: Username,
    },
    /// An SMTP user may sign in again.
    UserEnabled {
        /// Which.
        user: UserId,
        /// What it signs in with.
        username: Username,
    },
    /// An SMTP user has a new password; the old one is dead.
    PasswordReset {
        /// Which.
        user: UserId,
        /// What it signs in with.
        username: Username,
    },
    /// An SMTP user is gone for good.
    UserDeleted {
        /// Which.
        user: UserId,
        /// What it signed in with.
        username: Username,
    },
    /// An SMTP user signed in in another way than the time before.
    LoginNoted {
        /// Which.
        user: UserId,
        /// What it signs in with.
        username: Username,
        /// How it signed in.
        connection: LastConnection,
    },
    /// A message was kept.
    MessageAccepted {
        /// Which.
        message: MessageId,
        /// Its domain.
        domain: DomainId,
        /// Who submitted it.
        username: Username,
        /// The envelope's sender.
        sender: ReversePath,
        /// Bytes kept.
        size: u64,
        /// Every recipient.
        recipients: Vec<(DeliveryId, EmailAddress)>,
    },
    /// Deliveries of a message were tried, and each recipient settled on its own.
    MessageSettled {
        /// Which message.
        message: MessageId,
        /// Its domain.
        domain: DomainId,
        /// What became of each.
        results: Vec<SettledRecipient>,
    },
    /// Kept bytes no longer match their checksum; the message's open deliveries were held.
    MessageDamaged {
        /// Which message.
        message: MessageId,
    },
    /// An operator held deliveries.
    DeliveriesHeld {
        /// How many.
        count: u64,
    },
    /// An operator released held deliveries.
    DeliveriesReleased {
        /// How many.
        count: u64,
    },
    /// An operator asked for the next try now.
    DeliveriesRetried {
        /// How many.
        count: u64,
    },
    /// An operator ended deliveries.
    DeliveriesCancelled {
        /// How many.
        count: u64,
    },
    /// Deliveries wait; submissions go on.
    DeliveryPaused {
        /// Which ones.
        scope: PauseScope,
    },
    /// Deliveries go on.
    DeliveryResumed {
        /// Which ones.
        scope: PauseScope,
    },
}
