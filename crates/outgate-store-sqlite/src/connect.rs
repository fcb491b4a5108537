//! Connections and how each is set up.

use rusqlite::{Connection, OpenFlags, Result, config::DbConfig};
use std::{path::Path, time::Duration};

/// How long a connection waits for another process (a command, or the relay) to finish its transaction.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// How long a checkpoint keeps writers waiting for the last readers of the log.
const CHECKPOINT_BUSY: Duration = Duration::from_millis(200);
/// Pages the writer keeps in memory, as SQLite counts it: negative, in KiB. As many as most batches have, and not many
/// more: many a commit goes through the whole cache.
const WRITER_CACHE: i64 = -8 * 1024;
/// The same for each reader. Every commit of the writer empties it, so much would be in vain.
const READER_CACHE: i64 = -4 * 1024;
/// Prepared statements kept by each connection: more than there are.
const STATEMENTS: usize = 128;

/// A connection that writes; the file must be there.
pub(crate) fn writer(path: &Path) -> Result<Connection> {
    let connection = unproven(path)?;
    trust(&connection)?;
    Ok(connection)
}

/// One that will write once the file has proved sound. Until it is trusted, closing it leaves the file and its log as
/// they are.
pub(crate) fn unproven(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, BUSY)?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    Ok(connection)
}

/// The file is sound: the last connection to close may move the log into it and remove the log.
pub(crate) fn trust(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
}

/// A connection that sees what is committed and cannot write.
pub(crate) fn reader(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, BUSY)?;
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    Ok(connection)
}

/// A connection that moves the log into the file.
pub(crate) fn checkpointer(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, CHECKPOINT_BUSY)?;
    trust(&connection)?;
    Ok(connection)
}

fn open(path: &Path, access: OpenFlags, busy: Duration) -> Result<Connection> {
    // Each connection is used by one thread at a time: SQLite's own locks would be in vain.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Before anything reads the file: SQLite would move the log into a damaged file, too, and then remove it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not hang on bound values: otherwise SQLite prepares some statements anew whenever they are used.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // FULL: the log is synced before COMMIT returns. That is what `250` rests on.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Checkpoints are made beside the writer, never in the middle of a commit.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenOptions, Sqlite};
    use rusqlite::StatementStatus;

    #[test]
    fn every_connection_is_durable_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outgate.db");
        drop(Sqlite::open(&path, &OpenOptions { create: true, ..OpenOptions::default() }).unwrap());
        for make in [writer, reader, checkpointer] {
            let connection = make(&path).unwrap();
            let ask =
                |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(ask("synchronous"), 2, "FULL");
            assert_eq!(ask("foreign_keys"), 1);
            assert_eq!(ask("wal_autocheckpoint"), 0);
            let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
    }

    #[test]
    fn a_statement_is_prepared_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outgate.db");
        drop(Sqlite::open(&path, &OpenOptions { create: true, ..OpenOptions::default() }).unwrap());
        let connection = reader(&path).unwrap();
        // One that SQLite would prepare anew: there are partial indexes, and a value to compare with.
        let sql = "SELECT message FROM deliveries WHERE status <= 1 AND due_at <= ?1 LIMIT ?2";
        for value in 0..5_i64 {
            let mut statement = connection.prepare_cached(sql).unwrap();
            assert!(!statement.exists((value, value)).unwrap());
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "at {value}");
        }
    }
}
