//! Where applications signed in from before.

use outgate_auth::Throttle;
use outgate_core::store::{Store, StoreError};

/// Users that one read fetches.
const USERS_A_READ: usize = 1000;

/// Tells the throttle of them, so that a start under attack locks none of them out.
pub(super) async fn remember(store: &dyn Store, throttle: &Throttle) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.users(None, after.as_ref(), USERS_A_READ).await?;
        for user in &page {
            if let Some(seen) = &user.last_connection {
                outgate_core::Throttle::note(throttle, seen.address, &user.username, true, seen.at);
            }
        }
        if page.len() < USERS_A_READ {
            return Ok(());
        }
        after = page.into_iter().last().map(|user| user.username);
    }
}
