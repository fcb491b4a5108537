//! Keeping a message: all or nothing.

use super::{content, pause::Pauses, tally};
use crate::{
    code::{Coded, notify_code},
    directory::standing,
    fault::Stop,
    log::Entry,
    row,
};
use outgate_core::{
    Actor, DeliveryStatus, EventKind, SendRight, Standing, Timestamp, Xtext,
    store::{AcceptError, Accepted, Lease, NewDelivery, NewMessage, StoreError},
};
use rusqlite::Connection;

/// A message with all that could be made of it before the writer's turn.
pub(super) struct Prepared {
    right: SendRight,
    new: NewMessage,
    at: i64,
    sender: String,
    recipients: Vec<String>,
    checksum: u32,
    event: Entry,
}

/// Writes out and sums up what needs no transaction.
pub(super) fn prepare(right: SendRight, new: NewMessage, at: Timestamp) -> Result<Prepared, StoreError> {
    let actor = Actor::User { username: right.username().clone() };
    let recipients = new.deliveries.iter().map(|one| (one.id, one.recipient.address.clone()));
    let kind = EventKind::MessageAccepted {
        message: new.id,
        domain: right.domain(),
        username: right.username().clone(),
        sender: new.reverse_path.clone(),
        size: new.content.len() as u64,
        recipients: recipients.collect(),
    };
    Ok(Prepared {
        event: Entry::new(at, &actor, kind)?,
        sender: new.reverse_path.to_string(),
        recipients: new.deliveries.iter().map(|one| one.recipient.address.to_string()).collect(),
        checksum: content::checksum(&new.content),
        at: at.as_millisecond(),
        right,
        new,
    })
}

impl Prepared {
    /// How much it brings, about.
    pub(super) fn bytes(&self) -> usize {
        // A recipient is in its row, in four indexes and in the event.
        const RECIPIENT: usize = 512;
        self.new.content.len() + self.event.bytes() + RECIPIENT * self.new.deliveries.len()
    }
}

/// Keeps it, if the send right stands.
pub(super) fn keep(tx: &Connection, message: &Prepared) -> Result<Accepted, Stop<AcceptError>> {
    let Prepared { right, new, .. } = message;
    let found = standing::of(tx, right)?;
    match found.standing {
        Standing::InForce => {}
        Standing::Stale => return Err(AcceptError::StaleRight.into()),
        Standing::Barred(bar) => return Err(AcceptError::from(bar).into()),
    }
    row::run(
        tx,
        "INSERT INTO messages (id, domain, domain_name, user, accepted_at, sender, body, smtputf8, return_content,
                               envelope_id, subject, size)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        (
            new.id.as_bytes(),
            found.domain,
            right.domain_name().as_str(),
            found.user,
            message.at,
            &message.sender,
            new.body.code(),
            new.smtputf8,
            new.return_content.map(Coded::code),
            new.envelope_id.as_ref().map(Xtext::as_str),
            &new.subject,
            new.content.len() as i64,
        ),
    )?;
    let row = tx.last_insert_rowid();
    let sql = "INSERT INTO content (message, checksum, bytes) VALUES (?1, ?2, ?3)";
    row::run(tx, sql, (row, message.checksum, new.content.as_ref()))?;
    let pauses = Pauses::read(tx)?;
    let mut leased = Vec::new();
    for (position, delivery) in new.deliveries.iter().enumerate() {
        let wanted = delivery.leased && !pauses.cover(right.domain_name(), &delivery.destination);
        let lease = new.lease.as_ref().filter(|_| wanted);
        leased.extend(lease.map(|_| delivery.id));
        insert(tx, message, (row, position, found.domain), delivery, lease)?;
    }
    tally(tx, DeliveryStatus::Pending, new.deliveries.len() as i64)?;
    message.event.append(tx)?;
    Ok(Accepted { leased })
}

fn insert(
    tx: &Connection,
    message: &Prepared,
    (row, position, domain): (i64, usize, i64),
    delivery: &NewDelivery,
    lease: Option<&Lease>,
) -> rusqlite::Result<()> {
    let until = lease.map(|lease| lease.until.as_millisecond());
    row::run(
        tx,
        "INSERT INTO deliveries (message, position, id, domain, accepted_at, recipient, notify, original, destination,
                                 status, attempts, next_at, due_at, lease_holder, lease_until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?5, max(?5, coalesce(?12, ?5)), ?11, ?12)",
        (
            row,
            position as i64,
            delivery.id.as_bytes(),
            domain,
            message.at,
            &message.recipients[position],
            delivery.recipient.notify.map(notify_code),
            delivery.recipient.original.as_ref().map(Xtext::as_str),
            delivery.destination.as_str(),
            DeliveryStatus::Pending.code(),
            lease.map(|lease| &*lease.holder.0),
            until,
        ),
    )
    .map(drop)
}
