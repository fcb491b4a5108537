//! Message bytes, checked whenever they are read.

use crate::{fault::Stop, row};
use bytes::Bytes;
use outgate_core::{MessageId, store::StoreError};
use rusqlite::Connection;

/// The checksum kept beside message bytes. It tells what a failing medium did, not what an enemy did: whoever can write
/// the file can write the checksum.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// The bytes of a message, while they are kept.
pub(super) fn read(tx: &Connection, message: MessageId) -> Result<Option<Bytes>, Stop<StoreError>> {
    let sql = "SELECT c.checksum, c.bytes, m.size FROM messages m JOIN content c ON c.message = m.seq WHERE m.id = ?1";
    let found = row::first(tx, sql, [message.as_bytes()], |row| {
        let bytes = row.get_ref(1)?.as_blob()?;
        let whole = bytes.len() as u64 == row::count(row, 2)? && checksum(bytes) == row.get::<_, u32>(0)?;
        Ok(whole.then(|| Bytes::copy_from_slice(bytes)))
    })?;
    match found {
        None => Ok(None),
        Some(Some(bytes)) => Ok(Some(bytes)),
        Some(None) => Err(StoreError::Damaged(format!("the bytes of message {message}")).into()),
    }
}
