//! What operators do with deliveries: hold, release, retry, cancel, pause; and what is set aside by itself.

use super::{
    laws::Verdict,
    room::{ALL, Room, holder, ids, seconds, sorted},
};
use crate::{
    Failure, Sender,
    failure::{ensure, ensure_eq, ensure_matches},
};
use outgate_core::{
    DeliveryId, DeliveryStatus, Destination, EventKind, MessageId,
    store::{DeliveryFilter, PauseScope, QueueSummary, Selector, StoreError},
};

/// Three messages of three users of two domains, to two destinations, and what each selector means among them.
struct Scene {
    all: Vec<DeliveryId>,
    selections: Vec<(Selector, Vec<DeliveryId>)>,
}

async fn scene(room: &Room) -> Result<Scene, Failure> {
    let one = room.add_sender("example.com").await?;
    let two = room.add_user("example.com").await?;
    let other = room.add_sender("other.example").await?;
    let queue = async |sender: &Sender| room.queue(sender, &["a@example.org", "b@example.net"]).await;
    let messages = [queue(&one).await?, queue(&two).await?, queue(&other).await?];
    let [first, second, third] = messages.each_ref().map(ids);
    let selections = vec![
        (Selector::Delivery(second[1]), vec![second[1]]),
        (Selector::Message(messages[0].id), first.clone()),
        (Selector::User(two.user.id), second.clone()),
        (Selector::Domain(one.user.domain), [&first[..], &second].concat()),
        (Selector::Destination(Destination::new("example.org")), vec![first[0], second[0], third[0]]),
    ];
    Ok(Scene { all: [first, second, third].concat(), selections })
}

/// The deliveries in a status.
async fn standing_in(room: &Room, status: DeliveryStatus) -> Result<Vec<DeliveryId>, Failure> {
    let filter = DeliveryFilter { statuses: vec![status], ..Default::default() };
    Ok(sorted(room.rows(&filter).await?.into_iter().map(|row| row.delivery)))
}

/// The sum of the counts that the log tells since a mark; every event must be of the wanted kind.
fn counted(kinds: &[EventKind], count: impl Fn(&EventKind) -> Option<u64>) -> Result<u64, Failure> {
    let counts: Option<Vec<_>> = kinds.iter().map(count).collect();
    counts.map(|counts| counts.iter().sum()).ok_or_else(|| Failure::new(format!("told besides: {kinds:?}")))
}

/// Each selector means its own deliveries: hold and release change those and no others, count them, and tell it.
pub(super) async fn hold_and_release_change_what_is_selected(room: Room) -> Verdict {
    let scene = scene(&room).await?;
    let (store, actor) = (&room.store, room.actor());
    for (which, meant) in scene.selections {
        let (mark, wanted) = (room.mark().await?, meant.len() as u64);
        ensure_eq!(store.hold(&which, &actor, room.tick()).await?, wanted, "held by {which:?}");
        ensure_eq!(standing_in(&room, DeliveryStatus::Held).await?, sorted(meant), "held are those meant");
        ensure_eq!(store.hold(&which, &actor, room.tick()).await?, 0, "all is held already");
        let held = counted(&room.kinds(&mark).await?, |kind| match kind {
            EventKind::DeliveriesHeld { count } => Some(*count),
            _ => None,
        })?;
        ensure_eq!(held, wanted, "the log tells of as many, and of nothing that changed nothing");
        let mark = room.mark().await?;
        ensure_eq!(store.release(&which, &actor, room.tick()).await?, wanted, "released by {which:?}");
        ensure_eq!(standing_in(&room, DeliveryStatus::Held).await?, [], "nothing is held any more");
        ensure_eq!(store.release(&which, &actor, room.tick()).await?, 0, "nothing is left to release");
        let released = counted(&room.kinds(&mark).await?, |kind| match kind {
            EventKind::DeliveriesReleased { count } => Some(*count),
            _ => None,
        })?;
        ensure_eq!(released, wanted, "the log tells of as many");
    }
    Ok(())
}

/// However many deliveries are meant, and in however many steps they are changed, all of them are.
pub(super) async fn all_that_is_selected_is_changed_however_many(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let recipients: Vec<_> = (0..ALL).map(|n| format!("r{n}@example.org")).collect();
    let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();
    for _ in 0..3 {
        room.queue(&sender, &recipients).await?;
    }
    let (which, actor, wanted) = (Selector::User(sender.user.id), room.actor(), 3 * ALL as u64);
    ensure_eq!(room.store.hold(&which, &actor, room.tick()).await?, wanted, "held");
    ensure_eq!(room.store.summary().await?.held, wanted, "in the summary");
    ensure_eq!(room.store.release(&which, &actor, room.tick()).await?, wanted, "released");
    ensure_eq!(room.store.retry(&which, &actor, room.tick()).await?, wanted, "to be tried at once");
    ensure_eq!(room.store.cancel(&which, &actor, room.tick()).await?, wanted, "cancelled");
    ensure_eq!(room.store.summary().await?, QueueSummary::default(), "nothing is open");
    Ok(())
}

