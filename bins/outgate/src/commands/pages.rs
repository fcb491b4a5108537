//! Reading deliveries page by page, however many there are.

use crate::exit::CommandError;
use outgate_core::store::{DeliveryFilter, DeliveryRow, Store};

/// How many deliveries one read fetches.
const PAGE: usize = 500;

/// Hands deliveries to `each`, newest message first, at most `limit`; returns whether there were more.
pub(crate) async fn deliveries(
    store: &dyn Store,
    filter: &DeliveryFilter,
    limit: Option<usize>,
    mut each: impl FnMut(&DeliveryRow) -> Result<(), CommandError>,
) -> Result<Read, CommandError> {
    let mut after = None;
    let mut read = Read { count: 0, more: false };
    loop {
        let left = limit.map_or(PAGE, |limit| limit - read.count);
        // One more than wanted tells whether there are more.
        let page = store.deliveries(filter, after.as_ref(), PAGE.min(left + 1)).await?;
        for row in &page.rows {
            if limit == Some(read.count) {
                return Ok(Read { more: true, ..read });
            }
            each(row)?;
            read.count += 1;
        }
        after = page.next;
        if after.is_none() {
            return Ok(read);
        }
    }
}

/// How far reading went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    /// So many deliveries.
    pub(crate) count: usize,
    /// There are more.
    pub(crate) more: bool,
}
