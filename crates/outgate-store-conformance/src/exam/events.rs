//! The event log: one event a verb, one order, read by cursor.

use super::{
    laws::Verdict,
    room::{ALL, Room, seconds},
};
use crate::{
    Failure,
    failure::{ensure, ensure_eq},
};
use outgate_core::{
    Actor, Destination, DomainState, Event, EventKind, LastConnection, Mechanism, PasswordHash, Timestamp,
    store::{Cursor, EventsError, PauseScope, Selector},
};
use std::sync::Arc;

/// Every verb that changes something appends exactly one event, with its actor and time, in order.
pub(super) async fn every_verb_appends_exactly_one_event(room: Room) -> Verdict {
    let (store, actor) = (&room.store, room.actor());
    let start = room.mark().await?;
    let domain = room.add_unverified_domain("example.com").await?;
    store.record_verification(domain.id, DomainState::Verified, &actor, room.tick()).await?;
    let sender = room.add_user("example.com").await?;
    let user = sender.user.id;
    store.rename_user(user, &"New".parse()?, &actor, room.tick()).await?;
    let connection = LastConnection {
        at: room.tick(),
        address: [192, 0, 2, 7].into(),
        tls: "TLSv1.3".to_owned(),
        mechanism: Mechanism::Login,
        client: "shop".to_owned(),
    };
    store.note_login(user, &connection).await?;
    let one = room.queue(&sender, &["a@example.org", "b@example.org"]).await?;
    let two = room.queue_leased(&sender, &["c@example.net"], "one").await?;
    room.lease_due("example.org", "one").await?;
    let next = room.tick() + seconds(600);
    let settled = vec![room.deferred(one.deliveries[0].id, next), room.delivered(one.deliveries[1].id)];
    room.settle(one.id, "one", settled).await?;
    let which = Selector::Message(one.id);
    store.retry(&which, &actor, room.tick()).await?;
    store.hold(&which, &actor, room.tick()).await?;
    store.release(&which, &actor, room.tick()).await?;
    store.pause(&PauseScope::Everything, &actor, room.tick()).await?;
    store.resume(&PauseScope::Everything, &actor, room.tick()).await?;
    store.set_aside(two.id, room.tick()).await?;
    store.cancel(&which, &actor, room.tick()).await?;
    store.disable_user(user, &actor, room.tick()).await?;
    store.enable_user(user, &actor, room.tick()).await?;
    store.reset_password(user, &PasswordHash::new("x"), &actor, room.tick()).await?;
    store.delete_user(user, &actor, room.tick()).await?;
    store.delete_domain(domain.id, &actor, room.tick()).await?;
    let by_user = Actor::User { username: sender.user.username.clone() };
    let wanted = [
        ("domain_added", &actor),
        ("domain_verification", &actor),
        ("user_added", &actor),
        ("user_renamed", &actor),
        ("login_noted", &by_user),
        ("message_accepted", &by_user),
        ("message_accepted", &by_user),
        ("message_settled", &Actor::System),
        ("deliveries_retried", &actor),
        ("deliveries_held", &actor),
        ("deliveries_released", &actor),
        ("delivery_paused", &actor),
        ("delivery_resumed", &actor),
        ("message_damaged", &Actor::System),
        ("deliveries_cancelled", &actor),
        ("user_disabled", &actor),
        ("user_enabled", &actor),
        ("password_reset", &actor),
        ("user_deleted", &actor),
        ("domain_deleted", &actor),
    ];
    let events = room.told(Some(&start)).await?;
    let told: Vec<_> = events.iter().map(|event| (word(&event.kind), &event.actor)).collect();
    ensure_eq!(told, wanted, "what the log tells, by whom");
    ensure!(events.is_sorted_by_key(|event| event.at), "each at the time of its verb");
    Ok(())
}

