//! What is being carried right now, so that its leases are renewed and nothing is carried twice at a time.

use outgate_core::{DeliveryId, MessageId, Timestamp, store::LeasedMessage};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A delivery's message, and when its lease ends.
type Running = HashMap<DeliveryId, (MessageId, Timestamp)>;

/// The deliveries of one relay that are being carried.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<Running>>);

/// Some deliveries of one message, being carried until this is dropped, also by a panic.
#[derive(Debug)]
pub(crate) struct Run {
    runs: Runs,
    deliveries: Vec<DeliveryId>,
}

impl Runs {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to carry what was leased, less what is being carried already: a lease that ran out under a job that still
    /// works, because a renewal came late or the clock jumped, must not send the message twice. `None`: nothing is left.
    pub(crate) fn begin(&self, leased: &mut LeasedMessage, until: Timestamp) -> Option<Run> {
        let mut running = self.running();
        leased.deliveries.retain(|delivery| !running.contains_key(&delivery.id));
        if leased.deliveries.is_empty() {
            return None;
        }
        let deliveries: Vec<DeliveryId> = leased.deliveries.iter().map(|delivery| delivery.id).collect();
        running.extend(deliveries.iter().map(|delivery| (*delivery, (leased.message, until))));
        drop(running);
        Some(Run { runs: self.clone(), deliveries })
    }

    /// Messages with a lease that ends before `time`.
    pub(crate) fn ending_before(&self, time: Timestamp) -> BTreeSet<MessageId> {
        self.running().values().filter(|(_, until)| *until < time).map(|(message, _)| *message).collect()
    }

    /// Notes that a message's leases last until then.
    pub(crate) fn renewed(&self, message: MessageId, until: Timestamp) {
        for (of, ends) in self.running().values_mut() {
            if *of == message {
                *ends = until;
            }
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut running = self.runs.running();
        for delivery in &self.deliveries {
            running.remove(delivery);
        }
    }
}
