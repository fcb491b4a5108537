//! Leases: taken, lengthened, given back and taken back.

use super::{
    admin::{self, Place},
    message_row,
    pause::{self, PAUSED_DOMAINS, Pauses},
};
use crate::{
    code::notify_of,
    fault::{Stop, damaged, is_unreadable},
    row,
};
use outgate_core::{
    DeliveryId, Destination, DomainId, MessageId, Recipient, ReversePath, Timestamp,
    store::{Holder, Lease, LeasedDelivery, LeasedMessage, StoreError},
};
use rusqlite::{Connection, Result, Row};
use std::collections::HashSet;

type Verb<T> = std::result::Result<T, Stop<StoreError>>;

/// Paused rows that are stepped over in one transaction; past them it is looked for beside the writer.
const PASSED_OVER: usize = 2_000;

/// What somebody wants.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) destination: Destination,
    pub(super) lease: Lease,
    pub(super) now: Timestamp,
}

/// What was leased.
pub(super) struct Taken {
    pub(super) messages: Vec<LeasedMessage>,
    /// Whether there may be more behind what is paused.
    pub(super) stopped_short: bool,
}

/// Leases what is due to a destination, oldest first.
pub(super) fn take(tx: &Connection, claim: &Claim, limit: usize) -> Verb<Taken> {
    if Pauses::read(tx)?.cover_destination(&claim.destination) {
        return Ok(Taken { messages: Vec::new(), stopped_short: false });
    }
    let paused = pause::domain_rows(tx)?;
    let (messages, stopped_short) = due_messages(tx, claim, &paused, limit)?;
    Ok(Taken { messages: take_each(tx, claim, messages)?, stopped_short })
}

