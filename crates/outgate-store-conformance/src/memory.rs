//! The reference store: plain maps under one lock.
//!
//! It is the plainest thing that keeps the contracts, and where their words leave room it is how we read them. Every
//! verb takes the one lock, so every verb is one transaction. It keeps nothing over a restart.

mod accept;
mod directory;
mod lease;
mod log;
mod operate;
mod queue;
mod read;
mod settle;
mod state;

use crate::Fixture;
use async_trait::async_trait;
use outgate_core::{
    AccountId, AccountState, MessageId,
    store::{Store, StoreError},
};
use state::State;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store in memory. Clones are handles on the same store.
///
/// Besides the verbs it has hooks for tests: what disks, operators and bad luck do.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<State>>);

impl MemoryStore {
    /// An empty store, with the account `default`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills the store, or makes room again: without room `has_room` is false and nothing is accepted.
    pub fn set_room(&self, room: bool) {
        self.locked().full = !room;
    }

    /// Lets every verb fail, changing nothing, until told `None`.
    pub fn fail_with(&self, trouble: Option<StoreError>) {
        self.locked().trouble = trouble;
    }

    /// Damages the kept bytes of a message, as a failing disk would.
    pub fn damage_content(&self, message: MessageId) {
        if let Some(kept) = self.locked().messages.get_mut(&message) {
            kept.damaged = true;
        }
    }

    /// Suspends an account or puts it in force.
    pub fn set_account_state(&self, account: AccountId, state: AccountState) {
        if let Some(kept) = self.locked().accounts.get_mut(&account) {
            kept.state = state;
        }
    }

    /// The one lock. A panic under it is a defect that its own test tells of; the next verb need not fail for it.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state for one verb, unless the store is to fail.
    fn state(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.locked();
        match &state.trouble {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(state),
        }
    }
}

#[async_trait]
impl Fixture for MemoryStore {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    async fn reopen(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    async fn damage(&self, message: MessageId) {
        self.damage_content(message);
    }

    async fn suspend(&self, account: AccountId) {
        self.set_account_state(account, AccountState::Suspended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::World;
    use outgate_core::store::{AcceptError, Queue};

    #[tokio::test]
    async fn a_full_store_accepts_nothing_until_there_is_room() {
        let store = MemoryStore::new();
        let world = World::new(Arc::new(store.clone()));
        let sender = world.add_sender("example.com").await.unwrap();
        let message = world.message(&sender.right, &["bob@example.org"]).unwrap();
        store.set_room(false);
        assert!(!store.has_room());
        let refused = store.accept(&sender.right, message.clone(), world.now()).await;
        assert_eq!(refused, Err(AcceptError::Store(StoreError::Full)));
        store.set_room(true);
        assert!(store.has_room());
        store.accept(&sender.right, message, world.now()).await.unwrap();
    }

    #[tokio::test]
    async fn trouble_lasts_until_it_ends() {
        let store = MemoryStore::new();
        let trouble = StoreError::Unavailable("the disk is gone".to_owned());
        store.fail_with(Some(trouble.clone()));
        assert_eq!(store.summary().await, Err(trouble));
        store.fail_with(None);
        store.summary().await.unwrap();
    }
}
