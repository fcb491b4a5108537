//! Lies about the log.

use crate::liar::{Liar, Lie};
use async_trait::async_trait;
use outgate_core::{
    EventKind, Timestamp,
    store::{Cursor, EventsError, Log, LoggedEvent, StoreError},
};

#[async_trait]
impl Log for Liar {
    async fn events_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, EventsError> {
        let mut read = self.truth.events_after(after, limit).await;
        match &read {
            Err(EventsError::Gone) if self.tells(Lie::StartsOverWhenGone) => {
                read = self.truth.events_after(None, limit).await;
            }
            Err(EventsError::BadCursor) if self.tells(Lie::ReadsAnyCursor) => {
                read = self.truth.events_after(None, limit).await;
            }
            _ => {}
        }
        let mut events = read?;
        if self.tells(Lie::SkipsEvents) && events.len() > 2 {
            events.remove(1);
        }
        if self.tells(Lie::RepeatsEvents) && events.len() > 2 {
            events.insert(1, events[0].clone());
            events.truncate(limit);
        }
        if self.tells(Lie::ReordersEvents) && events.len() > 2 {
            let [one, two] = [events[0].event.clone(), events[1].event.clone()];
            (events[0].event, events[1].event) = (two, one);
        }
        if self.tells(Lie::HidesResets) {
            events.retain(|logged| !matches!(logged.event.kind, EventKind::PasswordReset { .. }));
        }
        Ok(events)
    }

    async fn events_end(&self) -> Result<Cursor, StoreError> {
        let end = self.truth.events_end().await?;
        if self.tells(Lie::EndsTooEarly) {
            return Ok(self.notes().end.get_or_insert(end).clone());
        }
        Ok(end)
    }

    async fn trim_events(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.truth.trim_events(before, limit).await
    }
}
