//! The one thread that writes: it takes everything waiting and commits it as one transaction (group commit).
//!
//! A refusal undoes its own verb and no other. Verbs refuse before they change anything, so that there is nothing to
//! undo; when one does stop half way (a constraint, a damaged row), the batch is run again with a savepoint around each
//! verb. Savepoints from the start would copy every page that a verb touches, and cost two accepts of five.
//!
//! Answers leave only after `COMMIT` returned; when it fails, every verb of the batch hears of it, the refused ones too,
//! for they may have been refused because of what was never kept.

use crate::{
    checkpoint, connect,
    fault::{Stop, store_error},
    row,
};
use outgate_core::store::StoreError;
use rusqlite::Connection;
use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};
use tokio::sync::{mpsc, oneshot};

/// Verbs that may wait; past it a verb is refused as [`StoreError::Unavailable`].
const QUEUE: usize = 8_192;
/// The most verbs in one transaction.
const BATCH: usize = 1_024;
/// The most bytes in one transaction, unless one verb alone has more.
const BATCH_BYTES: usize = 16 << 20;
/// What a verb writes to the log besides the bytes it brings, about: a page or two of its own.
const VERB_BYTES: u64 = 8 << 10;

/// Takes verbs to the writer thread. Dropped, it lets what is waiting be written and ends the thread.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Verb>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on a connection to the database at `path`.
    pub(crate) fn start(
        path: &Path,
        connection: Connection,
        checkpoints: Arc<checkpoint::Shared>,
    ) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let mut thread = Thread { path: path.to_owned(), connection: Some(connection), checkpoints };
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || thread.serve(waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs a verb that brings about `bytes`; returns when it is committed, or was refused.
    pub(crate) async fn run<T, E>(
        &self,
        bytes: usize,
        work: impl Fn(&Connection) -> Result<T, Stop<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let verb = Waiting { bytes, work, found: None, reply };
        let queue = self.queue.as_ref().ok_or_else(|| gone("the store is closing"))?;
        queue.try_send(Box::new(verb)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => gone("too many writes are waiting"),
            mpsc::error::TrySendError::Closed(_) => gone("the writer has ended"),
        })?;
        answer.await.unwrap_or_else(|_| Err(gone("the writer has ended").into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn gone(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

/// A verb as the writer sees it.
trait Verb: Send {
    fn bytes(&self) -> usize;
    /// Does its work, whatever it did before in a transaction that was undone; says whether to keep it.
    fn work(&mut self, tx: &Connection) -> Worked;
    /// Tells its caller, with the store's trouble if the batch was not committed.
    fn answer(self: Box<Self>, trouble: Option<&StoreError>);
}

enum Worked {
    Kept,
    Refused,
    Failed(StoreError),
}

struct Waiting<W, T, E> {
    bytes: usize,
    work: W,
    found: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<W, T, E> Verb for Waiting<W, T, E>
where
    W: Fn(&Connection) -> Result<T, Stop<E>> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn work(&mut self, tx: &Connection) -> Worked {
        // A bug in one verb must not take the writer, and with it every other verb, along.
        match catch_unwind(AssertUnwindSafe(|| (self.work)(tx))) {
            Ok(Ok(found)) => {
                self.found = Some(Ok(found));
                Worked::Kept
            }
            Ok(Err(Stop { error, fault })) => {
                self.found = Some(Err(error));
                fault.map_or(Worked::Refused, Worked::Failed)
            }
            Err(_) => {
                self.found = None;
                Worked::Refused
            }
        }
    }

    fn answer(self: Box<Self>, trouble: Option<&StoreError>) {
        let answer = match trouble {
            Some(trouble) => Err(trouble.clone().into()),
            None => self.found.unwrap_or_else(|| Err(gone("the verb failed").into())),
        };
        // Whoever asked may have gone; what is kept is kept.
        drop(self.reply.send(answer));
    }
}

struct Thread {
    path: PathBuf,
    /// `None` after trouble: the next batch opens another.
    connection: Option<Connection>,
    checkpoints: Arc<checkpoint::Shared>,
}

impl Thread {
    fn serve(&mut self, mut queue: mpsc::Receiver<Box<dyn Verb>>) {
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
            while let Some(verb) = waiting.pop_front_if(|verb| {
                batch.is_empty() || bytes.saturating_add(verb.bytes()) <= BATCH_BYTES
            }) {
                bytes = bytes.saturating_add(verb.bytes());
                batch.push(verb);
            }
            let trouble = self.commit(&mut batch).err();
            if let Some(error) = &trouble {
                tracing::error!(%error, verbs = batch.len(), "a transaction failed");
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
