//! Finding work: what is due, which leases need more time, what could not be settled before.

use super::{Job, RENEW_BELOW, Runner, runs::Run};
use crate::Permit;
use futures_util::stream::{self, StreamExt};
use outgate_core::{
    Destination, Timestamp,
    store::{DueDestination, LeasedMessage, StoreError},
};

/// Messages of a backlog that one permit's holder leases at a time, to carry one after the other: fewer writes.
const AT_ONCE: usize = 4;
/// Destinations read from the store at a time.
const DESTINATIONS: usize = 256;
/// Verbs under way at the same time, so that the store can commit them together.
const VERBS: usize = 64;

impl Runner {
    /// Leases what is due, for destinations that have permits left; the others are noted as backlog, which whoever
    /// holds their permits drains.
    pub(super) async fn take_due(&self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        if self.winding_down() || self.parts.store.next_due().await?.is_none_or(|due| due > now) {
            return Ok(());
        }
        let mut after = self.state().look_from.take();
        loop {
            let page = self.parts.store.due_destinations(now, after.as_ref(), DESTINATIONS).await?;
            let last = page.len() < DESTINATIONS;
            after = page.last().map(|due| due.destination.clone());
            stream::iter(page).for_each_concurrent(VERBS, |due| self.take_from(due)).await;
            if last {
                return Ok(());
            }
            if self.permits.are_out() {
                // Who comes late in the alphabet has the first turn when permits come back.
                self.state().look_from = after;
                return Ok(());
            }
        }
    }

    /// Leases what is due to one destination, as far as its permits go.
    async fn take_from(&self, due: DueDestination) {
        let DueDestination { destination, .. } = due;
        let most = self.parts.carrier.concurrency(&destination);
        let permits: Vec<Permit> = std::iter::from_fn(|| self.permits.try_take(&destination, most)).collect();
        self.permits.note_backlog(&destination);
        if permits.is_empty() {
            return;
        }
        let found = self.lease(&destination, permits.len()).await.unwrap_or_default();
        let jobs = found.into_iter().zip(permits).map(|((leased, run), permit)| Job {
            leased,
            content: None,
            memory: None,
            permit,
            run,
        });
        self.hand_over(jobs.collect::<Vec<_>>());
    }

    /// Leases due messages of a destination. `None` when the store failed; one destination's trouble is not another's.
    async fn lease(&self, destination: &Destination, limit: usize) -> Option<Vec<(LeasedMessage, Run)>> {
        let now = self.parts.clock.now();
        let lease = self.lease_from(now);
        match self.parts.store.lease(destination, &lease, now, limit).await {
            Ok(found) => {
                let begin = |mut leased: LeasedMessage| {
                    let run = self.runs.begin(&mut leased, lease.until)?;
                    Some((leased, run))
                };
                Some(found.into_iter().filter_map(begin).collect())
            }
            Err(error) => {
                tracing::warn!(%destination, %error, "what is due could not be leased; it is tried again");
                None
            }
        }
    }

    /// The next due messages of a destination that has a backlog, for somebody who already holds a permit.
    pub(super) async fn next_of_backlog(&self, destination: &Destination) -> Vec<(LeasedMessage, Run)> {
        if self.winding_down() {
            return Vec::new();
        }
        let Some(seen) = self.permits.backlog(destination) else { return Vec::new() };
        let Some(found) = self.lease(destination, AT_ONCE).await else { return Vec::new() };
        if found.len() < AT_ONCE {
            self.permits.clear_backlog(destination, seen);
        }
        found
    }

    /// Renews the leases of one message.
    async fn renew_one(&self, message: outgate_core::MessageId) {
        let lease = self.lease_from(self.parts.clock.now());
        match self.parts.store.renew(message, &lease).await {
            Ok(true) => self.runs.renewed(message, lease.until),
            Ok(false) => {
                // Told once: it ended, or somebody else has it, and neither comes back.
                tracing::warn!(%message, "a lease was lost; the attempt under way may be made twice");
                self.runs.renewed(message, Timestamp::MAX);
            }
            Err(error) => tracing::warn!(%message, %error, "a lease could not be renewed; it is tried again"),
        }
    }

    /// Renews every lease that runs short.
    pub(super) async fn renew_running(&self) {
        let soon = self.parts.clock.now().saturating_add(RENEW_BELOW).unwrap_or(Timestamp::MAX);
        let short = self.runs.ending_before(soon);
        stream::iter(short).for_each_concurrent(VERBS, |message| self.renew_one(message)).await;
    }

    /// Settles what a failing store did not take before.
    pub(super) async fn settle_left_overs(&self) {
        let left = std::mem::take(&mut self.state().unsettled);
        for (ending, permit, run) in left {
            drop(self.settle_or_keep(ending, permit, run).await);
        }
    }
}
