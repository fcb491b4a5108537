//! Giving an SMTP user a new password.

use super::{Issued, UserError, show};
use crate::{Actor, Ports, Username};

/// Replaces a user's password by a new one. When this returns, the old one is dead on every node (law 2).
pub async fn reset_password(
    ports: Ports<'_>,
    actor: &Actor,
    username: &Username,
) -> Result<Issued, UserError> {
    let user = show(ports.store, username).await?;
    let password = ports.hasher.generate(ports.randomness);
    let hash = ports.hasher.hash(&password).await?;
    ports
        .store
        .reset_password(user.id, &hash, actor, ports.clock.now())
        .await
        .map_err(|error| UserError::of(username, error))?;
    Ok(Issued { user: show(ports.store, username).await?, password })
}
