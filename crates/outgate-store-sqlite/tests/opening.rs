//! What is refused when a store is opened, and that the refusal touches nothing.
#![expect(clippy::unwrap_used, reason = "trouble of a test is a panic")]

use outgate_store_sqlite::{OpenError, OpenOptions, Sqlite};
use rusqlite::Connection;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn made() -> Self {
        let place = Self::empty();
        drop(place.create().unwrap());
        place
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("outgate.db")
    }

    fn create(&self) -> Result<Sqlite, OpenError> {
        Sqlite::open(&self.path(), &OpenOptions { create: true, migrate: true, reserve_bytes: 0 })
    }

    /// As a kill leaves it: a change that is only in the log, beside a file that does not know of it.
    fn killed(change: &str) -> Self {
        let (made, place) = (Self::made(), Self::empty());
        let writer = made.raw();
        writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        writer.execute_batch(change).unwrap();
        for file in ["outgate.db", "outgate.db-wal"] {
            fs::copy(made.folder.path().join(file), place.folder.path().join(file)).unwrap();
        }
        place
    }

    /// Writes over a table's first page, in the file itself.
    fn scribble(&self, table: &str) {
        let made = Self::made();
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let page: i64 = made.raw().query_row(sql, [table], |row| row.get(0)).unwrap();
        let mut bytes = fs::read(self.path()).unwrap();
        let start = (page as usize - 1) * 4096;
        bytes[start..start + 64].fill(0xA5);
        fs::write(self.path(), bytes).unwrap();
    }

    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// Every file with its bytes.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// Every file but SQLite's index of the log, which is made anew from it.
    fn kept(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = self.files();
        files.retain(|path, _| !path.to_string_lossy().ends_with("-shm"));
        files
    }

    /// Opens in every way; each must be refused, and no byte changed.
    fn refused(&self) -> OpenError {
        let before = self.kept();
        let mut refusal = None;
        for (create, migrate) in [(false, false), (true, false), (false, true), (true, true)] {
            let options = OpenOptions { create, migrate, reserve_bytes: 0 };
            match Sqlite::open(&self.path(), &options) {
                Ok(_) => panic!("opened with {options:?}"),
                Err(error) => refusal = Some(error),
            }
            assert!(self.kept() == before, "something was touched with {options:?}");
        }
        refusal.unwrap()
    }
}

#[test]
fn what_is_missing_is_made_only_on_demand() {
    let place = Place::empty();
    let missing = Sqlite::open(&place.path(), &OpenOptions::default());
    assert!(matches!(missing, Err(OpenError::Missing { .. })));
    assert!(place.files().is_empty());
    let store = place.create().unwrap();
    for path in place.files().keys() {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    drop(store);
    let expected = [&place.path(), &place.folder.path().join("serve.lock")];
    assert_eq!(place.files().keys().collect::<Vec<_>>(), expected, "nothing is left over");
    Sqlite::open(&place.path(), &OpenOptions::default()).unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let place = Place::empty();
    let path = place.folder.path().join("gone/outgate.db");
    let options = OpenOptions { create: true, ..OpenOptions::default() };
    assert!(matches!(Sqlite::open(&path, &options), Err(OpenError::Io { .. })));
}

#[test]
fn an_empty_file_is_refused() {
    let place = Place::empty();
    fs::write(place.path(), b"").unwrap();
    assert!(matches!(place.refused(), OpenError::Empty { .. }));
}

#[test]
fn a_log_without_its_database_is_refused() {
    let place = Place::empty();
    fs::write(place.folder.path().join("outgate.db-wal"), b"what was written last").unwrap();
    assert!(matches!(place.refused(), OpenError::Orphaned { .. }));
}

#[test]
fn what_is_no_database_is_refused() {
    for bytes in [&b"short"[..], &[b'x'; 5000][..], b"SQLite format 3\0 and then nothing"] {
        let place = Place::empty();
        fs::write(place.path(), bytes).unwrap();
        assert!(matches!(place.refused(), OpenError::NotSqlite { .. }));
    }
}

#[test]
fn another_programs_database_is_refused() {
    let place = Place::empty();
    place.raw().execute_batch("CREATE TABLE theirs (n)").unwrap();
    assert!(matches!(place.refused(), OpenError::NotOurs { application: 0, .. }));
}

#[test]
fn a_newer_versions_database_is_refused() {
    let place = Place::made();
    place.raw().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(place.refused(), OpenError::Newer { found: 99, .. }));
}

