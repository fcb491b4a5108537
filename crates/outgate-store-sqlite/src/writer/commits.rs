//! Counting what the writer commits.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// What the writer has done since the store was opened; shared with whoever reports it.
#[derive(Debug, Default)]
pub struct Commits {
    done: AtomicU64,
    failed: AtomicU64,
    verbs: AtomicU64,
    bytes: AtomicU64,
    nanos: AtomicU64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitCounts {
    /// Transactions that were committed.
    pub done: u64,
    /// Transactions that were not.
    pub failed: u64,
    /// Verbs in those that were committed.
    pub verbs: u64,
    /// Bytes of messages that they brought.
    pub bytes: u64,
    /// What they took altogether, from `BEGIN` to the medium.
    pub time: Duration,
}

impl Commits {
    /// The counts now.
    pub fn read(&self) -> CommitCounts {
        CommitCounts {
            done: self.done.load(Relaxed),
            failed: self.failed.load(Relaxed),
            verbs: self.verbs.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            time: Duration::from_nanos(self.nanos.load(Relaxed)),
        }
    }

    pub(super) fn note_done(&self, verbs: usize, bytes: usize, took: Duration) {
        self.done.fetch_add(1, Relaxed);
        self.verbs.fetch_add(verbs as u64, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn note_failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }
}
