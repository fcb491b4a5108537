//! What is due, from two indexes: by time, and by destination and time.
//!
//! `due_at` is the end of the lease while there is one, so a row in these indexes whose time has come may be taken,
//! unless a pause covers it. Nothing here counts or sorts the queue: few due rows are read as they are; many are
//! skipped from destination to destination.

use super::pause::{self, PAUSED_DOMAINS, Pauses};
use crate::row;
use outgate_core::{Destination, Timestamp, store::DueDestination};
use rusqlite::{Connection, Result, Row};
use std::collections::BTreeMap;

/// As many due rows are read one by one; with more it is cheaper to skip from destination to destination.
const FEW: usize = 200;

/// Destinations with something due, in order of name.
pub(super) fn destinations(
    tx: &Connection,
    now: Timestamp,
    after: Option<&Destination>,
    limit: usize,
) -> Result<Vec<DueDestination>> {
    let look = Look::begin(tx)?;
    if look.pauses.everything {
        return Ok(Vec::new());
    }
    match look.among_few(now, after)? {
        Some(found) => Ok(found.into_iter().take(limit).collect()),
        None => look.one_by_one(now, after, limit),
    }
}

/// When the next delivery falls due or the next lease ends, paused ones aside.
pub(super) fn next(tx: &Connection) -> Result<Option<Timestamp>> {
    let look = Look::begin(tx)?;
    if look.pauses.everything {
        return Ok(None);
    }
    if look.pauses.none() {
        let sql = "SELECT due_at FROM deliveries INDEXED BY deliveries_by_due WHERE status <= 1
                   ORDER BY due_at LIMIT 1";
        return row::first(tx, sql, [], |row| due_at(row, 0));
    }
    let mut earliest = None;
    let mut after = None;
    while let Some(destination) = look.next_destination(after.as_ref())? {
        if let Some(due) = look.first_due(&destination)? {
            earliest = Some(earliest.map_or(due, |earliest: Timestamp| earliest.min(due)));
        }
        after = Some(destination);
    }
    Ok(earliest)
}

struct Look<'a> {
    tx: &'a Connection,
    pauses: Pauses,
    paused_domains: Vec<i64>,
}

impl<'a> Look<'a> {
    fn begin(tx: &'a Connection) -> Result<Self> {
        let pauses = Pauses::read(tx)?;
        let paused_domains = pause::domain_rows(tx)?;
        Ok(Self { tx, pauses, paused_domains })
    }

    /// The answer, if few rows are due.
    fn among_few(&self, now: Timestamp, after: Option<&Destination>) -> Result<Option<Vec<DueDestination>>> {
        let sql = "SELECT destination, due_at, domain FROM deliveries INDEXED BY deliveries_by_due
                   WHERE status <= 1 AND due_at <= ?1 ORDER BY due_at LIMIT ?2";
        let rows = row::all(self.tx, sql, (now.as_millisecond(), row::limit(FEW + 1)), |row| {
            Ok((Destination::new(row.get_ref(0)?.as_str()?), due_at(row, 1)?, row.get::<_, i64>(2)?))
        })?;
        if rows.len() > FEW {
            return Ok(None);
        }
        let mut first = BTreeMap::new();
        for (destination, due_at, domain) in rows {
            let behind = after.is_none_or(|after| destination > *after);
            let paused = self.paused_domains.contains(&domain) || self.pauses.cover_destination(&destination);
            if behind && !paused {
                first.entry(destination).or_insert(due_at);
            }
        }
        Ok(Some(
            first.into_iter().map(|(destination, due_at)| DueDestination { destination, due_at }).collect(),
        ))
    }

    fn one_by_one(
        &self,
        now: Timestamp,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DueDestination>> {
        let (mut found, mut after) = (Vec::new(), after.cloned());
        while found.len() < limit
            && let Some(destination) = self.next_destination(after.as_ref())?
        {
            if let Some(due_at) = self.first_due(&destination)?.filter(|due_at| *due_at <= now) {
                found.push(DueDestination { destination: destination.clone(), due_at });
            }
            after = Some(destination);
        }
        Ok(found)
    }

    fn next_destination(&self, after: Option<&Destination>) -> Result<Option<Destination>> {
        let read = |row: &Row<'_>| Ok(Destination::new(row.get_ref(0)?.as_str()?));
        let Some(after) = after else {
            let sql = "SELECT destination FROM deliveries INDEXED BY deliveries_by_destination
                       WHERE status <= 1 ORDER BY destination LIMIT 1";
            return row::first(self.tx, sql, [], read);
        };
        let sql = "SELECT destination FROM deliveries INDEXED BY deliveries_by_destination
                   WHERE status <= 1 AND destination > ?1 ORDER BY destination LIMIT 1";
        row::first(self.tx, sql, [after.as_str()], read)
    }

    /// When the first unpaused delivery to a destination falls due.
    fn first_due(&self, destination: &Destination) -> Result<Option<Timestamp>> {
        if self.pauses.cover_destination(destination) {
            return Ok(None);
        }
        // Steps over every paused row, in SQLite: a reader has the time.
        let sql = format!(
            "SELECT due_at FROM deliveries INDEXED BY deliveries_by_destination
             WHERE status <= 1 AND destination = ?1 AND domain NOT IN ({PAUSED_DOMAINS}) ORDER BY due_at LIMIT 1"
        );
        row::first(self.tx, &sql, [destination.as_str()], |row| due_at(row, 0))
    }
}

/// When a row is due. No number there may keep the others from being told: what is no time is early or late.
fn due_at(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    let (first, last) = (Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
    row::of_millis(row.get::<_, i64>(column)?.clamp(first, last), column)
}
