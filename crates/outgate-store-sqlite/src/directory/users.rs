//! SMTP users.

use super::domains;
use crate::{
    code::Coded,
    fault::{Stop, damaged, unwritable},
    log, row,
};
use outgate_core::{
    AccountId, Actor, DomainId, EventKind, LastConnection, PasswordHash, Timestamp, User, UserId, UserName,
    UserState, Username,
    store::{Credential, DirectoryError, NewUser, StoreError},
};
use rusqlite::{Connection, Result, Row};

type Verb<T> = std::result::Result<T, Stop<DirectoryError>>;

/// What a user is read from; a user lives while neither it nor its domain is deleted.
const COLUMNS: &str =
    "u.id, d.id, d.name, u.username, u.name, u.state, u.epoch, u.created_at, u.last_connection";
const LIVING: &str =
    "users u JOIN domains d ON d.seq = u.domain AND d.deleted_at IS NULL AND u.deleted_at IS NULL";

fn read(row: &Row<'_>) -> Result<User> {
    let last = row.get_ref(8)?.as_str_or_null()?;
    Ok(User {
        id: row::id(row, 0, UserId::from_bytes)?,
        domain: row::id(row, 1, DomainId::from_bytes)?,
        domain_name: row::text(row, 2)?,
        username: row::text(row, 3)?,
        name: row::text(row, 4)?,
        state: row::state(row, 5)?,
        epoch: row::count(row, 6)?,
        created_at: row::time(row, 7)?,
        last_connection: last.map(serde_json::from_str).transpose().map_err(|error| damaged(8, error))?,
    })
}

/// A living user by username.
pub(super) fn named(tx: &Connection, username: &Username) -> Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM {LIVING} WHERE u.username = ?1");
    row::first(tx, &sql, [username.as_str()], read)
}

/// Living users in order of username.
pub(super) fn list(
    tx: &Connection,
    domain: Option<DomainId>,
    after: Option<&Username>,
    limit: usize,
) -> Result<Vec<User>> {
    let (after, limit) = (after.map_or("", Username::as_str), row::limit(limit));
    let Some(domain) = domain else {
        let sql =
            format!("SELECT {COLUMNS} FROM {LIVING} WHERE u.username > ?1 ORDER BY u.username LIMIT ?2");
        return row::all(tx, &sql, (after, limit), read);
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM {LIVING} WHERE d.id = ?3 AND u.username > ?1 ORDER BY u.username LIMIT ?2"
    );
    row::all(tx, &sql, (after, limit, domain.as_bytes()), read)
}

/// What a sign-in reads.
pub(super) fn credential(tx: &Connection, username: &Username) -> Result<Option<Credential>> {
    let sql = format!(
        "SELECT {COLUMNS}, u.hash, a.id, a.state FROM {LIVING} JOIN accounts a ON a.seq = d.account
         WHERE u.username = ?1"
    );
    row::first(tx, &sql, [username.as_str()], |row| {
        Ok(Credential {
            user: read(row)?,
            hash: PasswordHash::new(row.get_ref(9)?.as_str()?),
            account: row::id(row, 10, AccountId::from_bytes)?,
            account_state: row::state(row, 11)?,
        })
    })
}

/// A living user by id.
fn living(tx: &Connection, id: UserId) -> Result<Option<User>> {
    let sql = format!("SELECT {COLUMNS} FROM {LIVING} WHERE u.id = ?1");
    row::first(tx, &sql, [id.as_bytes()], read)
}

fn wanted(tx: &Connection, id: UserId) -> Verb<User> {
    Ok(living(tx, id)?.ok_or(DirectoryError::UserNotFound)?)
}

/// Adds a user and buries its username.
pub(super) fn add(tx: &Connection, new: &NewUser, actor: &Actor, at: Timestamp) -> Verb<User> {
    let (seq, domain) = domains::living(tx, new.domain)?;
    let issued = "INSERT INTO usernames (username) VALUES (?1) ON CONFLICT DO NOTHING";
    if row::run(tx, issued, [new.username.as_str()])? == 0 {
        return Err(DirectoryError::UsernameTaken.into());
    }
    let user = User {
        id: new.id,
        domain: domain.id,
        domain_name: domain.name,
        username: new.username.clone(),
        name: new.name.clone(),
        state: UserState::Active,
        epoch: 1,
        created_at: at,
        last_connection: None,
    };
    row::run(
        tx,
        "INSERT INTO users (id, domain, username, name, hash, state, epoch, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)",
        (
            user.id.as_bytes(),
            seq,
            user.username.as_str(),
            user.name.as_str(),
            new.hash.as_str(),
            user.state.code(),
            at.as_millisecond(),
        ),
    )?;
    row::run(tx, "UPDATE domains SET users = users + 1 WHERE seq = ?1", [seq])?;
    let kind = EventKind::UserAdded {
        user: user.id,
        domain: user.domain,
        username: user.username.clone(),
        name: user.name.clone(),
    };
    log::append(tx, at, actor, kind)?;
    Ok(user)
}

