//! One walk in one world: what is done next, and what the store answers.

use crate::{
    Failure, Sender, World,
    exam::room::{ALL, holder, ids, seconds, sorted},
    ports::SeededRandomness,
};
use outgate_core::{
    DeliveryId, DeliveryStatus, Destination, MessageId, PasswordHash, SendRight,
    store::{PauseScope, Selector, Settlement},
};

const RECIPIENTS: [&str; 4] = ["a@example.org", "b@example.org", "c@example.net", "d@example.edu"];
const DESTINATIONS: [&str; 3] = ["example.org", "example.net", "example.edu"];
const HOLDERS: [&str; 2] = ["one", "two"];

/// One verb of the walk.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Accept { right: usize, recipients: Vec<&'static str>, leased_by: Option<&'static str> },
    Wait(u64),
    Lease { destination: &'static str, holder: &'static str },
    Settle { of: (MessageId, DeliveryId), holder: &'static str, status: DeliveryStatus, again: bool },
    Renew { message: MessageId, holder: &'static str },
    GiveBack { delivery: DeliveryId, holder: &'static str },
    TakeBack,
    Hold(Selector),
    Release(Selector),
    Retry(Selector),
    Cancel(Selector),
    Pause(PauseScope),
    Resume(PauseScope),
    Reset(usize),
    Disable(usize),
    Enable(usize),
}

/// How far a walk has come in one world.
pub(super) struct Walk {
    senders: [Sender; 2],
    /// Rights of all sign-ins, most of them stale by now.
    rights: Vec<SendRight>,
    known: Vec<(MessageId, DeliveryId)>,
    /// The last settlement, to be repeated.
    last: Option<Settlement>,
}

impl Walk {
    pub(super) async fn begin(world: &World) -> Result<Self, Failure> {
        let senders = [world.add_sender("example.com").await?, world.add_sender("other.example").await?];
        let rights = senders.iter().map(|sender| sender.right.clone()).collect();
        Ok(Self { senders, rights, known: Vec::new(), last: None })
    }

    /// Draws the next step.
    pub(super) fn draw(&self, chance: &SeededRandomness) -> Step {
        let holder = HOLDERS[chance.below(HOLDERS.len())];
        let destination = DESTINATIONS[chance.below(DESTINATIONS.len())];
        let user = chance.below(self.senders.len());
        let scope = match chance.below(3) {
            0 => PauseScope::Everything,
            1 => PauseScope::Domain(self.senders[user].user.domain_name.clone()),
            _ => PauseScope::Destination(Destination::new(destination)),
        };
        // Mostly a recent delivery, so that the walk stays where something happens.
        let back = chance.below(self.known.len().min(12));
        let of = self.known.iter().rev().nth(back);
        let selector = |of: (MessageId, DeliveryId)| match chance.below(20) {
            0 => Selector::User(self.senders[user].user.id),
            1 => Selector::Domain(self.senders[user].user.domain),
            2 => Selector::Destination(Destination::new(destination)),
            3..9 => Selector::Message(of.0),
            _ => Selector::Delivery(of.1),
        };
        let status = match chance.below(8) {
            0 | 1 => DeliveryStatus::Delivered,
            2 => DeliveryStatus::HardBounced,
            3 => DeliveryStatus::SoftBounced,
            _ => DeliveryStatus::Deferred,
        };
        match (chance.below(40), of.copied()) {
            (0..7, _) | (_, None) => Step::Accept {
                right: self.rights.len() - 1 - chance.below(self.rights.len().min(3)),
                recipients: RECIPIENTS[chance.below(3)..].to_vec(),
                leased_by: (chance.below(2) == 0).then_some(holder),
            },
            (7..10, _) => Step::Wait(chance.below(90) as u64),
            (10..17, _) => Step::Lease { destination, holder },
            (17..27, Some(of)) => Step::Settle { of, holder, status, again: chance.below(5) == 0 },
            (27, Some((message, _))) => Step::Renew { message, holder },
            (28, Some((_, delivery))) => Step::GiveBack { delivery, holder },
            (29, _) => Step::TakeBack,
            (30 | 31, Some(of)) => Step::Hold(selector(of)),
            (32 | 33, Some(of)) => Step::Release(selector(of)),
            (34, Some(of)) => Step::Retry(selector(of)),
            (35, Some(of)) => Step::Cancel(selector(of)),
            (36, _) => Step::Pause(scope),
            (37, _) => Step::Resume(scope),
            (38, _) => Step::Reset(user),
            (_, _) if chance.below(2) == 0 => Step::Disable(user),
            (_, _) => Step::Enable(user),
        }
    }

    /// Takes a step, and tells the answer as far as the contracts settle it.
    pub(super) async fn take(&mut self, world: &World, step: &Step) -> Result<String, Failure> {
        let (store, actor, at) = (&world.store, world.actor(), world.tick());
        let user = |index: usize| self.senders[index].user.id;
        let answer = match step {
            Step::Accept { right, recipients, leased_by } => {
                self.accept(world, *right, recipients, *leased_by).await?
            }
            Step::Wait(count) => world.clock.advance(seconds(*count)).to_string(),
            Step::Lease { destination, holder } => {
                let destination = Destination::new(destination);
                let leased = store.lease(&destination, &world.lease(holder), at, ALL).await?;
                let each = leased.iter().map(|leased| {
                    let deliveries = leased.deliveries.iter().map(|one| (one.id, one.attempts));
                    (leased.message, sorted(deliveries))
                });
                format!("{:?}", sorted(each))
            }
            Step::Settle { of, holder, status, again } => {
                self.settle(world, *of, holder, *status, *again).await?
            }
            Step::Renew { message, holder } => {
                format!("{:?}", store.renew(*message, &world.lease(holder)).await?)
            }
            Step::GiveBack { delivery, holder: name } => {
                store.give_back(&[*delivery], &holder(name)).await?;
                String::new()
            }
            Step::TakeBack => {
                store.take_back_leases(&holder(HOLDERS[0])).await?;
                String::new()
            }
            Step::Hold(which) => store.hold(which, &actor, at).await?.to_string(),
            Step::Release(which) => store.release(which, &actor, at).await?.to_string(),
            Step::Retry(which) => {
                // Whether one that is due already counts is left to the store.
                store.retry(which, &actor, at).await?;
                String::new()
            }
            Step::Cancel(which) => store.cancel(which, &actor, at).await?.to_string(),
            Step::Pause(scope) => format!("{:?}", store.pause(scope, &actor, at).await?),
            Step::Resume(scope) => format!("{:?}", store.resume(scope, &actor, at).await?),
            Step::Reset(index) => {
                // To the same password, so that the next sign-in needs no notes.
                let hash = PasswordHash::new(&format!("$plain$s=1$${}", self.senders[*index].password));
                store.reset_password(user(*index), &hash, &actor, at).await?;
                self.sign_in(world, *index).await
            }
            Step::Disable(index) => {
                store.disable_user(user(*index), &actor, at).await?;
                self.sign_in(world, *index).await
            }
            Step::Enable(index) => {
                store.enable_user(user(*index), &actor, at).await?;
                self.sign_in(world, *index).await
            }
        };
        Ok(answer)
    }

    async fn sign_in(&mut self, world: &World, index: usize) -> String {
        let sender = &self.senders[index];
        match world.sign_in(&sender.user.username, &sender.password).await {
            Ok(signed_in) => {
                self.rights.push(signed_in.right);
                format!("signed in: {:?}", self.rights.last())
            }
            Err(error) => error.to_string(),
        }
    }

    async fn accept(
        &mut self,
        world: &World,
        right: usize,
        recipients: &[&str],
        leased_by: Option<&str>,
    ) -> Result<String, Failure> {
        let right = &self.rights[right];
        let mut message = world.message(right, recipients)?;
        message.lease = leased_by.map(|holder| world.lease(holder));
        for delivery in &mut message.deliveries {
            delivery.leased = leased_by.is_some();
        }
        let (id, deliveries) = (message.id, ids(&message));
        let accepted = world.store.accept(right, message, world.now()).await;
        if accepted.is_ok() {
            self.known.extend(deliveries.into_iter().map(|delivery| (id, delivery)));
        }
        Ok(format!("{:?}", accepted.map(|accepted| sorted(accepted.leased))))
    }

    async fn settle(
        &mut self,
        world: &World,
        (message, delivery): (MessageId, DeliveryId),
        by: &str,
        status: DeliveryStatus,
        again: bool,
    ) -> Result<String, Failure> {
        let fresh = match status {
            DeliveryStatus::Delivered => world.delivered(delivery),
            DeliveryStatus::Deferred => world.deferred(delivery, world.now() + seconds(40)),
            status => outgate_core::store::SettledDelivery { status, ..world.bounced(delivery) },
        };
        let fresh = Settlement { message, holder: holder(by), results: vec![fresh], notification: None };
        let settlement = self.last.take().filter(|_| again).unwrap_or(fresh);
        self.last = Some(settlement.clone());
        Ok(format!("{:?}", world.store.settle(settlement).await?))
    }
}
