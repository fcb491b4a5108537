//! Where the master key comes from: it seals the private keys in the store, and is kept outside of it.

use outgate_auth::MasterKey;
use outgate_core::{Randomness, Secret};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// The environment variable that may hold it, in base64.
pub const VARIABLE: &str = "OUTGATE_MASTER_KEY";
/// The name of a systemd credential that may hold it, in base64 (systemd.exec(5), `LoadCredential=`).
const CREDENTIAL: &str = "outgate-master-key";
/// The file in the data folder that holds it otherwise, in base64, mode 0600.
pub const FILE: &str = "master.key";

/// Why there is no master key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// It is not there, and the store has keys sealed under it.
    #[error(
        "the master key {} is missing: put it back from your backup, or set {VARIABLE}; without it the private DKIM \
         keys in the store cannot be read", .0.display()
    )]
    Missing(PathBuf),
    /// It is a key, but not the one.
    #[error(
        "the master key is not the one that the DKIM keys of {0} were sealed under: put the right one back from your \
         backup as {FILE} in the data folder, or in {VARIABLE}"
    )]
    Wrong(outgate_core::DomainName),
    /// It is there and is no key.
    #[error("the master key from {0} is not a key: it must be the base64 of 32 bytes")]
    NotAKey(String),
    /// Others may read the file.
    #[error("the master key {} can be read by others: run chmod 600 on it", .0.display())]
    Exposed(PathBuf),
    /// The file could not be read or made.
    #[error("the master key {}: {why}", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
}

/// Finds the master key: environment, systemd credential, file. With `make`, a missing file is made.
pub fn find(data_dir: &Path, make: Option<&dyn Randomness>) -> Result<MasterKey, MasterKeyError> {
    if let Some(text) = std::env::var_os(VARIABLE) {
        let bytes = Secret::new(text.into_encoded_bytes());
        return parse(&bytes, || format!("the variable {VARIABLE}"));
    }
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let file = Path::new(&folder).join(CREDENTIAL);
        if file.exists() {
            return read(&file);
        }
    }
    let file = data_dir.join(FILE);
    match (file.try_exists(), make) {
        (Ok(false), Some(randomness)) => create(&file, randomness),
        (Ok(false), None) => Err(MasterKeyError::Missing(file)),
        (Ok(true) | Err(_), _) => {
            let mode = fs::metadata(&file).map_err(|error| failed(&file, &error))?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(MasterKeyError::Exposed(file));
            }
            read(&file)
        }
    }
}

/// Makes the key whole or not at all: a draft, synced, under its name in one step, and the folder synced.
fn create(file: &Path, randomness: &dyn Randomness) -> Result<MasterKey, MasterKeyError> {
    let key = MasterKey::generate(randomness);
    let draft = file.with_extension(format!("key.new-{}", std::process::id()));
    let made = (|| {
        let mut made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        key.to_base64().with_bytes(|text| made.write_all(text))?;
        made.write_all(b"\n")?;
        made.sync_all()?;
        fs::hard_link(&draft, file)?;
        fs::File::open(file.parent().unwrap_or(Path::new("/")))?.sync_all()
    })();
    let _ = fs::remove_file(&draft);
    match made {
        Ok(()) => Ok(key),
        // Another process made it between the look and here.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(file),
        Err(error) => Err(failed(file, &error)),
    }
}

fn read(file: &Path) -> Result<MasterKey, MasterKeyError> {
    let mut bytes = Vec::with_capacity(64);
    fs::File::open(file)
        .and_then(|mut open| open.read_to_end(&mut bytes))
        .map_err(|error| failed(file, &error))?;
    parse(&Secret::new(bytes), || file.display().to_string())
}

fn parse(text: &Secret, from: impl FnOnce() -> String) -> Result<MasterKey, MasterKeyError> {
    let key = text.with_bytes(|bytes| {
        std::str::from_utf8(bytes).ok().and_then(|text| MasterKey::from_base64(text).ok())
    });
    key.ok_or_else(|| MasterKeyError::NotAKey(from()))
}

fn failed(file: &Path, error: &std::io::Error) -> MasterKeyError {
    MasterKeyError::File { file: file.to_owned(), why: error.to_string() }
}
