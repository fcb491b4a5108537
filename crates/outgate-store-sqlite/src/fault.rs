//! SQLite's errors in the core's words.

use outgate_core::store::{AcceptError, DirectoryError, StoreError};
use rusqlite::{Error, ErrorCode, types::Type};

/// Why a verb's work stopped: what the caller is told, and whether the store itself is in trouble.
pub(crate) struct Stop<E> {
    /// For the caller.
    pub(crate) error: E,
    /// For the writer.
    pub(crate) fault: Option<StoreError>,
}

impl<E> Stop<E> {
    /// A refusal: the store is well.
    pub(crate) fn refused(error: E) -> Self {
        Self { error, fault: None }
    }
}

impl<E: From<StoreError>> From<Error> for Stop<E> {
    fn from(error: Error) -> Self {
        store_error(&error).into()
    }
}

impl<E: From<StoreError>> From<StoreError> for Stop<E> {
    fn from(fault: StoreError) -> Self {
        Self { error: fault.clone().into(), fault: Some(fault) }
    }
}

/// Refusals of the store's own families, so that `?` takes them.
macro_rules! refusals {
    ($($error:ty),+) => {$(
        impl From<$error> for Stop<$error> {
            fn from(error: $error) -> Self {
                Self::refused(error)
            }
        }
    )+};
}

refusals!(AcceptError, DirectoryError);

/// What a store error is, by SQLite's.
pub(crate) fn store_error(error: &Error) -> StoreError {
    match error {
        Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => StoreError::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Damaged(error.to_string()),
            _ => StoreError::Unavailable(format!("{error} (SQLite's {})", failure.extended_code)),
        },
        _ if is_unreadable(error) => StoreError::Damaged(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Whether SQLite gave a row, and it does not say what it should: its neighbours may be well.
pub(crate) fn is_unreadable(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
    )
}

/// A column that holds what it cannot hold.
pub(crate) fn damaged(
    column: usize,
    what: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, what.into())
}

/// A value that could not be written as JSON.
pub(crate) fn unwritable(error: &serde_json::Error) -> StoreError {
    StoreError::Unavailable(format!("an entry could not be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn errors_by_meaning() {
        let failure = |code| Error::SqliteFailure(ffi::Error::new(code), None);
        assert_eq!(store_error(&failure(ffi::SQLITE_FULL)), StoreError::Full);
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_CORRUPT_VTAB, ffi::SQLITE_NOTADB] {
            assert!(matches!(store_error(&failure(code)), StoreError::Damaged(_)), "{code}");
        }
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_BUSY, ffi::SQLITE_READONLY, ffi::SQLITE_NOMEM] {
            assert!(matches!(store_error(&failure(code)), StoreError::Unavailable(_)), "{code}");
        }
        assert!(matches!(store_error(&damaged(0, "no domain")), StoreError::Damaged(_)));
    }
}
