//! A copy of the whole store while it works.

use crate::{Sqlite, connect};
use rusqlite::backup::{Backup, StepResult};
use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use tokio::sync::oneshot;

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file could not be made; one that is there is never written over.
    #[error("{}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The copy failed; what there was of it is gone.
    #[error("the copy failed: {0}")]
    Copy(String),
}

impl Sqlite {
    /// Copies the store, as it is at one moment, into a new file of mode 0600. Writing goes on meanwhile. The copy has
    /// hashes and sealed keys; without the master key it signs nothing.
    pub async fn backup(&self, file: &Path) -> Result<(), BackupError> {
        let (from, to) = (self.path.clone(), file.to_owned());
        let (reply, answer) = oneshot::channel();
        let thread = std::thread::Builder::new().name("sqlite-backup".to_owned());
        let copying = thread.spawn(move || drop(reply.send(copy(&from, &to))));
        copying.map_err(|source| BackupError::File { file: file.to_owned(), source })?;
        answer.await.unwrap_or_else(|_| Err(BackupError::Copy("it stopped".to_owned())))
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::File { file: to.to_owned(), source };
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(failed)?;
    let copied = pages(from, to)
        .map_err(|error| BackupError::Copy(error.to_string()))
        .and_then(|()| file.sync_all().map_err(failed))
        .and_then(|()| {
            let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
            fs::File::open(folder.unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .map_err(failed)
        });
    if copied.is_err() {
        // The error at hand says more than one about the removal would.
        drop(fs::remove_file(to));
    }
    copied
}

fn pages(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let source = connect::reader(from)?;
    let mut target = connect::writer(to)?;
    {
        // In one step: between steps a commit of the writer would start the copy over, under load for ever. In WAL mode
        // a reader keeps no writer waiting.
        let backup = Backup::new(&source, &mut target)?;
        match backup.step(-1)? {
            StepResult::Done => {}
            _ => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    Some("the database was busy".to_owned()),
                ));
            }
        }
    }
    target.close().map_err(|(_, error)| error)
}
