//! A new password in a file that only its owner reads.

use crate::exit::CommandError;
use outgate_core::Username;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// More than a password and its line feed take.
const ROOM: usize = 256;

/// The file, made before anything is changed; gone again unless a password was written to it.
#[derive(Debug)]
pub(crate) struct PasswordFile {
    path: PathBuf,
    file: File,
    written: bool,
}

impl PasswordFile {
    /// Makes the file: exclusively, so that nothing is overwritten and no link is followed, and with mode 0600.
    pub(crate) fn create(path: &Path) -> Result<Self, CommandError> {
        let failed = |error: io::Error| CommandError::File { file: path.to_owned(), why: error.to_string() };
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => {
                let mut made = Self { path: path.to_owned(), file, written: false };
                // Room for the password is taken now: a full disk must show before the old password is dead.
                made.file.write_all(&[b' '; ROOM]).and_then(|()| made.file.sync_all()).map_err(failed)?;
                Ok(made)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(CommandError::FileExists(path.to_owned()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes the password and a line feed, durably. `username` is whose it is, for the error.
    pub(crate) fn write(mut self, username: &Username, password: &str) -> Result<PathBuf, CommandError> {
        let written = (|| {
            self.file.rewind()?;
            self.file.write_all(password.as_bytes())?;
            self.file.write_all(b"\n")?;
            self.file.set_len(password.len() as u64 + 1)?;
            self.file.sync_all()
        })();
        match written {
            Ok(()) => {
                self.written = true;
                Ok(self.path.clone())
            }
            Err(error) => Err(CommandError::PasswordLost {
                username: username.clone(),
                file: self.path.clone(),
                why: error.to_string(),
            }),
        }
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        if !self.written {
            // The error that led here matters more than that an empty file stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_private_and_holds_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let username = "k7m2abcdefghjk".parse().unwrap();
        PasswordFile::create(&path).unwrap().write(&username, "og_x").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "og_x\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn it_goes_when_nothing_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        drop(PasswordFile::create(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn nothing_is_overwritten_and_no_link_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (there, link) = (folder.path().join("there"), folder.path().join("link"));
        fs::write(&there, "mine").unwrap();
        assert!(matches!(PasswordFile::create(&there), Err(CommandError::FileExists(_))));
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
        assert!(matches!(PasswordFile::create(&link), Err(CommandError::FileExists(_))));
        assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
        let nowhere = folder.path().join("no/such/folder");
        assert!(matches!(PasswordFile::create(&nowhere), Err(CommandError::File { .. })));
    }
}
