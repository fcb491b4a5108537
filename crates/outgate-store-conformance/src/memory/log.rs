//! The event log. A cursor is the number of the event that it stands behind.

use super::MemoryStore;
use async_trait::async_trait;
use outgate_core::{
    Timestamp,
    store::{Cursor, EventsError, Log, LoggedEvent, StoreError},
};

#[async_trait]
impl Log for MemoryStore {
    async fn events_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, EventsError> {
        let state = self.state()?;
        let end = state.trimmed + state.events.len() as u64;
        let behind = match after {
            None => state.trimmed,
            Some(cursor) => cursor.as_str().parse().map_err(|_| EventsError::BadCursor)?,
        };
        if behind > end {
            return Err(EventsError::BadCursor);
        }
        let skipped = behind.checked_sub(state.trimmed).ok_or(EventsError::Gone)?;
        let events = (behind + 1..).zip(state.events.iter().skip(skipped as usize)).take(limit);
        Ok(events
            .map(|(number, event)| LoggedEvent { cursor: cursor(number), event: event.clone() })
            .collect())
    }

    async fn events_end(&self) -> Result<Cursor, StoreError> {
        let state = self.state()?;
        Ok(cursor(state.trimmed + state.events.len() as u64))
    }

    async fn trim_events(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let mut state = self.state()?;
        // From the front only: the log has no holes.
        let old = state.events.iter().take(limit).take_while(|event| event.at < before).count();
        state.events.drain(..old);
        state.trimmed += old as u64;
        Ok(old as u64)
    }
}

fn cursor(number: u64) -> Cursor {
    Cursor::new(&number.to_string())
}
