//! Remembering that a database was made, so that none is made in its place when it is lost: an empty one would start as if
//! all were well, without users, keys and queue.
//!
//! The mark is the database's file name on a line of the lock file beside it, which stays where it is.

use crate::{OpenError, lock};
use std::{
    ffi::OsStr,
    fs,
    io::{self, ErrorKind, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The file that remembers a database.
pub(crate) fn mark_of(path: &Path) -> PathBuf {
    path.with_file_name(lock::FILE)
}

/// Whether a database was made at `path` once.
pub(crate) fn remembers(path: &Path) -> Result<bool, OpenError> {
    let mark = mark_of(path);
    match fs::read(&mark) {
        Ok(lines) => {
            Ok(lines.split(|byte| *byte == b'\n').any(|line| !line.is_empty() && line == name(path)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(OpenError::Io { path: mark, source }),
    }
}

/// Remembers the database at `path`. A database is as good without: on a medium that is full it must still open.
pub(crate) fn remember(path: &Path) {
    if let Err(error) = write(path) {
        tracing::warn!(%error, mark = %mark_of(path).display(), "could not note that there is a database");
    }
}

fn write(path: &Path) -> io::Result<()> {
    let mut mark = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(mark_of(path))?;
    mark.write_all(&[name(path), b"\n"].concat())?;
    mark.sync_all()
}

fn name(path: &Path) -> &[u8] {
    path.file_name().map_or(&[], OsStr::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_has_its_own_mark() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one.db"), folder.path().join("other.db"));
        fs::write(mark_of(&one), b"").unwrap();
        assert!(!remembers(&one).unwrap());
        remember(&one);
        assert!(remembers(&one).unwrap());
        assert!(!remembers(&other).unwrap());
        remember(&other);
        assert!(remembers(&one).unwrap() && remembers(&other).unwrap());
    }
}
