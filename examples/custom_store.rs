//! Another store under Outgate: fill the three traits of `outgate_core::store`, then sit the exam.
//!
//! This one keeps everything in the reference store and counts its verbs, so that every verb can be seen in one screen
//! without a database around it. Yours answers the same verbs from your tables; the contracts stand above the traits, and
//! the exam at the end of this file tells when you are done: `cargo test -p outgate-examples`.

use async_trait::async_trait;
use bytes::Bytes;
use outgate_core::{
    Account, AccountId, Actor, DeliveryId, Destination, Domain, DomainId, DomainKey, DomainName, DomainState,
    LastConnection, MessageId, PasswordHash, SendRight, Standing, Timestamp, User, UserId, UserName,
    Username,
    store::{
        AcceptError, Accepted, Credential, Cursor, DeliveryFilter, DeliveryPage, Directory, DirectoryError,
        DueDestination, EventsError, Holder, Lease, LeasedMessage, Log, LoggedEvent, MessageHistory,
        NewDomain, NewMessage, NewUser, PageCursor, PauseScope, Queue, QueueSummary, Selector, Settled,
        Settlement, StoreError,
    },
};
use outgate_store_conformance::memory::MemoryStore;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store that counts its verbs.
#[derive(Default)]
pub struct CountingStore {
    inner: MemoryStore,
    verbs: AtomicU64,
}

impl CountingStore {
    /// How many verbs were asked of it.
    pub fn verbs(&self) -> u64 {
        self.verbs.load(Ordering::Relaxed)
    }

    fn inner(&self) -> &MemoryStore {
        self.verbs.fetch_add(1, Ordering::Relaxed);
        &self.inner
    }
}

#[async_trait]
impl Directory for CountingStore {
    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.inner().account(id).await
    }

    async fn add_domain(
        &self,
        new: NewDomain,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<Domain, DirectoryError> {
        self.inner().add_domain(new, actor, at).await
    }

    async fn domain(&self, name: &DomainName) -> Result<Option<Domain>, StoreError> {
        self.inner().domain(name).await
    }

    async fn domains(&self, after: Option<&DomainName>, limit: usize) -> Result<Vec<Domain>, StoreError> {
        self.inner().domains(after, limit).await
    }

    async fn domain_keys(&self, domain: DomainId) -> Result<Vec<DomainKey>, StoreError> {
        self.inner().domain_keys(domain).await
    }

    async fn record_verification(
        &self,
        domain: DomainId,
        state: DomainState,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        self.inner().record_verification(domain, state, actor, at).await
    }

    async fn delete_domain(
        &self,
        domain: DomainId,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<u64, DirectoryError> {
        self.inner().delete_domain(domain, actor, at).await
    }

    async fn add_user(&self, new: NewUser, actor: &Actor, at: Timestamp) -> Result<User, DirectoryError> {
        self.inner().add_user(new, actor, at).await
    }

    async fn user(&self, username: &Username) -> Result<Option<User>, StoreError> {
        self.inner().user(username).await
    }

    async fn users(
        &self,
        domain: Option<DomainId>,
        after: Option<&Username>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        self.inner().users(domain, after, limit).await
    }

    async fn credential(&self, username: &Username) -> Result<Option<Credential>, StoreError> {
        self.inner().credential(username).await
    }

    async fn standing(&self, right: &SendRight) -> Result<Standing, StoreError> {
        self.inner().standing(right).await
    }

    async fn rename_user(
        &self,
        user: UserId,
        name: &UserName,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        self.inner().rename_user(user, name, actor, at).await
    }

    async fn disable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        self.inner().disable_user(user, actor, at).await
    }

    async fn enable_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        self.inner().enable_user(user, actor, at).await
    }

    async fn reset_password(
        &self,
        user: UserId,
        hash: &PasswordHash,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<(), DirectoryError> {
        self.inner().reset_password(user, hash, actor, at).await
    }

    async fn rehash(
        &self,
        user: UserId,
        epoch: u64,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.inner().rehash(user, epoch, old, new).await
    }

    async fn delete_user(&self, user: UserId, actor: &Actor, at: Timestamp) -> Result<(), DirectoryError> {
        self.inner().delete_user(user, actor, at).await
    }

    async fn note_login(&self, user: UserId, connection: &LastConnection) -> Result<(), StoreError> {
        self.inner().note_login(user, connection).await
    }
}

