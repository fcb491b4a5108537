//! Enabling an SMTP user.

use super::{UserError, show};
use crate::{Actor, Ports, User, Username};

/// Enables a user again, with the same password. Returns it as it is now.
pub async fn enable(ports: Ports<'_>, actor: &Actor, username: &Username) -> Result<User, UserError> {
    let user = show(ports.store, username).await?;
    ports
        .store
        .enable_user(user.id, actor, ports.clock.now())
        .await
        .map_err(|error| UserError::of(username, error))?;
    show(ports.store, username).await
}
