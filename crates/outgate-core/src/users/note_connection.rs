//! Writing a sign-in down.

use crate::{
    LastConnection, PasswordHash, UserId,
    store::{Store, StoreError},
};

/// What is to be written down of a successful sign-in.
#[derive(Clone, Debug)]
pub struct SignInRecord {
    pub(super) user: UserId,
    pub(super) epoch: u64,
    pub(super) connection: LastConnection,
    /// The kept hash and a stronger one of the same password.
    pub(super) rehash: Option<(PasswordHash, PasswordHash)>,
}

/// Notes the last connection (law 5), and replaces a hash whose parameters have become weak. The client's `235` does
/// not wait for it.
pub async fn note_connection(store: &dyn Store, record: &SignInRecord) -> Result<(), StoreError> {
    store.note_login(record.user, &record.connection).await?;
    if let Some((old, new)) = &record.rehash {
        store.rehash(record.user, record.epoch, old, new).await?;
    }
    Ok(())
}
