//! The queue's verbs.

mod accept;
mod admin;
mod behind;
mod content;
mod due;
mod lease;
mod pages;
mod pause;
mod settle;
mod steps;
mod sweep;

use crate::{Sqlite, row};
use admin::{Change, Place, Which};
use async_trait::async_trait;
pub(crate) use behind::Behind;
use bytes::Bytes;
use outgate_core::{
    Actor, DeliveryId, DeliveryStatus, Destination, MessageId, SendRight, Timestamp,
    store::{
        AcceptError, Accepted, DeliveryFilter, DeliveryPage, DueDestination, Holder, Lease, LeasedMessage,
        MessageHistory, NewMessage, PageCursor, PauseScope, Queue, QueueSummary, Selector, Settled,
        Settlement, StoreError,
    },
};
use rusqlite::Connection;
use std::sync::atomic::Ordering;
use steps::Turn;

#[async_trait]
impl Queue for Sqlite {
    fn has_room(&self) -> bool {
        self.room.is_there()
    }

    async fn accept(
        &self,
        right: &SendRight,
        new: NewMessage,
        at: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        // Here too: what comes in between one look at `MAIL` and the end of its data must not eat the reserve.
        let room = self.room.claim(accept::bytes(&new)).ok_or(StoreError::Full)?;
        let message = accept::Submission::new(right.clone(), new, at, room)?;
        self.write_while_wanted(message.bytes(), move |tx| message.accept(tx)).await
    }

    async fn due_destinations(
        &self,
        now: Timestamp,
        after: Option<&Destination>,
        limit: usize,
    ) -> Result<Vec<DueDestination>, StoreError> {
        let after = after.cloned();
        self.read(move |tx| Ok(due::destinations(tx, now, after.as_ref(), limit)?)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|tx| Ok(due::next(tx)?)).await
    }

    async fn lease(
        &self,
        destination: &Destination,
        lease: &Lease,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<LeasedMessage>, StoreError> {
        let (destination, lease) = (destination.clone(), lease.clone());
        let claim = lease::Claim { destination, lease, now };
        let theirs = claim.clone();
        let taken = self.write(move |tx| lease::take(tx, &theirs, limit)).await?;
        if !taken.stopped_short {
            self.behind.forget(&claim.destination);
        } else if taken.messages.is_empty() {
            return self.lease_behind(&claim, limit).await;
        }
        Ok(taken.messages)
    }

    async fn content(&self, message: MessageId) -> Result<Option<Bytes>, StoreError> {
        self.read(move |tx| content::read(tx, message)).await
    }

    async fn renew(&self, message: MessageId, lease: &Lease) -> Result<bool, StoreError> {
        let lease = lease.clone();
        self.write(move |tx| Ok(lease::renew(tx, message, &lease)?)).await
    }

    async fn give_back(&self, deliveries: &[DeliveryId], holder: &Holder) -> Result<(), StoreError> {
        let (deliveries, holder) = (deliveries.to_vec(), holder.clone());
        self.write(move |tx| Ok(lease::give_back(tx, &deliveries, &holder)?)).await
    }

    async fn settle(&self, settlement: Settlement) -> Result<Vec<Settled>, StoreError> {
        let outcome = settle::prepare(settlement)?;
        self.write_bytes(outcome.bytes(), move |tx| settle::record(tx, &outcome)).await
    }

    async fn set_aside(&self, message: MessageId, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| admin::set_aside(tx, message, at)).await
    }

    async fn take_back_leases(&self, holder: &Holder) -> Result<u64, StoreError> {
        let (which, holder) = (Which::LeasedToOthers(holder.clone()), holder.clone());
        let end = move |tx: &Connection, step: &[Place], turn: &Turn| {
            Ok(turn.each(step, |place| lease::take_back(tx, place, &holder))?)
        };
        self.in_steps(which, end, false).await
    }

    async fn hold(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.change(Change::Hold, which, actor, at).await
    }

    async fn release(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.change(Change::Release, which, actor, at).await
    }

    async fn retry(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.change(Change::Retry, which, actor, at).await
    }

    async fn cancel(&self, which: &Selector, actor: &Actor, at: Timestamp) -> Result<u64, StoreError> {
        self.change(Change::Cancel, which, actor, at).await
    }

    async fn pause(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        let (scope, actor) = (scope.clone(), actor.clone());
        self.write(move |tx| pause::begin(tx, &scope, &actor, at)).await
    }

    async fn resume(&self, scope: &PauseScope, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        let (scope, actor) = (scope.clone(), actor.clone());
        self.write(move |tx| pause::end(tx, &scope, &actor, at)).await
    }

    async fn paused(&self) -> Result<Vec<PauseScope>, StoreError> {
        self.read(|tx| Ok(pause::list(tx)?)).await
    }

    async fn summary(&self) -> Result<QueueSummary, StoreError> {
        self.read(|tx| Ok(pages::summary(tx)?)).await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&PageCursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        let (filter, after) = (filter.clone(), after.map(pages::Place::parse).transpose()?);
        self.read(move |tx| Ok(pages::deliveries(tx, &filter, after, limit)?)).await
    }

    async fn message(&self, message: MessageId) -> Result<Option<MessageHistory>, StoreError> {
        self.read(move |tx| Ok(pages::message(tx, message)?)).await
    }

    async fn message_of(&self, delivery: DeliveryId) -> Result<Option<MessageId>, StoreError> {
        self.read(move |tx| {
            let sql = "SELECT m.id FROM deliveries d JOIN messages m ON m.seq = d.message WHERE d.id = ?1";
            Ok(row::first(tx, sql, [delivery.as_bytes()], |row| row::id(row, 0, MessageId::from_bytes))?)
        })
        .await
    }

    async fn sweep(&self, limit: usize) -> Result<u64, StoreError> {
        let from = self.swept.load(Ordering::Relaxed);
        let (content, keys) =
            self.read(move |tx| Ok((sweep::content(tx, from, limit)?, sweep::keys(tx, limit)?))).await?;
        let gone = self.free(&content.messages).await?;
        self.swept.store(content.next, Ordering::Relaxed);
        let keys = self.write(move |tx| {
            sweep::users(tx)?;
            Ok(sweep::remove_keys(tx, &keys)?)
        });
        Ok(gone + keys.await?)
    }
}

/// A message's row.
fn message_row(tx: &Connection, id: MessageId) -> rusqlite::Result<Option<i64>> {
    row::first(tx, "SELECT seq FROM messages WHERE id = ?1", [id.as_bytes()], |row| row.get(0))
}

/// Moves the count of an open status; ends are not counted.
fn tally(tx: &Connection, status: DeliveryStatus, by: i64) -> rusqlite::Result<()> {
    if status.is_final() || by == 0 {
        return Ok(());
    }
    tally_code(tx, crate::code::Coded::code(status), by)
}

/// The same by the number of the status, which may be none of ours.
fn tally_code(tx: &Connection, status: i64, by: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE tallies SET deliveries = deliveries + ?2 WHERE status = ?1";
    row::run(tx, sql, (status, by)).map(drop)
}

/// Removes a message's bytes if none of its deliveries is open any more; how many bodies went.
fn drop_content(tx: &Connection, message: i64) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM content WHERE message = ?1
               AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?1 AND status <= 2)";
    Ok(row::run(tx, sql, [message])? as u64)
}
