//! Domains and their keys.

use crate::{code::Coded, fault::Stop, log, row};
use outgate_core::{
    Actor, Domain, DomainId, DomainKey, DomainName, DomainState, EventKind, KeyId, KeyStage, NewDomainKey,
    Timestamp,
    store::{DirectoryError, NewDomain},
};
use rusqlite::{Connection, Result, Row};

type Verb<T> = std::result::Result<T, Stop<DirectoryError>>;

const COLUMNS: &str = "d.id, a.id, d.name, d.state, d.trusted, d.ownership_token, d.created_at, d.users
                       FROM domains d JOIN accounts a ON a.seq = d.account
                       WHERE d.deleted_at IS NULL";

fn read(row: &Row<'_>) -> Result<Domain> {
    Ok(Domain {
        id: row::id(row, 0, DomainId::from_bytes)?,
        account: row::id(row, 1, outgate_core::AccountId::from_bytes)?,
        name: row::text(row, 2)?,
        state: row::state(row, 3)?,
        trusted: row.get(4)?,
        ownership_token: row.get(5)?,
        created_at: row::time(row, 6)?,
        users: row::count(row, 7)?,
    })
}

/// A living domain by name.
pub(super) fn named(tx: &Connection, name: &DomainName) -> Result<Option<Domain>> {
    row::first(tx, &format!("SELECT {COLUMNS} AND d.name = ?1"), [name.as_str()], read)
}

/// Living domains in order of name.
pub(super) fn list(tx: &Connection, after: Option<&DomainName>, limit: usize) -> Result<Vec<Domain>> {
    let sql = format!("SELECT {COLUMNS} AND d.name > ?1 ORDER BY d.name LIMIT ?2");
    row::all(tx, &sql, (after.map_or("", DomainName::as_str), row::limit(limit)), read)
}

/// The keys of a domain in order of making, a deleted domain's too.
pub(super) fn keys(tx: &Connection, domain: DomainId) -> Result<Vec<DomainKey>> {
    let sql =
        "SELECT k.id, k.selector, k.algorithm, k.public_key, k.sealed_private_key, k.stage, k.created_at
               FROM domains d JOIN domain_keys k ON k.domain = d.seq WHERE d.id = ?1 ORDER BY k.seq";
    row::all(tx, sql, [domain.as_bytes()], |row| {
        Ok(DomainKey { key: key(row)?, domain, stage: row::state(row, 5)?, created_at: row::time(row, 6)? })
    })
}

/// A key from the first five columns.
fn key(row: &Row<'_>) -> Result<NewDomainKey> {
    Ok(NewDomainKey {
        id: row::id(row, 0, KeyId::from_bytes)?,
        selector: row.get(1)?,
        algorithm: row::state(row, 2)?,
        public_key: row.get(3)?,
        sealed_private_key: row.get(4)?,
    })
}

/// Any one key that is sealed, with its domain's name; a living domain's before others.
pub(super) fn sealed_key(tx: &Connection) -> Result<Option<(DomainName, NewDomainKey)>> {
    let sql = "SELECT k.id, k.selector, k.algorithm, k.public_key, k.sealed_private_key, d.name
               FROM domain_keys k JOIN domains d ON d.seq = k.domain WHERE length(k.sealed_private_key) > 0
               ORDER BY d.deleted_at IS NOT NULL, k.seq LIMIT 1";
    row::first(tx, sql, [], |row| Ok((row::text(row, 5)?, key(row)?)))
}

/// A living domain by id: its row and itself.
pub(super) fn living(tx: &Connection, id: DomainId) -> Verb<(i64, Domain)> {
    let sql = format!("SELECT {COLUMNS} AND d.id = ?1");
    let domain = row::first(tx, &sql, [id.as_bytes()], read)?.ok_or(DirectoryError::DomainNotFound)?;
    let seq = row::first(tx, "SELECT seq FROM domains WHERE id = ?1", [id.as_bytes()], |row| row.get(0))?;
    Ok((seq.ok_or(DirectoryError::DomainNotFound)?, domain))
}

/// Adds a domain with its keys.
pub(super) fn add(tx: &Connection, new: &NewDomain, actor: &Actor, at: Timestamp) -> Verb<Domain> {
    if named(tx, &new.name)?.is_some() {
        return Err(DirectoryError::DomainExists.into());
    }
    let domain = Domain {
        id: new.id,
        account: new.account,
        name: new.name.clone(),
        state: DomainState::Pending,
        trusted: new.trusted,
        ownership_token: new.ownership_token.clone(),
        created_at: at,
        users: 0,
    };
    row::run(
        tx,
        "INSERT INTO domains (id, account, name, state, trusted, ownership_token, created_at)
         VALUES (?1, (SELECT seq FROM accounts WHERE id = ?2), ?3, ?4, ?5, ?6, ?7)",
        (
            domain.id.as_bytes(),
            domain.account.as_bytes(),
            domain.name.as_str(),
            domain.state.code(),
            domain.trusted,
            &domain.ownership_token,
            at.as_millisecond(),
        ),
    )?;
    let seq = tx.last_insert_rowid();
    for key in &new.keys {
        row::run(
            tx,
            "INSERT INTO domain_keys (id, domain, selector, algorithm, public_key, sealed_private_key, stage, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                key.id.as_bytes(),
                seq,
                &key.selector,
                key.algorithm.code(),
                &key.public_key,
                &key.sealed_private_key,
                KeyStage::Active.code(),
                at.as_millisecond(),
            ),
        )?;
    }
    let kind =
        EventKind::DomainAdded { domain: domain.id, name: domain.name.clone(), trusted: domain.trusted };
    log::append(tx, at, actor, kind)?;
    Ok(domain)
}

/// Records what DNS says.
pub(super) fn record_verification(
    tx: &Connection,
    id: DomainId,
    to: DomainState,
    actor: &Actor,
    at: Timestamp,
) -> Verb<()> {
    let (seq, domain) = living(tx, id)?;
    if domain.state != to {
        row::run(tx, "UPDATE domains SET state = ?2 WHERE seq = ?1", (seq, to.code()))?;
        let kind = EventKind::DomainVerification { domain: id, name: domain.name, from: domain.state, to };
        log::append(tx, at, actor, kind)?;
    }
    Ok(())
}

/// Deletes a domain. One row, however many users it has: a user lives only as long as its domain, and the next sweeps
/// bury what is left of them.
pub(super) fn delete(tx: &Connection, id: DomainId, actor: &Actor, at: Timestamp) -> Verb<u64> {
    let (seq, domain) = living(tx, id)?;
    row::run(tx, "UPDATE domains SET deleted_at = ?2, users = 0 WHERE seq = ?1", (seq, at.as_millisecond()))?;
    let kind = EventKind::DomainDeleted { domain: id, name: domain.name, users: domain.users };
    log::append(tx, at, actor, kind)?;
    Ok(domain.users)
}
