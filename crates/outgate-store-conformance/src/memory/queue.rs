//! The queue's verbs, each under the one lock.

use super::MemoryStore;
use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Actor, DeliveryId, Destination, MessageId, SendRight, Timestamp,
    store::{
        AcceptError, Accepted, DeliveryFilter, DeliveryPage, DueDestination, Holder, Lease, LeasedMessage,
        MessageHistory, NewMessage, PageCursor, PauseScope, Queue, QueueSummary, Selector, Settled,
        Settlement, StoreError,
    },
};

#[async_trait]
impl Queue for MemoryStore {
    fn has_room(&self) -> bool {
        !self.locked().full
    }

    async fn accept(
        &self,
        right: &SendRight,
        new: NewMessage,
        at: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        self.state()?.accept(right, new, at)
    }

    async fn due_destinations(
        &self,
        now: Timestamp,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DueDestination>, StoreError> {
        Ok(self.state()?.due_destinations(now, after, limit))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state()?.next_due())
    }

    async fn lease(
        &self,
        destination: &Destination,
        lease: &Lease,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<LeasedMessage>, StoreError> {
        Ok(self.state()?.lease(destination, lease, now, limit))
    }

    async fn content(&self, message: MessageId) -> Result<Option<Bytes>, StoreError> {
        self.state()?.content(message)
    }

    async fn renew(&self, message: MessageId, lease: &Lease) -> Result<bool, StoreError> {
        Ok(self.state()?.renew(message, lease))
    }

    async fn give_back(&self, deliveries: &[DeliveryId], holder: &Holder) -> Result<(), StoreError> {
        self.state()?.give_back(deliveries, holder);
        Ok(())
    }

    async fn settle(&self, settlement: Settlement) -> Result<Vec<Settled>, StoreError> {
        Ok(self.state()?.settle(settlement))
    }

    async fn set_aside(&self, message: MessageId, at: Timestamp) -> Result<(), StoreError> {
        self.state()?.set_aside(message, at);
        Ok(())
    }

    async fn take_back_leases(&self, holder: &Holder) -> Result<u64, StoreError> {
        Ok(self.state()?.take_back_leases(holder))
    }

    async fn hold(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        Ok(self.state()?.hold(which, actor, at))
    }

    async fn release(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        Ok(self.state()?.release(which, actor, at))
    }

    async fn retry(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        Ok(self.state()?.retry(which, actor, at))
    }

    async fn cancel(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        Ok(self.state()?.cancel(which, actor, at))
    }

    async fn pause(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        self.state()?.pause(scope, actor, at);
        Ok(())
    }

    async fn resume(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        self.state()?.resume(scope, actor, at);
        Ok(())
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, StoreError> {
        Ok(self.state()?.paused.iter().cloned().collect())
    }

    async fn summary(&self) -> Result<QueueSummary, StoreError> {
        Ok(self.state()?.summary())
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&PageCursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        self.state()?.deliveries(filter, after, limit)
    }

    async fn message(&self, message: MessageId) -> Result<Option<MessageHistory>, StoreError> {
        Ok(self.state()?.message(message))
    }

    async fn message_of(&self, delivery: DeliveryId) -> Result<Option<MessageId>, StoreError> {
        Ok(self.state()?.deliveries.get(&delivery).map(|kept| kept.message))
    }

    async fn sweep(&self, limit: usize) -> Result<u64, StoreError> {
        Ok(self.state()?.sweep(limit))
    }
}
