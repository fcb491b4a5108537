//! What can be read of the queue, by place and never by count.
//!
//! Rows come from one index in the order they are shown, and are judged one by one. A filter that picks few of many
//! gives short pages rather than long waits: a page ends after so many rows were looked at.

use super::lease::reverse_path;
use crate::{code::Coded, fault::damaged, row};
use outgate_core::{
    Attempt, DeliveryId, DeliveryStatus, Destination, DomainId, MessageId, Timestamp,
    store::{
        DeliveryFilter, DeliveryPage, DeliveryRow, MessageHistory, PageCursor, QueueSummary, StoreError,
    },
};
use rusqlite::{Connection, Result, Row};

/// Rows looked at for one page.
const LOOKED_AT: usize = 20_000;

/// What a row is read from, in the order that [`read`] wants.
const COLUMNS: &str =
    "m.accepted_at, m.seq, d.position, m.id, d.id, m.domain_name, u.username, m.sender, d.recipient,
                       m.subject, d.status, d.reply, d.attempts, d.next_at, d.destination";

fn read(row: &Row<'_>) -> Result<DeliveryRow> {
    let status: DeliveryStatus = row::state(row, 10)?;
    let waits = matches!(status, DeliveryStatus::Pending | DeliveryStatus::Deferred);
    Ok(DeliveryRow {
        at: row::time(row, 0)?,
        message: row::id(row, 3, MessageId::from_bytes)?,
        delivery: row::id(row, 4, DeliveryId::from_bytes)?,
        domain: row::text(row, 5)?,
        username: row::text(row, 6)?,
        sender: reverse_path(row, 7)?,
        recipient: row::text(row, 8)?,
        subject: row.get(9)?,
        status,
        reply: row.get(11)?,
        attempts: row.get(12)?,
        next_attempt_at: if waits { Some(row::time(row, 13)?) } else { None },
        destination: Destination::new(row.get_ref(14)?.as_str()?),
    })
}

/// Where a row is in the list, newest message first: the cursor of what comes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    accepted_at: i64,
    message: i64,
    position: i64,
}

impl Place {
    /// Before everything.
    const START: Self = Self { accepted_at: i64::MAX, message: i64::MAX, position: -1 };

    /// Reads a cursor.
    pub(super) fn parse(cursor: &PageCursor) -> std::result::Result<Self, StoreError> {
        let mut parts = cursor.0.splitn(3, '.').map(|part| part.parse().ok());
        let mut next = || parts.next().flatten();
        match (next(), next(), next()) {
            (Some(accepted_at), Some(message), Some(position)) => Ok(Self { accepted_at, message, position }),
            _ => Err(StoreError::Unavailable("not a page cursor of this store".to_owned())),
        }
    }

    fn cursor(self) -> PageCursor {
        PageCursor(format!("{}.{}.{}", self.accepted_at, self.message, self.position))
    }

    fn of(row: &Row<'_>) -> Result<Self> {
        Ok(Self { accepted_at: row.get(0)?, message: row.get(1)?, position: row.get(2)? })
    }
}

/// Which index gives the rows.
#[derive(Clone, Copy, Debug)]
enum By {
    Open,
    User,
    Domain,
    Time,
}

impl By {
    /// The one that leaves the least to be judged row by row.
    fn of(filter: &DeliveryFilter) -> Self {
        let open = !filter.statuses.is_empty() && filter.statuses.iter().all(|status| !status.is_final());
        match filter {
            _ if open => Self::Open,
            DeliveryFilter { user: Some(_), .. } => Self::User,
            DeliveryFilter { domain: Some(_), .. } => Self::Domain,
            _ => Self::Time,
        }
    }

