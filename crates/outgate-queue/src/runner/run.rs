//! Carrying one job: bytes, signature, carrier, decision, settlement.

use super::{
    Job, Runner,
    settle::{Ending, Health},
};
use crate::{Carried, Moment, Outcome, Parcel, decide, notify::Ended};
use bytes::Bytes;
use futures_util::FutureExt;
use outgate_core::{
    Attempt, AttemptId, DeliveryId, Destination, FailureClass, MessageId, NetworkPath, Timestamp, Transcript,
    store::{LeasedMessage, SettledDelivery, StoreError},
};
use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::atomic::Ordering};

/// Jobs that one permit carries before it is given up to other destinations, when permits are scarce.
const TURN: usize = 16;

impl Runner {
    /// Carries a job to its settlement, and then, as long as its destination has a backlog, the next ones.
    pub async fn run(&self, mut job: Job) {
        let destination = job.leased.destination.clone();
        let mut next = VecDeque::new();
        let mut carried = 0;
        loop {
            let Some(ending) = self.carry(&mut job).await else { break };
            self.adapt(&destination, &ending);
            let Some(permit) = self.settle_or_keep(ending, job.permit, job.run).await else { break };
            carried += 1;
            let gives_way = carried >= TURN && self.permits.are_scarce();
            if self.winding_down() || gives_way || self.permits.too_many(&destination) {
                break;
            }
            if next.is_empty() {
                next.extend(self.next_of_backlog(&destination).await);
            }
            let Some((leased, run)) = next.pop_front() else { return };
            job = Job { leased, content: None, memory: None, permit, run };
        }
        for (leased, _run) in next {
            self.give_back(&leased).await;
        }
    }

    /// A destination that did not answer, or asked for less, gets fewer permits; one that takes mail gets them back.
    fn adapt(&self, destination: &Destination, ending: &Ending) {
        let most = self.parts.carrier.concurrency(destination);
        match ending.health() {
            Some(Health::Well) => self.permits.grow(destination, most),
            Some(Health::Troubled) => self.permits.shrink(destination, most),
            None => {}
        }
    }

    /// One attempt. `None` when there was nothing to attempt, or no way to begin.
    async fn carry(&self, job: &mut Job) -> Option<Ending> {
        if self.winding_down() {
            self.give_back(&job.leased).await;
            return None;
        }
        let content = self.bytes_of(job).await?;
        let leased = job.leased.clone();
        let started_at = self.parts.clock.now();
        // A bug met by one message must end neither the others nor the promise that this one ends some day.
        let attempt = AssertUnwindSafe(self.attempt(leased.clone(), content.clone())).catch_unwind().await;
        let carried = attempt.unwrap_or_else(|_| {
            tracing::error!(message = %leased.message, "carrying a message met a bug; it is tried again");
            all_deferred(&leased, "the relay met a bug of its own")
        });
        let next_hop_tells = carried.dsn;
        let outcomes = leased.deliveries.iter().zip(&carried.outcomes);
        let untried = outcomes.filter(|(_, outcome)| **outcome == Outcome::Untried);
        let untried: Vec<DeliveryId> = untried.map(|(delivery, _)| delivery.id).collect();
        if !untried.is_empty() {
            self.give_back_some(leased.message, &untried).await;
        }
        let ended = self.decide_all(&leased, carried, started_at);
        if ended.is_empty() {
            return None;
        }
        Some(Ending { leased, content, next_hop_tells, ended, _memory: job.memory.clone() })
    }

    async fn attempt(&self, leased: LeasedMessage, content: Bytes) -> Carried {
        let signer = &self.parts.signer;
        match signer.sign(leased.domain, &leased.domain_name, leased.message, &content).await {
            Ok(signature) => {
                let parcel = Parcel { message: leased, signature, content };
                self.parts.carrier.carry(&parcel).await
            }
            Err(error) => all_deferred(&leased, &error.to_string()),
        }
    }

