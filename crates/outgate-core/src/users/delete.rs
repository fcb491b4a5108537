//! Deleting an SMTP user.

use super::{UserError, show};
use crate::{Actor, Ports, User, Username};

/// Deletes a user for good; its username is never issued again (law 3). Returns it as it was.
pub async fn delete(ports: Ports<'_>, actor: &Actor, username: &Username) -> Result<User, UserError> {
    let user = show(ports.store, username).await?;
    ports
        .store
        .delete_user(user.id, actor, ports.clock.now())
        .await
        .map_err(|error| UserError::of(username, error))?;
    Ok(user)
}
