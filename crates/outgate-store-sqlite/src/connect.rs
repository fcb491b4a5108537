//! Connections and how each is set up.

use rusqlite::{Connection, OpenFlags, Result};
use std::{path::Path, time::Duration};

/// How long a connection waits for another process (a command, or the relay) to finish its transaction.
pub(crate) const BUSY: Duration = Duration::from_secs(5);
/// How long a checkpoint keeps writers waiting for the last readers of the log.
const CHECKPOINT_BUSY: Duration = Duration::from_millis(200);
/// Pages the writer keeps in memory, as SQLite counts it: negative, in KiB. More than a batch has.
const WRITER_CACHE: i64 = -32 * 1024;
/// The same for each reader. Every commit of the writer empties it, so much would be in vain.
const READER_CACHE: i64 = -4 * 1024;
/// Prepared statements kept by each connection: more than there are.
const STATEMENTS: usize = 128;

/// A connection that writes; the file must be there.
pub(crate) fn writer(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, BUSY)?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    Ok(connection)
}

/// A connection that sees what is committed and cannot write.
pub(crate) fn reader(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, BUSY)?;
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    Ok(connection)
}

/// A connection that moves the log into the file.
pub(crate) fn checkpointer(path: &Path) -> Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, CHECKPOINT_BUSY)
}

fn open(path: &Path, access: OpenFlags, busy: Duration) -> Result<Connection> {
    // Each connection is used by one thread at a time: SQLite's own locks would be in vain.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
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

    #[test]
    fn every_connection_is_durable_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outgate.db");
        drop(Sqlite::open(&path, &OpenOptions { create: true, ..OpenOptions::default() }).unwrap());
        for make in [writer, reader, checkpointer] {
            let connection = make(&path).unwrap();
            let ask = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(ask("synchronous"), 2, "FULL");
            assert_eq!(ask("foreign_keys"), 1);
            assert_eq!(ask("wal_autocheckpoint"), 0);
            let mode: String =
                connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
    }
}
