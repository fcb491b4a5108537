//! Finding what nothing needs any more.
//!
//! It is looked for beside the writer, however long that takes: what nobody needs is never needed again. A message whose
//! deliveries have all ended gets no new ones; nor does a deleted domain, but for a notification, and that is kept in the
//! transaction that records what became of another of its deliveries. So the writer only removes, a little at a time.
//!
//! Most bytes go in the transaction that ends a message's last delivery; looking for the others goes round, a part at each
//! sweep.

use crate::row;
use rusqlite::{Connection, Result};

/// Messages looked at in one sweep.
const LOOKED_AT: usize = 1_000;
/// Users of deleted domains buried in one sweep.
const BURIED: usize = 1_000;

/// Deleted domains that have keys yet; the keys are few, so it starts from them.
const DELETED_WITH_KEYS: &str =
    "SELECT DISTINCT k.domain FROM domain_keys k CROSS JOIN domains d ON d.seq = k.domain
                                 WHERE d.deleted_at IS NOT NULL";

/// What a look at the bytes found.
pub(super) struct Unneeded {
    /// Messages whose bytes nobody needs.
    pub(super) messages: Vec<i64>,
    /// Behind which message to go on.
    pub(super) next: i64,
}

/// Bytes that no open delivery needs, from behind a message on.
pub(super) fn content(tx: &Connection, after: i64, limit: usize) -> Result<Unneeded> {
    let sql =
        "SELECT message, EXISTS (SELECT 1 FROM deliveries d WHERE d.message = c.message AND d.status <= 2)
               FROM content c WHERE message > ?1 ORDER BY message LIMIT ?2";
    let looked_at = row::all(tx, sql, (after, row::limit(LOOKED_AT)), |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
    })?;
    let mut unneeded = Unneeded { messages: Vec::new(), next: 0 };
    for (message, needed) in &looked_at {
        if unneeded.messages.len() >= limit {
            return Ok(unneeded);
        }
        if !needed {
            unneeded.messages.push(*message);
        }
        unneeded.next = *message;
    }
    if looked_at.len() < LOOKED_AT {
        unneeded.next = 0;
    }
    Ok(unneeded)
}

/// Which of the deleted domains have something open: what is open is gone through once, and only if there is such a
/// domain.
fn with_something_open() -> String {
    format!(
        "SELECT DISTINCT o.domain FROM deliveries o INDEXED BY deliveries_open
         WHERE o.status <= 2 AND o.domain IN ({DELETED_WITH_KEYS})"
    )
}

/// Keys of deleted domains that no queued message needs.
pub(super) fn keys(tx: &Connection, limit: usize) -> Result<Vec<i64>> {
    let mut deleted = row::all(tx, DELETED_WITH_KEYS, [], |row| row.get::<_, i64>(0))?;
    if deleted.is_empty() {
        return Ok(Vec::new());
    }
    let open = row::all(tx, &with_something_open(), [], |row| row.get::<_, i64>(0))?;
    deleted.retain(|domain| !open.contains(domain));
    let mut keys = Vec::new();
    for domain in deleted {
        let sql = "SELECT seq FROM domain_keys WHERE domain = ?1";
        keys.extend(row::all(tx, sql, [domain], |row| row.get::<_, i64>(0))?);
    }
    keys.truncate(limit);
    Ok(keys)
}

/// Removes keys; returns how many.
pub(super) fn remove_keys(tx: &Connection, keys: &[i64]) -> Result<u64> {
    let mut gone = 0;
    for key in keys {
        gone += row::run(tx, "DELETE FROM domain_keys WHERE seq = ?1", [key])? as u64;
    }
    Ok(gone)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn what_is_open_is_gone_through_once_however_many_domains_were_deleted() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection).unwrap();
        let plan = |sql: &str| -> Vec<String> {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            plan.query_map([], |row| row.get(3)).unwrap().collect::<Result<_>>().unwrap()
        };
        let steps = plan(&with_something_open());
        let queue: Vec<_> = steps.iter().filter(|step| step.contains("deliveries_open")).collect();
        assert_eq!(queue.len(), 1, "{steps:?}");
        assert!(steps.iter().all(|step| !step.contains("CORRELATED")), "{steps:?}");
        // Domains that were deleted long ago, and have no keys, cost nothing.
        for steps in [steps, plan(DELETED_WITH_KEYS)] {
            let domains: Vec<_> = steps.iter().filter(|step| step.contains(" d ")).collect();
            assert!(!domains.is_empty() && domains.iter().all(|step| step.contains("SEARCH")), "{steps:?}");
        }
    }
}
