//! Showing one SMTP user.

use super::UserError;
use crate::{User, Username, store::Store};

/// One living SMTP user.
pub async fn show(store: &dyn Store, username: &Username) -> Result<User, UserError> {
    store.user(username).await?.ok_or_else(|| UserError::NotFound(username.clone()))
}
