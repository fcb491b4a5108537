//! Who serves: one relay at a time on one data folder.

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// The file that is locked, in the data folder. What is in it does not matter to the lock.
pub(crate) const FILE: &str = "serve.lock";
/// How often the lock is tried: a command that asks whether it is held holds it for a moment itself.
const TRIES: u32 = 5;
/// How long to wait between tries.
const BETWEEN: Duration = Duration::from_millis(20);

/// The right to serve a data folder, until it is dropped or the process ends in whichever way.
#[derive(Debug)]
pub struct ServeLock {
    _file: File,
}

/// Why a data folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another relay serves it.
    #[error("another relay serves {} already", .0.display())]
    Held(PathBuf),
    /// The lock could not be asked for.
    #[error("{}: {source}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ServeLock {
    /// Takes the lock of a data folder that exists.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(FILE);
        let io = |source: io::Error| LockError::Io { path: path.clone(), source };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(io)?;
        for tried in 1..=TRIES {
            if try_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(io)? {
                return Ok(Self { _file: file });
            }
            if tried < TRIES {
                std::thread::sleep(BETWEEN);
            }
        }
        Err(LockError::Held(folder.to_owned()))
    }

    /// Whether a relay serves this data folder now.
    pub fn is_held(folder: &Path) -> Result<bool, LockError> {
        let path = folder.join(FILE);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(LockError::Io { path, source }),
        };
        let free = try_lock(&file, FlockOperation::NonBlockingLockShared)
            .map_err(|source| LockError::Io { path, source })?;
        Ok(!free)
    }
}

/// Whether the lock was had.
fn try_lock(file: &File, operation: FlockOperation) -> io::Result<bool> {
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_serves_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!ServeLock::is_held(folder.path()).unwrap());
        let first = ServeLock::acquire(folder.path()).unwrap();
        assert!(ServeLock::is_held(folder.path()).unwrap());
        assert!(matches!(ServeLock::acquire(folder.path()), Err(LockError::Held(_))));
        drop(first);
        assert!(!ServeLock::is_held(folder.path()).unwrap());
        ServeLock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        assert!(matches!(ServeLock::acquire(&gone), Err(LockError::Io { .. })));
        assert!(!ServeLock::is_held(&gone).unwrap());
    }
}
