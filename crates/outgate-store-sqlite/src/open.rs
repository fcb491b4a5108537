//! Opening and creating: every reason to refuse is found before anything is touched.

use crate::{connect, header, made, schema};
use rusqlite::{Connection, ErrorCode};
use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Names tried for a database in the making; others may be making it too, or have been killed at it.
const DRAFTS: u32 = 100;

/// How to open a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Make the database when there is none.
    pub create: bool,
    /// Bring an older schema up to this program's. Never while another process serves the folder.
    pub migrate: bool,
    /// Bytes to keep free on the medium: with less, [`outgate_core::store::Queue::has_room`] says no.
    pub reserve_bytes: u64,
}

/// Why a store could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no database.
    #[error("there is no database at {}: `outgate serve` or `outgate domain add` makes one", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is a file of no bytes.
    #[error("{} is empty and should not be: restore it from a backup, or move it away", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// One was made here, and it is gone.
    #[error(
        "{} is gone, and its log with it: put it back or restore it from a backup; to begin with an empty one, remove {}",
        path.display(), mark.display()
    )]
    Lost {
        /// Where it was.
        path: PathBuf,
        /// The file that remembers it.
        mark: PathBuf,
    },
    /// A log without its database.
    #[error("{} is there but its database is not: put the database back, or move the log away", log.display())]
    Orphaned {
        /// The log.
        log: PathBuf,
    },
    /// Not a database at all.
    #[error("{} is not a database", path.display())]
    NotSqlite {
        /// The file.
        path: PathBuf,
    },
    /// Somebody else's database.
    #[error("{} is a database of another program (application id {application:#010x})", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        application: u32,
    },
    /// Written by a newer Outgate.
    #[error("{} has schema {found} and this program knows {known}: run the newer program", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Written by an older Outgate.
    #[error("{} has schema {found}, this program needs {known}: start `outgate serve` once to bring it up to date", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Something in it is broken.
    #[error(
        "{} is damaged: {detail}; move it and {} away, and restore it from a backup",
        path.display(), header::log_of(path).display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What.
        detail: String,
    },
    /// Another process kept it locked for too long.
    #[error("{} is busy: another process is writing for too long", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be read or made.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// Opens a connection for writing to a database that is ours, whole, and of this program's schema.
pub(crate) fn checked(path: &Path, options: &OpenOptions) -> Result<Connection, OpenError> {
    let refused = |error| of_sqlite(path, error);
    // In this order: whoever makes one at this moment puts it in place before the mark.
    let remembered = options.create && made::remembers(path)?;
    if !header::inspect(path)? {
        if !options.create {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        if remembered {
            return Err(OpenError::Lost { path: path.to_owned(), mark: made::mark_of(path) });
        }
        create(path)?;
    }
    let mut connection = connect::unproven(path).map_err(refused)?;
    let judged = judge(&connection, path, options);
    // Refused, it leaves a log as it is; an empty one, that SQLite may have just made, need not stay.
    if judged.is_ok() || header::length(&header::log_of(path)).is_ok_and(|length| length == 0) {
        connect::trust(&connection).map_err(refused)?;
    }
    if judged? < schema::VERSION {
        schema::migrate(&mut connection).map_err(refused)?;
    }
    if options.create && !remembered {
        made::remember(path);
    }
    Ok(connection)
}

/// Looks inside and writes nothing; returns the schema version.
fn judge(connection: &Connection, path: &Path, options: &OpenOptions) -> Result<u32, OpenError> {
    let refused = |error| of_sqlite(path, error);
    let found = schema::version(connection).map_err(refused)?;
    if found < schema::VERSION && !options.migrate {
        return Err(OpenError::Older { path: path.to_owned(), found, known: schema::VERSION });
    }
    match schema::fault(connection, found).map_err(refused)? {
        Some(detail) => Err(OpenError::Damaged { path: path.to_owned(), detail }),
        None => Ok(found),
    }
}

/// Makes a database under another name and puts it in place whole: killed at any instant, there is one or there is none.
fn create(path: &Path) -> Result<(), OpenError> {
    let draft = draft(path)?;
    let io = |source| OpenError::Io { path: draft.clone(), source };
    let made = fill(&draft).map_err(|error| of_sqlite(&draft, error)).and_then(|()| {
        match fs::hard_link(&draft, path) {
            // Another process was first: its database is as good.
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(io(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    });
    fs::remove_file(&draft).map_err(io)?;
    made?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| OpenError::Io { path: folder.to_owned(), source })
}

/// A new file beside the database that nobody else writes.
fn draft(path: &Path) -> Result<PathBuf, OpenError> {
    let mut number = 0;
    loop {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".new-{}-{number}", std::process::id()));
        let draft = PathBuf::from(draft);
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft) {
            Ok(_) => return Ok(draft),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < DRAFTS => number += 1,
            Err(source) => return Err(OpenError::Io { path: draft, source }),
        }
    }
}

fn fill(draft: &Path) -> rusqlite::Result<()> {
    let mut connection = connect::writer(draft)?;
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    schema::migrate(&mut connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}

pub(crate) fn of_sqlite(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, detail: error.to_string() },
        Some(ErrorCode::NotADatabase) => OpenError::NotSqlite { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Busy { path },
        _ => OpenError::Sqlite { path, source: error },
    }
}