    /// Rows behind a place (?1 to ?3), from ?4 to ?5, of ?6.
    fn sql(self) -> String {
        // CROSS JOIN keeps the order of the loops, so that nothing is left to sort.
        let of_messages = |index: &str, meant: &str| {
            format!(
                "SELECT {COLUMNS} FROM messages m INDEXED BY {index}
                     CROSS JOIN deliveries d ON d.message = m.seq CROSS JOIN users u ON u.seq = m.user
                 WHERE m.accepted_at BETWEEN ?4 AND ?5
                     AND (m.accepted_at < ?1 OR m.seq < ?2 OR (m.seq = ?2 AND d.position > ?3)) AND {meant}
                 ORDER BY m.accepted_at DESC, m.seq DESC, d.position"
            )
        };
        match self {
            Self::User => {
                of_messages("messages_by_user", "m.user = (SELECT seq FROM users WHERE username = ?6)")
            }
            Self::Domain => of_messages("messages_by_domain", "m.domain_name = ?6"),
            Self::Time => of_messages("messages_by_time", "?6 IS NULL"),
            Self::Open => format!(
                "SELECT {COLUMNS} FROM deliveries d INDEXED BY deliveries_open
                     CROSS JOIN messages m ON m.seq = d.message CROSS JOIN users u ON u.seq = m.user
                 WHERE d.status <= 2 AND d.accepted_at BETWEEN ?4 AND ?5
                     AND (d.accepted_at < ?1 OR d.message < ?2 OR (d.message = ?2 AND d.position > ?3))
                     AND ?6 IS NULL
                 ORDER BY d.accepted_at DESC, d.message DESC, d.position"
            ),
        }
    }
}

/// A page.
pub(super) fn deliveries(
    tx: &Connection,
    filter: &DeliveryFilter,
    after: Option<Place>,
    limit: usize,
) -> Result<DeliveryPage> {
    let (by, after) = (By::of(filter), after.unwrap_or(Place::START));
    let since = filter.since.map_or(i64::MIN, Timestamp::as_millisecond);
    let until = filter.until.map_or(i64::MAX, |until| until.as_millisecond().saturating_sub(1));
    let of = match by {
        By::User => filter.user.as_ref().map(outgate_core::Username::as_str),
        By::Domain => filter.domain.as_ref().map(outgate_core::DomainName::as_str),
        By::Open | By::Time => None,
    };
    let mut statement = tx.prepare_cached(&by.sql())?;
    let key = (after.accepted_at, after.message, after.position, since, until.min(after.accepted_at), of);
    let mut found = statement.query(key)?;
    let judge = Judge::new(filter);
    let (mut rows, mut last) = (Vec::new(), None);
    let mut looked_at = 0;
    while let Some(row) = found.next()? {
        let place = Place::of(row)?;
        if judge.takes(row)? {
            if rows.len() == limit {
                return Ok(DeliveryPage { rows, next: last.map(Place::cursor) });
            }
            rows.push(read(row)?);
            last = Some(place);
        }
        looked_at += 1;
        if looked_at == LOOKED_AT {
            return Ok(DeliveryPage { rows, next: Some(place.cursor()) });
        }
    }
    Ok(DeliveryPage { rows, next: None })
}

/// A filter, written as the columns are.
struct Judge {
    domain: Option<String>,
    user: Option<String>,
    statuses: Vec<i64>,
    recipient: Option<String>,
    sender: Option<String>,
    subject: Option<String>,
    destination: Option<String>,
}

impl Judge {
    fn new(filter: &DeliveryFilter) -> Self {
        Self {
            domain: filter.domain.as_ref().map(ToString::to_string),
            user: filter.user.as_ref().map(ToString::to_string),
            statuses: filter.statuses.iter().map(|status| status.code()).collect(),
            recipient: filter.recipient.as_ref().map(ToString::to_string),
            sender: filter.sender.as_ref().map(ToString::to_string),
            subject: filter.subject.as_ref().map(|text| text.to_lowercase()),
            destination: filter.destination.as_ref().map(ToString::to_string),
        }
    }

    fn takes(&self, row: &Row<'_>) -> Result<bool> {
        let is = |wanted: &Option<String>, column: usize| match wanted {
            None => Ok::<_, rusqlite::Error>(true),
            Some(wanted) => Ok(row.get_ref(column)?.as_str()? == wanted),
        };
        let contains = match (&self.subject, row.get_ref(9)?.as_str_or_null()?) {
            (None, _) => true,
            (Some(wanted), Some(subject)) => subject.to_lowercase().contains(wanted),
            (Some(_), None) => false,
        };
        Ok(contains
            && (self.statuses.is_empty() || self.statuses.contains(&row.get(10)?))
            && is(&self.domain, 5)?
            && is(&self.user, 6)?
            && is(&self.sender, 7)?
            && is(&self.recipient, 8)?
            && is(&self.destination, 14)?)
    }
}

