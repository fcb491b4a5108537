//! The exam that every store sits.
#![expect(clippy::unwrap_used, reason = "trouble of a test is a panic")]

use async_trait::async_trait;
use outgate_core::{AccountId, MessageId, store::Store};
use outgate_store_conformance::Fixture;
use outgate_store_sqlite::{OpenOptions, Sqlite};
use std::sync::{Arc, Mutex, PoisonError};

/// A database in a folder of its own.
struct Sitting {
    // Before the folder, so that it is closed first.
    store: Mutex<Option<Arc<Sqlite>>>,
    folder: tempfile::TempDir,
}

impl Sitting {
    fn new() -> Self {
        Self { store: Mutex::new(None), folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("outgate.db")
    }

    fn opened(&self, create: bool) -> Arc<dyn Store> {
        let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = None;
        let options = OpenOptions { create, ..OpenOptions::default() };
        let store = Arc::new(Sqlite::open(&self.path(), &options).unwrap());
        *kept = Some(store.clone());
        store
    }

    /// Changes something behind the store's back.
    fn tamper(&self, sql: &str, id: &[u8; 16]) {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        assert_eq!(connection.execute(sql, [id]).unwrap(), 1);
    }
}

#[async_trait]
impl Fixture for Sitting {
    async fn open(&self) -> Arc<dyn Store> {
        self.opened(true)
    }

    async fn reopen(&self) -> Arc<dyn Store> {
        self.opened(false)
    }

    async fn damage(&self, message: MessageId) {
        let sql = "UPDATE content SET bytes = CAST('#' || substr(CAST(bytes AS TEXT), 2) AS BLOB)
                   WHERE message = (SELECT seq FROM messages WHERE id = ?1)";
        self.tamper(sql, message.as_bytes());
    }

    async fn suspend(&self, account: AccountId) {
        self.tamper("UPDATE accounts SET state = 1 WHERE id = ?1", account.as_bytes());
    }
}

outgate_store_conformance::exam!(Sitting::new());
