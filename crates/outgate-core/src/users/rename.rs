//! Renaming an SMTP user.

use super::{UserError, show};
use crate::{Actor, Ports, User, UserName, Username};

/// Gives a user another name; the username stays. Returns it as it is now.
pub async fn rename(
    ports: Ports<'_>,
    actor: &Actor,
    username: &Username,
    name: &UserName,
) -> Result<User, UserError> {
    let user = show(ports.store, username).await?;
    ports
        .store
        .rename_user(user.id, name, actor, ports.clock.now())
        .await
        .map_err(|error| UserError::of(username, error))?;
    show(ports.store, username).await
}
