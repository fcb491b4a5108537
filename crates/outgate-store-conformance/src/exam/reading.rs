//! What can be read of the queue.

use super::{
    laws::Verdict,
    room::{ALL, Room, ids, seconds, sorted},
};
use crate::{
    Failure,
    failure::{ensure, ensure_eq},
};
use outgate_core::{
    DeliveryId, DeliveryStatus, Destination, MessageId, ReversePath,
    store::{DeliveryFilter, NewMessage, QueueSummary, Selector},
};

/// Every filter picks its own, alone and together with others.
pub(super) async fn each_filter_picks_its_own(room: Room) -> Verdict {
    use DeliveryStatus::{Delivered, Held, Pending, Suppressed};
    let one = room.add_sender("example.com").await?;
    let two = room.add_user("example.com").await?;
    let other = room.add_sender("other.example").await?;
    let first = room.queue_leased(&one, &["a@example.org", "b@example.net"], "one").await?;
    let first_at = room.now();
    room.settle(first.id, "one", vec![room.delivered(first.deliveries[0].id)]).await?;
    let second = room.queue(&two, &["a@example.org"]).await?;
    let second_at = room.now();
    let mut third = room.message(&other.right, &["A@example.org"])?;
    third.reverse_path = ReversePath::Null;
    room.store.accept(&other.right, third.clone(), room.now()).await?;
    room.store.hold(&Selector::Message(third.id), &room.actor(), room.now()).await?;
    let [a, b] = [first.deliveries[0].id, first.deliveries[1].id];
    let [c, d] = [second.deliveries[0].id, third.deliveries[0].id];
    let base = DeliveryFilter::default;
    let address = |text: &str| text.parse().map(Some);
    let cases = [
        ("all", base(), vec![a, b, c, d]),
        ("domain", DeliveryFilter { domain: Some("example.com".parse()?), ..base() }, vec![a, b, c]),
        ("user", DeliveryFilter { user: Some(two.user.username.clone()), ..base() }, vec![c]),
        ("one status", DeliveryFilter { statuses: vec![Pending], ..base() }, vec![b, c]),
        ("two statuses", DeliveryFilter { statuses: vec![Held, Delivered], ..base() }, vec![a, d]),
        ("a status of none", DeliveryFilter { statuses: vec![Suppressed], ..base() }, vec![]),
        // RFC 5321 §2.4: a local part is case-sensitive.
        ("recipient", DeliveryFilter { recipient: address("a@example.org")?, ..base() }, vec![a, c]),
        ("part of a recipient", DeliveryFilter { recipient: address("a@example.or")?, ..base() }, vec![]),
        ("sender", DeliveryFilter { sender: address("sender@example.com")?, ..base() }, vec![a, b, c]),
        ("another sender", DeliveryFilter { sender: address("sender@other.example")?, ..base() }, vec![]),
        (
            "destination",
            DeliveryFilter { destination: Some(Destination::new("example.net")), ..base() },
            vec![b],
        ),
        ("since", DeliveryFilter { since: Some(second_at), ..base() }, vec![c, d]),
        ("until", DeliveryFilter { until: Some(second_at), ..base() }, vec![a, b]),
        (
            "since and until",
            DeliveryFilter { since: Some(first_at), until: Some(first_at + seconds(1)), ..base() },
            vec![a, b],
        ),
        (
            "all at once",
            DeliveryFilter {
                domain: Some("example.com".parse()?),
                user: Some(one.user.username.clone()),
                statuses: vec![Pending, Delivered],
                recipient: address("a@example.org")?,
                sender: address("sender@example.com")?,
                subject: Some("MESSAGE".to_owned()),
                since: Some(first_at),
                until: Some(second_at),
                destination: Some(Destination::new("example.org")),
            },
            vec![a],
        ),
    ];
    for (name, filter, wanted) in cases {
        let found = room.rows(&filter).await?.into_iter().map(|row| row.delivery);
        ensure_eq!(sorted(found), sorted(wanted), "by {name}");
    }
    Ok(())
}

/// Subjects are searched for any part, letters' case aside, and nothing in the text is a pattern.
pub(super) async fn subjects_are_searched_whatever_their_case(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let mut kept = Vec::new();
    for subject in [Some("Your Order 100% _done_"), Some("R\u{e9}sum\u{e9} d'\u{c9}t\u{e9}"), Some(""), None]
    {
        let mut message = room.message(&sender.right, &["bob@example.org"])?;
        message.subject = subject.map(str::to_owned);
        kept.push(message.deliveries[0].id);
        room.store.accept(&sender.right, message, room.now()).await?;
    }
    for (text, wanted) in [
        ("order", vec![kept[0]]),
        ("ORDER 1", vec![kept[0]]),
        ("00% _D", vec![kept[0]]),
        ("%", vec![kept[0]]),
        ("_", vec![kept[0]]),
        ("r%d", vec![]),
        ("O_der", vec![]),
        ("*", vec![]),
        ("\u{e9}T\u{c9}", vec![kept[1]]),
        ("' OR 1=1 --", vec![]),
        ("d'\u{e9}", vec![kept[1]]),
        ("d", vec![kept[0], kept[1]]),
    ] {
        let filter = DeliveryFilter { subject: Some(text.to_owned()), ..Default::default() };
        let found = room.rows(&filter).await?.into_iter().map(|row| row.delivery);
        ensure_eq!(sorted(found), sorted(wanted), "subjects that contain {text:?}");
    }
    Ok(())
}

