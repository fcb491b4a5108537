//! Looking at a database file by plain reads, before SQLite opens it: what must be refused is not touched.
//!
//! Offsets are those of SQLite's file format, <https://sqlite.org/fileformat2.html> §1.3 and §4.1.

use crate::{OpenError, schema};
use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The file header's size.
const HEADER: usize = 100;
/// The log header's size, and that of the header before each of its pages.
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Judges a file: whether it is a database of ours that this program knows. `false`: there is nothing.
pub(crate) fn inspect(path: &Path) -> Result<bool, OpenError> {
    let log = log_of(path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // A log without its database: somebody moved or lost the file, and a new one would bury what the log holds.
            return if length(&log)? > 0 { Err(OpenError::Orphaned { log }) } else { Ok(false) };
        }
        Err(source) => return Err(OpenError::Io { path: path.to_owned(), source }),
    };
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let size = file.metadata().map_err(io)?.len();
    if size == 0 {
        return Err(OpenError::Empty { path: path.to_owned() });
    }
    let mut header = [0_u8; HEADER];
    match file.read_exact_at(&mut header, 0) {
        Ok(()) if header.starts_with(MAGIC) => {}
        Ok(()) => return Err(OpenError::NotSqlite { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(OpenError::NotSqlite { path: path.to_owned() });
        }
        Err(error) => return Err(io(error)),
    }
    let application = word(&header, 68);
    if application != schema::APPLICATION_ID {
        return Err(OpenError::NotOurs { path: path.to_owned(), application });
    }
    let newest = version_in_log(&log)
        .map_err(|source| OpenError::Io { path: log.clone(), source })?
        .unwrap_or(0)
        .max(word(&header, 60));
    if newest > schema::VERSION {
        return Err(OpenError::Newer { path: path.to_owned(), found: newest, known: schema::VERSION });
    }
    let pages = u64::from(word(&header, 28));
    // The page count holds only when the two change counters agree; and while there is a log, the rest may be in there.
    if word(&header, 24) == word(&header, 92) && length(&log)? == 0 && size < pages * page_size(&header) {
        let detail = format!("it should have {pages} pages and was cut short");
        return Err(OpenError::Damaged { path: path.to_owned(), detail });
    }
    Ok(true)
}

/// The write-ahead log beside a database.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// A file's length; nothing where there is no file.
pub(crate) fn length(path: &Path) -> Result<u64, OpenError> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(source) => Err(OpenError::Io { path: path.to_owned(), source }),
    }
}

/// The highest schema version among the copies of the first page in a log, which may be newer than the file's own.
fn version_in_log(log: &Path) -> io::Result<Option<u32>> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let mut header = [0_u8; LOG_HEADER];
    if size < LOG_HEADER as u64 {
        return Ok(None);
    }
    file.read_exact_at(&mut header, 0)?;
    let page = u64::from(word(&header, 8));
    let mut newest = None;
    let mut at = LOG_HEADER as u64;
    while at + FRAME_HEADER as u64 + page <= size {
        let mut frame = [0_u8; FRAME_HEADER];
        file.read_exact_at(&mut frame, at)?;
        // Frames of an earlier round have other salts.
        if frame[8..16] != header[16..24] {
            break;
        }
        if word(&frame, 0) == 1 {
            let mut first = [0_u8; HEADER];
            file.read_exact_at(&mut first, at + FRAME_HEADER as u64)?;
            // A kill between the writes of a frame's header and of its page leaves the page of an earlier round behind it.
            if first.starts_with(MAGIC) && word(&first, 68) == schema::APPLICATION_ID {
                newest = newest.max(Some(word(&first, 60)));
            }
        }
        at += FRAME_HEADER as u64 + page;
    }
    Ok(newest)
}

/// A big-endian number.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// The page size; 1 stands for 65,536.
fn page_size(header: &[u8; HEADER]) -> u64 {
    match u64::from(header[16]) << 8 | u64::from(header[17]) {
        1 => 65_536,
        size => size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database's first page as it says of itself.
    fn first_page(version: u32) -> Vec<u8> {
        let mut page = vec![0_u8; 4096];
        page[..16].copy_from_slice(MAGIC);
        page[16..18].copy_from_slice(&4096_u16.to_be_bytes());
        page[60..64].copy_from_slice(&version.to_be_bytes());
        page[68..72].copy_from_slice(&schema::APPLICATION_ID.to_be_bytes());
        page
    }

    /// A log of one frame for page 1, with what stands behind its header.
    fn log(body: &[u8]) -> Vec<u8> {
        let mut log = vec![0_u8; LOG_HEADER];
        log[8..12].copy_from_slice(&4096_u32.to_be_bytes());
        log[16..24].copy_from_slice(b"thesalts");
        let mut frame = [0_u8; FRAME_HEADER];
        frame[3] = 1;
        frame[8..16].copy_from_slice(b"thesalts");
        log.extend_from_slice(&frame);
        log.extend_from_slice(body);
        log
    }

    #[test]
    fn a_frame_without_its_page_says_nothing_of_the_schema() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outgate.db");
        std::fs::write(&path, first_page(schema::VERSION)).unwrap();
        std::fs::write(log_of(&path), log(&[0x0f; 4096])).unwrap();
        assert!(inspect(&path).unwrap(), "killed between a frame's header and its page");
        std::fs::write(log_of(&path), log(&first_page(schema::VERSION + 1))).unwrap();
        assert!(matches!(inspect(&path), Err(OpenError::Newer { .. })), "a newer program's page");
    }
}
