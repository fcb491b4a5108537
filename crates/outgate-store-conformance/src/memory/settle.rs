//! Recording what became of deliveries.

use super::state::State;
use outgate_core::{
    Actor, DeliveryStatus, EventKind, MessageId, SettledRecipient, Timestamp,
    store::{Holder, NewMessage, Settled, SettledDelivery, Settlement},
};

impl State {
    pub(super) fn settle(&mut self, settlement: Settlement) -> Vec<Settled> {
        let Settlement { message, holder, results, notification } = settlement;
        let spoken_of: Vec<_> = results.iter().filter(|result| result.notified).collect();
        // The notification is as old as the last attempt that it speaks of.
        let told_at = spoken_of.iter().map(|result| result.attempt.ended_at).max();
        let is_true =
            spoken_of.iter().all(|result| self.judge(message, &holder, result) == Settled::Recorded);
        let notification = notification.zip(told_at);
        let mut recorded: Vec<SettledRecipient> = Vec::new();
        let mut newest: Option<Timestamp> = None;
        let mut answers = Vec::with_capacity(results.len());
        for result in results {
            let ended_at = result.attempt.ended_at;
            if notification.is_some() && result.notified && !is_true {
                answers.push(match self.judge(message, &holder, &result) {
                    Settled::Recorded => Settled::Withheld,
                    other => other,
                });
                continue;
            }
            let delay_told = notification.is_some() && result.notified && !result.status.is_final();
            let (answer, recipient) = self.settle_one(message, &holder, result, delay_told);
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
        if let Some((new, at)) = notification.filter(|_| is_true)
            && let Some(right) = self.messages.get(&message).map(|kept| kept.right.clone())
        {
            self.keep(&right, NewMessage { lease: None, ..new }, at, &Actor::System);
        }
        answers
    }

    /// What settling a delivery would do now.
    fn judge(&self, message: MessageId, holder: &Holder, result: &SettledDelivery) -> Settled {
        let open = self.open.contains(&result.delivery);
        let kept = self.deliveries.get(&result.delivery).filter(|kept| open && kept.message == message);
        match kept {
            None => Settled::Already,
            Some(kept) if kept.attempts.iter().any(|attempt| attempt.id == result.attempt.id) => {
                Settled::Already
            }
            // A delivery that did happen is a fact, whoever holds the lease by now.
            Some(kept)
                if result.status != DeliveryStatus::Delivered
                    && kept.lease.as_ref().is_none_or(|lease| lease.holder != *holder) =>
            {
                Settled::LeaseLost
            }
            // Told of meanwhile, which this attempt does not know: another held the lease since it began.
            Some(kept) if kept.delay_told && result.notified && !result.status.is_final() => {
                Settled::LeaseLost
            }
            Some(_) => Settled::Recorded,
        }
    }

    fn settle_one(
        &mut self,
        message: MessageId,
        holder: &Holder,
        result: SettledDelivery,
        delay_told: bool,
    ) -> (Settled, Option<SettledRecipient>) {
        let id = result.delivery;
        let answer = self.judge(message, holder, &result);
        let Some(kept) = self.deliveries.get_mut(&id).filter(|_| answer == Settled::Recorded) else {
            return (answer, None);
        };
        kept.lease = None;
        kept.delay_told |= delay_told;
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
