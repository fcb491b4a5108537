//! Columns, read back through the core's types: what does not parse is damage.

use crate::{code::Coded, fault::damaged};
use outgate_core::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Result, Row};
use std::{error::Error, str::FromStr};

/// Runs a statement, prepared once per connection; returns how many rows it changed.
pub(crate) fn run(tx: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    tx.prepare_cached(sql)?.execute(params)
}

/// The first row of a query, if there is one.
pub(crate) fn first<T>(
    tx: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    tx.prepare_cached(sql)?.query_row(params, read).optional()
}

/// Every row of a query.
pub(crate) fn all<T>(
    tx: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    tx.prepare_cached(sql)?.query_map(params, read)?.collect()
}

/// A text that parses.
pub(crate) fn text<T>(row: &Row<'_>, column: usize) -> Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    row.get_ref(column)?.as_str()?.parse().map_err(|error| damaged(column, error))
}

/// A text that parses, or nothing.
pub(crate) fn optional_text<T>(row: &Row<'_>, column: usize) -> Result<Option<T>>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let kept = row.get_ref(column)?.as_str_or_null()?;
    kept.map(|kept| kept.parse().map_err(|error| damaged(column, error))).transpose()
}

/// An id, by its maker.
pub(crate) fn id<T>(row: &Row<'_>, column: usize, make: fn([u8; 16]) -> T) -> Result<T> {
    row.get(column).map(make)
}

/// A time.
pub(crate) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    of_millis(row.get(column)?, column)
}

/// A time of so many milliseconds.
pub(crate) fn of_millis(millis: i64, column: usize) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|error| damaged(column, error))
}

/// A number that is never negative.
pub(crate) fn count(row: &Row<'_>, column: usize) -> Result<u64> {
    let kept: i64 = row.get(column)?;
    u64::try_from(kept).map_err(|error| damaged(column, error))
}

/// A state by its number.
pub(crate) fn state<T: Coded>(row: &Row<'_>, column: usize) -> Result<T> {
    T::of(row.get(column)?).ok_or_else(|| damaged(column, "no such state"))
}

/// A state by its number, or nothing.
pub(crate) fn optional_state<T: Coded>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    let kept: Option<i64> = row.get(column)?;
    kept.map(|kept| T::of(kept).ok_or_else(|| damaged(column, "no such state"))).transpose()
}

/// A `LIMIT` that SQLite can read.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
