//! Writing down what became of a job, and telling its sender.

use super::{Runner, runs::Run};
use crate::{
    Permit,
    notify::{Ended, Results, sender},
};
use bytes::Bytes;
use outgate_core::{
    DeliveryStatus, Destination, FailureClass, Reservation,
    store::{LeasedMessage, Settled, Settlement, StoreError},
};
use std::sync::Arc;

/// An attempt that has ended and is not recorded yet.
pub(super) struct Ending {
    pub(super) leased: LeasedMessage,
    /// The message's bytes, for what its sender is told.
    pub(super) content: Bytes,
    /// Whether the servers that took it tell the sender themselves.
    pub(super) next_hop_tells: bool,
    /// What is to be recorded.
    pub(super) ended: Vec<Ended>,
    /// What the bytes take of the memory budget.
    pub(super) _memory: Option<Arc<Reservation>>,
}

/// How a destination showed itself in an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It took mail.
    Well,
    /// It could not be reached, or asked for less.
    Troubled,
}

impl Ending {
    /// What the attempt says of the destination; refusals of recipients or of the message say nothing.
    pub(super) fn health(&self) -> Option<Health> {
        let mut settled = self.ended.iter().map(|one| &one.settled);
        if settled.clone().any(|one| one.status == DeliveryStatus::Delivered) {
            return Some(Health::Well);
        }
        let trouble =
            |class| matches!(class, Some(FailureClass::Connection | FailureClass::Dns | FailureClass::Rate));
        settled.all(|one| trouble(one.attempt.class)).then_some(Health::Troubled)
    }

    /// Keeps only what the store wants to be settled anew, and says whether there is any.
    fn keep_withheld(&mut self, answers: &[Settled]) -> bool {
        let before = self.ended.len();
        let mut answers = answers.iter();
        self.ended.retain(|_| answers.next() == Some(&Settled::Withheld));
        // At least one delivery is the reason why others were withheld, so each round has less to settle.
        !self.ended.is_empty() && self.ended.len() < before
    }
}

impl Runner {
    /// Settles, and returns the permit; or keeps both for the next step, when the store fails. Until it is recorded the
    /// message stays among the running, so that its lease is renewed and nobody delivers it again.
    pub(super) async fn settle_or_keep(
        &self,
        mut ending: Ending,
        permit: Permit,
        run: Run,
    ) -> Option<Permit> {
        let message = ending.leased.message;
        loop {
            let settlement = self.settlement(&mut ending);
            let to = settlement.notification.as_ref().and_then(|new| new.deliveries.first());
            let to = to.map(|delivery| delivery.destination.clone());
            match self.parts.store.settle(settlement).await {
                Ok(answers) => {
                    if ending.keep_withheld(&answers) {
                        continue; // what the notification would have said of another delivery is not true any more
                    }
                    drop(run);
                    if let Some(to) = to {
                        self.send_soon(&to);
                    }
                    return Some(permit);
                }
                Err(StoreError::Damaged(what)) => {
                    // It would fail for ever: an operator has to look at it.
                    tracing::error!(%message, what, "an attempt could not be recorded; the message is set aside");
                    self.set_aside(message).await;
                    return Some(permit);
                }
                Err(error) => {
                    tracing::error!(%message, %error, "an attempt could not be recorded; it is tried again");
                    self.state().unsettled.push((ending, permit, run));
                    return None;
                }
            }
        }
    }

    /// What there is to record, with the notification about it.
    fn settlement(&self, ending: &mut Ending) -> Settlement {
        let leased = &ending.leased;
        let results = Results {
            message: leased,
            content: &ending.content,
            now: self.parts.clock.now(),
            until: self.parts.law.end(leased.accepted_at),
            next_hop_tells: ending.next_hop_tells,
        };
        let destination = |to: &_| self.parts.carrier.destination(to);
        let notification = results.notification(
            &mut ending.ended,
            &self.parts.notices,
            &*self.parts.randomness,
            destination,
        );
        if let Some(new) = &notification {
            let (to, subject) = (sender(leased), new.subject.as_deref());
            tracing::debug!(message = %leased.message, notification = %new.id, ?to, subject, "the sender is told");
        }
        Settlement {
            message: leased.message,
            holder: self.parts.holder.clone(),
            results: ending.ended.iter().map(|one| one.settled.clone()).collect(),
            notification,
        }
    }

    /// Sees to it that what is due in the store for a destination goes without waiting for the next look.
    fn send_soon(&self, destination: &Destination) {
        self.permits.note_backlog(destination);
        if self.permits.has_room(destination, self.parts.carrier.concurrency(destination)) {
            self.look_now();
        }
    }
}
