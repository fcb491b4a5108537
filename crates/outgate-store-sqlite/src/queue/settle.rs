//! Recording what became of deliveries, each on its own, and keeping what the sender is told of it.

use super::{
    accept::{Draft, Origin},
    drop_content, message_row, tally,
};
use crate::{
    code::Coded,
    fault::{Stop, damaged, unwritable},
    log, row,
};
use outgate_core::{
    Actor, DeliveryStatus, DomainId, DomainName, EmailAddress, EventKind, MessageId, SettledRecipient,
    Timestamp, Username,
    store::{Holder, Settled, SettledDelivery, Settlement, StoreError},
};
use rusqlite::{Connection, ErrorCode};

type Verb<T> = Result<T, Stop<StoreError>>;

/// A settlement with all that can be made of it before the writer's turn.
pub(super) struct Outcome {
    message: MessageId,
    holder: Holder,
    results: Vec<Written>,
    notification: Option<Draft>,
}

/// One result, its attempt written out.
struct Written {
    settled: SettledDelivery,
    body: String,
    /// What lists show of it.
    reply: String,
}

/// Writes everything out.
pub(super) fn prepare(settlement: Settlement) -> Result<Outcome, StoreError> {
    let Settlement { message, holder, results, notification } = settlement;
    let write = |settled: SettledDelivery| {
        let attempt = &settled.attempt;
        let body = serde_json::to_string(attempt).map_err(|error| unwritable(&error))?;
        let reply = attempt.reply.as_ref().map_or_else(|| attempt.reason.clone(), ToString::to_string);
        Ok(Written { settled, body, reply })
    };
    let results = results.into_iter().map(write).collect::<Result<_, StoreError>>()?;
    // Nothing of a notification is leased.
    let notification = notification.map(|mut new| {
        new.lease = None;
        Draft::new(new)
    });
    Ok(Outcome { message, holder, results, notification })
}

impl Outcome {
    /// How much it brings, about.
    pub(super) fn bytes(&self) -> usize {
        let attempts: usize = self.results.iter().map(|one| one.body.len() + one.reply.len()).sum();
        attempts + self.notification.as_ref().map_or(0, Draft::bytes)
    }
}

/// The message that is settled.
struct Message {
    row: i64,
    domain: i64,
    domain_id: DomainId,
    domain_name: DomainName,
    user: i64,
    username: Username,
}

/// Records what can be recorded; one event for all.
pub(super) fn record(tx: &Connection, outcome: &Outcome) -> Verb<Vec<Settled>> {
    let sql = "SELECT m.seq, d.seq, d.id, m.domain_name, u.seq, u.username
               FROM messages m JOIN domains d ON d.seq = m.domain JOIN users u ON u.seq = m.user WHERE m.id = ?1";
    let found = row::first(tx, sql, [outcome.message.as_bytes()], |row| {
        Ok(Message {
            row: row.get(0)?,
            domain: row.get(1)?,
            domain_id: row::id(row, 2, DomainId::from_bytes)?,
            domain_name: row::text(row, 3)?,
            user: row.get(4)?,
            username: row::text(row, 5)?,
        })
    })?;
    let Some(message) = found else {
        if message_row(tx, outcome.message)?.is_some() {
            return Err(
                StoreError::Damaged(format!("message {} has lost its sender", outcome.message)).into()
            );
        }
        return Ok(vec![Settled::Already; outcome.results.len()]);
    };
    let Some(notification) = &outcome.notification else {
        let pass = Pass::over(tx, &message, outcome, Told::Nobody)?;
        return pass.end(tx, outcome, &message);
    };
    // All that the notification speaks of is recorded, or none of it.
    row::run(tx, "SAVEPOINT told", [])?;
    let pass = Pass::over(tx, &message, outcome, Told::Recorded)?;
    let untrue = pass.of_told(outcome).any(|answer| answer != Settled::Recorded);
    if untrue {
        row::run(tx, "ROLLBACK TO told", [])?;
    }
    row::run(tx, "RELEASE told", [])?;
    if untrue {
        let pass = Pass::over(tx, &message, outcome, Told::Withheld)?;
        return pass.end(tx, outcome, &message);
    }
    let spoken_of = outcome.results.iter().map(|one| &one.settled).filter(|settled| settled.notified);
    let at = spoken_of.map(|settled| settled.attempt.ended_at).max();
    let answers = pass.end(tx, outcome, &message)?;
    if let Some(at) = at {
        keep_notification(tx, &message, notification, at)?;
    }
    Ok(answers)
}

fn keep_notification(tx: &Connection, message: &Message, notification: &Draft, at: Timestamp) -> Verb<()> {
    let origin = Origin { domain: message.domain, domain_name: &message.domain_name, user: message.user };
    notification.keep(tx, &origin, at.as_millisecond())?;
    let kind = notification.accepted(message.domain_id, message.username.clone());
    log::append(tx, at, &Actor::System, kind)
}

/// What is done with results that a notification speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// There is no notification: they are like the others.
    Nobody,
    /// They are recorded.
    Recorded,
    /// They are judged and not recorded.
    Withheld,
}

/// One pass over the results, in order.
struct Pass {
    answers: Vec<Settled>,
    recorded: Vec<SettledRecipient>,
    newest: Option<Timestamp>,
}

