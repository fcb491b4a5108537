//! Listing SMTP users.

use super::UserError;
use crate::{DomainName, User, store::Store};

/// How many users one read fetches.
const PAGE: usize = 500;

/// Every living SMTP user of one domain, or of all, in order of username.
pub async fn list(store: &dyn Store, domain: Option<&DomainName>) -> Result<Vec<User>, UserError> {
    let domain = match domain {
        None => None,
        Some(name) => {
            let found = store.domain(name).await?;
            Some(found.ok_or_else(|| UserError::DomainNotFound(name.clone()))?.id)
        }
    };
    let mut all: Vec<User> = Vec::new();
    loop {
        let page = store.users(domain, all.last().map(|user| &user.username), PAGE).await?;
        let last = page.len() < PAGE;
        all.extend(page);
        if last {
            return Ok(all);
        }
    }
}