/// The word for an event.
fn word(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::DomainAdded { .. } => "domain_added",
        EventKind::DomainDeleted { .. } => "domain_deleted",
        EventKind::DomainVerification { .. } => "domain_verification",
        EventKind::UserAdded { .. } => "user_added",
        EventKind::UserRenamed { .. } => "user_renamed",
        EventKind::UserDisabled { .. } => "user_disabled",
        EventKind::UserEnabled { .. } => "user_enabled",
        EventKind::PasswordReset { .. } => "password_reset",
        EventKind::UserDeleted { .. } => "user_deleted",
        EventKind::LoginNoted { .. } => "login_noted",
        EventKind::MessageAccepted { .. } => "message_accepted",
        EventKind::MessageSettled { .. } => "message_settled",
        EventKind::MessageDamaged { .. } => "message_damaged",
        EventKind::DeliveriesHeld { .. } => "deliveries_held",
        EventKind::DeliveriesReleased { .. } => "deliveries_released",
        EventKind::DeliveriesRetried { .. } => "deliveries_retried",
        EventKind::DeliveriesCancelled { .. } => "deliveries_cancelled",
        EventKind::DeliveryPaused { .. } => "delivery_paused",
        EventKind::DeliveryResumed { .. } => "delivery_resumed",
    }
}

/// Appends a pause of a destination, by number, and returns what the log should tell.
async fn append(room: &Room, number: usize) -> Result<EventKind, Failure> {
    let scope = PauseScope::Destination(Destination::new(&format!("d{number}")));
    room.store.pause(&scope, &room.actor(), room.tick()).await?;
    Ok(EventKind::DeliveryPaused { scope })
}

/// Reads on from a cursor in pages until nothing comes.
async fn read(room: &Room, mut after: Option<Cursor>, limit: usize) -> Result<Vec<EventKind>, Failure> {
    let mut kinds = Vec::new();
    loop {
        let page = room.store.events_after(after.as_ref(), limit).await?;
        ensure!(page.len() <= limit, "a page holds at most its limit");
        let Some(last) = page.last() else { return Ok(kinds) };
        after = Some(last.cursor.clone());
        kinds.extend(page.into_iter().map(|logged| logged.event.kind));
        ensure!(kinds.len() <= ALL, "the log never ends");
    }
}

/// The log has one order, whatever the pages; every event's cursor stands just behind it.
pub(super) async fn events_are_read_by_cursor_in_one_order(room: Room) -> Verdict {
    ensure_eq!(room.told(None).await?, [], "a fresh log is empty");
    let mut wanted = Vec::new();
    for number in 0..23 {
        wanted.push(append(&room, number).await?);
    }
    for limit in [1, 2, 7, ALL] {
        ensure_eq!(read(&room, None, limit).await?, wanted, "read in pages of {limit}");
    }
    for (number, logged) in room.store.events_after(None, ALL).await?.into_iter().enumerate() {
        let rest = read(&room, Some(logged.cursor), 5).await?;
        ensure_eq!(rest, wanted[number + 1..], "what follows event {number}");
    }
    Ok(())
}

/// The end is behind the newest event, and stays a place to read on from.
pub(super) async fn the_end_is_behind_the_newest_event(room: Room) -> Verdict {
    let empty = room.mark().await?;
    ensure_eq!(room.kinds(&empty).await?, [], "nothing is behind the end of an empty log");
    let first = append(&room, 1).await?;
    let end = room.mark().await?;
    ensure_eq!(room.kinds(&end).await?, [], "nothing is behind the end");
    let second = append(&room, 2).await?;
    ensure_eq!(room.kinds(&end).await?, std::slice::from_ref(&second), "only what came since");
    ensure_eq!(room.kinds(&empty).await?, [first, second], "an empty log's end is its beginning");
    Ok(())
}

