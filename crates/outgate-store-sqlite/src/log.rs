//! The event log. A cursor is the number of the event that it stands behind.
//!
//! Numbers are given by the one writer in the order of its commits (SQLite lets one process write at a time), so no
//! event can appear before one that was read.

use crate::{
    Sqlite,
    fault::{Stop, unwritable},
    row,
};
use async_trait::async_trait;
use outgate_core::{
    Actor, Event, EventKind, Timestamp,
    store::{Cursor, EventsError, Log, LoggedEvent, StoreError},
};
use rusqlite::Connection;

/// An event as it will stand in the log, written out before the writer's turn.
pub(crate) struct Entry {
    at: i64,
    body: String,
}

impl Entry {
    /// Writes an event out.
    pub(crate) fn new(at: Timestamp, actor: &Actor, kind: EventKind) -> Result<Self, StoreError> {
        let event = Event { at, actor: actor.clone(), kind };
        let body = serde_json::to_string(&event).map_err(|error| unwritable(&error))?;
        Ok(Self { at: at.as_millisecond(), body })
    }

    /// Appends it to the log.
    pub(crate) fn append(&self, tx: &Connection) -> rusqlite::Result<()> {
        let sql = "INSERT INTO events (at, body) VALUES (?1, ?2)";
        row::run(tx, sql, (self.at, &self.body)).map(drop)
    }
}

/// Appends an event that only the transaction can tell.
pub(crate) fn append<E: From<StoreError>>(
    tx: &Connection,
    at: Timestamp,
    actor: &Actor,
    kind: EventKind,
) -> Result<(), Stop<E>> {
    Ok(Entry::new(at, actor, kind)?.append(tx)?)
}

#[async_trait]
impl Log for Sqlite {
    async fn events_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, EventsError> {
        let after = match after {
            None => None,
            Some(cursor) => Some(seq(cursor).ok_or(EventsError::BadCursor)?),
        };
        self.read(move |tx| events_after(tx, after, limit)).await
    }

    async fn events_end(&self) -> Result<Cursor, StoreError> {
        self.read(|tx| Ok(cursor(end(tx)?))).await
    }

    async fn trim_events(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.write(move |tx| Ok(trim(tx, before.as_millisecond(), limit)?)).await
    }
}

fn cursor(seq: i64) -> Cursor {
    Cursor::new(&seq.to_string())
}

/// The number in a cursor, exactly as [`cursor`] writes it.
fn seq(text: &Cursor) -> Option<i64> {
    let seq = text.as_str().parse::<i64>().ok().filter(|seq| *seq >= 0)?;
    (cursor(seq) == *text).then_some(seq)
}

fn events_after(
    tx: &Connection,
    after: Option<i64>,
    limit: usize,
) -> Result<Vec<LoggedEvent>, Stop<EventsError>> {
    let floor = floor(tx)?;
    let after = after.unwrap_or(floor);
    if after < floor {
        return Err(Stop::refused(EventsError::Gone));
    }
    let sql = "SELECT seq, body FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let found = row::all(tx, sql, (after, row::limit(limit)), |row| {
        let body = row.get_ref(1)?.as_str()?;
        let event = serde_json::from_str(body).map_err(|error| crate::fault::damaged(1, error))?;
        Ok(LoggedEvent { cursor: cursor(row.get(0)?), event })
    })?;
    if found.is_empty() && after > end(tx)? {
        return Err(Stop::refused(EventsError::BadCursor));
    }
    Ok(found)
}

/// The number of the last event that was trimmed.
fn floor(tx: &Connection) -> rusqlite::Result<i64> {
    Ok(row::first(tx, "SELECT seq FROM log_floor", [], |row| row.get(0))?.unwrap_or(0))
}

/// The number of the newest event, trimmed or not.
fn end(tx: &Connection) -> rusqlite::Result<i64> {
    let newest = row::first(tx, "SELECT max(seq) FROM events", [], |row| row.get::<_, Option<i64>>(0))?;
    newest.flatten().map_or_else(|| floor(tx), Ok)
}

/// Trims from the front only: the log has no holes.
fn trim(tx: &Connection, before: i64, limit: usize) -> rusqlite::Result<u64> {
    let sql = "SELECT seq, at FROM events ORDER BY seq LIMIT ?1";
    let front =
        row::all(tx, sql, [row::limit(limit)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
    let Some((last, _)) = front.iter().take_while(|(_, at)| *at < before).last() else { return Ok(0) };
    let gone = row::run(tx, "DELETE FROM events WHERE seq <= ?1", [last])?;
    row::run(tx, "UPDATE log_floor SET seq = ?1", [last])?;
    Ok(gone as u64)
}
