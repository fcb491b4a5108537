//! Leases: taken, lengthened, given back and taken back.

use super::{admin::Place, message_row, pause::Pauses};
use crate::{code::notify_of, fault::damaged, row};
use outgate_core::{
    DeliveryId, Destination, DomainId, MessageId, Recipient, ReversePath, Timestamp,
    store::{Holder, Lease, LeasedDelivery, LeasedMessage},
};
use rusqlite::{Connection, Result, Row};

/// Leases what is due to a destination, oldest first.
pub(super) fn take(
    tx: &Connection,
    destination: &Destination,
    lease: &Lease,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<LeasedMessage>> {
    let pauses = Pauses::read(tx)?;
    if pauses.cover_destination(destination) {
        return Ok(Vec::new());
    }
    let paused = pauses.domain_rows(tx)?;
    let messages = due_messages(tx, destination, now, &paused, limit)?;
    messages.into_iter().map(|message| take_message(tx, message, destination, lease, now)).collect()
}

/// The rows of the first messages with something due, oldest due first.
fn due_messages(
    tx: &Connection,
    destination: &Destination,
    now: Timestamp,
    paused: &[i64],
    limit: usize,
) -> Result<Vec<i64>> {
    let sql = "SELECT message, domain FROM deliveries INDEXED BY deliveries_by_destination
               WHERE status <= 1 AND destination = ?1 AND due_at <= ?2 ORDER BY due_at";
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query((destination.as_str(), now.as_millisecond()))?;
    let (mut messages, mut seen) = (Vec::new(), std::collections::HashSet::new());
    while messages.len() < limit
        && let Some(row) = rows.next()?
    {
        let (message, domain): (i64, i64) = (row.get(0)?, row.get(1)?);
        if !paused.contains(&domain) && seen.insert(message) {
            messages.push(message);
        }
    }
    Ok(messages)
}

fn take_message(
    tx: &Connection,
    message: i64,
    destination: &Destination,
    lease: &Lease,
    now: Timestamp,
) -> Result<LeasedMessage> {
    // The pluses keep SQLite from going through everything that is due to the destination: the message's own rows are few.
    let key = (message, destination.as_str(), now.as_millisecond());
    let sql = "SELECT id, recipient, notify, original, attempts, delay_told FROM deliveries
               WHERE message = ?1 AND +destination = ?2 AND status <= 1 AND +due_at <= ?3 ORDER BY position";
    let deliveries = row::all(tx, sql, key, read_delivery)?;
    let sql = "UPDATE deliveries SET lease_holder = ?4, lease_until = ?5, due_at = max(next_at, ?5)
               WHERE message = ?1 AND +destination = ?2 AND status <= 1 AND +due_at <= ?3";
    row::run(tx, sql, (key.0, key.1, key.2, &*lease.holder.0, lease.until.as_millisecond()))?;
    let sql =
        "SELECT m.id, d.id, m.domain_name, m.accepted_at, m.sender, m.body, m.smtputf8, m.return_content,
                      m.envelope_id, m.size
               FROM messages m JOIN domains d ON d.seq = m.domain WHERE m.seq = ?1";
    tx.prepare_cached(sql)?.query_row([message], |row| {
        Ok(LeasedMessage {
            message: row::id(row, 0, MessageId::from_bytes)?,
            domain: row::id(row, 1, DomainId::from_bytes)?,
            domain_name: row::text(row, 2)?,
            accepted_at: row::time(row, 3)?,
            reverse_path: reverse_path(row, 4)?,
            body: row::state(row, 5)?,
            smtputf8: row.get(6)?,
            return_content: row::optional_state(row, 7)?,
            envelope_id: row::optional_text(row, 8)?,
            size: row::count(row, 9)?,
            destination: destination.clone(),
            deliveries,
        })
    })
}

fn read_delivery(row: &Row<'_>) -> Result<LeasedDelivery> {
    let notify: Option<i64> = row.get(2)?;
    let notify = notify.map(|code| notify_of(code).ok_or_else(|| damaged(2, "no such wish"))).transpose()?;
    let recipient = Recipient { address: row::text(row, 1)?, notify, original: row::optional_text(row, 3)? };
    Ok(LeasedDelivery {
        id: row::id(row, 0, DeliveryId::from_bytes)?,
        recipient,
        attempts: row.get(4)?,
        delay_told: row.get(5)?,
    })
}

/// An envelope sender; the empty one is null.
pub(super) fn reverse_path(row: &Row<'_>, column: usize) -> Result<ReversePath> {
    match row.get_ref(column)?.as_str()? {
        "" => Ok(ReversePath::Null),
        _ => row::text(row, column).map(ReversePath::Address),
    }
}

/// Lengthens a holder's leases on a message; whether it has any.
pub(super) fn renew(tx: &Connection, message: MessageId, lease: &Lease) -> Result<bool> {
    let Some(message) = message_row(tx, message)? else { return Ok(false) };
    let sql = "UPDATE deliveries
               SET lease_until = max(lease_until, ?3), due_at = max(next_at, lease_until, ?3)
               WHERE message = ?1 AND lease_holder = ?2 AND status <= 2";
    Ok(row::run(tx, sql, (message, &*lease.holder.0, lease.until.as_millisecond()))? > 0)
}

/// Gives a holder's leases on deliveries back.
pub(super) fn give_back(tx: &Connection, deliveries: &[DeliveryId], holder: &Holder) -> Result<()> {
    let sql = "UPDATE deliveries SET lease_holder = NULL, lease_until = NULL, due_at = next_at
               WHERE id = ?1 AND lease_holder = ?2";
    for delivery in deliveries {
        row::run(tx, sql, (delivery.as_bytes(), &*holder.0))?;
    }
    Ok(())
}

/// Ends a lease, if another than the holder has it.
pub(super) fn take_back(tx: &Connection, place: &Place, holder: &Holder) -> Result<usize> {
    let sql = "UPDATE deliveries SET lease_holder = NULL, lease_until = NULL, due_at = next_at
               WHERE message = ?1 AND position = ?2 AND lease_holder != ?3";
    row::run(tx, sql, (place.message, place.position, &*holder.0))
}
