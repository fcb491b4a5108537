//! Whether a send right still stands: three reads by key, for `MAIL` and again inside every accept.

use crate::row;
use outgate_core::{AccountState, DomainBar, DomainState, SendRight, Standing, UserState};
use rusqlite::{Connection, Result};

/// What was found.
pub(crate) struct Found {
    /// Whether it stands.
    pub(crate) standing: Standing,
    /// The rows of the user and its domain; 0 when stale.
    pub(crate) user: i64,
    pub(crate) domain: i64,
}

/// Looks a send right up.
pub(crate) fn of(tx: &Connection, right: &SendRight) -> Result<Found> {
    let sql = "SELECT u.seq, d.seq, u.epoch, u.state, d.state, d.trusted, a.state
               FROM users u JOIN domains d ON d.seq = u.domain JOIN accounts a ON a.seq = d.account
               WHERE u.id = ?1 AND u.deleted_at IS NULL AND d.deleted_at IS NULL";
    let found = row::first(tx, sql, [right.user().as_bytes()], |row| {
        let (epoch, state) = (row::count(row, 2)?, row::state::<UserState>(row, 3)?);
        let (domain, trusted) = (row::state::<DomainState>(row, 4)?, row.get::<_, bool>(5)?);
        let standing = if epoch != right.epoch() || state != UserState::Active {
            Standing::Stale
        } else if row::state::<AccountState>(row, 6)? == AccountState::Suspended {
            Standing::Barred(DomainBar::AccountSuspended)
        } else if domain == DomainState::Pending && !trusted {
            Standing::Barred(DomainBar::Pending)
        } else {
            Standing::InForce
        };
        Ok(Found { standing, user: row.get(0)?, domain: row.get(1)? })
    })?;
    Ok(found.unwrap_or(Found { standing: Standing::Stale, user: 0, domain: 0 }))
}
