//! What operators do with deliveries, a step at a time.

use super::{
    message_row,
    steps::{Came, Turn},
    tally, tally_code,
};
use crate::{code::Coded, fault::Stop, log, row};
use outgate_core::{
    Actor, DeliveryStatus, EventKind, MessageId, Timestamp,
    store::{Holder, Selector, StoreError},
};
use rusqlite::{Connection, Result, Row, ToSql};

type Verb<T> = std::result::Result<T, Stop<StoreError>>;

/// Where a delivery is among the open ones, newest message first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    accepted_at: i64,
    pub(super) message: i64,
    pub(super) position: i64,
}

impl Place {
    /// Before everything.
    const START: Self = Self { accepted_at: i64::MAX, message: i64::MAX, position: -1 };
}

fn place(row: &Row<'_>) -> Result<Place> {
    Ok(Place { accepted_at: row.get(0)?, message: row.get(1)?, position: row.get(2)? })
}

/// Which open deliveries to find.
#[derive(Clone, Debug)]
pub(super) enum Which {
    /// Those that an operator means.
    Selected(Selector),
    /// Those leased to others than this holder.
    LeasedToOthers(Holder),
}

/// The open deliveries that are meant, behind a place, at most `limit`. Newest first: what is accepted meanwhile is
/// before the place, so the steps come to an end.
pub(super) fn find(tx: &Connection, which: &Which, after: Option<Place>, limit: usize) -> Result<Vec<Place>> {
    let after = after.unwrap_or(Place::START);
    let all = |meant: &str, value: &dyn ToSql| {
        let sql = format!(
            "SELECT d.accepted_at, d.message, d.position FROM deliveries d INDEXED BY deliveries_open
             WHERE d.status <= 2 AND d.accepted_at <= ?1
                   AND (d.accepted_at < ?1 OR d.message < ?2 OR (d.message = ?2 AND d.position > ?3))
                   AND {meant}
             ORDER BY d.accepted_at DESC, d.message DESC, d.position LIMIT ?4"
        );
        let key =
            rusqlite::params![after.accepted_at, after.message, after.position, row::limit(limit), value];
        row::all(tx, &sql, key, place)
    };
    let few = |meant: &str, id: &[u8; 16]| {
        let sql = format!(
            "SELECT accepted_at, message, position FROM deliveries
             WHERE {meant} AND status <= 2 AND position > ?2 ORDER BY position LIMIT ?3"
        );
        row::all(tx, &sql, (id, after.position, row::limit(limit)), place)
    };
    let selector = match which {
        Which::LeasedToOthers(holder) => return all("d.lease_holder != ?5", &&*holder.0),
        Which::Selected(selector) => selector,
    };
    match selector {
        Selector::Delivery(id) => few("id = ?1", id.as_bytes()),
        Selector::Message(id) => few("message = (SELECT seq FROM messages WHERE id = ?1)", id.as_bytes()),
        Selector::Domain(id) => all("d.domain = (SELECT seq FROM domains WHERE id = ?5)", id.as_bytes()),
        Selector::Destination(destination) => all("d.destination = ?5", &destination.as_str()),
        Selector::User(id) => all(
            "(SELECT user FROM messages WHERE seq = d.message) = (SELECT seq FROM users WHERE id = ?5)",
            id.as_bytes(),
        ),
    }
}

/// What is done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Hold,
    Release,
    Retry,
    Cancel,
}

/// A delivery as it stands.
struct Kept {
    status: DeliveryStatus,
    attempts: i64,
    next_at: i64,
}

impl Change {
    /// Changes those of a step that still fit, as far as the turn goes; one event.
    pub(super) fn apply(
        self,
        tx: &Connection,
        step: &[Place],
        turn: &Turn,
        actor: &Actor,
        at: Timestamp,
    ) -> Verb<Came> {
        let came = turn.each(step, |place| self.apply_to(tx, *place, at.as_millisecond()).map(u64::from))?;
        let count = came.changed;
        let kind = match self {
            Self::Hold => EventKind::DeliveriesHeld { count },
            Self::Release => EventKind::DeliveriesReleased { count },
            Self::Retry => EventKind::DeliveriesRetried { count },
            Self::Cancel => EventKind::DeliveriesCancelled { count },
        };
        if count > 0 {
            log::append(tx, at, actor, kind)?;
        }
        Ok(came)
    }

