//! Messages and deliveries: accept, lease, settle.

use super::{DeliveryFilter, DeliveryPage, MessageHistory, PageCursor, QueueSummary, StoreError};
use crate::{
    Actor, Attempt, Body, DeliveryId, DeliveryStatus, Destination, DomainBar, DomainId, DomainName,
    MessageId, Recipient, ReturnContent, ReversePath, SendRight, Timestamp, UserId, Xtext,
};
use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Who holds leases: one running relay process, by a name it draws at start.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder(pub Box<str>);

/// A claim on deliveries that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who claims.
    pub holder: Holder,
    /// Until when.
    pub until: Timestamp,
}

/// A recipient about to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its identity.
    pub id: DeliveryId,
    /// To whom.
    pub recipient: Recipient,
    /// What it waits and travels with.
    pub destination: Destination,
    /// Whether the accepting relay takes it at once, under the message's lease.
    pub leased: bool,
}

/// A message about to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Its identity.
    pub id: MessageId,
    /// The envelope's sender.
    pub reverse_path: ReversePath,
    /// The declared body type.
    pub body: Body,
    /// Whether SMTPUTF8 was asked for (RFC 6531).
    pub smtputf8: bool,
    /// What a failure notification should carry.
    pub return_content: Option<ReturnContent>,
    /// The sender's own name for the envelope.
    pub envelope_id: Option<Xtext>,
    /// Its subject, decoded and shortened for lists.
    pub subject: Option<String>,
    /// Its bytes, as they will be signed and sent.
    pub content: Bytes,
    /// Its recipients; at least one.
    pub deliveries: Vec<NewDelivery>,
    /// The claim on those deliveries that say `leased`.
    pub lease: Option<Lease>,
}

/// What an accept granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The deliveries that were leased: those that said `leased`, less any that is paused.
    pub leased: Vec<DeliveryId>,
}

/// Why nothing was accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The send right is stale: the user was reset, disabled or deleted since the sign-in.
    #[error("the sign-in is no longer valid")]
    StaleRight,
    /// Nothing may be sent as the domain.
    #[error(transparent)]
    Barred(#[from] DomainBar),
    /// Trouble of the store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A destination with something due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDestination {
    /// Which.
    pub destination: Destination,
    /// When its first delivery is or was due.
    pub due_at: Timestamp,
}

/// A delivery under lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasedDelivery {
    /// Its identity.
    pub id: DeliveryId,
    /// To whom.
    pub recipient: Recipient,
    /// How many attempts were made before.
    pub attempts: u32,
    /// Whether its sender was told before that it is late.
    pub delay_told: bool,
}

/// A message with those of its deliveries, to one destination, that were leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasedMessage {
    /// Which.
    pub message: MessageId,
    /// Its domain, deleted or not.
    pub domain: DomainId,
    /// Its domain's name.
    pub domain_name: DomainName,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The envelope's sender.
    pub reverse_path: ReversePath,
    /// The declared body type.
    pub body: Body,
    /// Whether SMTPUTF8 was asked for.
    pub smtputf8: bool,
    /// What a failure notification should carry.
    pub return_content: Option<ReturnContent>,
    /// The sender's own name for the envelope.
    pub envelope_id: Option<Xtext>,
    /// Bytes kept.
    pub size: u64,
    /// Where it goes.
    pub destination: Destination,
    /// The leased deliveries; at least one.
    pub deliveries: Vec<LeasedDelivery>,
}

/// What became of one delivery in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledDelivery {
    /// Which.
    pub delivery: DeliveryId,
    /// The attempt.
    pub attempt: Attempt,
    /// Where it stands now: delivered, deferred, or an end.
    pub status: DeliveryStatus,
    /// When it is tried again; only with [`DeliveryStatus::Deferred`].
    pub next_attempt_at: Option<Timestamp>,
    /// Whether the settlement's notification speaks of it.
    pub notified: bool,
}

/// What became of a leased message's deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which message.
    pub message: MessageId,
    /// Who held the lease.
    pub holder: Holder,
    /// What became of each.
    pub results: Vec<SettledDelivery>,
    /// What the sender is told of those that say `notified`: a message from the null reverse path (RFC 3464). Nothing of
    /// it is ever leased by the settlement.
    pub notification: Option<NewMessage>,
}

/// What settling one delivery did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was recorded.
    Recorded,
    /// This attempt was recorded before, or the delivery has ended already: nothing changed.
    Already,
    /// The lease belongs to somebody else and this was no success: nothing changed.
    LeaseLost,
    /// The notification speaks of this delivery and of another that could not be recorded, so it would not be true:
    /// nothing changed. It is to be settled again with a notification that speaks of what can be recorded.
    Withheld,
}

/// Which deliveries an operator means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// One.
    Delivery(DeliveryId),
    /// All of a message.
    Message(MessageId),
    /// All that an SMTP user submitted.
    User(UserId),
    /// All of a domain.
    Domain(DomainId),
    /// All that go to a destination.
    Destination(Destination),
}

