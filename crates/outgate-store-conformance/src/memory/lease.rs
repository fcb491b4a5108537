//! What is due, and who may try it.

use super::state::{KeptDelivery, KeptMessage, State};
use outgate_core::{
    DeliveryId, Destination, MessageId, Timestamp,
    store::{DueDestination, Holder, Lease, LeasedDelivery, LeasedMessage},
};
use std::collections::BTreeMap;

impl State {
    /// Whether a delivery is due: it waits, its time has come, no pause covers it, and no lease on it runs.
    fn is_due(&self, message: &KeptMessage, delivery: &KeptDelivery, now: Timestamp) -> bool {
        delivery.waits()
            && delivery.falls_due() <= now
            && !self.is_paused(message.right.domain_name(), &delivery.new.destination)
    }

    fn due(&self, now: Timestamp) -> impl Iterator<Item = (&KeptMessage, &KeptDelivery)> {
        self.open_deliveries().filter(move |(message, delivery)| self.is_due(message, delivery, now))
    }

    pub(super) fn due_destinations(
        &self,
        now: Timestamp,
        after: Option<&Destination>,
        limit: usize,
    ) -> Vec<DueDestination> {
        let mut first = BTreeMap::<&Destination, Timestamp>::new();
        for (_, delivery) in self.due(now) {
            let due_at = first.entry(&delivery.new.destination).or_insert(delivery.due_at);
            *due_at = delivery.due_at.min(*due_at);
        }
        first
            .into_iter()
            .filter(|(destination, _)| after.is_none_or(|after| *destination > after))
            .take(limit)
            .map(|(destination, due_at)| DueDestination { destination: destination.clone(), due_at })
            .collect()
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.open_deliveries()
            .filter(|(message, delivery)| {
                delivery.waits() && !self.is_paused(message.right.domain_name(), &delivery.new.destination)
            })
            .map(|(_, delivery)| delivery.falls_due())
            .min()
    }

    pub(super) fn lease(
        &mut self,
        destination: &Destination,
        lease: &Lease,
        now: Timestamp,
        limit: usize,
    ) -> Vec<LeasedMessage> {
        let mut oldest = BTreeMap::<usize, Timestamp>::new();
        for (message, delivery) in self.due(now).filter(|(_, due)| due.new.destination == *destination) {
            let due_at = oldest.entry(message.place).or_insert(delivery.due_at);
            *due_at = delivery.due_at.min(*due_at);
        }
        let mut in_order: Vec<_> = oldest.into_iter().map(|(place, due_at)| (due_at, place)).collect();
        in_order.sort_unstable();
        let chosen = in_order.into_iter().take(limit).map(|(_, place)| self.accepted[place]);
        let chosen: Vec<_> = chosen.collect();
        chosen
            .into_iter()
            .filter_map(|message| self.lease_message(message, destination, lease, now))
            .collect()
    }

    /// Leases what of one message is due to one destination.
    fn lease_message(
        &mut self,
        id: MessageId,
        destination: &Destination,
        lease: &Lease,
        now: Timestamp,
    ) -> Option<LeasedMessage> {
        let message = self.messages.get(&id)?;
        let here = |delivery: &&KeptDelivery| {
            delivery.new.destination == *destination && self.is_due(message, delivery, now)
        };
        let due = message.new.deliveries.iter().filter_map(|new| self.deliveries.get(&new.id)).filter(here);
        let leased = LeasedMessage {
            message: id,
            domain: message.right.domain(),
            domain_name: message.right.domain_name().clone(),
            accepted_at: message.accepted_at,
            reverse_path: message.new.reverse_path.clone(),
            body: message.new.body,
            smtputf8: message.new.smtputf8,
            return_content: message.new.return_content,
            envelope_id: message.new.envelope_id.clone(),
            size: message.size,
            destination: destination.clone(),
            deliveries: due
                .map(|delivery| LeasedDelivery {
                    id: delivery.new.id,
                    recipient: delivery.new.recipient.clone(),
                    attempts: delivery.attempts.len() as u32,
                    delay_told: delivery.delay_told,
                })
                .collect(),
        };
        for delivery in &leased.deliveries {
            if let Some(kept) = self.deliveries.get_mut(&delivery.id) {
                kept.lease = Some(lease.clone());
            }
        }
        Some(leased)
    }

    /// The lease of a holder on a delivery.
    fn lease_of(&mut self, delivery: DeliveryId, holder: &Holder) -> Option<&mut KeptDelivery> {
        let held =
            |kept: &&mut KeptDelivery| kept.lease.as_ref().is_some_and(|lease| lease.holder == *holder);
        self.deliveries.get_mut(&delivery).filter(held)
    }

    pub(super) fn renew(&mut self, message: MessageId, lease: &Lease) -> bool {
        let mut any = false;
        for delivery in self.open_of(message) {
            let held = self.lease_of(delivery, &lease.holder);
            if let Some(kept) = held.and_then(|kept| kept.lease.as_mut()) {
                kept.until = kept.until.max(lease.until);
                any = true;
            }
        }
        any
    }

    pub(super) fn give_back(&mut self, deliveries: &[DeliveryId], holder: &Holder) {
        for delivery in deliveries {
            if let Some(kept) = self.lease_of(*delivery, holder) {
                kept.lease = None;
            }
        }
    }

    pub(super) fn take_back_leases(&mut self, holder: &Holder) -> u64 {
        let mut taken = 0;
        for delivery in self.deliveries.values_mut() {
            taken += u64::from(delivery.lease.take_if(|lease| lease.holder != *holder).is_some());
        }
        taken
    }
}
