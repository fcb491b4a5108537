//! Lies about the queue.

use crate::liar::{Liar, Lie};
use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Actor, AttemptId, DeliveryId, DeliveryStatus, Destination, MessageId, SendRight, Timestamp,
    store::{
        AcceptError, Accepted, DeliveryFilter, DeliveryPage, Directory, DueDestination, Holder, Lease,
        LeasedMessage, MessageHistory, NewMessage, PageCursor, PauseScope, Queue, QueueSummary, Selector,
        Settled, Settlement, StoreError,
    },
};
use std::time::Duration;

#[async_trait]
impl Queue for Liar {
    fn has_room(&self) -> bool {
        self.truth.has_room()
    }

    async fn accept(
        &self,
        right: &SendRight,
        mut new: NewMessage,
        at: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        if self.tells(Lie::DropsARecipient) && new.deliveries.len() > 1 {
            new.deliveries.pop();
        }
        self.notes().rights.insert(new.id, right.clone());
        if let Some(lease) = &new.lease {
            self.notes().holders.insert(new.id, lease.holder.clone());
        }
        let asked: Vec<_> = new.deliveries.iter().filter(|new| new.leased).map(|new| new.id).collect();
        let accepted = self.truth.accept(right, new, at).await;
        match accepted {
            Ok(_) if self.tells(Lie::GrantsLeasesUnderPause) => Ok(Accepted { leased: asked }),
            Err(AcceptError::StaleRight) if self.tells(Lie::AcceptsStaleRights) => {
                Ok(Accepted { leased: Vec::new() })
            }
            Err(refused) if self.tells(Lie::LeavesTracesOfRefusals) => {
                self.chatter(at).await?;
                Err(refused)
            }
            other => other,
        }
    }

