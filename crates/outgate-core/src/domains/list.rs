//! Listing sending domains.

use super::DomainError;
use crate::{Domain, store::Store};

/// How many domains one read fetches.
const PAGE: usize = 500;

/// Every living domain, in order of name.
pub async fn list(store: &dyn Store) -> Result<Vec<Domain>, DomainError> {
    let mut all: Vec<Domain> = Vec::new();
    loop {
        let page = store.domains(all.last().map(|domain| &domain.name), PAGE).await?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}
