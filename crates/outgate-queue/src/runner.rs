//! The runner: leases what is due, has it signed and carried, and settles what became of it.

mod run;
mod runs;
mod scan;
mod settle;

use crate::{Carrier, Notices, Permit, Permits, RetryLaw, Signer};
use bytes::Bytes;
use outgate_core::{
    ByteBudget, Clock, Destination, Randomness, Reservation, Timestamp,
    store::{Holder, Lease, LeasedMessage, Store, StoreError},
};
use runs::{Run, Runs};
use settle::Ending;
use std::{
    collections::VecDeque,
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
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

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
    /// What the bytes of parcels on their way may take in memory together.
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
    pub(crate) run: Run,
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
    /// What could not be settled because the store failed, with the permits that keep it bounded.
    unsettled: Vec<(Ending, Permit, Run)>,
    /// When the store is next asked for what is due.
    look_at: Option<Timestamp>,
    /// Where the next look begins, when the last one found no permits for the rest.
    look_from: Option<Destination>,
}

/// Carries what the queue holds. One per relay process.
pub struct Runner {
    parts: RunnerParts,
    permits: Permits,
    runs: Runs,
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
            runs: Runs::default(),
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

    /// A job straight from intake, with what its bytes may stay in memory by; `None` cannot be, for what was just kept
    /// is not carried yet.
    pub(crate) fn job(
        &self,
        mut leased: LeasedMessage,
        content: &Bytes,
        permit: Permit,
        lease: &Lease,
    ) -> Option<Job> {
        let run = self.runs.begin(&mut leased, lease.until)?;
        let mut memory = self.parts.budget.open();
        // A destination that takes its time must not fill the memory: then the bytes are read from the store in its turn.
        let fits = memory.grow(content.len());
        let content = fits.then(|| content.clone());
        Some(Job { leased, content, memory: Some(memory.into()), permit, run })
    }

    /// What is ready to be run.
    pub fn take_ready(&self) -> Vec<Job> {
        std::mem::take(&mut self.state().ready).into()
    }

    /// Whether it is time for [`Runner::look`].
    pub fn look_is_due(&self) -> bool {
        let now = self.parts.clock.now();
        let late = now.saturating_add(LOOK_EVERY).unwrap_or(Timestamp::MAX);
        // A time far ahead is one from before the clock was set back.
        self.state().look_at.is_none_or(|at| now >= at || at > late)
    }

    /// Looks after everything that waits: settles what a failing store did not take before, renews leases that run short,
    /// and leases what is due; what it finds is ready as soon as it is found. A store that fails is asked again at the next
    /// look. It can take long, so whoever drives the runner does not wait for it; one look at a time.
    pub async fn look(&self) {
        self.settle_left_overs().await;
        self.renew_running().await;
        if let Err(error) = self.take_due().await {
            tracing::warn!(%error, "the queue could not be read; it is tried again");
        }
        self.state().look_at = self.parts.clock.now().saturating_add(LOOK_EVERY).ok();
    }

    /// A look, if it is time, and then what is ready: for those who need no more than that.
    pub async fn step(&self) -> Step {
        if self.look_is_due() {
            self.look().await;
        }
        let again_at = self.state().look_at.unwrap_or_else(|| self.parts.clock.now());
        Step { jobs: self.take_ready(), again_at }
    }

    /// From now on jobs end when what they carry is settled, instead of going on with the backlog; what is not on the
    /// wire yet comes back untried.
    pub fn wind_down(&self) {
        self.winding_down.store(true, Ordering::Relaxed);
        self.parts.carrier.wind_down();
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
