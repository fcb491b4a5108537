//! The one thread that writes: it takes everything waiting and commits it as one transaction (group commit).
//!
//! A refusal undoes its own verb and no other. Verbs refuse before they change anything, so that there is nothing to
//! undo; when one does stop half way (a constraint, a damaged row), the batch is run again with a savepoint around each
//! verb. Savepoints from the start would copy every page that a verb touches, and cost a good part of the speed.
//!
//! A submission whose caller has gone before its turn is not begun: the client was told that it failed and will send it
//! again. One that goes while its transaction runs still has it kept, and a client that sends again then makes a
//! duplicate; that is the moment of a crash between the commit and the answer (RFC 5321 §4.1.1.4), which nothing can
//! close. Every other verb is done whether anybody waits or not: what happened is to be recorded.
//!
//! Answers leave only after `COMMIT` returned; when it fails, every verb of the batch hears of it, the refused ones too,
//! for they may have been refused because of what was never kept.

mod commits;
#[cfg(test)]
mod tests;
mod thread;

pub use commits::{CommitCounts, Commits};

use crate::{checkpoint, fault::Stop};
use outgate_core::store::StoreError;
use rusqlite::Connection;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread::JoinHandle,
};
use thread::Thread;
use tokio::sync::{mpsc, oneshot};

/// Verbs that may wait; past it a verb is refused as [`StoreError::Unavailable`].
const QUEUE: usize = 8_192;
/// The most verbs in one transaction.
const BATCH: usize = 1_024;
/// The most bytes in one transaction, unless one verb alone has more.
const BATCH_BYTES: usize = 8 << 20;
/// What a verb writes to the log besides the bytes it brings, about: a page or two of its own.
const VERB_BYTES: u64 = 8 << 10;

/// Takes verbs to the writer thread. Dropped, it lets what is waiting be written and ends the thread.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Verb>>>,
    thread: Option<JoinHandle<()>>,
    pub(crate) commits: Arc<Commits>,
}

impl Writer {
    /// Starts the thread on a connection to the database at `path`.
    pub(crate) fn start(
        path: &Path,
        connection: Connection,
        checkpoints: Arc<checkpoint::Shared>,
    ) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let commits = Arc::new(Commits::default());
        let mut thread = Thread {
            path: path.to_owned(),
            connection: Some(connection),
            checkpoints,
            commits: Arc::clone(&commits),
        };
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || thread.serve(waiting))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), commits })
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
        self.ask(bytes, false, work).await
    }

    /// The same, unless the caller has gone before its turn comes.
    pub(crate) async fn run_while_wanted<T, E>(
        &self,
        bytes: usize,
        work: impl Fn(&Connection) -> Result<T, Stop<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.ask(bytes, true, work).await
    }

    async fn ask<T, E>(
        &self,
        bytes: usize,
        lapses: bool,
        work: impl Fn(&Connection) -> Result<T, Stop<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let verb = Waiting { bytes, lapses, work, found: None, reply };
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
    /// Whether it is not to be begun when nobody waits for it any more.
    lapses: bool,
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
        if self.lapses && self.reply.is_closed() {
            self.found = None;
            return Worked::Refused;
        }
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
