//! Moving the log into the database file, beside the writer.
//!
//! A passive checkpoint never makes anybody wait, but under constant writing it never reaches the end, and the log would
//! grow for ever. So when the log has grown, the writer is kept back for the moment that the rest takes, and starts
//! the log over. That holds SQLite's write lock, for which others wait no longer than their patience: so the rest is made
//! small first, and while a reader (a backup, say) would be in the way, nothing is tried.

#[cfg(test)]
mod tests;

use crate::{connect, header};
use rusqlite::Connection;
use std::{
    io,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// A checkpoint is due when about so many bytes were written.
const DUE: u64 = 32 << 20;
/// Or, when anything was written, after this time.
const TICK: Duration = Duration::from_secs(5);
/// A log longer than this is started over, with the writer kept back.
const LONG: u64 = 48 << 20;
/// A log that grew beyond this, because somebody was reading for long, is cut as well.
const HUGE: u64 = 256 << 20;
/// After a reader did not let a log be started over, the next try waits so long, and twice as long each time after.
const PATIENCE: Duration = Duration::from_secs(2);
/// But not longer than this.
const MOST_PATIENCE: Duration = Duration::from_mins(1);
/// The rest is small when so much is left: a moment's work also for a slow medium.
const SMALL: u64 = 2_000 * FRAME;
/// How often the rest is made smaller before the writer is kept back.
const PASSES: usize = 5;
/// The longest the writer is kept back; past it, SQLite's own lock decides.
const KEPT_BACK: Duration = Duration::from_secs(1);
/// A page in the log with its header.
const FRAME: u64 = 4096 + 24;

/// The thread that makes checkpoints. Dropped, it ends.
pub(crate) struct Checkpointer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the writer and the checkpointer tell each other.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Bytes written since the last checkpoint, about.
    written: u64,
    /// Bytes that the last checkpoint left in the log.
    left: u64,
    /// Whether the writer is to wait.
    barred: bool,
    /// Whether the store is closing.
    closing: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer tells what it committed.
    pub(crate) fn wrote(&self, bytes: u64) {
        let mut state = self.state();
        let before = state.written;
        state.written = before.saturating_add(bytes);
        if before < DUE && state.written >= DUE {
            self.changed.notify_all();
        }
    }

    /// Bytes in the log that the file has not grown by yet, at the most.
    pub(crate) fn unmoved(&self) -> u64 {
        let state = self.state();
        state.left.saturating_add(state.written)
    }

    /// The writer asks whether it may go on.
    pub(crate) fn pass(&self) {
        let state = self.state();
        if state.barred {
            drop(self.changed.wait_timeout_while(state, KEPT_BACK, |state| state.barred));
        }
    }

    fn bar(&self, barred: bool) {
        self.state().barred = barred;
        self.changed.notify_all();
    }

    /// Waits until there is something to move; `false` when the store closes.
    fn due(&self) -> bool {
        let idle = |state: &mut State| state.written < DUE && !state.closing;
        let mut state = self.state();
        loop {
            let waited = self.changed.wait_timeout_while(state, TICK, idle);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.closing {
                return false;
            }
            if state.begin() {
                return true;
            }
        }
    }
}

impl State {
    /// A checkpoint begins, if there is anything to move: until it ends, all of it counts as left.
    fn begin(&mut self) -> bool {
        self.left = self.left.saturating_add(std::mem::take(&mut self.written));
        self.left > 0
    }
}

impl Checkpointer {
    /// Starts the thread for the database at `path`.
    pub(crate) fn start(path: &Path, shared: Arc<Shared>) -> io::Result<Self> {
        // What an earlier life left behind.
        shared.state().left = header::length(&header::log_of(path)).unwrap_or(0);
        let (theirs, path) = (shared.clone(), path.to_owned());
        let thread = std::thread::Builder::new().name("sqlite-log".to_owned()).spawn(move || {
            let mut work = Work::default();
            while theirs.due() {
                match work.go(&path, &theirs) {
                    Ok(left) => theirs.state().left = left,
                    Err(error) => {
                        tracing::warn!(%error, "no checkpoint could be made; the log grows");
                        work.connection = None;
                    }
                }
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.shared.state().closing = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[derive(Default)]
struct Work {
    connection: Option<Connection>,
    not_before: Option<Instant>,
    /// How long the last wait for readers was, if the last try met one.
    patience: Option<Duration>,
}

impl Work {
    /// Moves what can be moved; returns how many bytes are left.
    fn go(&mut self, path: &Path, shared: &Shared) -> rusqlite::Result<u64> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect::checkpointer(path)?),
        };
        let first = checkpoint(connection, "PASSIVE")?;
        let now = Instant::now();
        if first.bytes < LONG || self.not_before.is_some_and(|then| now < then) {
            return Ok(first.left);
        }
        if let Brought::Stuck(outcome) = bring_down(first, || checkpoint(connection, "PASSIVE"))? {
            return Ok(outcome.left);
        }
        shared.bar(true);
        let ended = start_over(connection);
        shared.bar(false);
        let ended = ended?;
        self.patience = ended
            .busy
            .then(|| self.patience.map_or(PATIENCE, |before| before.saturating_mul(2).min(MOST_PATIENCE)));
        self.not_before = self.patience.map(|patience| now + patience);
        Ok(ended.left)
    }
}

/// What passes over the log came to.
enum Brought {
    /// Little is left, or as little as the writer allows.
    Down,
    /// A reader is in the way: nothing more can be moved, and the log cannot be started over.
    Stuck(Outcome),
}

/// Moves, beside the writer, what was written during the pass before, until that is little.
fn bring_down(
    first: Outcome,
    mut pass: impl FnMut() -> rusqlite::Result<Outcome>,
) -> rusqlite::Result<Brought> {
    let mut last = first;
    for _ in 1..PASSES {
        if last.left <= SMALL {
            break;
        }
        let next = pass()?;
        if next.left > SMALL && next.moved() == last.moved() {
            return Ok(Brought::Stuck(next));
        }
        last = next;
    }
    Ok(Brought::Down)
}

/// Starts the log over, the writer being kept back. What it has written since the last pass is moved before the lock is
/// held.
fn start_over(connection: &Connection) -> rusqlite::Result<Outcome> {
    let last = checkpoint(connection, "PASSIVE")?;
    if last.left > SMALL && last.bytes < HUGE {
        return Ok(last);
    }
    checkpoint(connection, if last.bytes < HUGE { "RESTART" } else { "TRUNCATE" })
}

struct Outcome {
    /// Whether somebody was in the way.
    busy: bool,
    /// The log's length.
    bytes: u64,
    /// How much of it is not in the file yet.
    left: u64,
}

impl Outcome {
    fn moved(&self) -> u64 {
        self.bytes - self.left
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<Outcome> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (frames, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
        let bytes = |frames: i64| u64::try_from(frames).unwrap_or(0) * FRAME;
        Ok(Outcome { busy: row.get(0)?, bytes: bytes(frames), left: bytes((frames - moved).min(frames)) })
    })
}