    async fn due_destinations(
        &self,
        now: Timestamp,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DueDestination>, StoreError> {
        let mut due = self.truth.due_destinations(now, after, limit).await?;
        if self.tells(Lie::ListsDestinationsUnordered) {
            due.reverse();
        }
        Ok(due)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let late = if self.tells(Lie::SleepsTooLong) { Duration::from_secs(1) } else { Duration::ZERO };
        Ok(self.truth.next_due().await?.map(|next| next + late))
    }

    async fn lease(
        &self,
        destination: &Destination,
        lease: &Lease,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<LeasedMessage>, StoreError> {
        // As if every lease had run out.
        let now = if self.tells(Lie::LeasesTwice) { now + Duration::from_hours(1) } else { now };
        let mut paused = self.truth.paused().await?;
        paused.retain(|_| self.tells(Lie::LeasesThroughPauses));
        for scope in &paused {
            self.truth.resume(scope, &Actor::System, now).await?;
        }
        let mut leased = self.truth.lease(destination, lease, now, limit).await?;
        for scope in &paused {
            self.truth.pause(scope, &Actor::System, now).await?;
        }
        for message in &leased {
            self.notes().holders.insert(message.message, lease.holder.clone());
        }
        if self.tells(Lie::SplitsMessages) {
            for message in &mut leased {
                message.deliveries.truncate(1);
            }
        }
        if self.tells(Lie::ForgetsToldDelays) {
            for delivery in leased.iter_mut().flat_map(|message| &mut message.deliveries) {
                delivery.delay_told = false;
            }
        }
        if self.tells(Lie::LeasesNewestFirst) {
            leased.reverse();
        }
        Ok(leased)
    }

    async fn content(&self, message: MessageId) -> Result<Option<Bytes>, StoreError> {
        let fresh = match self.truth.content(message).await {
            Err(StoreError::Damaged(_)) if self.tells(Lie::HidesDamage) => Some(Bytes::from_static(b"?")),
            read => read?,
        };
        if self.tells(Lie::CorruptsBytes) {
            return Ok(fresh.map(|bytes| Bytes::from(String::from_utf8_lossy(&bytes).into_owned())));
        }
        if self.tells(Lie::KeepsBytesForever) {
            return Ok(self.notes().contents.entry(message).or_insert(fresh).clone());
        }
        Ok(fresh)
    }

    async fn renew(&self, message: MessageId, lease: &Lease) -> Result<bool, StoreError> {
        Ok(self.truth.renew(message, lease).await? || self.tells(Lie::RenewsForAnybody))
    }

    async fn give_back(&self, deliveries: &[DeliveryId], holder: &Holder) -> Result<(), StoreError> {
        if self.tells(Lie::KeepsWhatIsGivenBack) {
            return Ok(());
        }
        self.truth.give_back(deliveries, holder).await
    }

    async fn settle(&self, mut settlement: Settlement) -> Result<Vec<Settled>, StoreError> {
        let holder = self.notes().holders.get(&settlement.message).cloned();
        if let Some(holder) = holder.filter(|holder| *holder != settlement.holder) {
            if self.tells(Lie::LosesLateSuccesses) {
                return Ok(vec![Settled::LeaseLost; settlement.results.len()]);
            }
            if self.tells(Lie::TakesLateFailures) {
                settlement.holder = holder;
            }
        }
        let first = settlement.results[0].status;
        for result in &mut settlement.results {
            if self.tells(Lie::SettlesAgain) {
                let settled = &mut self.notes().settled;
                *settled += 1;
                result.attempt.id = AttemptId::from_bytes(u128::from(*settled).to_be_bytes());
            }
            if self.tells(Lie::SettlesAllAlike) {
                result.status = first;
            }
            if self.tells(Lie::ForgetsTheNextAttempt) {
                result.next_attempt_at = None;
            }
        }
        if self.tells(Lie::ForgetsNotifications) {
            settlement.notification = None;
        }
        let mut answers = self.truth.settle(settlement.clone()).await?;
        if self.tells(Lie::KeepsFalseNotifications) && answers.contains(&Settled::Withheld) {
            for (result, answer) in settlement.results.iter_mut().zip(&answers) {
                result.notified &= *answer == Settled::Withheld;
            }
            answers = self.truth.settle(settlement.clone()).await?;
        }
        let right = self.notes().rights.get(&settlement.message).cloned();
        if self.tells(Lie::NotifiesAgain)
            && let (Some(right), Some(new)) = (right, settlement.notification.clone())
            && answers.iter().all(|answer| *answer == Settled::Already)
        {
            let at = settlement.results[0].attempt.ended_at;
            self.truth
                .accept(&right, new, at)
                .await
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        if self.tells(Lie::ReleasesOnDeferral) {
            let deferred = |status| status == DeliveryStatus::Deferred;
            for result in settlement.results.iter().filter(|result| deferred(result.status)) {
                let (which, at) = (Selector::Delivery(result.delivery), result.attempt.ended_at);
                self.truth.release(&which, &Actor::System, at).await?;
            }
        }
        if self.tells(Lie::AnswersAllAlike) {
            let first = answers[0];
            answers.fill(first);
        }
        if self.tells(Lie::ClaimsToRecord) {
            answers.fill(Settled::Recorded);
        }
        Ok(answers)
    }

    async fn set_aside(&self, message: MessageId, at: Timestamp) -> Result<(), StoreError> {
        self.truth.set_aside(message, at).await
    }

    async fn take_back_leases(&self, holder: &Holder) -> Result<u64, StoreError> {
        self.truth.take_back_leases(holder).await
    }

    async fn hold(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        if self.tells(Lie::HoldsMoreThanMeant)
            && let Selector::Delivery(delivery) = which
            && let Some(message) = self.truth.message_of(*delivery).await?
        {
            return self.truth.hold(&Selector::Message(message), actor, at).await;
        }
        self.truth.hold(which, actor, at).await
    }

    async fn release(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.truth.release(which, actor, at).await
    }

    async fn retry(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.truth.retry(which, actor, at).await
    }

    async fn cancel(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.truth.cancel(which, actor, at).await
    }

    async fn pause(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        self.truth.pause(scope, actor, at).await
    }

    async fn resume(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        self.truth.resume(scope, actor, at).await
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, StoreError> {
        self.truth.paused().await
    }

    async fn summary(&self) -> Result<QueueSummary, StoreError> {
        let fresh = self.truth.summary().await?;
        if self.tells(Lie::CachesTheSummary) {
            return Ok(*self.notes().summary.get_or_insert(fresh));
        }
        Ok(fresh)
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&PageCursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        if self.tells(Lie::PagesByOffset) {
            let all = self.truth.deliveries(filter, None, 1_000).await?;
            let offset: usize = after.map_or(0, |after| after.0.parse().expect("a number of its own"));
            let rows: Vec<_> = all.rows.iter().skip(offset).take(limit).cloned().collect();
            let end = offset + rows.len();
            let next = (end < all.rows.len()).then(|| PageCursor(end.to_string()));
            return Ok(DeliveryPage { rows, next });
        }
        let mut filter = filter.clone();
        if self.tells(Lie::IgnoresTheSender) {
            filter.sender = None;
        }
        let mut page = self.truth.deliveries(&filter, after, limit).await?;
        if self.tells(Lie::MindsCaseInSubjects)
            && let Some(text) = &filter.subject
        {
            page.rows.retain(|row| row.subject.as_ref().is_some_and(|subject| subject.contains(text)));
        }
        Ok(page)
    }

    async fn message(&self, message: MessageId) -> Result<Option<MessageHistory>, StoreError> {
        let mut history = self.truth.message(message).await?;
        if self.tells(Lie::ForgetsDeletedDomains) {
            let living = self.truth.domains(None, 1_000).await?;
            history = history.filter(|history| living.iter().any(|domain| domain.id == history.domain));
        }
        if self.tells(Lie::HidesReasons) {
            let rows = history.iter_mut().flat_map(|history| &mut history.deliveries);
            rows.for_each(|row| {
                row.reply.take_if(|reply| !reply.starts_with(|c: char| c.is_ascii_digit()));
            });
        }
        Ok(history)
    }

    async fn message_of(&self, delivery: DeliveryId) -> Result<Option<MessageId>, StoreError> {
        self.truth.message_of(delivery).await
    }

    async fn sweep(&self, limit: usize) -> Result<u64, StoreError> {
        self.truth.sweep(limit).await
    }
}