/// A cursor with trimmed events behind it is gone; one at the edge reads on; the trimmed are not told any more.
pub(super) async fn a_cursor_behind_what_was_trimmed_is_gone(room: Room) -> Verdict {
    let empty = room.mark().await?;
    let mut wanted = Vec::new();
    for number in 0..6 {
        wanted.push(append(&room, number).await?);
    }
    let logged = room.store.events_after(None, ALL).await?;
    let trimmed = room.store.trim_events(logged[3].event.at, ALL).await?;
    ensure_eq!(trimmed, 3, "three events are older than the fourth");
    for cursor in [&empty, &logged[0].cursor, &logged[1].cursor] {
        let read = room.store.events_after(Some(cursor), ALL).await;
        ensure_eq!(read.err(), Some(EventsError::Gone), "events behind this cursor were trimmed");
    }
    ensure_eq!(room.kinds(&logged[2].cursor).await?, wanted[3..], "behind this one nothing was trimmed");
    ensure_eq!(read(&room, None, 2).await?, wanted[3..], "from the beginning: the oldest kept");
    Ok(())
}

/// Trimming takes the oldest, at most its limit, and nothing that is not older than asked.
pub(super) async fn trimming_takes_the_oldest_within_its_limit(room: Room) -> Verdict {
    let mut wanted = Vec::new();
    for number in 0..6 {
        wanted.push(append(&room, number).await?);
    }
    let first = room.store.events_after(None, 1).await?;
    let none = room.store.trim_events(first[0].event.at, ALL).await?;
    ensure_eq!(none, 0, "an event is not older than its own time");
    ensure_eq!(room.store.trim_events(Timestamp::MAX, 2).await?, 2, "at most the limit");
    ensure_eq!(read(&room, None, ALL).await?, wanted[2..], "the oldest went");
    let end = room.mark().await?;
    ensure_eq!(room.store.trim_events(Timestamp::MAX, ALL).await?, 4, "the rest");
    ensure_eq!(room.told(None).await?, [], "nothing is left");
    ensure_eq!(room.kinds(&end).await?, [], "the end is still a place to read from");
    let room = room.reopen().await;
    let next = append(&room, 6).await?;
    ensure_eq!(room.kinds(&end).await?, [next], "what comes is behind it, though all before is gone");
    Ok(())
}

/// A text that is no cursor is refused as such.
pub(super) async fn a_text_that_is_no_cursor_is_refused(room: Room) -> Verdict {
    append(&room, 1).await?;
    for text in ["", "not a cursor", "\u{0}", "-1", "1; DROP TABLE events"] {
        let read = room.store.events_after(Some(&Cursor::new(text)), ALL).await;
        ensure_eq!(read.err(), Some(EventsError::BadCursor), "{text:?}");
    }
    Ok(())
}

/// A reader that follows the log while others write sees every event once, in the order that it keeps.
pub(super) async fn a_reader_beside_writers_misses_nothing(room: Room) -> Verdict {
    const WRITERS: usize = 8;
    const EACH: usize = 25;
    let mut tasks = Vec::new();
    for writer in 0..WRITERS {
        let (store, actor, at) = (Arc::clone(&room.store), room.actor(), room.now());
        tasks.push(tokio::spawn(async move {
            for n in 0..EACH {
                let scope = PauseScope::Destination(Destination::new(&format!("d{writer}.{n}")));
                store.pause(&scope, &actor, at).await?;
            }
            Ok::<_, outgate_core::store::StoreError>(())
        }));
    }
    let (mut seen, mut after) = (Vec::<Event>::new(), None);
    while seen.len() < WRITERS * EACH {
        // What comes after this look is seen by the next.
        let done = tasks.iter().all(tokio::task::JoinHandle::is_finished);
        let page = room.store.events_after(after.as_ref(), 10).await?;
        ensure!(!(done && page.is_empty()), "of {} events the reader saw {}", WRITERS * EACH, seen.len());
        after = page.last().map(|logged| logged.cursor.clone()).or(after);
        seen.extend(page.into_iter().map(|logged| logged.event));
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await??;
    }
    ensure_eq!(seen, room.told(None).await?, "followed and read at once, the log is the same");
    Ok(())
}
