//! Ends open sessions of users who were reset, disabled or deleted (laws 2 and 3).
//!
//! It tails the event log, and asks the store about each session that an event could concern: the log says only "look".
//! Correctness never rests on it, since the store is asked anew for every message.

use outgate_core::{
    DomainId, EventKind, SendRight, Standing, UserId,
    store::{Cursor, EventsError, Store, StoreError},
};
use outgate_listen::Closer;
use outgate_smtp::server::Refusal;
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

/// How often the log is looked at: with the second that a session may last after a reset, four looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Events read at once.
const PAGE: usize = 500;

/// Every signed-in session, by seat. As many as there are connections, so their limit holds here too.
#[derive(Default)]
pub(crate) struct Cutoff {
    seated: Mutex<HashMap<u64, Seated>>,
    next: AtomicU64,
    /// How many times sessions were checked.
    checks: AtomicU64,
}

#[derive(Clone)]
struct Seated {
    right: Arc<SendRight>,
    closer: Closer,
}

/// A session's seat; left on drop.
pub(crate) struct Seat {
    cutoff: Arc<Cutoff>,
    number: u64,
    right: Arc<SendRight>,
}

impl Seat {
    /// The session's send right.
    pub(crate) fn right(&self) -> &SendRight {
        &self.right
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.cutoff.seated().remove(&self.number);
    }
}

/// Whom events of a page concern.
#[derive(Default)]
struct Concerned {
    users: HashSet<UserId>,
    domains: HashSet<DomainId>,
}

impl Concerned {
    fn add(&mut self, event: &EventKind) {
        match event {
            EventKind::PasswordReset { user, .. }
            | EventKind::UserDisabled { user, .. }
            | EventKind::UserDeleted { user, .. } => {
                self.users.insert(*user);
            }
            EventKind::DomainDeleted { domain, .. } => {
                self.domains.insert(*domain);
            }
            _ => {}
        }
    }

    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.domains.is_empty()
    }

    fn includes(&self, right: &SendRight) -> bool {
        self.users.contains(&right.user()) || self.domains.contains(&right.domain())
    }
}

impl Cutoff {
    /// Gives a signed-in session its seat.
    pub(crate) fn seat(self: &Arc<Self>, right: SendRight, closer: Closer) -> Seat {
        let right = Arc::new(right);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.seated().insert(number, Seated { right: Arc::clone(&right), closer });
        Seat { cutoff: Arc::clone(self), number, right }
    }

    /// Sessions seated now.
    pub(crate) fn seats(&self) -> usize {
        self.seated().len()
    }

    /// How many times sessions were checked. Who reads it before a sign-in and after taking a seat knows whether a
    /// check may have missed that seat.
    pub(crate) fn checks(&self) -> u64 {
        self.checks.load(Ordering::SeqCst)
    }

    /// Tails the log until `stop`.
    pub(crate) async fn watch(&self, store: &dyn Store, look: &Notify, stop: CancellationToken) {
        let mut cursor = None;
        let mut failing = false;
        loop {
            let looked = match cursor.take() {
                // Nobody is here, so what was logged meanwhile concerns nobody.
                Some(_) if self.seats() == 0 => self.start_over(store).await,
                Some(cursor) => self.follow(store, cursor).await,
                None => self.start_over(store).await,
            };
            match looked {
                Ok(next) => {
                    cursor = Some(next);
                    failing = false;
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "the event log cannot be read; sessions are cut off at their next message");
                    }
                    failing = true;
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = look.notified() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Goes to the end of the log and checks everybody, since what came before is not read.
    async fn start_over(&self, store: &dyn Store) -> Result<Cursor, StoreError> {
        let end = store.events_end().await?;
        self.check(store, |_| true).await?;
        Ok(end)
    }

    /// Reads on to the end of the log, and checks whom it concerns.
    async fn follow(&self, store: &dyn Store, mut cursor: Cursor) -> Result<Cursor, StoreError> {
        loop {
            let events = match store.events_after(Some(&cursor), PAGE).await {
                Ok(events) => events,
                Err(EventsError::Gone | EventsError::BadCursor) => return self.start_over(store).await,
                Err(EventsError::Store(error)) => return Err(error),
            };
            let mut concerned = Concerned::default();
            for logged in &events {
                concerned.add(&logged.event.kind);
            }
            if !concerned.is_empty() {
                self.check(store, |right| concerned.includes(right)).await?;
            }
            let more = events.len() == PAGE;
            if let Some(last) = events.into_iter().last() {
                cursor = last.cursor;
            }
            if !more {
                return Ok(cursor);
            }
        }
    }

    /// Asks the store about those sessions, and ends the ones whose right is stale.
    async fn check(&self, store: &dyn Store, which: impl Fn(&SendRight) -> bool) -> Result<(), StoreError> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        let found: Vec<Seated> =
            self.seated().values().filter(|seated| which(&seated.right)).cloned().collect();
        let mut stale: HashMap<(UserId, u64), bool> = HashMap::new();
        for Seated { right, closer } in found {
            let key = (right.user(), right.epoch());
            let is_stale = match stale.entry(key) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(store.standing(&right).await? == Standing::Stale),
            };
            if is_stale {
                closer.close(Refusal::StaleRight);
            }
        }
        Ok(())
    }

    fn seated(&self) -> MutexGuard<'_, HashMap<u64, Seated>> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
