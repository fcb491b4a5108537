//! Keeping a message: all or nothing.

use super::{content, pause::Pauses, tally};
use crate::{
    code::{Coded, notify_code},
    directory::standing,
    fault::Stop,
    log::Entry,
    room::Claim,
    row,
};
use outgate_core::{
    Actor, DeliveryId, DeliveryStatus, DomainId, DomainName, EventKind, SendRight, Standing, Timestamp,
    Username, Xtext,
    store::{AcceptError, Accepted, Lease, NewDelivery, NewMessage, StoreError},
};
use rusqlite::Connection;

/// A message with all that can be made of it before the writer's turn.
pub(super) struct Draft {
    new: NewMessage,
    sender: String,
    recipients: Vec<String>,
    checksum: u32,
}

/// How much a message brings, about.
pub(super) fn bytes(new: &NewMessage) -> usize {
    // A recipient is in its row, in its indexes and in the event.
    const RECIPIENT: usize = 1024;
    new.content.len() + RECIPIENT * new.deliveries.len()
}

/// Whose a message is, by rows.
pub(super) struct Origin<'a> {
    pub(super) domain: i64,
    pub(super) domain_name: &'a DomainName,
    pub(super) user: i64,
}

impl Draft {
    /// Writes out and sums up what needs no transaction.
    pub(super) fn new(new: NewMessage) -> Self {
        Self {
            sender: new.reverse_path.to_string(),
            recipients: new.deliveries.iter().map(|one| one.recipient.address.to_string()).collect(),
            checksum: content::checksum(&new.content),
            new,
        }
    }

    /// How much it brings, about.
    pub(super) fn bytes(&self) -> usize {
        bytes(&self.new)
    }

    /// The event of its acceptance.
    pub(super) fn accepted(&self, domain: DomainId, username: Username) -> EventKind {
        let recipients = self.new.deliveries.iter().map(|one| (one.id, one.recipient.address.clone()));
        EventKind::MessageAccepted {
            message: self.new.id,
            domain,
            username,
            sender: self.new.reverse_path.clone(),
            size: self.new.content.len() as u64,
            recipients: recipients.collect(),
        }
    }

    /// Keeps it; returns which deliveries were leased.
    pub(super) fn keep(
        &self,
        tx: &Connection,
        origin: &Origin<'_>,
        at: i64,
    ) -> rusqlite::Result<Vec<DeliveryId>> {
        let new = &self.new;
        row::run(
            tx,
            "INSERT INTO messages (id, domain, domain_name, user, accepted_at, sender, body, smtputf8,
                                   return_content, envelope_id, subject, size)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            (
                new.id.as_bytes(),
                origin.domain,
                origin.domain_name.as_str(),
                origin.user,
                at,
                &self.sender,
                new.body.code(),
                new.smtputf8,
                new.return_content.map(Coded::code),
                new.envelope_id.as_ref().map(Xtext::as_str),
                &new.subject,
                new.content.len() as i64,
            ),
        )?;
        let message = tx.last_insert_rowid();
        let sql = "INSERT INTO content (message, checksum, bytes) VALUES (?1, ?2, ?3)";
        row::run(tx, sql, (message, self.checksum, new.content.as_ref()))?;
        let pauses = Pauses::read(tx)?;
        let mut leased = Vec::new();
        for (position, delivery) in new.deliveries.iter().enumerate() {
            let wanted = delivery.leased && !pauses.cover(origin.domain_name, &delivery.destination);
            let lease = new.lease.as_ref().filter(|_| wanted);
            leased.extend(lease.map(|_| delivery.id));
            let key = (message, position as i64, origin.domain, at);
            insert(tx, key, &self.recipients[position], delivery, lease)?;
        }
        tally(tx, DeliveryStatus::Pending, new.deliveries.len() as i64)?;
        Ok(leased)
    }
}

fn insert(
    tx: &Connection,
    (message, position, domain, at): (i64, i64, i64, i64),
    recipient: &str,
    delivery: &NewDelivery,
    lease: Option<&Lease>,
) -> rusqlite::Result<()> {
    row::run(
        tx,
        "INSERT INTO deliveries (message, position, id, domain, accepted_at, recipient, notify, original, destination,
                                 status, attempts, next_at, due_at, lease_holder, lease_until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?5, max(?5, coalesce(?12, ?5)), ?11, ?12)",
        (
            message,
            position,
            delivery.id.as_bytes(),
            domain,
            at,
            recipient,
            delivery.recipient.notify.map(notify_code),
            delivery.recipient.original.as_ref().map(Xtext::as_str),
            delivery.destination.as_str(),
            DeliveryStatus::Pending.code(),
            lease.map(|lease| &*lease.holder.0),
            lease.map(|lease| lease.until.as_millisecond()),
        ),
    )
    .map(drop)
}

/// A message that a signed-in user submits.
pub(super) struct Submission {
    right: SendRight,
    draft: Draft,
    at: i64,
    event: Entry,
    /// Its place on the medium, until it is there.
    _room: Claim,
}

impl Submission {
    /// Makes everything ready.
    pub(super) fn new(
        right: SendRight,
        new: NewMessage,
        at: Timestamp,
        room: Claim,
    ) -> Result<Self, StoreError> {
        let draft = Draft::new(new);
        let actor = Actor::User { username: right.username().clone() };
        let event = Entry::new(at, &actor, draft.accepted(right.domain(), right.username().clone()))?;
        Ok(Self { right, draft, at: at.as_millisecond(), event, _room: room })
    }

    /// How much it brings, about.
    pub(super) fn bytes(&self) -> usize {
        self.draft.bytes()
    }

    /// Keeps it, if the send right stands.
    pub(super) fn accept(&self, tx: &Connection) -> Result<Accepted, Stop<AcceptError>> {
        let found = standing::of(tx, &self.right)?;
        match found.standing {
            Standing::InForce => {}
            Standing::Stale => return Err(AcceptError::StaleRight.into()),
            Standing::Barred(bar) => return Err(AcceptError::from(bar).into()),
        }
        let origin = Origin { domain: found.domain, domain_name: self.right.domain_name(), user: found.user };
        let leased = self.draft.keep(tx, &origin, self.at)?;
        self.event.append(tx)?;
        Ok(Accepted { leased })
    }
}
