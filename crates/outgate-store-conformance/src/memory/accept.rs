//! Keeping a message.

use super::state::{KeptDelivery, KeptMessage, State};
use outgate_core::{
    Actor, DeliveryId, DeliveryStatus, EventKind, SendRight, Standing, Timestamp,
    store::{AcceptError, Accepted, NewMessage, StoreError},
};

impl State {
    pub(super) fn accept(
        &mut self,
        right: &SendRight,
        new: NewMessage,
        at: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        if self.full {
            return Err(StoreError::Full.into());
        }
        match self.standing(right) {
            Standing::InForce => {}
            Standing::Stale => return Err(AcceptError::StaleRight),
            Standing::Barred(bar) => return Err(bar.into()),
        }
        Ok(Accepted {
            leased: self.keep(right, new, at, &Actor::User { username: right.username().clone() }),
        })
    }

    /// Keeps a message, and returns the deliveries that were leased.
    pub(super) fn keep(
        &mut self,
        right: &SendRight,
        new: NewMessage,
        at: Timestamp,
        actor: &Actor,
    ) -> Vec<DeliveryId> {
        let mut leased = Vec::new();
        for delivery in &new.deliveries {
            let wanted = delivery.leased && !self.is_paused(right.domain_name(), &delivery.destination);
            let lease = new.lease.clone().filter(|_| wanted);
            leased.extend(lease.as_ref().map(|_| delivery.id));
            let kept = KeptDelivery {
                message: new.id,
                new: delivery.clone(),
                status: DeliveryStatus::Pending,
                due_at: at,
                lease,
                attempts: Vec::new(),
                delay_told: false,
            };
            self.deliveries.insert(delivery.id, kept);
            self.open.insert(delivery.id);
        }
        let size = new.content.len() as u64;
        let kind = EventKind::MessageAccepted {
            message: new.id,
            domain: right.domain(),
            username: right.username().clone(),
            sender: new.reverse_path.clone(),
            size,
            recipients: new
                .deliveries
                .iter()
                .map(|delivery| (delivery.id, delivery.recipient.address.clone()))
                .collect(),
        };
        self.append(at, actor, kind);
        let kept = KeptMessage {
            right: right.clone(),
            accepted_at: at,
            size,
            content_kept: true,
            damaged: false,
            place: self.accepted.len(),
            new,
        };
        self.accepted.push(kept.new.id);
        self.messages.insert(kept.new.id, kept);
        leased
    }
}
