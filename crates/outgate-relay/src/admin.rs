//! The door for administration commands: it opens the store itself, so they work while the relay runs and while it
//! does not.

use crate::{
    Config, ConfigError,
    keys::{self, SealedKeys},
    master_key::MasterKeyError,
    system::{SystemClock, SystemRandomness},
};
use outgate_auth::{Hasher, HasherError, PoolLimits};
use outgate_core::{
    Actor, Clock, KeyMaker, Ports, Resolve,
    store::{Store, StoreError},
};
use outgate_dns::Resolver;
use outgate_store_sqlite::{LockError, OpenOptions, ServeLock, Sqlite};
use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Why an administration command could not open the store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration names no store that can be opened.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nothing is there yet.
    #[error("there is no relay in {}: start it with `outgate serve`, or add a first domain with `outgate domain add`", .0.display())]
    NothingHere(PathBuf),
    /// The folder belongs to somebody else.
    #[error("the data folder {} belongs to {owner}: run this as `sudo -u {owner} outgate …`", .folder.display())]
    NotOwner {
        /// The folder.
        folder: PathBuf,
        /// Its owner.
        owner: String,
    },
    /// The folder could not be made or read.
    #[error("the data folder {}: {why}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        why: String,
    },
    /// The store was not opened.
    #[error(transparent)]
    Store(#[from] outgate_store_sqlite::OpenError),
    /// The store failed.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// The process ended meanwhile.
    #[error("opening the store was cut off: {0}")]
    Cut(tokio::task::JoinError),
    /// There is no master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The password hasher did not start.
    #[error(transparent)]
    Hasher(#[from] HasherError),
    /// Whether a relay serves the folder could not be seen.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Whether a command may make what is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The store must be there.
    Existing,
    /// A missing store is made (`domain add`).
    Create,
    /// A missing store is made, by the relay that holds the folder's lock (`serve`, `try`).
    Serve,
}

/// Everything that an administration command needs.
pub struct Admin {
    config: Config,
    store: Arc<Sqlite>,
    hasher: Hasher,
    clock: SystemClock,
    randomness: SystemRandomness,
    actor: Actor,
}

impl Admin {
    /// Opens the store that the configuration names.
    pub async fn open(config: Config, opening: Opening) -> Result<Self, OpenError> {
        let store = Arc::new(open_store(&config, opening).await?);
        let hasher = hasher(&config)?;
        Ok(Self {
            config,
            store,
            hasher,
            clock: SystemClock,
            randomness: SystemRandomness,
            actor: operator(),
        })
    }

    /// What use cases are handed.
    pub fn ports(&self) -> Ports<'_> {
        Ports { store: &*self.store, hasher: &self.hasher, clock: &self.clock, randomness: &self.randomness }
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Who runs the command.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    /// Makes DKIM keys under the master key, which is made for a store that has nothing sealed yet.
    pub async fn key_maker(&self) -> Result<impl KeyMaker + use<>, OpenError> {
        let sealed = self.store.sealed_key().await?;
        let master = keys::master(&self.config.data_dir, sealed.as_ref(), &self.randomness)?;
        Ok(SealedKeys::new(Arc::new(master), Arc::new(self.clock), Arc::new(self.randomness)))
    }

    /// Looks names up as the configuration says.
    pub fn resolver(&self) -> Result<impl Resolve + use<>, ConfigError> {
        resolver(&self.config)
    }

    /// Writes a copy of the store to a new file, while everything goes on. The master key is not part of it.
    pub async fn backup(&self, file: &Path) -> Result<(), outgate_store_sqlite::BackupError> {
        self.store.backup(file).await
    }
}

/// Makes the data folder where there is none, and refuses one that belongs to somebody else.
pub(crate) fn make_folder(config: &Config) -> Result<(), OpenError> {
    let folder = &config.data_dir;
    let failed =
        |error: &std::io::Error| OpenError::Folder { folder: folder.clone(), why: error.to_string() };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(&error))?;
    check_owner(folder)
}

/// What another user's process writes here, the relay could not open any more.
fn check_owner(folder: &Path) -> Result<(), OpenError> {
    let failed =
        |error: std::io::Error| OpenError::Folder { folder: folder.to_owned(), why: error.to_string() };
    match fs::metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(OpenError::NothingHere(folder.to_owned())),
        Err(error) => Err(failed(error)),
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            Err(OpenError::NotOwner { folder: folder.to_owned(), owner: user_name(found.uid()) })
        }
        Ok(_) => Ok(()),
    }
}

/// Opens the store of a data folder.
pub(crate) async fn open_store(config: &Config, opening: Opening) -> Result<Sqlite, OpenError> {
    let folder = &config.data_dir;
    let path = config.sqlite_path()?;
    match opening {
        Opening::Existing => check_owner(folder)?,
        Opening::Create | Opening::Serve => make_folder(config)?,
    }
    if opening == Opening::Existing && !path.exists() {
        return Err(OpenError::NothingHere(folder.clone()));
    }
    let options = OpenOptions {
        create: opening != Opening::Existing,
        // Never under a relay that serves: it would find tables that it does not know.
        migrate: opening == Opening::Serve || !ServeLock::is_held(folder)?,
        reserve_bytes: config.store.reserve_bytes.0,
    };
    tokio::task::spawn_blocking(move || Sqlite::open(&path, &options))
        .await
        .map_err(OpenError::Cut)?
        .map_err(OpenError::Store)
}

/// The password hasher that the configuration asks for.
pub(crate) fn hasher(config: &Config) -> Result<Hasher, HasherError> {
    let argon2 = &config.auth.argon2;
    let params = outgate_auth::Params {
        memory_kib: argon2.memory_kib,
        iterations: argon2.iterations,
        parallelism: argon2.parallelism,
    };
    let limits = config.auth.max_concurrent_hashes.map_or_else(PoolLimits::default, PoolLimits::of);
    Hasher::new(params, limits, Arc::new(SystemRandomness))
}

/// The resolver that the configuration asks for.
pub(crate) fn resolver(config: &Config) -> Result<Resolver, ConfigError> {
    let resolver = match config.dns.servers.as_slice() {
        [] => Resolver::system(),
        servers => Resolver::asking(servers),
    };
    resolver.map_err(|why| ConfigError::Invalid { key: "dns.servers", why: why.to_string() })
}

/// Whoever runs this process, as the log names them.
fn operator() -> Actor {
    let uid = rustix::process::getuid().as_raw();
    let real = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    Actor::Operator { name: real.unwrap_or_else(|| user_name(uid)) }
}

/// A user's name by the system's list; its number when it is not there.
fn user_name(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse::<u32>().ok()? == uid).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| format!("#{uid}"))
}
