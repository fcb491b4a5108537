//! `outgate activity --follow`: what becomes of deliveries, as it happens.

use super::Invocation;
use crate::{
    commands::events::{LOOK_EVERY, Reader},
    exit::{CommandError, Status},
    output::{delivery_line, view::ShownDelivery},
};
use outgate_core::{
    DeliveryStatus, Event, EventKind, ReversePath,
    store::{DeliveryFilter, DeliveryRow, Store},
};

/// Tells each change of a delivery that matches, until somebody ends it.
pub(super) async fn run(
    invocation: &Invocation,
    store: &dyn Store,
    filter: &DeliveryFilter,
) -> Result<Status, CommandError> {
    let mut reader = Reader::at_end(store).await?;
    loop {
        let events = reader.next(store).await?;
        for logged in &events {
            for row in changed(store, &logged.event).await? {
                if matches(&row, filter) {
                    invocation
                        .output
                        .tell(&ShownDelivery::of(&row), || delivery_line(&row, logged.event.at))?;
                }
            }
        }
        if events.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The deliveries that an event is about, as they stood just after it.
async fn changed(store: &dyn Store, event: &Event) -> Result<Vec<DeliveryRow>, CommandError> {
    let message = match &event.kind {
        EventKind::MessageAccepted { message, .. }
        | EventKind::MessageSettled { message, .. }
        | EventKind::MessageDamaged { message } => *message,
        // The rest names no delivery: changes of the directory, and an operator's changes by the number.
        _ => return Ok(Vec::new()),
    };
    let rows = store.message(message).await?.map(|history| history.deliveries).unwrap_or_default();
    Ok(rows.into_iter().filter_map(|row| as_of(row, &event.kind)).collect())
}

/// Puts a delivery back to where an event left it: the store shows where it is by now. `None`: the event is not about it.
fn as_of(row: DeliveryRow, kind: &EventKind) -> Option<DeliveryRow> {
    match kind {
        EventKind::MessageAccepted { .. } => Some(DeliveryRow {
            status: DeliveryStatus::Pending,
            reply: None,
            attempts: 0,
            next_attempt_at: None,
            ..row
        }),
        EventKind::MessageSettled { results, .. } => {
            let result = results.iter().find(|result| result.delivery == row.delivery)?;
            Some(DeliveryRow {
                status: result.status,
                reply: Some(result.reply.clone()).filter(|reply| !reply.is_empty()),
                next_attempt_at: result.next_attempt_at,
                ..row
            })
        }
        _ => Some(row),
    }
}

/// What a store's filter asks, of one delivery.
fn matches(row: &DeliveryRow, filter: &DeliveryFilter) -> bool {
    fn fits<T: PartialEq>(wanted: Option<&T>, is: &T) -> bool {
        wanted.is_none_or(|wanted| wanted == is)
    }
    let sender = match &row.sender {
        ReversePath::Null => filter.sender.is_none(),
        ReversePath::Address(address) => fits(filter.sender.as_ref(), address),
    };
    let subject = filter.subject.as_ref().is_none_or(|wanted| {
        row.subject.as_ref().is_some_and(|subject| subject.to_lowercase().contains(&wanted.to_lowercase()))
    });
    fits(filter.domain.as_ref(), &row.domain)
        && fits(filter.user.as_ref(), &row.username)
        && fits(filter.recipient.as_ref(), &row.recipient)
        && fits(filter.destination.as_ref(), &row.destination)
        && (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
        && filter.since.is_none_or(|since| row.at >= since)
        && filter.until.is_none_or(|until| row.at < until)
        && sender
        && subject
}

#[cfg(test)]
mod tests {
    use super::*;
    use outgate_core::{DeliveryId, Destination, DomainId, MessageId, SettledRecipient};

    fn row(last: u8) -> DeliveryRow {
        DeliveryRow {
            message: MessageId::from_bytes([1; 16]),
            delivery: DeliveryId::from_bytes([last; 16]),
            at: "2026-11-21T19:21:00Z".parse().unwrap(),
            domain: "example.test".parse().unwrap(),
            username: "k7m2abcdefghjk".parse().unwrap(),
            sender: ReversePath::Address("shop@example.test".parse().unwrap()),
            recipient: "you@example.org".parse().unwrap(),
            subject: Some("Order 4711".to_owned()),
            status: DeliveryStatus::Delivered,
            reply: Some("250 ok".to_owned()),
            attempts: 2,
            next_attempt_at: None,
            destination: Destination::new("example.org"),
        }
    }

    #[test]
    fn a_delivery_is_told_as_the_event_left_it() {
        let accepted = EventKind::MessageAccepted {
            message: MessageId::from_bytes([1; 16]),
            domain: DomainId::from_bytes([2; 16]),
            username: "k7m2abcdefghjk".parse().unwrap(),
            sender: ReversePath::Null,
            size: 1,
            recipients: Vec::new(),
        };
        let then = as_of(row(5), &accepted).unwrap();
        assert_eq!((then.status, then.reply, then.attempts), (DeliveryStatus::Pending, None, 0));

        let settled = EventKind::MessageSettled {
            message: MessageId::from_bytes([1; 16]),
            domain: DomainId::from_bytes([2; 16]),
            results: vec![SettledRecipient {
                delivery: DeliveryId::from_bytes([5; 16]),
                recipient: "you@example.org".parse().unwrap(),
                status: DeliveryStatus::Deferred,
                reply: "451 later".to_owned(),
                next_attempt_at: Some("2026-11-21T19:22:00Z".parse().unwrap()),
            }],
        };
        let then = as_of(row(5), &settled).unwrap();
        assert_eq!((then.status, then.reply.as_deref()), (DeliveryStatus::Deferred, Some("451 later")));
        assert!(as_of(row(6), &settled).is_none(), "another recipient of the message");
    }

    #[test]
    fn a_follower_filters_as_the_store_does() {
        let filter = |change: fn(&mut DeliveryFilter)| {
            let mut filter = DeliveryFilter::default();
            change(&mut filter);
            filter
        };
        for (filter, fits) in [
            (filter(|_| {}), true),
            (filter(|f| f.domain = Some("example.test".parse().unwrap())), true),
            (filter(|f| f.domain = Some("example.org".parse().unwrap())), false),
            (filter(|f| f.user = Some("other-user".parse().unwrap())), false),
            (filter(|f| f.statuses = vec![DeliveryStatus::Pending]), false),
            (filter(|f| f.statuses = vec![DeliveryStatus::Pending, DeliveryStatus::Delivered]), true),
            (filter(|f| f.recipient = Some("me@example.org".parse().unwrap())), false),
            (filter(|f| f.sender = Some("shop@example.test".parse().unwrap())), true),
            (filter(|f| f.subject = Some("ORDER".to_owned())), true),
            (filter(|f| f.subject = Some("invoice".to_owned())), false),
            (filter(|f| f.since = Some("2026-11-21T19:21:00Z".parse().unwrap())), true),
            (filter(|f| f.until = Some("2026-11-21T19:21:00Z".parse().unwrap())), false),
            (filter(|f| f.destination = Some(Destination::new("example.net"))), false),
        ] {
            assert_eq!(matches(&row(5), &filter), fits, "{filter:?}");
        }
    }
}
