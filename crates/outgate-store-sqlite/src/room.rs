//! Whether the medium has room: intake stops while some is left, so that what is queued can still be settled.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long an answer of the file system is good for.
const GOOD_FOR: Duration = Duration::from_millis(200);

/// The reserve on the medium that holds a folder.
pub(crate) struct Room {
    folder: PathBuf,
    reserve: u64,
    last: Mutex<Option<(Instant, bool)>>,
}

impl Room {
    /// Keeps `reserve` bytes free on the medium of `folder`.
    pub(crate) fn new(folder: PathBuf, reserve: u64) -> Self {
        Self { folder, reserve, last: Mutex::new(None) }
    }

    /// Whether more than the reserve is free. A file system that does not answer is left to the writes to judge.
    pub(crate) fn is_there(&self) -> bool {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, answer)) = *last
            && now.duration_since(at) < GOOD_FOR
        {
            return answer;
        }
        let free = rustix::fs::statvfs(&self.folder).map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize));
        let answer = free.map_or(true, |free| free >= self.reserve);
        *last = Some((now, answer));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Room::new(folder.path().into(), 1).is_there());
        assert!(!Room::new(folder.path().into(), u64::MAX).is_there());
        assert!(Room::new(folder.path().join("gone"), u64::MAX).is_there());
    }
}