    /// The message's bytes: those in hand, or those in the store as far as memory allows.
    async fn bytes_of(&self, job: &mut Job) -> Option<Bytes> {
        if let Some(content) = job.content.take() {
            return Some(content);
        }
        let message = job.leased.message;
        let mut memory = self.parts.budget.open();
        let size = usize::try_from(job.leased.size).unwrap_or(usize::MAX);
        // A message larger than the whole budget goes too, when it is alone.
        if !(memory.grow(size) || memory.grow_alone(size)) {
            self.give_back(&job.leased).await;
            return None;
        }
        job.memory = Some(memory.into());
        match self.parts.store.content(message).await {
            Ok(Some(content)) => Some(content),
            Ok(None) => {
                tracing::error!(%message, "a leased message has no bytes; it is set aside");
                self.set_aside(message).await;
                None
            }
            Err(StoreError::Damaged(what)) => {
                tracing::error!(%message, what, "a message's bytes are damaged; it is set aside");
                self.set_aside(message).await;
                None
            }
            Err(error) => {
                tracing::warn!(%message, %error, "a message could not be read; it is tried again");
                self.give_back(&job.leased).await;
                None
            }
        }
    }

    fn decide_all(&self, leased: &LeasedMessage, carried: Carried, started_at: Timestamp) -> Vec<Ended> {
        let ended_at = self.parts.clock.now();
        let Carried { mut path, outcomes, .. } = carried;
        // One transcript for all that were tried together: of a thousand recipients, a thousand would be kept.
        let mut transcript = std::mem::take(&mut path.transcript);
        let mut first = None;
        let mut outcomes = outcomes.into_iter();
        leased
            .deliveries
            .iter()
            .filter_map(|delivery| {
                // A carrier owes one outcome for each recipient; where it fails to, nothing is known: later again.
                let outcome = outcomes.next().unwrap_or_else(|| unknown("the carrier did not tell"));
                let mut chance = [0_u8; 4];
                self.parts.randomness.fill(&mut chance);
                let moment = Moment {
                    attempts: delivery.attempts.saturating_add(1),
                    accepted_at: leased.accepted_at,
                    now: ended_at,
                    chance: u32::from_le_bytes(chance),
                };
                let decision = decide(outcome, moment, &self.parts.law)?;
                self.expired.fetch_add(u64::from(decision.expired), Ordering::Relaxed);
                let told = std::mem::take(&mut transcript);
                let first = *first.get_or_insert(delivery.id);
                if !told.is_unknown() {
                    transcript = Transcript::With(first);
                }
                let attempt = Attempt {
                    id: AttemptId::draw(ended_at, &*self.parts.randomness),
                    started_at,
                    ended_at,
                    path: NetworkPath { transcript: told, ..path.clone() },
                    reply: decision.reply,
                    class: decision.class,
                    reason: decision.reason,
                };
                let settled = SettledDelivery {
                    delivery: delivery.id,
                    attempt,
                    status: decision.status,
                    next_attempt_at: decision.next_attempt_at,
                    notified: false,
                };
                Some(Ended { settled, expired: decision.expired })
            })
            .collect()
    }

    /// Gives a job's lease back untried.
    pub(super) async fn give_back(&self, leased: &LeasedMessage) {
        let deliveries: Vec<DeliveryId> = leased.deliveries.iter().map(|delivery| delivery.id).collect();
        self.give_back_some(leased.message, &deliveries).await;
    }

    async fn give_back_some(&self, message: MessageId, deliveries: &[DeliveryId]) {
        if let Err(error) = self.parts.store.give_back(deliveries, &self.parts.holder).await {
            tracing::warn!(%message, %error, "a lease could not be given back; it ends by itself");
        }
    }

    /// Sets a damaged message aside.
    pub(super) async fn set_aside(&self, message: MessageId) {
        if let Err(error) = self.parts.store.set_aside(message, self.parts.clock.now()).await {
            tracing::error!(%message, %error, "a damaged message could not be set aside; it is tried again");
        }
    }
}

fn unknown(reason: &str) -> Outcome {
    Outcome::Deferred { class: FailureClass::Local, reply: None, reason: reason.to_owned() }
}

fn all_deferred(leased: &LeasedMessage, reason: &str) -> Carried {
    Carried {
        path: NetworkPath::default(),
        dsn: false,
        outcomes: leased.deliveries.iter().map(|_| unknown(reason)).collect(),
    }
}
