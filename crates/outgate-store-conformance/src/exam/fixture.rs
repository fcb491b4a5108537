//! What a store's author writes to have it examined.

use async_trait::async_trait;
use outgate_core::{AccountId, MessageId, store::Store};
use std::sync::Arc;

/// One store under examination: how to open it, and what no verb can do to it.
///
/// Every law makes a fixture of its own, calls [`Fixture::open`] once and first, and the others as it needs. Trouble is
/// a panic: then the law is not passed. A fixture that is dropped takes its data along.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// Opens a store on nothing: fresh and empty.
    async fn open(&self) -> Arc<dyn Store>;

    /// Closes the store and opens it again on the same data. Whoever asks has dropped its own handles and has no verb
    /// under way; what the fixture keeps is for the fixture to close. A store that lives in memory gives itself again.
    async fn reopen(&self) -> Arc<dyn Store>;

    /// Changes a byte of the kept bytes of a message, behind the store's back, as a failing disk would.
    async fn damage(&self, message: MessageId);

    /// Suspends an account, which no verb does yet.
    async fn suspend(&self, account: AccountId);
}
