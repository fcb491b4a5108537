//! Whether the medium has room: intake stops while some is left, so that what is queued can still be settled.
//!
//! What was let in counts before it is on the medium, and twice: it is written to the log first and moved into the file
//! later, and the log does not shrink by that.

use crate::checkpoint;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long an answer of the file system is good for.
const GOOD_FOR: Duration = Duration::from_millis(200);

/// The reserve on the medium that holds a folder.
pub(crate) struct Room {
    /// Asks the file system how many bytes are free.
    free: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    reserve: u64,
    log: Arc<checkpoint::Shared>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    /// When the file system was asked last, and its answer.
    last: Option<(Instant, Option<u64>)>,
    /// Bytes let in and not in the log yet.
    claimed: u64,
    /// Bytes that went to the log since the file system was asked.
    since: u64,
}

/// Room for a message on its way to the medium. Dropped when the message is there, or will not be.
pub(crate) struct Claim {
    room: Arc<Room>,
    bytes: u64,
}

impl Room {
    /// Keeps `reserve` bytes free on the medium of `folder`, where `log` grows and is moved into its file.
    pub(crate) fn new(folder: PathBuf, reserve: u64, log: Arc<checkpoint::Shared>) -> Self {
        let free = move || {
            let found = rustix::fs::statvfs(&folder).ok()?;
            Some(found.f_bavail.saturating_mul(found.f_frsize))
        };
        Self { free: Box::new(free), reserve, log, book: Mutex::default() }
    }

    /// Whether more than the reserve is free, with all that was let in.
    pub(crate) fn is_there(&self) -> bool {
        self.fits(&mut self.book(), 0)
    }

    /// Lets so many bytes in, if the reserve stays free with them.
    pub(crate) fn claim(self: &Arc<Self>, bytes: usize) -> Option<Claim> {
        let bytes = bytes as u64;
        let mut book = self.book();
        self.fits(&mut book, bytes).then(|| {
            book.claimed = book.claimed.saturating_add(bytes);
            Claim { room: self.clone(), bytes }
        })
    }

    /// A file system that does not answer is left to the writes to judge.
    fn fits(&self, book: &mut Book, more: u64) -> bool {
        let now = Instant::now();
        let free = match book.last {
            Some((at, free)) if now.duration_since(at) < GOOD_FOR => free,
            _ => {
                let free = (self.free)();
                book.last = Some((now, free));
                book.since = 0;
                free
            }
        };
        let twice = book.claimed.saturating_add(more).saturating_mul(2);
        let promised = twice.saturating_add(book.since).saturating_add(self.log.unmoved());
        free.is_none_or(|free| free >= self.reserve.saturating_add(promised))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut book = self.room.book();
        book.claimed = book.claimed.saturating_sub(self.bytes);
        // The half that goes into the file is in the log's count by now.
        book.since = book.since.saturating_add(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let room = |folder: PathBuf, reserve| Room::new(folder, reserve, Arc::default());
        assert!(room(folder.path().into(), 1).is_there());
        assert!(!room(folder.path().into(), u64::MAX).is_there());
        assert!(room(folder.path().join("gone"), u64::MAX).is_there());
    }

    #[test]
    fn what_was_let_in_counts_before_it_is_there() {
        let log = Arc::<checkpoint::Shared>::default();
        // Nothing that is written shows within the test: as stale as an answer can be.
        let room = |reserve| {
            Arc::new(Room {
                free: Box::new(|| Some(1_000)),
                reserve,
                log: log.clone(),
                book: Mutex::new(Book {
                    last: Some((Instant::now() + GOOD_FOR * 1_000, Some(1_000))),
                    ..Book::default()
                }),
            })
        };
        let tight = room(400);
        assert!(tight.claim(301).is_none(), "twice its bytes");
        let first = tight.claim(200).unwrap();
        assert!(tight.is_there());
        assert!(tight.claim(101).is_none());
        let second = tight.claim(100).unwrap();
        assert!(tight.is_there(), "just the reserve");
        assert!(tight.claim(1).is_none());
        // Written: once on the medium and once in the log's count.
        log.wrote(200);
        drop(first);
        assert!(tight.claim(1).is_none());
        drop(second);
        assert!(tight.claim(51).is_none());
        assert!(tight.claim(50).is_some());
        log.wrote(200);
        assert!(!room(601).is_there(), "what is in the log is still to be moved");
        assert!(room(600).is_there());
    }
}
