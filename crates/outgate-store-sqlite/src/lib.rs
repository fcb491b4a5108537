//! The store on SQLite: one file, one writer thread, group commits.
//!
//! The promise: a verb returns only after SQLite's `COMMIT` did, with `synchronous=FULL`, so what it says is on the
//! medium; and a storage error never looks like success. Several processes may open one file (`serve` and commands);
//! only one may serve, by [`ServeLock`].
//!
//! The map, mirroring `outgate_core::store`:
//! - `open` and its helpers `header` (looking at a file without touching it), `schema` (migrations), `made` (whether there
//!   should be one), `connect`; `lock`: who serves
//! - `writer`: every verb that is waiting in one transaction; `reader`: looking at what is committed; `checkpoint`: moving
//!   the log into the file, beside the writer
//! - `directory`, `queue`, `log`: the verbs
//! - `code`, `row`, `fault`: numbers, columns and errors between SQLite and the core; `room`: the reserve on the medium

mod backup;
mod checkpoint;
mod code;
mod connect;
mod directory;
mod fault;
mod header;
mod lock;
mod log;
mod made;
mod open;
mod queue;
mod reader;
mod room;
mod row;
mod schema;
mod sqlite;
mod writer;

pub use backup::BackupError;
pub use lock::{LockError, ServeLock};
pub use open::{OpenError, OpenOptions};
pub use sqlite::Sqlite;
pub use writer::{CommitCounts, Commits};