/// Each selector means its own deliveries: cancel ends those that are open, counts them, and tells it.
pub(super) async fn cancel_ends_what_is_selected(room: Room) -> Verdict {
    let scene = scene(&room).await?;
    let (store, actor) = (&room.store, room.actor());
    store.hold(&Selector::Delivery(scene.all[0]), &actor, room.tick()).await?;
    let mut gone = Vec::new();
    for (which, meant) in scene.selections {
        let mark = room.mark().await?;
        let fresh: Vec<_> = meant.into_iter().filter(|id| !gone.contains(id)).collect();
        let wanted = fresh.len() as u64;
        gone.extend(fresh);
        ensure_eq!(store.cancel(&which, &actor, room.tick()).await?, wanted, "cancelled by {which:?}");
        let cancelled = standing_in(&room, DeliveryStatus::Cancelled).await?;
        ensure_eq!(cancelled, sorted(gone.clone()), "what was open of those meant, held or not");
        let told = counted(&room.kinds(&mark).await?, |kind| match kind {
            EventKind::DeliveriesCancelled { count } => Some(*count),
            _ => None,
        })?;
        ensure_eq!(told, wanted, "the log tells of as many");
    }
    let nobody = Selector::Message(MessageId::from_bytes([7; 16]));
    ensure_eq!(store.cancel(&nobody, &actor, room.tick()).await?, 0, "nothing is meant");
    Ok(())
}

/// What is cancelled is never tried again, its failed attempt under way changes nothing, and its bytes are swept.
pub(super) async fn what_is_cancelled_stays_ended(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    let (id, which) = (message.deliveries[0].id, Selector::Message(message.id));
    ensure_eq!(room.store.cancel(&which, &room.actor(), room.tick()).await?, 1, "leased ones too");
    let row = room.row(id).await?;
    ensure_eq!((row.status, row.next_attempt_at), (DeliveryStatus::Cancelled, None), "it has ended");
    for verb in [
        room.store.hold(&which, &room.actor(), room.tick()).await?,
        room.store.release(&which, &room.actor(), room.tick()).await?,
        room.store.retry(&which, &room.actor(), room.tick()).await?,
    ] {
        ensure_eq!(verb, 0, "nothing is open to be changed");
    }
    let late = room.settle(message.id, "one", vec![room.delivered(id)]).await?;
    ensure_eq!(late, [outgate_core::store::Settled::Already], "an end is an end, also for a success");
    room.clock.advance(seconds(3600));
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "it is never tried again");
    while room.store.sweep(ALL).await? > 0 {}
    ensure_eq!(room.store.content(message.id).await?, None, "nobody needs its bytes");
    let kept = room.store.message(message.id).await?.map(|history| history.content_kept);
    ensure_eq!(kept, Some(false), "the history says so");
    Ok(())
}

/// What is released is due at once, and stands where it stood by its attempts.
pub(super) async fn what_is_released_is_due_at_once(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let all = ids(&message);
    let later = room.deferred(all[0], room.now() + seconds(3600));
    room.settle(message.id, "one", vec![later]).await?;
    room.store.give_back(&all, &holder("one")).await?;
    let which = Selector::Message(message.id);
    room.store.hold(&which, &room.actor(), room.tick()).await?;
    ensure_eq!(room.row(all[0]).await?.next_attempt_at, None, "what is held is not tried next");
    let at = room.tick();
    ensure_eq!(room.store.release(&which, &room.actor(), at).await?, 2, "both are released");
    let statuses = [room.row(all[0]).await?.status, room.row(all[1]).await?.status];
    ensure_eq!(
        statuses,
        [DeliveryStatus::Deferred, DeliveryStatus::Pending],
        "tried before: deferred; not tried yet: pending"
    );
    let leased = room.lease_due("example.org", "two").await?;
    ensure_eq!(leased.iter().map(|leased| leased.deliveries.len()).collect::<Vec<_>>(), [2], "due at once");
    Ok(())
}

