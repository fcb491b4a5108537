//! Removing what nothing needs any more.
//!
//! Bytes go in the transaction that ends a message's last delivery, so none should ever be left over; looking is cheap
//! and goes round, a part at each sweep.

use crate::row;
use rusqlite::{Connection, Result};

/// Messages looked at in one sweep.
const LOOKED_AT: usize = 1_000;
/// Users of deleted domains buried in one sweep.
const BURIED: usize = 1_000;

/// What a look at the bytes did.
pub(super) struct Swept {
    /// How many messages lost theirs.
    pub(super) gone: u64,
    /// Behind which message to go on.
    pub(super) next: i64,
}

/// Removes bytes that no open delivery needs, from behind a message on.
pub(super) fn content(tx: &Connection, after: i64, limit: usize) -> Result<Swept> {
    let sql =
        "SELECT message, EXISTS (SELECT 1 FROM deliveries d WHERE d.message = c.message AND d.status <= 2)
               FROM content c WHERE message > ?1 ORDER BY message LIMIT ?2";
    let looked_at = row::all(tx, sql, (after, row::limit(LOOKED_AT)), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
    })?;
    let mut swept = Swept { gone: 0, next: 0 };
    for (message, needed) in &looked_at {
        if swept.gone as usize >= limit {
            return Ok(swept);
        }
        if !needed {
            row::run(tx, "DELETE FROM content WHERE message = ?1", [message])?;
            swept.gone += 1;
        }
        swept.next = *message;
    }
    if looked_at.len() < LOOKED_AT {
        swept.next = 0;
    }
    Ok(swept)
}

/// Removes keys of deleted domains that no queued message needs.
pub(super) fn keys(tx: &Connection, limit: usize) -> Result<u64> {
    let sql = "DELETE FROM domain_keys WHERE seq IN (
                   SELECT k.seq FROM domains d CROSS JOIN domain_keys k ON k.domain = d.seq
                   WHERE d.deleted_at IS NOT NULL AND NOT EXISTS (
                       SELECT 1 FROM deliveries o INDEXED BY deliveries_open
                       WHERE o.status <= 2 AND o.domain = d.seq)
                   LIMIT ?1)";
    Ok(row::run(tx, sql, [row::limit(limit)])? as u64)
}

/// Buries users whose domain was deleted: they are dead already, and their hashes go.
pub(super) fn users(tx: &Connection) -> Result<()> {
    let sql = "UPDATE users SET hash = '', epoch = epoch + 1,
                   deleted_at = (SELECT d.deleted_at FROM domains d WHERE d.seq = users.domain)
               WHERE seq IN (
                   SELECT u.seq FROM domains d CROSS JOIN users u ON u.domain = d.seq
                   WHERE d.deleted_at IS NOT NULL AND u.deleted_at IS NULL LIMIT ?1)";
    row::run(tx, sql, [row::limit(BURIED)]).map(drop)
}
