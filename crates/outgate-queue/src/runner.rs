//! The runner: leases what is due, has it signed and carried, and settles what became of it.

mod run;
mod scan;
mod settle;

use crate::{Carrier, Notices, Permit, Permits, RetryLaw, Signer};
use bytes::Bytes;
use outgate_core::{
    ByteBudget, Clock, MessageId, Randomness, Reservation, Timestamp,
    store::{Holder, Lease, LeasedMessage, Store, StoreError},
};
use settle::Ending;
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// How long a lease lasts; it is renewed while the work goes on.
pub const LEASE: Duration = Duration::from_mins(1);
/// A lease with less than this left is renewed.
const RENEW_BELOW: Duration = Duration::from_secs(30);
/// The store is asked at least this often, because a command in another process may have made deliveries due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a runner is made of.
pub struct RunnerParts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Carries.
    pub carrier: Arc<dyn Carrier>,
    /// Signs.
    pub signer: Arc<dyn Signer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance: attempt ids and jitter.
    pub randomness: Arc<dyn Randomness>,
    /// When to try again.
    pub law: RetryLaw,
    /// What senders are told, and when.
    pub notices: Notices,
    /// The name this relay holds leases under.
    pub holder: Holder,
    /// What messages may take in memory together.
    pub budget: Arc<ByteBudget>,
}

/// A leased message with the right to carry it.
#[derive(Debug)]
pub struct Job {
    pub(crate) leased: LeasedMessage,
    /// In hand straight from intake; else it is read from the store.
    pub(crate) content: Option<Bytes>,
    pub(crate) memory: Option<Arc<Reservation>>,
    pub(crate) permit: Permit,
    pub(crate) until: Timestamp,
}

/// What there is to do now, and when to look again.
#[derive(Debug)]
#[must_use]
pub struct Step {
    /// Each is to be given to [`Runner::run`], all at the same time.
    pub jobs: Vec<Job>,
    /// When to call [`Runner::step`] again at the latest; sooner when [`Runner::woken`] says so.
    pub again_at: Timestamp,
}

#[derive(Default)]
struct State {
    /// Handed over by intake, not started yet.
    ready: VecDeque<Job>,
    /// Leases of jobs that run, one per message and job, to be renewed.
    running: HashMap<MessageId, (usize, Timestamp)>,
    /// What could not be settled because the store failed, with the permits that keep it bounded.
    unsettled: Vec<(Ending, Permit)>,
    /// When the store is next asked for what is due.
    look_at: Option<Timestamp>,
}

/// Carries what the queue holds. One per relay process.
pub struct Runner {
    parts: RunnerParts,
    permits: Permits,
    state: Mutex<State>,
    wake: Notify,
    winding_down: AtomicBool,
    /// Recipients given up because their retry time was over.
    expired: AtomicU64,
}

impl Runner {
    /// A runner that has not looked yet.
    pub fn new(parts: RunnerParts) -> Arc<Self> {
        Arc::new(Self {
            parts,
            permits: Permits::default(),
            state: Mutex::default(),
            wake: Notify::new(),
            winding_down: AtomicBool::new(false),
            expired: AtomicU64::new(0),
        })
    }

    /// The permits, which intake takes from too.
    pub(crate) fn permits(&self) -> &Permits {
        &self.permits
    }

    /// Who carries.
    pub(crate) fn carrier(&self) -> &dyn Carrier {
        &*self.parts.carrier
    }

    /// A lease from now on.
    pub(crate) fn lease_from(&self, now: Timestamp) -> Lease {
        Lease {
            holder: self.parts.holder.clone(),
            until: now.saturating_add(LEASE).unwrap_or(Timestamp::MAX),
        }
    }

    /// Parcels on their way.
    pub fn in_flight(&self) -> usize {
        self.permits.in_flight()
    }

    /// Recipients given up because their retry time was over, since the start.
    pub fn expired(&self) -> u64 {
        self.expired.load(Ordering::Relaxed)
    }

    /// Takes jobs straight from intake.
    pub(crate) fn hand_over(&self, jobs: impl IntoIterator<Item = Job>) {
        self.state().ready.extend(jobs);
        self.wake.notify_one();
    }

    /// Asks for a look at the store at once: something became due while nobody held a permit to drain it.
    pub(crate) fn look_now(&self) {
        self.state().look_at = None;
        self.wake.notify_one();
    }

    /// Returns when there may be something to do before the time that the last step named.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes over what an earlier life of the only relay on this store had leased. Call it once, before the first step.
    pub async fn take_over(&self) -> Result<u64, StoreError> {
        self.parts.store.take_back_leases(&self.parts.holder).await
    }

    /// What there is to do now: what intake handed over, and what the store says is due.
    ///
    /// A store that fails is asked again at the next step; what was found until then is returned.
    pub async fn step(&self) -> Step {
        let now = self.parts.clock.now();
        let (mut jobs, look) = {
            let mut state = self.state();
            (Vec::from(std::mem::take(&mut state.ready)), state.look_at.is_none_or(|at| now >= at))
        };
        if look {
            self.settle_left_overs().await;
            self.renew_running(now).await;
            if let Err(error) = self.take_due(now, &mut jobs).await {
                tracing::warn!(%error, "the queue could not be read; it is tried again");
            }
            self.state().look_at = now.saturating_add(LOOK_EVERY).ok();
        }
        let mut state = self.state();
        for job in &jobs {
            let entry = state.running.entry(job.leased.message).or_insert((0, job.until));
            entry.0 += 1;
        }
        Step { jobs, again_at: state.look_at.unwrap_or(now) }
    }

    /// From now on jobs end when what they carry is settled, instead of going on with the backlog.
    pub fn wind_down(&self) {
        self.winding_down.store(true, Ordering::Relaxed);
    }

    fn winding_down(&self) -> bool {
        self.winding_down.load(Ordering::Relaxed)
    }

    /// Gives back what intake handed over and nobody started; for the end of a drain.
    pub async fn give_back_ready(&self) {
        let ready = std::mem::take(&mut self.state().ready);
        for job in ready {
            self.give_back(&job.leased).await;
        }
        self.settle_left_overs().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