/// A message's whole history.
pub(super) fn message(tx: &Connection, id: MessageId) -> Result<Option<MessageHistory>> {
    let sql = "SELECT m.seq, d.id, m.size, EXISTS (SELECT 1 FROM content c WHERE c.message = m.seq)
               FROM messages m JOIN domains d ON d.seq = m.domain WHERE m.id = ?1";
    let found = row::first(tx, sql, [id.as_bytes()], |row| {
        let domain = row::id(row, 1, DomainId::from_bytes)?;
        Ok((row.get::<_, i64>(0)?, domain, row::count(row, 2)?, row.get(3)?))
    })?;
    let Some((message, domain, size, content_kept)) = found else { return Ok(None) };
    let sql = format!(
        "SELECT {COLUMNS} FROM messages m CROSS JOIN deliveries d ON d.message = m.seq
             CROSS JOIN users u ON u.seq = m.user WHERE m.seq = ?1 ORDER BY d.position"
    );
    let deliveries = row::all(tx, &sql, [message], read)?;
    let sql = "SELECT d.id, a.body FROM attempts a
               JOIN deliveries d ON d.message = a.message AND d.position = a.position
               WHERE a.message = ?1 ORDER BY a.position, a.number";
    let mut attempts = row::all(tx, sql, [message], |row| {
        let body = row.get_ref(1)?.as_str()?;
        let attempt: Attempt = serde_json::from_str(body).map_err(|error| damaged(1, error))?;
        Ok((row::id(row, 0, DeliveryId::from_bytes)?, attempt))
    })?;
    attempts.sort_by_key(|(_, attempt)| attempt.started_at);
    Ok(Some(MessageHistory { message: id, domain, size, content_kept, deliveries, attempts }))
}

/// The queue in a few numbers.
pub(super) fn summary(tx: &Connection) -> Result<QueueSummary> {
    let mut summary =
        QueueSummary { paused: super::pause::Pauses::read(tx)?.everything, ..QueueSummary::default() };
    let tallies = row::all(tx, "SELECT status, deliveries FROM tallies", [], |row| {
        Ok((row::state(row, 0)?, row::count(row, 1)?))
    })?;
    for (status, count) in tallies {
        match status {
            DeliveryStatus::Pending => summary.pending = count,
            DeliveryStatus::Deferred => summary.deferred = count,
            DeliveryStatus::Held => summary.held = count,
            _ => return Err(damaged(0, "ends are not counted")),
        }
    }
    let sql = "SELECT accepted_at FROM deliveries INDEXED BY deliveries_open WHERE status <= 2
               ORDER BY accepted_at LIMIT 1";
    summary.oldest_at = row::first(tx, sql, [], |row| row::time(row, 0))?;
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn no_page_is_sorted_or_scanned_for() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        for by in [By::Open, By::User, By::Domain, By::Time] {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", by.sql())).unwrap();
            let key = (i64::MAX, i64::MAX, -1, i64::MIN, i64::MAX, None::<String>);
            let steps: Vec<String> =
                plan.query_map(key, |row| row.get(3)).unwrap().collect::<Result<_>>().unwrap();
            let plan = steps.join("\n");
            assert!(!plan.contains("TEMP B-TREE"), "{by:?} sorts:\n{plan}");
            assert!(!plan.contains("SCAN"), "{by:?} scans:\n{plan}");
        }
    }

    #[test]
    fn cursors_come_back_the_same() {
        let place = Place { accepted_at: -5, message: 7, position: 0 };
        assert_eq!(Place::parse(&place.cursor()).unwrap(), place);
        for bad in ["", "1", "1.2", "1.2.x", "1.2.3.4"] {
            assert!(Place::parse(&PageCursor(bad.to_owned())).is_err(), "{bad:?}");
        }
    }
}
