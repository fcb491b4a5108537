//! The verbs that a store fills, and their contracts.
//!
//! One verb is one transaction and appends its own event. No transaction crosses this seam, so unlike databases can
//! fill it. The exam in `outgate-store-conformance` asks every contract of every store alike.

mod directory;
mod log;
mod pages;
mod queue;

pub use directory::{Credential, Directory, DirectoryError, NewDomain, NewUser};
pub use log::{Cursor, EventsError, Log, LoggedEvent};
pub use pages::{DeliveryFilter, DeliveryPage, DeliveryRow, MessageHistory, PageCursor, QueueSummary};
pub use queue::{
    AcceptError, Accepted, DueDestination, Holder, Lease, LeasedDelivery, LeasedMessage, NewDelivery,
    NewMessage, PauseScope, Queue, Selector, Settled, SettledDelivery, Settlement,
};

/// Everything that is kept. Used as `Arc<dyn Store>`.
pub trait Store: Directory + Queue + Log {}

impl<T: Directory + Queue + Log> Store for T {}

/// Trouble of the store itself. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room, or the reserve is reached.
    #[error("the store is full")]
    Full,
    /// It did not answer, or its medium failed.
    #[error("the store failed: {0}")]
    Unavailable(String),
    /// Something kept is not what it was.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}