#[test]
fn a_newer_version_that_is_only_in_the_log_is_refused() {
    let place = Place::killed("PRAGMA user_version = 99");
    assert!(matches!(place.refused(), OpenError::Newer { found: 99, .. }));
}

#[test]
fn an_older_versions_database_is_migrated_only_on_demand() {
    let place = Place::made();
    place.raw().pragma_update(None, "user_version", 0).unwrap();
    let older = Sqlite::open(&place.path(), &OpenOptions { create: true, ..OpenOptions::default() });
    assert!(matches!(older, Err(OpenError::Older { found: 0, .. })));
}

#[test]
fn a_database_that_was_cut_short_is_refused() {
    let place = Place::made();
    let file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    assert!(matches!(place.refused(), OpenError::Damaged { .. }));
}

#[test]
fn a_broken_table_is_refused() {
    let place = Place::made();
    place.scribble("users");
    let before = place.files();
    assert!(matches!(place.refused(), OpenError::Damaged { .. }));
    assert_eq!(place.files().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
}

#[test]
fn a_damaged_database_keeps_its_log() {
    let ways: [fn(&Place); 2] = [
        |place| place.scribble("users"),
        |place| {
            let file = fs::OpenOptions::new().write(true).open(place.path()).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        },
    ];
    for damage in ways {
        let place = Place::killed("UPDATE accounts SET name = 'somebody'");
        damage(&place);
        assert!(matches!(place.refused(), OpenError::Damaged { .. }));
        assert!(fs::metadata(place.folder.path().join("outgate.db-wal")).unwrap().len() > 0);
    }
    // A sound one takes its log in.
    let place = Place::killed("UPDATE accounts SET name = 'somebody'");
    drop(Sqlite::open(&place.path(), &OpenOptions::default()).unwrap());
    assert!(!place.folder.path().join("outgate.db-wal").exists());
    let name: String = place.raw().query_row("SELECT name FROM accounts", [], |row| row.get(0)).unwrap();
    assert_eq!(name, "somebody");
}

#[test]
fn a_damaged_database_is_not_migrated() {
    let place = Place::killed("PRAGMA user_version = 0");
    let before = place.kept();
    let options = OpenOptions { create: true, migrate: true, reserve_bytes: 0 };
    let damaged = Sqlite::open(&place.path(), &options).map(drop);
    assert!(matches!(damaged, Err(OpenError::Damaged { .. })), "{damaged:?}");
    assert!(place.kept() == before);
}

#[test]
fn a_database_that_is_gone_is_not_made_anew() {
    let place = Place::made();
    fs::remove_file(place.path()).unwrap();
    let before = place.files();
    assert!(matches!(Sqlite::open(&place.path(), &OpenOptions::default()), Err(OpenError::Missing { .. })));
    let lost = place.create().map(drop).unwrap_err();
    let mark = place.folder.path().join("serve.lock");
    assert!(matches!(&lost, OpenError::Lost { mark: told, .. } if *told == mark), "{lost}");
    assert_eq!(place.files(), before);
    // A lock alone remembers nothing, and the mark can be removed on purpose.
    fs::write(&mark, b"").unwrap();
    drop(place.create().unwrap());
    assert!(fs::metadata(&mark).unwrap().len() > 0);
    // One made before there were marks gets one.
    fs::remove_file(&mark).unwrap();
    drop(place.create().unwrap());
    fs::remove_file(place.path()).unwrap();
    assert!(matches!(place.create(), Err(OpenError::Lost { .. })));
}

#[test]
fn two_who_make_it_at_once_have_one() {
    let place = Place::empty();
    let make = || {
        let path: &Path = &place.path();
        Sqlite::open(path, &OpenOptions { create: true, ..OpenOptions::default() }).map(drop)
    };
    std::thread::scope(|scope| {
        let both = [scope.spawn(make), scope.spawn(make)];
        let made = both.into_iter().map(|one| one.join().unwrap());
        assert!(made.flatten().count() >= 1);
    });
    Sqlite::open(&place.path(), &OpenOptions::default()).unwrap();
}