impl Pass {
    fn over(tx: &Connection, message: &Message, outcome: &Outcome, told: Told) -> rusqlite::Result<Self> {
        let mut pass =
            Self { answers: Vec::with_capacity(outcome.results.len()), recorded: Vec::new(), newest: None };
        for one in &outcome.results {
            let settled = &one.settled;
            let answer = match judge(tx, message.row, &outcome.holder, settled)? {
                Judged::Refused(answer) => answer,
                Judged::Fits(_) if settled.notified && told == Told::Withheld => Settled::Withheld,
                Judged::Fits(kept) => {
                    let delay_told = settled.notified && told == Told::Recorded;
                    pass.recorded.push(record_one(tx, message.row, kept, one, delay_told)?);
                    pass.newest = pass.newest.max(Some(settled.attempt.ended_at));
                    Settled::Recorded
                }
            };
            pass.answers.push(answer);
        }
        Ok(pass)
    }

    fn of_told(&self, outcome: &Outcome) -> impl Iterator<Item = Settled> {
        let all = self.answers.iter().zip(&outcome.results);
        all.filter(|(_, one)| one.settled.notified).map(|(answer, _)| *answer)
    }

    fn end(self, tx: &Connection, outcome: &Outcome, message: &Message) -> Verb<Vec<Settled>> {
        if self.recorded.iter().any(|one| one.status.is_final()) {
            drop_content(tx, message.row)?;
        }
        // The event's time is that of the last attempt that it tells of: no other time is at hand.
        if let Some(at) = self.newest {
            let kind = EventKind::MessageSettled {
                message: outcome.message,
                domain: message.domain_id,
                results: self.recorded,
            };
            log::append(tx, at, &Actor::System, kind)?;
        }
        Ok(self.answers)
    }
}

/// A delivery as it stands.
struct Kept {
    position: i64,
    status: DeliveryStatus,
    attempts: u32,
    holder: Option<String>,
    recipient: EmailAddress,
    next_at: i64,
    delay_told: bool,
}

enum Judged {
    Refused(Settled),
    Fits(Kept),
}

/// Whether a result can be recorded.
fn judge(
    tx: &Connection,
    message: i64,
    holder: &Holder,
    result: &SettledDelivery,
) -> rusqlite::Result<Judged> {
    let sql = "SELECT position, status, attempts, lease_holder, recipient, next_at, delay_told
               FROM deliveries WHERE id = ?1 AND message = ?2";
    let found = row::first(tx, sql, (result.delivery.as_bytes(), message), |row| {
        Ok(Kept {
            position: row.get(0)?,
            status: row::state(row, 1)?,
            attempts: row.get(2)?,
            holder: row.get(3)?,
            recipient: row::text(row, 4)?,
            next_at: row.get(5)?,
            delay_told: row.get(6)?,
        })
    })?;
    let Some(kept) = found.filter(|kept| !kept.status.is_final()) else {
        return Ok(Judged::Refused(Settled::Already));
    };
    if kept.attempts > 0 {
        let sql = "SELECT 1 FROM attempts WHERE message = ?1 AND position = ?2 AND id = ?3";
        let key = (message, kept.position, result.attempt.id.as_bytes());
        if row::first(tx, sql, key, |_| Ok(()))?.is_some() {
            return Ok(Judged::Refused(Settled::Already));
        }
    }
    // A delivery that did happen is a fact, whoever holds the lease by now.
    if kept.holder.as_deref() != Some(&*holder.0) && result.status != DeliveryStatus::Delivered {
        return Ok(Judged::Refused(Settled::LeaseLost));
    }
    // Told of meanwhile, which this attempt does not know: another held the lease since it began.
    if kept.delay_told && result.notified && !result.status.is_final() {
        return Ok(Judged::Refused(Settled::LeaseLost));
    }
    Ok(Judged::Fits(kept))
}

fn record_one(
    tx: &Connection,
    message: i64,
    kept: Kept,
    one: &Written,
    delay_told: bool,
) -> rusqlite::Result<SettledRecipient> {
    let (result, reply) = (&one.settled, &one.reply);
    let status = match result.status {
        ended if ended.is_final() => ended,
        _ if kept.status == DeliveryStatus::Held => DeliveryStatus::Held,
        _ => DeliveryStatus::Deferred,
    };
    let next_at = match status {
        DeliveryStatus::Deferred => result.next_attempt_at.map_or(kept.next_at, Timestamp::as_millisecond),
        _ => kept.next_at,
    };
    let sql = "INSERT INTO attempts (message, position, number, id, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let number = kept.attempts.saturating_add(1);
    row::run(tx, sql, (message, kept.position, number, result.attempt.id.as_bytes(), &one.body)).map_err(
        // It would be there however often this is tried: the delivery has lost count.
        |error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => damaged(2, error),
            _ => error,
        },
    )?;
    let sql = "UPDATE deliveries
               SET status = ?3, attempts = ?4, reply = ?5, next_at = ?6, due_at = ?6,
                   delay_told = delay_told OR ?7, lease_holder = NULL, lease_until = NULL
               WHERE message = ?1 AND position = ?2";
    row::run(tx, sql, (message, kept.position, status.code(), number, reply, next_at, delay_told))?;
    if status != kept.status {
        tally(tx, kept.status, -1)?;
        tally(tx, status, 1)?;
    }
    Ok(SettledRecipient {
        delivery: result.delivery,
        recipient: kept.recipient,
        status,
        reply: reply.clone(),
        next_attempt_at: match status {
            DeliveryStatus::Deferred => Some(row::of_millis(next_at, 5)?),
            _ => None,
        },
    })
}