    /// What a delivery becomes: its status and when it is tried; `None` when it does not fit.
    fn of(self, kept: &Kept, at: i64) -> Option<(DeliveryStatus, i64)> {
        use DeliveryStatus::{Cancelled, Deferred, Held, Pending};
        let waits = matches!(kept.status, Pending | Deferred);
        match self {
            Self::Hold => waits.then_some((Held, kept.next_at)),
            Self::Retry => waits.then_some((kept.status, kept.next_at.min(at))),
            Self::Release if kept.status != Held => None,
            Self::Release => Some((if kept.attempts > 0 { Deferred } else { Pending }, at)),
            Self::Cancel => (!kept.status.is_final()).then_some((Cancelled, kept.next_at)),
        }
    }

    fn apply_to(self, tx: &Connection, place: Place, at: i64) -> Result<bool> {
        let sql = "SELECT status, attempts, next_at FROM deliveries WHERE message = ?1 AND position = ?2";
        let kept = row::first(tx, sql, (place.message, place.position), |row| {
            Ok(Kept { status: row::state(row, 0)?, attempts: row.get(1)?, next_at: row.get(2)? })
        })?;
        let Some(kept) = kept else { return Ok(false) };
        let Some((status, next_at)) = self.of(&kept, at) else { return Ok(false) };
        // The lease stays, also of a held one: the attempt under way may still deliver. An end needs none.
        let sql =
            "UPDATE deliveries SET status = ?3, next_at = ?4, due_at = max(?4, coalesce(lease_until, ?4)),
                       lease_holder = iif(?5, NULL, lease_holder), lease_until = iif(?5, NULL, lease_until)
                   WHERE message = ?1 AND position = ?2";
        row::run(tx, sql, (place.message, place.position, status.code(), next_at, status.is_final()))?;
        if status != kept.status {
            tally(tx, kept.status, -1)?;
            tally(tx, status, 1)?;
        }
        Ok(true)
    }
}

/// Holds what waits of a message that is damaged.
pub(super) fn set_aside(tx: &Connection, message: MessageId, at: Timestamp) -> Verb<()> {
    let Some(row) = message_row(tx, message)? else { return Ok(()) };
    if hold_all(tx, row)? > 0 {
        log::append(tx, at, &Actor::System, EventKind::MessageDamaged { message })?;
    }
    Ok(())
}

/// The same by its row, of which nothing needs to be readable.
pub(super) fn set_row_aside(tx: &Connection, message: i64, at: Timestamp) -> Verb<()> {
    let sql = "SELECT id FROM messages WHERE seq = ?1";
    let id = row::first(tx, sql, [message], |row| Ok(row::id(row, 0, MessageId::from_bytes).ok()))?.flatten();
    let held = hold_all(tx, message)?;
    if held > 0
        && let Some(message) = id
    {
        log::append(tx, at, &Actor::System, EventKind::MessageDamaged { message })?;
    }
    Ok(())
}

/// Holds what waits of a message, reading nothing of it; returns how many.
fn hold_all(tx: &Connection, message: i64) -> Result<usize> {
    let sql = "SELECT status, count(*) FROM deliveries WHERE message = ?1 AND status <= 1 GROUP BY status";
    for (status, count) in row::all(tx, sql, [message], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))? {
        tally_code(tx, status, -count)?;
    }
    let sql = "UPDATE deliveries SET status = ?2, due_at = next_at, lease_holder = NULL, lease_until = NULL
               WHERE message = ?1 AND status <= 1";
    let held = row::run(tx, sql, (message, DeliveryStatus::Held.code()))?;
    tally(tx, DeliveryStatus::Held, held as i64)?;
    Ok(held)
}