/// A retry makes what waits due at once, whatever its time was, and leaves what is held alone.
pub(super) async fn a_retry_is_due_at_once(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let all = ids(&message);
    let next = room.now() + seconds(3600);
    let results = all.iter().map(|id| room.deferred(*id, next)).collect();
    room.settle(message.id, "one", results).await?;
    room.store.hold(&Selector::Delivery(all[1]), &room.actor(), room.tick()).await?;
    let mark = room.mark().await?;
    let at = room.tick();
    let count = room.store.retry(&Selector::Message(message.id), &room.actor(), at).await?;
    ensure_eq!(count, 1, "the one that waits");
    ensure_eq!(room.kinds(&mark).await?, [EventKind::DeliveriesRetried { count: 1 }], "one event");
    let rows = [room.row(all[0]).await?, room.row(all[1]).await?];
    ensure_eq!(
        rows.map(|row| (row.status, row.attempts)),
        [(DeliveryStatus::Deferred, 1), (DeliveryStatus::Held, 1)],
        "its status and its attempts stay, and what is held is held"
    );
    let leased = room.lease_due("example.org", "two").await?;
    let found: Vec<_> = leased.iter().flat_map(|leased| &leased.deliveries).map(|one| one.id).collect();
    ensure_eq!(found, [all[0]], "due at once");
    Ok(())
}

/// Holding a leased delivery leaves the attempt under way its lease; released, it waits until that ends.
pub(super) async fn a_hold_does_not_share_out_a_lease(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    let which = Selector::Message(message.id);
    room.store.hold(&which, &room.actor(), room.now()).await?;
    room.store.release(&which, &room.actor(), room.now()).await?;
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "the attempt is under way still");
    let answer = room.settle(message.id, "one", vec![room.bounced(message.deliveries[0].id)]).await?;
    ensure_eq!(answer, [outgate_core::store::Settled::Recorded], "and its holder settles it");
    Ok(())
}

/// Pauses are idempotent, and each stands on its own.
pub(super) async fn pauses_are_idempotent_and_independent(room: Room) -> Verdict {
    let (store, actor) = (&room.store, room.actor());
    let scopes = [
        PauseScope::Everything,
        PauseScope::Domain("example.com".parse()?),
        PauseScope::Destination(Destination::new("example.com")),
        PauseScope::Destination(Destination::new("")),
    ];
    let mark = room.mark().await?;
    let mut told = Vec::new();
    store.resume(&scopes[0], &actor, room.tick()).await?;
    ensure_eq!(store.paused().await?, [], "nothing was paused, nothing is");
    for scope in &scopes {
        store.pause(scope, &actor, room.tick()).await?;
        store.pause(scope, &actor, room.tick()).await?;
        told.push(EventKind::DeliveryPaused { scope: scope.clone() });
    }
    let mut left = scopes.to_vec();
    for scope in &scopes {
        let found = store.paused().await?;
        let same = found.len() == left.len() && left.iter().all(|scope| found.contains(scope));
        ensure!(same, "what is paused\n   found: {found:?}\n  wanted: {left:?}");
        let all = store.summary().await?.paused;
        ensure_eq!(all, left.contains(&PauseScope::Everything), "the summary tells whether all is paused");
        store.resume(scope, &actor, room.tick()).await?;
        store.resume(scope, &actor, room.tick()).await?;
        left.retain(|one| one != scope);
        told.push(EventKind::DeliveryResumed { scope: scope.clone() });
    }
    ensure_eq!(store.paused().await?, [], "all is resumed");
    ensure_eq!(room.kinds(&mark).await?, told, "one event for each change, none for the repetitions");
    Ok(())
}

/// Damaged bytes are told as such and never given out; set aside, the message is held and the rest goes on.
pub(super) async fn damaged_bytes_are_told_and_set_aside(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let recipients = ["a@example.org", "b@example.org", "c@example.org"];
    let damaged = room.queue_leased(&sender, &recipients, "one").await?;
    let sound = room.queue(&sender, &["d@example.org"]).await?;
    let all = ids(&damaged);
    room.settle(damaged.id, "one", vec![room.delivered(all[0])]).await?;
    room.fixture.damage(damaged.id).await;
    let read = room.store.content(damaged.id).await;
    ensure_matches!(read, Err(StoreError::Damaged(_)), "bytes that are not what they were");
    let mark = room.mark().await?;
    room.store.set_aside(damaged.id, room.tick()).await?;
    ensure_eq!(
        room.kinds(&mark).await?,
        [EventKind::MessageDamaged { message: damaged.id }],
        "one event tells of it"
    );
    let statuses = [room.row(all[0]).await?, room.row(all[1]).await?, room.row(all[2]).await?];
    ensure_eq!(
        statuses.map(|row| row.status),
        [DeliveryStatus::Delivered, DeliveryStatus::Held, DeliveryStatus::Held],
        "what was open is held, what had ended stays"
    );
    room.clock.advance(seconds(3600));
    let leased = room.lease_due("example.org", "two").await?;
    ensure_eq!(leased.iter().map(|one| one.message).collect::<Vec<_>>(), [sound.id], "the rest goes on");
    ensure_eq!(room.store.content(sound.id).await?, Some(sound.content), "with sound bytes");
    Ok(())
}
