//! The event log, read by cursor.

use super::StoreError;
use crate::{Event, Timestamp};
use async_trait::async_trait;
use std::fmt;

/// A place in the log. Opaque: only the store that gave it can read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(Box<str>);

impl Cursor {
    /// A cursor as a store wrote it, or as a consumer kept it.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event and the cursor just behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Where reading goes on.
    pub cursor: Cursor,
    /// What happened.
    pub event: Event,
}

/// Why events could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// Events behind this cursor were trimmed: start over from the beginning or the end.
    #[error("the events behind this cursor are gone")]
    Gone,
    /// No store of this kind ever gave this cursor.
    #[error("not a cursor of this store")]
    BadCursor,
    /// Trouble of the store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The event log.
#[async_trait]
pub trait Log: Send + Sync {
    /// Events behind `after` (`None`: the oldest kept), in the log's one order, at most `limit`. An event is returned
    /// only when no earlier one can still appear.
    async fn events_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, EventsError>;

    /// The cursor behind the newest event, for those who want only what comes.
    async fn events_end(&self) -> Result<Cursor, StoreError>;

    /// Trims events older than `before`, at most `limit`; returns how many went.
    async fn trim_events(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError>;
}
