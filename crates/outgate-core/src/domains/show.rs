//! Showing one sending domain.

use super::DomainError;
use crate::{Domain, DomainKey, DomainName, store::Store};

/// One living domain.
pub async fn show(store: &dyn Store, name: &DomainName) -> Result<Domain, DomainError> {
    store.domain(name).await?.ok_or_else(|| DomainError::NotFound(name.clone()))
}

/// One living domain with its keys.
pub async fn keys(store: &dyn Store, name: &DomainName) -> Result<(Domain, Vec<DomainKey>), DomainError> {
    let domain = show(store, name).await?;
    let keys = store.domain_keys(domain.id).await?;
    Ok((domain, keys))
}