/// Gives a user another name.
pub(super) fn rename(tx: &Connection, id: UserId, name: &UserName, actor: &Actor, at: Timestamp) -> Verb<()> {
    let user = wanted(tx, id)?;
    if user.name != *name {
        row::run(tx, "UPDATE users SET name = ?2 WHERE id = ?1", (id.as_bytes(), name.as_str()))?;
        log::append(
            tx,
            at,
            actor,
            EventKind::UserRenamed { user: id, username: user.username, name: name.clone() },
        )?;
    }
    Ok(())
}

/// Disables or enables a user; disabling raises the epoch.
pub(super) fn set_state(
    tx: &Connection,
    id: UserId,
    to: UserState,
    actor: &Actor,
    at: Timestamp,
) -> Verb<()> {
    let user = wanted(tx, id)?;
    if user.state == to {
        return Ok(());
    }
    let (raise, kind) = match to {
        UserState::Active => (0, EventKind::UserEnabled { user: id, username: user.username }),
        UserState::Disabled => (1, EventKind::UserDisabled { user: id, username: user.username }),
    };
    let sql = "UPDATE users SET state = ?2, epoch = epoch + ?3 WHERE id = ?1";
    row::run(tx, sql, (id.as_bytes(), to.code(), raise))?;
    log::append(tx, at, actor, kind)
}

/// Replaces a user's hash and raises its epoch.
pub(super) fn reset_password(
    tx: &Connection,
    id: UserId,
    hash: &PasswordHash,
    actor: &Actor,
    at: Timestamp,
) -> Verb<()> {
    let user = wanted(tx, id)?;
    let sql = "UPDATE users SET hash = ?2, epoch = epoch + 1 WHERE id = ?1";
    row::run(tx, sql, (id.as_bytes(), hash.as_str()))?;
    log::append(tx, at, actor, EventKind::PasswordReset { user: id, username: user.username })
}

/// Replaces a hash, if nothing changed since it was read.
pub(super) fn rehash(
    tx: &Connection,
    id: UserId,
    epoch: u64,
    old: &PasswordHash,
    new: &PasswordHash,
) -> Result<bool> {
    // An epoch that no row can have changes nothing.
    let epoch = i64::try_from(epoch).unwrap_or(-1);
    let sql = "UPDATE users SET hash = ?4 WHERE id = ?1 AND epoch = ?2 AND hash = ?3 AND deleted_at IS NULL
               AND EXISTS (SELECT 1 FROM domains d WHERE d.seq = users.domain AND d.deleted_at IS NULL)";
    Ok(row::run(tx, sql, (id.as_bytes(), epoch, old.as_str(), new.as_str()))? == 1)
}

/// Deletes a user for good; its row stays without its hash, for its messages point at it.
pub(super) fn delete(tx: &Connection, id: UserId, actor: &Actor, at: Timestamp) -> Verb<()> {
    let user = wanted(tx, id)?;
    let sql = "UPDATE domains SET users = users - 1 WHERE seq = (SELECT domain FROM users WHERE id = ?1)";
    row::run(tx, sql, [id.as_bytes()])?;
    let sql = "UPDATE users SET hash = '', epoch = epoch + 1, deleted_at = ?2 WHERE id = ?1";
    row::run(tx, sql, (id.as_bytes(), at.as_millisecond()))?;
    log::append(tx, at, actor, EventKind::UserDeleted { user: id, username: user.username })
}

/// Notes a sign-in, unless a newer one was noted.
pub(super) fn note_login(
    tx: &Connection,
    id: UserId,
    connection: &LastConnection,
) -> std::result::Result<(), Stop<StoreError>> {
    let Some(user) = living(tx, id)? else { return Ok(()) };
    let before = user.last_connection;
    if before.as_ref().is_some_and(|before| before.at >= connection.at) {
        return Ok(());
    }
    let body = serde_json::to_string(connection).map_err(|error| unwritable(&error))?;
    row::run(tx, "UPDATE users SET last_connection = ?2 WHERE id = ?1", (id.as_bytes(), body))?;
    if before.is_none_or(|before| connection.looks_different(&before)) {
        let (at, actor) = (connection.at, Actor::User { username: user.username.clone() });
        log::append(
            tx,
            at,
            &actor,
            EventKind::LoginNoted { user: id, username: user.username, connection: connection.clone() },
        )?;
    }
    Ok(())
}
