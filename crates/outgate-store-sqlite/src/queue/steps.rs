//! Verbs that work in steps, so that what is accepted meanwhile does not wait.
//!
//! What is meant is looked for beside the writer and changed a step at a time; a step ends after so many rows, or after so
//! much time, whichever is first.

use super::{
    admin::{self, Change, Place, Which},
    drop_content,
};
use crate::{Sqlite, fault::Stop};
use outgate_core::{
    Actor, Timestamp,
    store::{Selector, StoreError},
};
use rusqlite::Connection;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Rows looked for at once, and the most that are changed in one transaction.
const STEP: usize = 500;
/// About how long a step keeps the writer from others.
const TURN: Duration = Duration::from_millis(50);

/// A step's turn at the writer.
pub(super) struct Turn {
    began: Instant,
    most: Duration,
}

/// How far a step came.
pub(super) struct Came {
    /// Rows that it came to.
    pub(super) to: usize,
    /// Those that it changed.
    pub(super) changed: u64,
}

impl Turn {
    /// One that begins.
    pub(super) fn begin() -> Self {
        Self::of(TURN)
    }

    fn of(most: Duration) -> Self {
        Self { began: Instant::now(), most }
    }

    /// Changes one after another until the turn is over, and always the first.
    pub(super) fn each<T, E>(
        &self,
        items: &[T],
        mut change: impl FnMut(&T) -> Result<u64, E>,
    ) -> Result<Came, E> {
        let mut came = Came { to: 0, changed: 0 };
        for item in items {
            if came.to > 0 && self.began.elapsed() >= self.most {
                break;
            }
            came.changed += change(item)?;
            came.to += 1;
        }
        Ok(came)
    }
}

impl Sqlite {
    /// What an operator does with what is selected.
    pub(super) async fn change(
        &self,
        change: Change,
        which: &Selector,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let (actor, which) = (actor.clone(), Which::Selected(which.clone()));
        let apply =
            move |tx: &Connection, step: &[Place], turn: &Turn| change.apply(tx, step, turn, &actor, at);
        self.in_steps(which, apply, change == Change::Cancel).await
    }

    /// Looks for what is meant and changes it; returns how many were changed.
    pub(super) async fn in_steps(
        &self,
        which: Which,
        change: impl Fn(&Connection, &[Place], &Turn) -> Result<Came, Stop<StoreError>> + Send + Sync + 'static,
        ends: bool,
    ) -> Result<u64, StoreError> {
        let (change, mut changed, mut after) = (Arc::new(change), 0, None);
        loop {
            let (which, change) = (which.clone(), change.clone());
            let found = self.read(move |tx| Ok(admin::find(tx, &which, after, STEP)?)).await?;
            after = found.last().copied();
            changed += self.by_turns(&found, move |tx, step, turn| change(tx, step, turn)).await?;
            if ends {
                let mut messages: Vec<i64> = found.iter().map(|place| place.message).collect();
                messages.dedup();
                // What was asked for is done; what is left here, a sweep finds.
                if let Err(error) = self.free(&messages).await {
                    tracing::warn!(%error, "bytes of ended messages could not be removed; they are swept later");
                }
            }
            if found.len() < STEP {
                return Ok(changed);
            }
        }
    }

    /// Removes the bytes of those messages that have nothing open any more; returns how many. Not in the transaction
    /// that ended them: a big message has thousands of pages.
    pub(super) async fn free(&self, messages: &[i64]) -> Result<u64, StoreError> {
        self.by_turns(messages, |tx, step, turn| Ok(turn.each(step, |message| drop_content(tx, *message))?))
            .await
    }

    /// Goes through rows, as many in each transaction as a turn allows; returns how many were changed.
    async fn by_turns<T: Copy + Send + Sync + 'static>(
        &self,
        rows: &[T],
        change: impl Fn(&Connection, &[T], &Turn) -> Result<Came, Stop<StoreError>> + Send + Sync + 'static,
    ) -> Result<u64, StoreError> {
        let (rows, change) = (Arc::<[T]>::from(rows), Arc::new(change));
        let (mut from, mut changed) = (0, 0);
        while from < rows.len() {
            let (step, change) = (rows.clone(), change.clone());
            let came = self.write(move |tx| change(tx, &step[from..], &Turn::begin())).await?;
            changed += came.changed;
            from += came.to;
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_with_its_rows_or_its_time_and_changes_one_at_least() {
        let rows = [1, 2, 3];
        let all = |turn: Turn, rows: &[u64]| turn.each(rows, |row| Ok::<_, ()>(*row)).unwrap();
        let came = all(Turn::of(Duration::MAX), &rows);
        assert_eq!((came.to, came.changed), (3, 6));
        let came = all(Turn::of(Duration::ZERO), &rows);
        assert_eq!((came.to, came.changed), (1, 1));
        let came = all(Turn::of(Duration::ZERO), &[]);
        assert_eq!((came.to, came.changed), (0, 0));
    }
}