/// What a pause covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "scope", content = "of", rename_all = "snake_case")]
pub enum PauseScope {
    /// All deliveries.
    Everything,
    /// Deliveries of a sending domain, by name.
    Domain(DomainName),
    /// Deliveries to a destination.
    Destination(Destination),
}

/// Messages and deliveries.
///
/// Where deliveries stand (`docs/queue-states.md`): pending, deferred and held are open; the rest are ends. A delivery
/// is *due* when it is pending or deferred, its time has come, nothing that covers it is paused, and no lease on it runs.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Whether there is room to accept more: `false` once the reserve is reached. Cheap enough for every `MAIL`.
    fn has_room(&self) -> bool;

    /// Keeps a message: all or nothing, durable when it returns (law 7). In its own transaction it rechecks the send
    /// right: user alive and active, epoch unchanged, domain alive and allowed to send, account in force. `new.deliveries`
    /// that say `leased` are leased to `new.lease`, except what a pause covers.
    async fn accept(
        &self,
        right: &SendRight,
        new: NewMessage,
        at: Timestamp,
    ) -> Result<Accepted, AcceptError>;

    /// Destinations with something due at `now`, in order of name, from after `after`, at most `limit`.
    async fn due_destinations(
        &self,
        now: Timestamp,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DueDestination>, StoreError>;

    /// When the next delivery falls due or the next lease ends, whichever is first, paused ones aside; may be in the
    /// past. `None`: nothing waits.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Leases due deliveries of one destination, oldest due first, at most `limit` messages; a message's due deliveries
    /// to this destination come together. No two holders are given the same delivery.
    async fn lease(
        &self,
        destination: &Destination,
        lease: &Lease,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<LeasedMessage>, StoreError>;

    /// The bytes of a message, checked against their checksum. Damaged bytes are [`StoreError::Damaged`]: the caller
    /// then calls [`Queue::set_aside`].
    async fn content(&self, message: MessageId) -> Result<Option<Bytes>, StoreError>;

    /// Lengthens the leases of a holder on a message; `false` when it holds none of it any more.
    async fn renew(&self, message: MessageId, lease: &Lease) -> Result<bool, StoreError>;

    /// Gives a holder's leases on these deliveries back untried; they are due again. Leases of others stay.
    async fn give_back(&self, deliveries: &[DeliveryId], holder: &Holder) -> Result<(), StoreError>;

    /// Records what became of leased deliveries, each on its own, and returns what it did for each, in order.
    /// Idempotent by attempt. A delivery that did happen is recorded even after the lease was lost, unless the delivery
    /// has ended; nothing else is taken from a lost lease. A delivery that was held meanwhile keeps `held` over a deferral. When a message's last open delivery ends its bytes go.
    /// One event for all that was recorded; none when nothing was.
    ///
    /// A notification is kept in the same transaction, as a message of the same domain and SMTP user, due at once,
    /// accepted when the last attempt that it speaks of ended, without a look at the send right and even out of the
    /// reserve; an event tells it like any accepted message. It and the deliveries it speaks of go together: either all
    /// of those are recorded and it is kept, or it is not kept and none of them is recorded (those that could have been
    /// are [`Settled::Withheld`]). So a settlement repeated keeps nothing more, and no failure is told twice. A recorded
    /// deferral that it speaks of is leased with `delay_told` from then on; another that a notification speaks of can only
    /// come from a lost lease.
    async fn settle(&self, settlement: Settlement) -> Result<Vec<Settled>, StoreError>;

    /// Holds a message whose bytes are damaged: its open deliveries, and an event.
    async fn set_aside(&self, message: MessageId, at: Timestamp) -> Result<(), StoreError>;

    /// Ends every lease of other holders: only for the sole relay on a store, at its start. Returns how many.
    async fn take_back_leases(&self, holder: &Holder) -> Result<u64, StoreError>;

    /// Holds open deliveries (leased ones too: the attempt under way may still deliver). Returns how many. Works in
    /// steps, as do the three that follow; one event each step.
    async fn hold(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError>;

    /// Releases held deliveries; they are due at once.
    async fn release(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError>;

    /// Makes pending and deferred deliveries due at once.
    async fn retry(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError>;

    /// Ends open deliveries as cancelled.
    async fn cancel(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError>;

    /// Pauses deliveries: they wait, submissions go on; lasts over restarts. Idempotent.
    async fn pause(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError>;

    /// Ends a pause. Idempotent.
    async fn resume(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError>;

    /// What is paused.
    async fn paused(&self) -> Result<Vec<PauseScope>, StoreError>;

    /// The queue in a few numbers.
    async fn summary(&self) -> Result<QueueSummary, StoreError>;

    /// Deliveries, newest message first, from `after`, at most `limit`.
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&PageCursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError>;

    /// A message's whole history.
    async fn message(&self, message: MessageId) -> Result<Option<MessageHistory>, StoreError>;

    /// The message that a delivery belongs to.
    async fn message_of(&self, delivery: DeliveryId) -> Result<Option<MessageId>, StoreError>;

    /// Removes message bytes that no open delivery needs, and keys of deleted domains that no queued message needs;
    /// at most `limit` of each. Returns how many went.
    async fn sweep(&self, limit: usize) -> Result<u64, StoreError>;
}
