//! What can be read of the queue. A page cursor is the place of the row before: its message's and its own.

use super::state::{KeptDelivery, KeptMessage, State};
use bytes::Bytes;
use outgate_core::{
    DeliveryStatus, MessageId, ReversePath, SettledRecipient, Timestamp,
    store::{
        DeliveryFilter, DeliveryPage, DeliveryRow, MessageHistory, PageCursor, PauseScope, QueueSummary,
        StoreError,
    },
};
use std::collections::BTreeSet;

/// What the last attempt brought: the reply, or the reason when there was none.
fn last_reply(delivery: &KeptDelivery) -> Option<String> {
    let last = delivery.attempts.last()?;
    Some(last.reply.as_ref().map_or_else(|| last.reason.clone(), ToString::to_string))
}

/// When it is tried next, if it is.
fn next_attempt_at(delivery: &KeptDelivery) -> Option<Timestamp> {
    delivery.waits().then_some(delivery.due_at)
}

/// A delivery as the event of its settlement tells it.
pub(super) fn settled_recipient(delivery: &KeptDelivery) -> SettledRecipient {
    SettledRecipient {
        delivery: delivery.new.id,
        recipient: delivery.new.recipient.address.clone(),
        status: delivery.status,
        reply: last_reply(delivery).unwrap_or_default(),
        next_attempt_at: next_attempt_at(delivery),
    }
}

fn row(message: &KeptMessage, delivery: &KeptDelivery) -> DeliveryRow {
    DeliveryRow {
        message: delivery.message,
        delivery: delivery.new.id,
        at: message.accepted_at,
        domain: message.right.domain_name().clone(),
        username: message.right.username().clone(),
        sender: message.new.reverse_path.clone(),
        recipient: delivery.new.recipient.address.clone(),
        subject: message.new.subject.clone(),
        status: delivery.status,
        reply: last_reply(delivery),
        attempts: delivery.attempts.len() as u32,
        next_attempt_at: next_attempt_at(delivery),
        destination: delivery.new.destination.clone(),
    }
}

fn fits(filter: &DeliveryFilter, row: &DeliveryRow) -> bool {
    let contains = |text: &String| {
        let subject = row.subject.as_ref();
        subject.is_some_and(|subject| subject.to_lowercase().contains(&text.to_lowercase()))
    };
    filter.domain.as_ref().is_none_or(|domain| row.domain == *domain)
        && filter.user.as_ref().is_none_or(|user| row.username == *user)
        && (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
        && filter.recipient.as_ref().is_none_or(|recipient| row.recipient == *recipient)
        && filter.sender.as_ref().is_none_or(|sender| row.sender == ReversePath::Address(sender.clone()))
        && filter.subject.as_ref().is_none_or(contains)
        && filter.since.is_none_or(|since| row.at >= since)
        && filter.until.is_none_or(|until| row.at < until)
        && filter.destination.as_ref().is_none_or(|destination| row.destination == *destination)
}

fn cursor(place: usize, index: usize) -> PageCursor {
    PageCursor(format!("{place}.{index}"))
}

fn parse(cursor: &PageCursor) -> Result<(usize, usize), StoreError> {
    let parts = cursor.0.split_once('.');
    let numbers = parts.and_then(|(place, index)| Some((place.parse().ok()?, index.parse().ok()?)));
    numbers.ok_or_else(|| StoreError::Unavailable("not a page cursor of this store".to_owned()))
}

impl State {
    pub(super) fn content(&self, message: MessageId) -> Result<Option<Bytes>, StoreError> {
        match self.messages.get(&message).filter(|kept| kept.content_kept) {
            Some(kept) if kept.damaged => Err(StoreError::Damaged(format!("the bytes of message {message}"))),
            kept => Ok(kept.map(|kept| kept.new.content.clone())),
        }
    }

    pub(super) fn summary(&self) -> QueueSummary {
        let count = |status| self.open_deliveries().filter(|(_, open)| open.status == status).count() as u64;
        QueueSummary {
            pending: count(DeliveryStatus::Pending),
            deferred: count(DeliveryStatus::Deferred),
            held: count(DeliveryStatus::Held),
            oldest_at: self.open_deliveries().map(|(message, _)| message.accepted_at).min(),
            paused: self.paused.contains(&PauseScope::Everything),
        }
    }

    pub(super) fn deliveries(
        &self,
        filter: &DeliveryFilter,
        after: Option<&PageCursor>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        let after = after.map(parse).transpose()?;
        let from = after.map_or(self.accepted.len(), |(place, _)| (place + 1).min(self.accepted.len()));
        let newest_first = self.accepted[..from].iter().rev().filter_map(|id| self.messages.get(id));
        let all = newest_first.flat_map(|message| {
            let kept = message.new.deliveries.iter().filter_map(|new| self.deliveries.get(&new.id));
            kept.enumerate().map(move |(index, delivery)| ((message.place, index), row(message, delivery)))
        });
        // Within the message of the cursor, only what comes after it.
        let behind = all.filter(|((place, index), _)| {
            after.is_none_or(|(after_place, after_index)| *place < after_place || *index > after_index)
        });
        let mut found = behind.filter(|(_, row)| fits(filter, row));
        let mut rows = Vec::new();
        let mut last = None;
        for (place, row) in found.by_ref().take(limit) {
            rows.push(row);
            last = Some(place);
        }
        let next = last.filter(|_| found.next().is_some()).map(|(place, index)| cursor(place, index));
        Ok(DeliveryPage { rows, next })
    }

    pub(super) fn message(&self, id: MessageId) -> Option<MessageHistory> {
        let message = self.messages.get(&id)?;
        let deliveries = || message.new.deliveries.iter().filter_map(|new| self.deliveries.get(&new.id));
        let mut attempts: Vec<_> = deliveries()
            .flat_map(|delivery| delivery.attempts.iter().map(|attempt| (delivery.new.id, attempt.clone())))
            .collect();
        attempts.sort_by_key(|(_, attempt)| attempt.started_at);
        Some(MessageHistory {
            message: id,
            domain: message.right.domain(),
            size: message.size,
            content_kept: message.content_kept,
            deliveries: deliveries().map(|delivery| row(message, delivery)).collect(),
            attempts,
        })
    }

    /// Bytes go by themselves here, with the last open delivery; what is left to sweep are keys.
    pub(super) fn sweep(&mut self, limit: usize) -> u64 {
        let needed: BTreeSet<_> = self.open_deliveries().map(|(message, _)| message.right.domain()).collect();
        let before = self.keys.len();
        let mut left = limit;
        let domains = &self.domains;
        self.keys.retain(|key| {
            let deleted = domains.get(&key.domain).is_some_and(|kept| kept.deleted);
            let goes = deleted && !needed.contains(&key.domain) && left > 0;
            left -= usize::from(goes);
            !goes
        });
        (before - self.keys.len()) as u64
    }
}