/// Deliveries come newest message first, a page at a time, none twice and none left out.
pub(super) async fn deliveries_come_newest_first_page_by_page(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let mut messages = Vec::new();
    for _ in 0..5 {
        messages.push(room.queue(&sender, &["a@example.org", "b@example.org", "c@example.org"]).await?);
    }
    messages.reverse();
    for limit in [1, 2, 4, ALL] {
        let (mut rows, mut after) = (Vec::new(), None);
        loop {
            let page = room.store.deliveries(&DeliveryFilter::default(), after.as_ref(), limit).await?;
            ensure!(page.rows.len() <= limit, "a page holds at most its limit");
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() || rows.len() > ALL {
                break;
            }
        }
        same_messages(&rows.iter().map(|row| (row.message, row.delivery)).collect::<Vec<_>>(), &messages)?;
    }
    Ok(())
}

/// Message by message in order, and within each all its deliveries in any order.
fn same_messages(found: &[(MessageId, DeliveryId)], wanted: &[NewMessage]) -> Verdict {
    let mut rest = found;
    for message in wanted {
        let (of_it, others) = rest.split_at(message.deliveries.len().min(rest.len()));
        let wanted = ids(message).into_iter().map(|id| (message.id, id));
        ensure_eq!(sorted(of_it.iter().copied()), sorted(wanted), "the rows of the next message");
        rest = others;
    }
    ensure_eq!(rest, [], "no more rows");
    Ok(())
}

/// Going on from a cursor gives what came before it was made, whatever arrives or changes meanwhile.
pub(super) async fn pages_stay_in_place_while_messages_arrive(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let mut messages = Vec::new();
    for _ in 0..9 {
        messages.push(room.queue(&sender, &["a@example.org", "b@example.org"]).await?);
    }
    messages.reverse();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = room.store.deliveries(&DeliveryFilter::default(), after.as_ref(), 3).await?;
        found.extend(page.rows.iter().map(|row| (row.message, row.delivery)));
        after = page.next;
        if after.is_none() || found.len() > ALL {
            break;
        }
        room.queue(&sender, &["new@example.org"]).await?;
        room.store.hold(&Selector::Delivery(found[0].1), &room.actor(), room.now()).await?;
        room.store.cancel(&Selector::Delivery(found[found.len() - 1].1), &room.actor(), room.now()).await?;
    }
    same_messages(&found, &messages)
}

/// The summary is what counting the open deliveries would give.
pub(super) async fn the_summary_is_what_counting_gives(room: Room) -> Verdict {
    let empty = room.store.summary().await?;
    ensure_eq!(empty, QueueSummary::default(), "a fresh queue");
    let sender = room.add_sender("example.com").await?;
    let first = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let first_at = room.now();
    let second = room.queue(&sender, &["c@example.org", "d@example.org"]).await?;
    let second_at = room.now();
    let [a, b] = [first.deliveries[0].id, first.deliveries[1].id];
    let is = async |pending, deferred, held, oldest_at, when: &str| {
        let wanted = QueueSummary { pending, deferred, held, oldest_at, paused: false };
        ensure_eq!(room.store.summary().await?, wanted, "after {when}");
        Ok::<_, Failure>(())
    };
    is(4, 0, 0, Some(first_at), "two messages of two recipients").await?;
    room.settle(first.id, "one", vec![room.deferred(a, room.now() + seconds(60))]).await?;
    is(3, 1, 0, Some(first_at), "a deferral").await?;
    room.store.hold(&Selector::Message(first.id), &room.actor(), room.tick()).await?;
    is(2, 0, 2, Some(first_at), "a hold of the first message").await?;
    room.settle(first.id, "one", vec![room.delivered(b)]).await?;
    is(2, 0, 1, Some(first_at), "a delivery under hold").await?;
    room.store.cancel(&Selector::Delivery(a), &room.actor(), room.tick()).await?;
    is(2, 0, 0, Some(second_at), "a cancellation: the oldest is the second message").await?;
    room.store.cancel(&Selector::Message(second.id), &room.actor(), room.tick()).await?;
    is(0, 0, 0, None, "all has ended").await
}

/// A delivery knows its message, and what was never accepted is not made up.
pub(super) async fn a_delivery_knows_its_message(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let one = room.queue(&sender, &["a@example.org", "b@example.org"]).await?;
    let two = room.queue(&sender, &["c@example.org"]).await?;
    for message in [&one, &two] {
        for id in ids(message) {
            ensure_eq!(room.store.message_of(id).await?, Some(message.id), "the message of {id}");
        }
    }
    let nobody = [7; 16];
    ensure_eq!(room.store.message_of(DeliveryId::from_bytes(nobody)).await?, None, "no such delivery");
    let message = MessageId::from_bytes(nobody);
    ensure!(room.store.message(message).await?.is_none(), "no such message");
    ensure_eq!(room.store.content(message).await?, None, "no such bytes");
    Ok(())
}
