//! Disabling an SMTP user.

use super::{UserError, show};
use crate::{Actor, Ports, User, Username};

/// Disables a user: its next AUTH and its open sessions' next message are refused (law 2). Returns it as it is now.
pub async fn disable(ports: Ports<'_>, actor: &Actor, username: &Username) -> Result<User, UserError> {
    let user = show(ports.store, username).await?;
    ports
        .store
        .disable_user(user.id, actor, ports.clock.now())
        .await
        .map_err(|error| UserError::of(username, error))?;
    show(ports.store, username).await
}
