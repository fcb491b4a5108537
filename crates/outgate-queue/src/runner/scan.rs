//! Finding work: what is due, which leases need more time, what could not be settled before.

use super::{Job, RENEW_BELOW, Runner};
use outgate_core::{
    Destination, MessageId, Timestamp,
    store::{LeasedMessage, StoreError},
};

/// Messages of a backlog that one permit's holder leases at a time, to carry one after the other: fewer writes.
const AT_ONCE: usize = 4;
/// Destinations read from the store at a time.
const DESTINATIONS: usize = 256;

impl Runner {
    /// Leases what is due, for destinations that have permits left; the others are noted as backlog, which whoever
    /// holds their permits drains.
    pub(super) async fn take_due(&self, now: Timestamp, jobs: &mut Vec<Job>) -> Result<(), StoreError> {
        let store = &self.parts.store;
        if store.next_due().await?.is_none_or(|due| due > now) {
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = store.due_destinations(now, after.as_ref(), DESTINATIONS).await?;
            let last = page.len() < DESTINATIONS;
            for due in &page {
                let most = self.parts.carrier.concurrency(&due.destination);
                let mut permits = Vec::new();
                while let Some(permit) = self.permits.try_take(&due.destination, most) {
                    permits.push(permit);
                }
                self.permits.note_backlog(&due.destination);
                if permits.is_empty() {
                    continue;
                }
                let lease = self.lease_from(now);
                let leased = store.lease(&due.destination, &lease, now, permits.len()).await?;
                jobs.extend(leased.into_iter().zip(permits).map(|(leased, permit)| Job {
                    leased,
                    content: None,
                    memory: None,
                    permit,
                    until: lease.until,
                }));
            }
            if last {
                return Ok(());
            }
            after = page.into_iter().last().map(|due| due.destination);
        }
    }

    /// The next due messages of a destination that has a backlog, for somebody who already holds a permit.
    pub(super) async fn next_of_backlog(&self, destination: &Destination) -> Vec<(LeasedMessage, Timestamp)> {
        if self.winding_down() {
            return Vec::new();
        }
        let Some(seen) = self.permits.backlog(destination) else { return Vec::new() };
        let now = self.parts.clock.now();
        let lease = self.lease_from(now);
        match self.parts.store.lease(destination, &lease, now, AT_ONCE).await {
            Ok(found) => {
                if found.len() < AT_ONCE {
                    self.permits.clear_backlog(destination, seen);
                }
                let mut state = self.state();
                for next in &found {
                    state.running.entry(next.message).or_insert((0, lease.until)).0 += 1;
                }
                drop(state);
                found.into_iter().map(|next| (next, lease.until)).collect()
            }
            Err(error) => {
                tracing::warn!(%error, "the queue could not be read; it is tried again");
                Vec::new()
            }
        }
    }

    /// Renews leases that run short under jobs that run long.
    pub(super) async fn renew_running(&self, now: Timestamp) {
        let soon = now.saturating_add(RENEW_BELOW).unwrap_or(Timestamp::MAX);
        let short: Vec<MessageId> =
            self.state().running.iter().filter(|(_, (_, until))| *until < soon).map(|(id, _)| *id).collect();
        for message in short {
            let lease = self.lease_from(now);
            match self.parts.store.renew(message, &lease).await {
                Ok(true) => {
                    if let Some(entry) = self.state().running.get_mut(&message) {
                        entry.1 = lease.until;
                    }
                }
                Ok(false) => {
                    tracing::warn!(%message, "a lease was lost; the attempt under way may be made twice");
                }
                Err(error) => {
                    tracing::warn!(%message, %error, "a lease could not be renewed; it is tried again");
                }
            }
        }
    }

    /// Settles what a failing store did not take before.
    pub(super) async fn settle_left_overs(&self) {
        let left = std::mem::take(&mut self.state().unsettled);
        for (ending, permit) in left {
            drop(self.settle_or_keep(ending, permit).await);
        }
    }
}
