//! Deleting a sending domain.

use super::{DomainError, show};
use crate::{Actor, Domain, DomainName, Ports};

/// What went.
#[derive(Clone, Debug)]
pub struct DeletedDomain {
    /// The domain as it was.
    pub domain: Domain,
    /// How many SMTP users went with it.
    pub users: u64,
}

/// Deletes a domain for good, its users with it; its history stays (law 3). Mail already accepted is still delivered.
pub async fn delete(
    ports: Ports<'_>,
    actor: &Actor,
    name: &DomainName,
) -> Result<DeletedDomain, DomainError> {
    let domain = show(ports.store, name).await?;
    let users = ports
        .store
        .delete_domain(domain.id, actor, ports.clock.now())
        .await
        .map_err(|error| DomainError::of(name, error))?;
    Ok(DeletedDomain { domain, users })
}
