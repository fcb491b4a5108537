//! What is due behind a long backlog that is paused.
//!
//! Stepping over the backlog takes as long as it is long. So that is done beside the writer, for many messages at once;
//! what was found is remembered for the leases that follow. It is only a hint: whoever takes a message looks again
//! whether it may be taken.

use super::lease::{self, Claim};
use crate::Sqlite;
use outgate_core::{
    Destination,
    store::{LeasedMessage, StoreError},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Messages that are looked for at once.
const FOUND: usize = 500;

/// Messages that were found behind what is paused, oldest due first.
#[derive(Default)]
pub(crate) struct Behind(Mutex<BTreeMap<Destination, VecDeque<i64>>>);

impl Behind {
    fn all(&self) -> MutexGuard<'_, BTreeMap<Destination, VecDeque<i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, destination: &Destination, found: Vec<i64>) {
        self.all().insert(destination.clone(), found.into());
    }

    fn take(&self, destination: &Destination, limit: usize) -> Vec<i64> {
        let mut all = self.all();
        let Some(kept) = all.get_mut(destination) else { return Vec::new() };
        let taken = kept.drain(..limit.min(kept.len())).collect();
        if kept.is_empty() {
            all.remove(destination);
        }
        taken
    }

    /// Nothing stands before a destination's messages any more.
    pub(super) fn forget(&self, destination: &Destination) {
        self.all().remove(destination);
    }
}

impl Sqlite {
    /// Leases what is due behind what is paused.
    pub(super) async fn lease_behind(
        &self,
        claim: &Claim,
        limit: usize,
    ) -> Result<Vec<LeasedMessage>, StoreError> {
        let mut looked = false;
        loop {
            let (found, theirs) = (self.behind.take(&claim.destination, limit), claim.clone());
            if !found.is_empty() {
                let taken = self.write(move |tx| lease::take_found(tx, &theirs, &found)).await?;
                if !taken.is_empty() {
                    return Ok(taken);
                }
            } else if looked || limit == 0 {
                return Ok(Vec::new());
            } else {
                looked = true;
                let found = self.read(move |tx| Ok(lease::find(tx, &theirs, FOUND)?)).await?;
                self.behind.put(&claim.destination, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_given_once_and_in_order() {
        let behind = Behind::default();
        let (one, two) = (Destination::new("one.example"), Destination::new("two.example"));
        behind.put(&one, vec![3, 1, 2]);
        behind.put(&two, vec![4]);
        assert_eq!(behind.take(&one, 2), [3, 1]);
        assert_eq!(behind.take(&one, 2), [2]);
        assert!(behind.take(&one, 2).is_empty());
        behind.forget(&two);
        assert!(behind.take(&two, 2).is_empty());
        assert!(behind.all().is_empty());
    }
}
