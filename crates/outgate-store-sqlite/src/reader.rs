//! Looking at what is committed, beside the writer.
//!
//! A verb answers only after its commit, and a reader begins to see at its first statement: so what was answered before
//! a read began is in it.

use crate::{connect, fault::Stop};
use outgate_core::store::StoreError;
use rusqlite::Connection;
use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::JoinHandle,
};
use tokio::sync::oneshot;

/// Threads that read pages, histories and message bytes.
const THREADS: usize = 2;
/// Connections for points.
const POINTS: usize = 2;
/// Reads that may wait; past it a read is refused as [`StoreError::Unavailable`].
const QUEUE: usize = 4_096;

/// Reads of one or two rows by their key, made at once on the caller's thread: going to another thread and back would
/// cost more than the read.
pub(crate) struct Points {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Points {
    /// Connects to the database at `path`.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connections = (0..POINTS).map(|_| connect::reader(path).map(Mutex::new));
        Ok(Self { connections: connections.collect::<rusqlite::Result<_>>()?, next: AtomicUsize::new(0) })
    }

    /// Reads.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, Stop<E>>,
    ) -> Result<T, E> {
        let connection = self.any();
        look(&connection).map_err(|stop| stop.error)
    }

    fn any(&self) -> MutexGuard<'_, Connection> {
        if let Some(free) = self.connections.iter().find_map(|connection| connection.try_lock().ok()) {
            return free;
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % POINTS;
        self.connections[turn].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Look = Box<dyn FnOnce(&Connection) + Send>;

/// Threads for reads that may take longer. Dropped, they end.
pub(crate) struct Readers {
    queue: Option<mpsc::SyncSender<Look>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts threads on the given connections.
    pub(crate) fn start(connections: Vec<Connection>) -> io::Result<Self> {
        let (queue, waiting) = mpsc::sync_channel::<Look>(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let threads = connections.into_iter().map(|connection| {
            let waiting = waiting.clone();
            std::thread::Builder::new().name("sqlite-reader".to_owned()).spawn(move || {
                let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                while let Ok(look) = next() {
                    // A bug in one read must not take the thread along; its caller hears that it failed.
                    drop(catch_unwind(AssertUnwindSafe(|| look(&connection))));
                }
            })
        });
        Ok(Self { queue: Some(queue), threads: threads.collect::<io::Result<_>>()? })
    }

    /// Connections for the threads.
    pub(crate) fn connect(path: &Path) -> rusqlite::Result<Vec<Connection>> {
        (0..THREADS).map(|_| connect::reader(path)).collect()
    }

    /// Reads, every statement of `look` in the same state of the database.
    pub(crate) async fn read<T, E>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, Stop<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = move |connection: &Connection| {
            let found = in_one_state(connection, look);
            drop(reply.send(found.map_err(|stop| stop.error)));
        };
        let gone = |why: &str| StoreError::Unavailable(why.to_owned());
        let queue = self.queue.as_ref().ok_or_else(|| gone("the store is closing"))?;
        queue.try_send(Box::new(job)).map_err(|_| gone("too many reads are waiting"))?;
        answer.await.unwrap_or_else(|_| Err(gone("a read failed").into()))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn in_one_state<T, E: From<StoreError>>(
    connection: &Connection,
    look: impl FnOnce(&Connection) -> Result<T, Stop<E>>,
) -> Result<T, Stop<E>> {
    // Ends the transaction when dropped, also when `look` fails or panics.
    let tx = connection.unchecked_transaction()?;
    look(&tx)
}
