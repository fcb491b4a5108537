//! Recording what became of deliveries.

use super::state::State;
use outgate_core::{
    Actor, DeliveryStatus, EventKind, MessageId, SettledRecipient, Timestamp,
    store::{Holder, Settled, SettledDelivery, Settlement},
};

impl State {
    pub(super) fn settle(&mut self, settlement: Settlement) -> Vec<Settled> {
        let Settlement { message, holder, results } = settlement;
        let mut recorded: Vec<SettledRecipient> = Vec::new();
        let mut newest: Option<Timestamp> = None;
        let mut answers = Vec::with_capacity(results.len());
        for result in results {
            let ended_at = result.attempt.ended_at;
            let (answer, recipient) = self.settle_one(message, &holder, result);
            if let Some(recipient) = recipient {
                recorded.push(recipient);
                newest = newest.max(Some(ended_at));
            }
            answers.push(answer);
        }
        // The event's time is that of the last attempt it tells of: no other time is at hand.
        if let (Some(at), Some(kept)) = (newest, self.messages.get(&message)) {
            let domain = kept.right.domain();
            let kind = EventKind::MessageSettled { message, domain, results: recorded };
            self.append(at, &Actor::System, kind);
        }
        answers
    }

    fn settle_one(
        &mut self,
        message: MessageId,
        holder: &Holder,
        result: SettledDelivery,
    ) -> (Settled, Option<SettledRecipient>) {
        let id = result.delivery;
        let open = self.open.contains(&id);
        let Some(kept) = self.deliveries.get_mut(&id).filter(|kept| open && kept.message == message) else {
            return (Settled::Already, None);
        };
        if kept.attempts.iter().any(|attempt| attempt.id == result.attempt.id) {
            return (Settled::Already, None);
        }
        let holds = kept.lease.as_ref().is_some_and(|lease| lease.holder == *holder);
        // A delivery that did happen is a fact, whoever holds the lease by now.
        if !holds && result.status != DeliveryStatus::Delivered {
            return (Settled::LeaseLost, None);
        }
        kept.lease = None;
        kept.attempts.push(result.attempt);
        if result.status.is_final() {
            self.end(id, result.status);
        } else if kept.status != DeliveryStatus::Held {
            kept.status = DeliveryStatus::Deferred;
            kept.due_at = result.next_attempt_at.unwrap_or(kept.due_at);
        }
        (Settled::Recorded, self.deliveries.get(&id).map(super::read::settled_recipient))
    }
}
