//! Connections that are kept for the next message.

use crate::{
    config::{Config, IDLE_CONNECTIONS},
    connection::Connection,
};
use outgate_core::Destination;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};

/// The shortest pause between two sweeps, however short the idle time is.
const SHORTEST_SWEEP: Duration = Duration::from_millis(20);

/// All destinations' connections. A destination has at most so many in use at a time; whoever has a permit takes an idle
/// one before it opens another.
pub(crate) struct Pool {
    config: Arc<Config>,
    lanes: Mutex<Lanes>,
    idle: AtomicUsize,
}

#[derive(Default)]
struct Lanes {
    by: HashMap<Destination, Arc<Lane>>,
    sweeping: bool,
}

/// One destination's.
struct Lane {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

/// The right to one connection to a destination.
pub(crate) struct Permit {
    pool: Arc<Pool>,
    lane: Arc<Lane>,
    _held: OwnedSemaphorePermit,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(crate) fn new(config: Arc<Config>) -> Arc<Self> {
        Arc::new(Self { config, lanes: Mutex::default(), idle: AtomicUsize::new(0) })
    }

    /// Waits for the right to a connection. Whoever has waited longest has it first: a [`Semaphore`] is fair.
    pub(crate) async fn permit(self: &Arc<Self>, destination: &Destination) -> Option<Permit> {
        let lane = {
            let mut lanes = locked(&self.lanes);
            let fresh = || {
                let permits = Arc::new(Semaphore::new(self.config.connections_per_destination.max(1)));
                Arc::new(Lane { permits, idle: Mutex::default() })
            };
            let lane = Arc::clone(lanes.by.entry(destination.clone()).or_insert_with(fresh));
            if !std::mem::replace(&mut lanes.sweeping, true) {
                tokio::spawn(sweep(Arc::downgrade(self)));
            }
            lane
        };
        let permits = Arc::clone(&lane.permits);
        let permit = permits.acquire_owned().await.ok()?;
        Some(Permit { pool: Arc::clone(self), lane, _held: permit })
    }

    /// Closes what is idle.
    pub(crate) async fn close(&self) {
        let lanes: Vec<Arc<Lane>> = locked(&self.lanes).by.values().cloned().collect();
        let mut goodbyes = Vec::new();
        for lane in lanes {
            let idle = std::mem::take(&mut *locked(&lane.idle));
            self.idle.fetch_sub(idle.len(), Ordering::Relaxed);
            goodbyes.extend(idle.into_iter().map(|connection| tokio::spawn(connection.quit())));
        }
        for goodbye in goodbyes {
            // A goodbye has its own deadline, and nothing follows from one that failed.
            let _said = goodbye.await;
        }
    }

    /// Closes what has been idle too long, and forgets destinations that nobody is at. Says whether any are left.
    fn sweep_once(&self) -> bool {
        let mut lanes = locked(&self.lanes);
        let idle_timeout = self.config.idle_timeout;
        lanes.by.retain(|_, lane| {
            let mut idle = locked(&lane.idle);
            let before = idle.len();
            for old in idle.extract_if(.., |connection| connection.idle_since.elapsed() >= idle_timeout) {
                tokio::spawn(old.quit());
            }
            self.idle.fetch_sub(before - idle.len(), Ordering::Relaxed);
            !idle.is_empty() || Arc::strong_count(lane) > 1
        });
        lanes.sweeping = !lanes.by.is_empty();
        lanes.sweeping
    }
}

/// Sweeps a pool until it is empty or gone.
async fn sweep(pool: Weak<Pool>) {
    loop {
        let Some(pause) = pool.upgrade().map(|pool| (pool.config.idle_timeout / 2).max(SHORTEST_SWEEP))
        else {
            return;
        };
        sleep(pause).await;
        if !pool.upgrade().is_some_and(|pool| pool.sweep_once()) {
            return;
        }
    }
}

impl Permit {
    /// A connection from before, if one is still good. The last one that was used comes first, so that what is not
    /// needed grows old.
    pub(crate) fn idle(&self) -> Option<Connection> {
        loop {
            let mut connection = locked(&self.lane.idle).pop()?;
            self.pool.idle.fetch_sub(1, Ordering::Relaxed);
            if connection.idle_since.elapsed() < self.pool.config.idle_timeout && connection.is_quiet() {
                return Some(connection);
            }
            tokio::spawn(connection.quit());
        }
    }

    /// Keeps a connection for whoever comes next, or closes it when it has done enough.
    pub(crate) fn give_back(&self, mut connection: Connection) {
        if !connection.is_ready() {
            return; // broken; nothing can be said on it
        }
        let most = connection.offered().transactions.unwrap_or(usize::MAX);
        let worn = connection.carried >= self.pool.config.messages_per_connection.min(most);
        if worn || self.pool.idle.load(Ordering::Relaxed) >= IDLE_CONNECTIONS {
            tokio::spawn(connection.quit());
            return;
        }
        connection.idle_since = Instant::now();
        locked(&self.lane.idle).push(connection);
        self.pool.idle.fetch_add(1, Ordering::Relaxed);
    }
}
