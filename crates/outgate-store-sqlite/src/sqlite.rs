//! The store itself: its threads, and the ways to write and to read.

use crate::{
    OpenError, OpenOptions,
    checkpoint::{self, Checkpointer},
    fault::Stop,
    open,
    queue::Behind,
    reader::{Points, Readers},
    room::Room,
    writer::{Commits, Writer},
};
use outgate_core::store::StoreError;
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicI64},
};

/// The store on SQLite. Opening it starts its threads; dropping it lets what is waiting be written and ends them.
pub struct Sqlite {
    // In the order in which they are to end: the last connection to close moves the log into the file, and a reader's
    // could not.
    readers: Readers,
    points: Points,
    _checkpointer: Checkpointer,
    writer: Writer,
    pub(crate) room: Arc<Room>,
    pub(crate) path: PathBuf,
    /// Behind which message the next sweep begins.
    pub(crate) swept: Arc<AtomicI64>,
    /// What was found behind paused backlogs.
    pub(crate) behind: Behind,
}

impl Sqlite {
    /// Opens the database at `path`; its folder must be there.
    ///
    /// Refuses, touching neither the file nor its log, what is missing (unless it may create), lost, empty, damaged, not
    /// ours, or written by a newer version; SQLite's index of a log (`-shm`), which can be made anew at any time, may be.
    /// The file is made with mode 0600.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        let refused = |error| open::of_sqlite(path, error);
        // Absolute, so that neither a change of folder nor a name that looks like a URI leads elsewhere.
        let path = std::path::absolute(path).map_err(io)?;
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let connection = open::checked(&path, options)?;
        let points = Points::open(&path).map_err(refused)?;
        let readers = Readers::start(Readers::connect(&path).map_err(refused)?).map_err(io)?;
        let checkpoints = Arc::new(checkpoint::Shared::default());
        let checkpointer = Checkpointer::start(&path, checkpoints.clone()).map_err(io)?;
        let room = Arc::new(Room::new(folder, options.reserve_bytes, checkpoints.clone()));
        let writer = Writer::start(&path, connection, checkpoints).map_err(io)?;
        let swept = Arc::new(AtomicI64::new(0));
        Ok(Self {
            writer,
            readers,
            points,
            _checkpointer: checkpointer,
            room,
            path,
            swept,
            behind: Behind::default(),
        })
    }

    /// What it has committed since it was opened.
    pub fn commits(&self) -> Arc<Commits> {
        Arc::clone(&self.writer.commits)
    }

    /// Runs a verb in the writer's next transaction.
    pub(crate) async fn write<T, E>(
        &self,
        work: impl Fn(&Connection) -> Result<T, Stop<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run(0, work).await
    }

    /// The same for a verb that brings many bytes.
    pub(crate) async fn write_bytes<T, E>(
        &self,
        bytes: usize,
        work: impl Fn(&Connection) -> Result<T, Stop<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run(bytes, work).await
    }

    /// The same for a verb that is not begun when its caller has gone: it was told no, and may ask again.
    pub(crate) async fn write_while_wanted<T, E>(
        &self,
        bytes: usize,
        work: impl Fn(&Connection) -> Result<T, Stop<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run_while_wanted(bytes, work).await
    }

    /// Reads on a thread of its own.
    pub(crate) async fn read<T, E>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, Stop<E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers.read(look).await
    }

    /// Reads a row or two at once.
    pub(crate) fn point<T, E: From<StoreError>>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, Stop<E>>,
    ) -> Result<T, E> {
        self.points.read(look)
    }
}