#[async_trait]
impl Queue for CountingStore {
    fn has_room(&self) -> bool {
        self.inner().has_room()
    }

    async fn accept(
        &self,
        right: &SendRight,
        new: NewMessage,
        at: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        self.inner().accept(right, new, at).await
    }

    async fn due_destinations(
        &self,
        now: Timestamp,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DueDestination>, StoreError> {
        self.inner().due_destinations(now, after, limit).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner().next_due().await
    }

    async fn lease(
        &self,
        destination: &Destination,
        lease: &Lease,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<LeasedMessage>, StoreError> {
        self.inner().lease(destination, lease, now, limit).await
    }

    async fn content(&self, message: MessageId) -> Result<Option<Bytes>, StoreError> {
        self.inner().content(message).await
    }

    async fn renew(&self, message: MessageId, lease: &Lease) -> Result<bool, StoreError> {
        self.inner().renew(message, lease).await
    }

    async fn give_back(&self, deliveries: &[DeliveryId], holder: &Holder) -> Result<(), StoreError> {
        self.inner().give_back(deliveries, holder).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Vec<Settled>, StoreError> {
        self.inner().settle(settlement).await
    }

    async fn set_aside(&self, message: MessageId, at: Timestamp) -> Result<(), StoreError> {
        self.inner().set_aside(message, at).await
    }

    async fn take_back_leases(&self, holder: &Holder) -> Result<u64, StoreError> {
        self.inner().take_back_leases(holder).await
    }

    async fn hold(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.inner().hold(which, actor, at).await
    }

    async fn release(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.inner().release(which, actor, at).await
    }

    async fn retry(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.inner().retry(which, actor, at).await
    }

    async fn cancel(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.inner().cancel(which, actor, at).await
    }

    async fn pause(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        self.inner().pause(scope, actor, at).await
    }

    async fn resume(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        self.inner().resume(scope, actor, at).await
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, StoreError> {
        self.inner().paused().await
    }

    async fn summary(&self) -> Result<QueueSummary, StoreError> {
        self.inner().summary().await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&PageCursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        self.inner().deliveries(filter, after, limit).await
    }

    async fn message(&self, message: MessageId) -> Result<Option<MessageHistory>, StoreError> {
        self.inner().message(message).await
    }

    async fn message_of(&self, delivery: DeliveryId) -> Result<Option<MessageId>, StoreError> {
        self.inner().message_of(delivery).await
    }

    async fn sweep(&self, limit: usize) -> Result<u64, StoreError> {
        self.inner().sweep(limit).await
    }
}

#[async_trait]
impl Log for CountingStore {
    async fn events_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, EventsError> {
        self.inner().events_after(after, limit).await
    }

    async fn events_end(&self) -> Result<Cursor, StoreError> {
        self.inner().events_end().await
    }

    async fn trim_events(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner().trim_events(before, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_core::store::Store;
    use outgate_store_conformance::Fixture;
    use std::sync::Arc;

    /// How the exam opens, reopens, damages and suspends: what no verb can do.
    #[derive(Default)]
    struct Counting(Arc<CountingStore>);

    #[async_trait]
    impl Fixture for Counting {
        async fn open(&self) -> Arc<dyn Store> {
            Arc::clone(&self.0) as Arc<dyn Store>
        }

        async fn reopen(&self) -> Arc<dyn Store> {
            Arc::clone(&self.0) as Arc<dyn Store>
        }

        async fn damage(&self, message: MessageId) {
            self.0.inner.damage_content(message);
        }

        async fn suspend(&self, account: AccountId) {
            self.0.inner.set_account_state(account, outgate_core::AccountState::Suspended);
        }
    }

    outgate_store_conformance::exam!(super::tests::Counting::default());
}
