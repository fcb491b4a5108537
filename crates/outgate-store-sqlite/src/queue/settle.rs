//! Recording what became of deliveries, each on its own.

use super::{drop_content, tally};
use crate::{
    code::Coded,
    fault::{Stop, unwritable},
    log, row,
};
use outgate_core::{
    Actor, DeliveryStatus, DomainId, EmailAddress, EventKind, SettledRecipient,
    store::{Settled, SettledDelivery, Settlement, StoreError},
};
use rusqlite::Connection;

/// A settlement with its attempts written out.
pub(super) struct Outcome {
    settlement: Settlement,
    /// Of each result: the attempt as JSON, and what lists show of it.
    written: Vec<(String, String)>,
}

/// Writes the attempts out.
pub(super) fn prepare(settlement: Settlement) -> Result<Outcome, StoreError> {
    let write = |result: &SettledDelivery| {
        let attempt = &result.attempt;
        let body = serde_json::to_string(attempt).map_err(|error| unwritable(&error))?;
        let reply = attempt.reply.as_ref().map_or_else(|| attempt.reason.clone(), ToString::to_string);
        Ok((body, reply))
    };
    let written = settlement.results.iter().map(write).collect::<Result<_, StoreError>>()?;
    Ok(Outcome { settlement, written })
}

/// A delivery as it stands.
struct Kept {
    position: i64,
    status: DeliveryStatus,
    attempts: u32,
    holder: Option<String>,
    recipient: EmailAddress,
    next_at: i64,
}

/// Records them; one event for all.
pub(super) fn record(tx: &Connection, outcome: &Outcome) -> Result<Vec<Settled>, Stop<StoreError>> {
    let Outcome { settlement: Settlement { message: id, holder, results }, written } = outcome;
    let id = *id;
    let sql = "SELECT m.seq, d.id FROM messages m JOIN domains d ON d.seq = m.domain WHERE m.id = ?1";
    let found = row::first(tx, sql, [id.as_bytes()], |row| {
        Ok((row.get::<_, i64>(0)?, row::id(row, 1, DomainId::from_bytes)?))
    })?;
    let Some((message, domain)) = found else { return Ok(vec![Settled::Already; results.len()]) };
    let (mut answers, mut recorded) = (Vec::with_capacity(results.len()), Vec::new());
    let (mut newest, mut ended) = (None, false);
    for (result, (body, reply)) in results.iter().zip(written) {
        let (answer, told) = record_one(tx, message, &holder.0, result, body, reply)?;
        answers.push(answer);
        if let Some(told) = told {
            newest = newest.max(Some(result.attempt.ended_at));
            ended |= told.status.is_final();
            recorded.push(told);
        }
    }
    if ended {
        drop_content(tx, message)?;
    }
    // The event's time is that of the last attempt that it tells of: no other time is at hand.
    if let Some(at) = newest {
        let kind = EventKind::MessageSettled { message: id, domain, results: recorded };
        log::append(tx, at, &Actor::System, kind)?;
    }
    Ok(answers)
}

fn record_one(
    tx: &Connection,
    message: i64,
    holder: &str,
    result: &SettledDelivery,
    body: &str,
    reply: &str,
) -> rusqlite::Result<(Settled, Option<SettledRecipient>)> {
    let Some(kept) = read(tx, message, result)?.filter(|kept| !kept.status.is_final()) else {
        return Ok((Settled::Already, None));
    };
    if kept.attempts > 0 {
        let sql = "SELECT 1 FROM attempts WHERE message = ?1 AND position = ?2 AND id = ?3";
        let key = (message, kept.position, result.attempt.id.as_bytes());
        if row::first(tx, sql, key, |_| Ok(()))?.is_some() {
            return Ok((Settled::Already, None));
        }
    }
    // A delivery that did happen is a fact, whoever holds the lease by now.
    if kept.holder.as_deref() != Some(holder) && result.status != DeliveryStatus::Delivered {
        return Ok((Settled::LeaseLost, None));
    }
    let status = match result.status {
        ended if ended.is_final() => ended,
        _ if kept.status == DeliveryStatus::Held => DeliveryStatus::Held,
        _ => DeliveryStatus::Deferred,
    };
    let next_at = match status {
        DeliveryStatus::Deferred => result.next_attempt_at.map_or(kept.next_at, |next| next.as_millisecond()),
        _ => kept.next_at,
    };
    let sql = "INSERT INTO attempts (message, position, number, id, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    row::run(tx, sql, (message, kept.position, kept.attempts + 1, result.attempt.id.as_bytes(), body))?;
    let sql = "UPDATE deliveries SET status = ?3, attempts = attempts + 1, reply = ?4, next_at = ?5, due_at = ?5,
                                     lease_holder = NULL, lease_until = NULL
               WHERE message = ?1 AND position = ?2";
    row::run(tx, sql, (message, kept.position, status.code(), reply, next_at))?;
    if status != kept.status {
        tally(tx, kept.status, -1)?;
        tally(tx, status, 1)?;
    }
    let told = SettledRecipient {
        delivery: result.delivery,
        recipient: kept.recipient,
        status,
        reply: reply.to_owned(),
        next_attempt_at: match status {
            DeliveryStatus::Deferred => Some(row::of_millis(next_at, 5)?),
            _ => None,
        },
    };
    Ok((Settled::Recorded, Some(told)))
}

fn read(tx: &Connection, message: i64, result: &SettledDelivery) -> rusqlite::Result<Option<Kept>> {
    let sql = "SELECT position, status, attempts, lease_holder, recipient, next_at FROM deliveries
               WHERE id = ?1 AND message = ?2";
    row::first(tx, sql, (result.delivery.as_bytes(), message), |row| {
        Ok(Kept {
            position: row.get(0)?,
            status: row::state(row, 1)?,
            attempts: row.get(2)?,
            holder: row.get(3)?,
            recipient: row::text(row, 4)?,
            next_at: row.get(5)?,
        })
    })
}
