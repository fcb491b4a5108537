//! Migrations: numbered files, applied in one transaction each, and known again by their checksums.

use rusqlite::{Connection, Result, TransactionBehavior};

/// Marks a file as ours: `Outg`.
pub(crate) const APPLICATION_ID: u32 = 0x4f75_7467;

/// The schema version that this program writes.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Tables that are checked whenever the store is opened. Messages and what grows with them are not: their bytes carry
/// a checksum, and a check would take as long as the queue is big. The first step made all of them.
const CHECKED: [&str; 9] = [
    "migrations",
    "accounts",
    "domains",
    "domain_keys",
    "usernames",
    "users",
    "tallies",
    "pauses",
    "log_floor",
];

/// One step of the schema. Its version is its place in [`MIGRATIONS`], from 1; a step that was released never changes.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 1] =
    [Migration { name: "initial", sql: include_str!("../migrations/V1__initial.sql") }];

impl Migration {
    fn checksum(&self) -> u32 {
        crc32fast::hash(self.sql.as_bytes())
    }
}

/// The schema version of a database.
pub(crate) fn version(connection: &Connection) -> Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Applies what is missing, each step whole or not at all.
pub(crate) fn migrate(connection: &mut Connection) -> Result<()> {
    let steps = (1_u32..).zip(&MIGRATIONS);
    for (number, step) in steps {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read inside the transaction: another process may have been first.
        if version(&tx)? >= number {
            continue;
        }
        tx.execute_batch(step.sql)?;
        tx.execute(
            "INSERT INTO migrations (version, name, checksum) VALUES (?1, ?2, ?3)",
            (number, step.name, step.checksum()),
        )?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
        tracing::info!(version = number, name = step.name, "migrated the database");
    }
    Ok(())
}

/// What is wrong with a database of a version up to ours, if anything: a migration that differs from ours, or a broken
/// table. Only reads.
pub(crate) fn fault(connection: &Connection, version: u32) -> Result<Option<String>> {
    // A database is put in place with its schema: one without is what is left of it.
    if version == 0 {
        return Ok(Some("it has no schema".to_owned()));
    }
    let mut applied = connection.prepare("SELECT version, checksum FROM migrations ORDER BY version")?;
    let applied: Vec<(u32, u32)> =
        applied.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_>>()?;
    let ours: Vec<_> = (1..=version).zip(MIGRATIONS.iter().map(Migration::checksum)).collect();
    if applied != ours {
        return Ok(Some("its migrations are not those of this program".to_owned()));
    }
    for table in CHECKED {
        let found: String =
            connection.query_row(&format!("PRAGMA quick_check({table})"), [], |row| row.get(0))?;
        if found != "ok" {
            return Ok(Some(format!("table {table}: {found}")));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_is_migrating_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), VERSION);
        assert_eq!(fault(&connection, VERSION).unwrap(), None);
        assert!(fault(&connection, 0).unwrap().is_some());
    }

    #[test]
    fn another_migration_under_the_same_number_is_seen() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("UPDATE migrations SET checksum = checksum + 1", []).unwrap();
        assert!(fault(&connection, VERSION).unwrap().is_some());
    }
}
