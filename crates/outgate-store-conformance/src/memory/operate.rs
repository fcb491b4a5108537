//! What operators do with deliveries.

use super::state::{KeptDelivery, KeptMessage, State};
use outgate_core::{
    Actor, DeliveryId, DeliveryStatus, EventKind, MessageId, Timestamp,
    store::{PauseScope, Selector},
};

impl Selects for Selector {
    fn selects(&self, message: &KeptMessage, delivery: &KeptDelivery) -> bool {
        match self {
            Self::Delivery(id) => delivery.new.id == *id,
            Self::Message(id) => delivery.message == *id,
            Self::User(id) => message.right.user() == *id,
            Self::Domain(id) => message.right.domain() == *id,
            Self::Destination(destination) => delivery.new.destination == *destination,
        }
    }
}

trait Selects {
    /// Whether a delivery is meant.
    fn selects(&self, message: &KeptMessage, delivery: &KeptDelivery) -> bool;
}

impl State {
    /// The open deliveries that are meant and fit.
    fn selected(&self, which: &Selector, fits: impl Fn(&KeptDelivery) -> bool) -> Vec<DeliveryId> {
        self.open_deliveries()
            .filter(|(message, delivery)| which.selects(message, delivery) && fits(delivery))
            .map(|(_, delivery)| delivery.new.id)
            .collect()
    }

    /// Changes deliveries one by one, and counts them.
    fn change(&mut self, ids: Vec<DeliveryId>, mut change: impl FnMut(&mut KeptDelivery)) -> u64 {
        for id in &ids {
            if let Some(delivery) = self.deliveries.get_mut(id) {
                change(delivery);
            }
        }
        ids.len() as u64
    }

    /// Appends the event of a count, unless nothing changed.
    fn tell(&mut self, count: u64, actor: &Actor, at: Timestamp, kind: impl FnOnce(u64) -> EventKind) -> u64 {
        if count > 0 {
            self.append(at, actor, kind(count));
        }
        count
    }

    pub(super) fn hold(&mut self, which: &Selector, actor: &Actor, at: Timestamp) -> u64 {
        let ids = self.selected(which, KeptDelivery::waits);
        // The lease stays: the attempt under way may still deliver.
        let count = self.change(ids, |delivery| delivery.status = DeliveryStatus::Held);
        self.tell(count, actor, at, |count| EventKind::DeliveriesHeld { count })
    }

    pub(super) fn release(&mut self, which: &Selector, actor: &Actor, at: Timestamp) -> u64 {
        let ids = self.selected(which, |delivery| delivery.status == DeliveryStatus::Held);
        let count = self.change(ids, |delivery| {
            let tried = !delivery.attempts.is_empty();
            delivery.status = if tried { DeliveryStatus::Deferred } else { DeliveryStatus::Pending };
            delivery.due_at = at;
        });
        self.tell(count, actor, at, |count| EventKind::DeliveriesReleased { count })
    }

    pub(super) fn retry(&mut self, which: &Selector, actor: &Actor, at: Timestamp) -> u64 {
        let ids = self.selected(which, KeptDelivery::waits);
        let count = self.change(ids, |delivery| delivery.due_at = delivery.due_at.min(at));
        self.tell(count, actor, at, |count| EventKind::DeliveriesRetried { count })
    }

    pub(super) fn cancel(&mut self, which: &Selector, actor: &Actor, at: Timestamp) -> u64 {
        let ids = self.selected(which, |_| true);
        for id in &ids {
            self.end(*id, DeliveryStatus::Cancelled);
        }
        self.tell(ids.len() as u64, actor, at, |count| EventKind::DeliveriesCancelled { count })
    }

    pub(super) fn set_aside(&mut self, message: MessageId, at: Timestamp) {
        let ids = self.selected(&Selector::Message(message), KeptDelivery::waits);
        let count = self.change(ids, |delivery| {
            delivery.status = DeliveryStatus::Held;
            delivery.lease = None;
        });
        self.tell(count, &Actor::System, at, |_| EventKind::MessageDamaged { message });
    }

    pub(super) fn pause(&mut self, scope: &PauseScope, actor: &Actor, at: Timestamp) {
        if self.paused.insert(scope.clone()) {
            self.append(at, actor, EventKind::DeliveryPaused { scope: scope.clone() });
        }
    }

    pub(super) fn resume(&mut self, scope: &PauseScope, actor: &Actor, at: Timestamp) {
        if self.paused.remove(scope) {
            self.append(at, actor, EventKind::DeliveryResumed { scope: scope.clone() });
        }
    }
}
