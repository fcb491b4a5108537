//! The thread: batches, and their transactions.

use super::{BATCH, BATCH_BYTES, Commits, VERB_BYTES, Verb, Worked, gone};
use crate::{checkpoint, connect, fault::store_error, row};
use outgate_core::store::StoreError;
use rusqlite::Connection;
use std::{collections::VecDeque, path::PathBuf, sync::Arc, time::Instant};
use tokio::sync::mpsc;

/// The writer's thread and its connection.
pub(super) struct Thread {
    pub(super) path: PathBuf,
    /// `None` after trouble: the next batch opens another.
    pub(super) connection: Option<Connection>,
    pub(super) checkpoints: Arc<checkpoint::Shared>,
    pub(super) commits: Arc<Commits>,
}

impl Thread {
    /// Serves until the queue is closed and empty.
    pub(super) fn serve(&mut self, mut queue: mpsc::Receiver<Box<dyn Verb>>) {
        let mut taken = Vec::with_capacity(BATCH);
        let mut waiting: VecDeque<Box<dyn Verb>> = VecDeque::new();
        loop {
            if waiting.is_empty() {
                if queue.blocking_recv_many(&mut taken, BATCH) == 0 {
                    return;
                }
                waiting.extend(taken.drain(..));
            }
            while waiting.len() < BATCH
                && let Ok(verb) = queue.try_recv()
            {
                waiting.push_back(verb);
            }
            let (mut batch, mut bytes) = (Vec::with_capacity(waiting.len()), 0_usize);
            while let Some(verb) = waiting.pop_front() {
                let more = bytes.saturating_add(verb.bytes());
                if more > BATCH_BYTES && !batch.is_empty() {
                    waiting.push_front(verb);
                    break;
                }
                bytes = more;
                batch.push(verb);
            }
            let began = Instant::now();
            let trouble = self.commit(&mut batch).err();
            if let Some(error) = &trouble {
                self.commits.note_failed();
                tracing::error!(%error, verbs = batch.len(), "a transaction failed");
            } else {
                self.commits.note_done(batch.len(), bytes, began.elapsed());
            }
            self.checkpoints.wrote(bytes as u64 + VERB_BYTES * batch.len() as u64);
            for verb in batch {
                verb.answer(trouble.as_ref());
            }
        }
    }

    /// Commits a batch, or leaves nothing of it.
    fn commit(&mut self, batch: &mut [Box<dyn Verb>]) -> Result<(), StoreError> {
        self.checkpoints.pass();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect::writer(&self.path).map_err(|error| store_error(&error))?),
        };
        let mut done = transact(connection, batch, Undo::Nothing);
        if matches!(done, Err(Failed::HalfWay)) && connection.execute_batch("ROLLBACK").is_ok() {
            done = transact(connection, batch, Undo::EachVerb);
        }
        let Err(failed) = done else { return Ok(()) };
        let undone = connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
        // A connection that could not commit or undo is not trusted with another batch.
        let (error, trusted) = match failed {
            Failed::Before(error) => (error, true),
            Failed::AtCommit(error) => (error, false),
            Failed::HalfWay => (gone("a verb could not be undone"), false),
        };
        if !trusted || !undone {
            self.connection = None;
        }
        Err(error)
    }
}

enum Failed {
    /// Nothing was tried yet, or SQLite refused a statement of ours.
    Before(StoreError),
    /// SQLite could not commit, or undid everything by itself.
    AtCommit(StoreError),
    /// A verb stopped half way, and there is no savepoint to go back to.
    HalfWay,
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Before(store_error(&error))
    }
}

/// What can be undone inside a transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undo {
    Nothing,
    EachVerb,
}

fn transact(connection: &Connection, batch: &mut [Box<dyn Verb>], undo: Undo) -> Result<(), Failed> {
    row::run(connection, "BEGIN IMMEDIATE", [])?;
    for verb in batch {
        if undo == Undo::EachVerb {
            row::run(connection, "SAVEPOINT verb", [])?;
        }
        let before = connection.total_changes();
        let worked = verb.work(connection);
        if connection.is_autocommit() {
            // Some errors make SQLite undo everything by itself.
            return Err(Failed::AtCommit(match worked {
                Worked::Failed(error) => error,
                Worked::Kept | Worked::Refused => gone("the transaction was lost"),
            }));
        }
        let unkept = !matches!(worked, Worked::Kept);
        match undo {
            Undo::Nothing if unkept && connection.total_changes() != before => return Err(Failed::HalfWay),
            Undo::Nothing => {}
            Undo::EachVerb => {
                if unkept {
                    row::run(connection, "ROLLBACK TO verb", [])?;
                }
                row::run(connection, "RELEASE verb", [])?;
            }
        }
    }
    let committed = row::run(connection, "COMMIT", []);
    committed.map(drop).map_err(|error| Failed::AtCommit(store_error(&error)))
}
