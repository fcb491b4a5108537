//! `outgate events`, and reading the log as it grows.

use super::Invocation;
use crate::{
    args::EventsArgs,
    exit::{CommandError, Status},
    output::{sentence, view::Logged},
};
use outgate_core::store::{Cursor, LoggedEvent, Store};
use outgate_relay::Opening;
use std::time::Duration;

/// How many events one read fetches.
const PAGE: usize = 500;
/// How often a follower looks for more.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(crate) async fn run(invocation: &Invocation, args: EventsArgs) -> Result<Status, CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    let mut reader = Reader::new(args.after.as_deref().map(Cursor::new));
    let mut told = false;
    loop {
        let events = reader.next(admin.store()).await?;
        for logged in &events {
            let document = Logged { cursor: logged.cursor.as_str(), event: &logged.event };
            invocation.output.tell(&document, || sentence(&logged.event))?;
            told = true;
        }
        match (events.is_empty(), args.follow) {
            (false, _) => {}
            (true, true) => tokio::time::sleep(LOOK_EVERY).await,
            (true, false) if told => return Ok(Status::Done),
            (true, false) => {
                let since = if args.after.is_some() { " after this cursor" } else { "" };
                invocation.output.line(&format!(
                    "There are no events{since}. `outgate events --follow` waits for the next."
                ))?;
                return Ok(Status::Done);
            }
        }
    }
}

/// Reads the log in order, from a cursor on.
#[derive(Debug)]
pub(super) struct Reader {
    after: Option<Cursor>,
}

impl Reader {
    /// From behind `after`; without, from the oldest event that is kept.
    pub(super) fn new(after: Option<Cursor>) -> Self {
        Self { after }
    }

    /// From the end: only what comes.
    pub(super) async fn at_end(store: &dyn Store) -> Result<Self, CommandError> {
        Ok(Self { after: Some(store.events_end().await?) })
    }

    /// The next events; none when there are none yet.
    pub(super) async fn next(&mut self, store: &dyn Store) -> Result<Vec<LoggedEvent>, CommandError> {
        let events = store.events_after(self.after.as_ref(), PAGE).await?;
        if let Some(last) = events.last() {
            self.after = Some(last.cursor.clone());
        }
        Ok(events)
    }
}