/// The messages that [`take`] could not come to; nothing is leased.
pub(super) fn find(tx: &Connection, claim: &Claim, limit: usize) -> Result<Vec<i64>> {
    let sql = format!(
        "SELECT message FROM deliveries INDEXED BY deliveries_by_destination
         WHERE status <= 1 AND destination = ?1 AND due_at <= ?2 AND domain NOT IN ({PAUSED_DOMAINS})
         ORDER BY due_at"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let mut rows = statement.query((claim.destination.as_str(), claim.now.as_millisecond()))?;
    let (mut messages, mut seen) = (Vec::new(), HashSet::new());
    while messages.len() < limit
        && let Some(row) = rows.next()?
    {
        let message = row.get(0)?;
        if seen.insert(message) {
            messages.push(message);
        }
    }
    Ok(messages)
}

/// Leases what was found, if it is still due and still nothing that covers it is paused.
pub(super) fn take_found(tx: &Connection, claim: &Claim, found: &[i64]) -> Verb<Vec<LeasedMessage>> {
    if Pauses::read(tx)?.cover_destination(&claim.destination) {
        return Ok(Vec::new());
    }
    let paused = pause::domain_rows(tx)?;
    let mut messages = Vec::with_capacity(found.len());
    for message in found {
        let sql = "SELECT domain FROM messages WHERE seq = ?1";
        let domain: Option<i64> = row::first(tx, sql, [message], |row| row.get(0))?;
        if domain.is_some_and(|domain| !paused.contains(&domain)) {
            messages.push(*message);
        }
    }
    take_each(tx, claim, messages)
}

/// The rows of the first messages with something due, oldest due first, and whether it stopped before the end for what
/// is paused.
fn due_messages(tx: &Connection, claim: &Claim, paused: &[i64], limit: usize) -> Result<(Vec<i64>, bool)> {
    let sql = "SELECT message, domain FROM deliveries INDEXED BY deliveries_by_destination
               WHERE status <= 1 AND destination = ?1 AND due_at <= ?2 ORDER BY due_at";
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query((claim.destination.as_str(), claim.now.as_millisecond()))?;
    let (mut messages, mut seen, mut passed_over) = (Vec::new(), HashSet::new(), 0);
    while messages.len() < limit
        && let Some(row) = rows.next()?
    {
        let (message, domain): (i64, i64) = (row.get(0)?, row.get(1)?);
        if paused.contains(&domain) {
            passed_over += 1;
            if passed_over == PASSED_OVER {
                return Ok((messages, true));
            }
        } else if seen.insert(message) {
            messages.push(message);
        }
    }
    Ok((messages, false))
}

/// Leases messages. One that cannot be read is set aside: it must not keep the others from going.
fn take_each(tx: &Connection, claim: &Claim, messages: Vec<i64>) -> Verb<Vec<LeasedMessage>> {
    let mut taken = Vec::with_capacity(messages.len());
    for message in messages {
        match take_message(tx, message, claim) {
            Ok(leased) => taken.extend(leased),
            Err(error) if is_unreadable(&error) => {
                tracing::error!(row = message, %error, "a message could not be read and is set aside");
                admin::set_row_aside(tx, message, claim.now)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(taken)
}

/// Leases a message's deliveries; `None` when none is due.
fn take_message(tx: &Connection, message: i64, claim: &Claim) -> Result<Option<LeasedMessage>> {
    let Claim { destination, lease, now } = claim;
    // The pluses keep SQLite from going through everything that is due to the destination: the message's own rows are few.
    let key = (message, destination.as_str(), now.as_millisecond());
    let sql = "SELECT id, recipient, notify, original, attempts, delay_told FROM deliveries
               WHERE message = ?1 AND +destination = ?2 AND status <= 1 AND +due_at <= ?3 ORDER BY position";
    let deliveries = row::all(tx, sql, key, read_delivery)?;
    if deliveries.is_empty() {
        return Ok(None);
    }
    let sql = "UPDATE deliveries SET lease_holder = ?4, lease_until = ?5, due_at = max(next_at, ?5)
               WHERE message = ?1 AND +destination = ?2 AND status <= 1 AND +due_at <= ?3";
    row::run(tx, sql, (key.0, key.1, key.2, &*lease.holder.0, lease.until.as_millisecond()))?;
    let sql =
        "SELECT m.id, d.id, m.domain_name, m.accepted_at, m.sender, m.body, m.smtputf8, m.return_content,
                      m.envelope_id, m.size
               FROM messages m JOIN domains d ON d.seq = m.domain WHERE m.seq = ?1";
    let leased = row::first(tx, sql, [message], |row| {
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
    })?;
    leased.map(Some).ok_or_else(|| damaged(0, "deliveries of no message"))
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
pub(super) fn take_back(tx: &Connection, place: &Place, holder: &Holder) -> Result<u64> {
    let sql = "UPDATE deliveries SET lease_holder = NULL, lease_until = NULL, due_at = next_at
               WHERE message = ?1 AND position = ?2 AND lease_holder != ?3";
    Ok(row::run(tx, sql, (place.message, place.position, &*holder.0))? as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn a_paused_backlog_is_stepped_over_a_little_in_the_writer_and_wholly_beside_it() {
        let mut tx = Connection::open_in_memory().unwrap();
        schema::migrate(&mut tx).unwrap();
        tx.execute_batch(
            "PRAGMA foreign_keys = OFF;
             INSERT INTO domains (seq, id, account, name, state, trusted, ownership_token, created_at)
                 VALUES (1, x'01', 1, 'paused.example', 0, 1, '', 0), (2, x'02', 1, 'other.example', 0, 1, '', 0);
             INSERT INTO pauses VALUES (1, 'paused.example');
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2001)
             INSERT INTO deliveries (message, position, id, domain, accepted_at, recipient, destination, status,
                                     attempts, next_at, due_at)
                 SELECT n, 0, randomblob(16), iif(n < 2001, 1, 2), n, 'a@one.example', 'one.example', 0, 0, n, n FROM n",
        )
        .unwrap();
        let claim = Claim {
            destination: Destination::new("one.example"),
            lease: Lease { holder: Holder("me".into()), until: Timestamp::MAX },
            now: Timestamp::from_millisecond(10_000).unwrap(),
        };
        let paused = pause::domain_rows(&tx).unwrap();
        assert_eq!(due_messages(&tx, &claim, &paused, 9).unwrap(), (vec![], true));
        assert_eq!(find(&tx, &claim, 9).unwrap(), [2001]);
        tx.execute("DELETE FROM deliveries WHERE message = 7", []).unwrap();
        assert_eq!(due_messages(&tx, &claim, &paused, 9).unwrap(), (vec![2001], false));
    }
}
