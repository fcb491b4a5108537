//! What became of deliveries: recorded once, each on its own, ends final.

use super::{
    laws::Verdict,
    room::{ALL, Room, holder, ids, seconds},
};
use crate::failure::{ensure, ensure_eq};
use outgate_core::{
    DeliveryStatus, EventKind, SettledRecipient,
    store::{NewMessage, Selector, Settled},
};

/// Recipients end on their own (law 9): rows, attempts and one event tell what became of each.
pub(super) async fn recipients_settle_on_their_own(room: Room) -> Verdict {
    use DeliveryStatus::{Deferred, Delivered, HardBounced, Pending};
    let sender = room.add_sender("example.com").await?;
    let recipients = ["a@example.org", "b@example.org", "c@example.org", "d@example.org"];
    let message = room.queue_leased(&sender, &recipients, "one").await?;
    let all = ids(&message);
    let (mark, next) = (room.mark().await?, room.tick() + seconds(600));
    let results = vec![room.delivered(all[0]), room.deferred(all[1], next), room.bounced(all[2])];
    let answers = room.settle(message.id, "one", results.clone()).await?;
    ensure_eq!(answers, [Settled::Recorded; 3], "one answer each, in order");
    for (id, status, reply, attempts) in [
        (all[0], Delivered, Some("250 accepted"), 1),
        (all[1], Deferred, Some("451 try again later"), 1),
        (all[2], HardBounced, Some("550 no such user"), 1),
        (all[3], Pending, None, 0),
    ] {
        let row = room.row(id).await?;
        ensure_eq!(
            (row.status, row.reply.as_deref(), row.attempts),
            (status, reply, attempts),
            "where {} stands",
            row.recipient
        );
        let wanted = (status == Deferred).then_some(next);
        ensure!(
            status == Pending || row.next_attempt_at == wanted,
            "next attempt: {:?}",
            row.next_attempt_at
        );
    }
    let told: Vec<_> = results
        .iter()
        .zip(&message.deliveries)
        .map(|(result, new)| SettledRecipient {
            delivery: new.id,
            recipient: new.recipient.address.clone(),
            status: result.status,
            reply: result.attempt.reply.as_ref().map(ToString::to_string).unwrap_or_default(),
            next_attempt_at: result.next_attempt_at,
        })
        .collect();
    let domain = sender.user.domain;
    let wanted = EventKind::MessageSettled { message: message.id, domain, results: told };
    ensure_eq!(room.kinds(&mark).await?, [wanted], "one event, what became of each inside");
    let history = room.store.message(message.id).await?.map(|history| history.attempts).unwrap_or_default();
    let mut found: Vec<_> = history;
    found.sort_by_key(|(id, _)| all.iter().position(|one| one == id));
    let wanted: Vec<_> = results.into_iter().map(|result| (result.delivery, result.attempt)).collect();
    ensure_eq!(found, wanted, "every attempt is kept whole");
    Ok(())
}

/// Settling an attempt again changes nothing, whatever became of the delivery since.
pub(super) async fn settling_an_attempt_again_changes_nothing(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let all = ids(&message);
    let next = room.now() + seconds(10);
    let first = vec![room.deferred(all[0], next), room.delivered(all[1])];
    room.settle(message.id, "one", first.clone()).await?;
    let (mark, rows) = (room.mark().await?, [room.row(all[0]).await?, room.row(all[1]).await?]);
    let again = room.settle(message.id, "one", first.clone()).await?;
    ensure_eq!(again, [Settled::Already; 2], "the same attempts, at once");
    room.clock.set(next);
    ensure_eq!(room.lease_due("example.org", "one").await?.len(), 1, "the deferred one is due again");
    let again = room.settle(message.id, "one", first).await?;
    ensure_eq!(again, [Settled::Already; 2], "the same attempts, under the next lease");
    ensure_eq!([room.row(all[0]).await?, room.row(all[1]).await?], rows, "nothing changed");
    ensure_eq!(room.kinds(&mark).await?, [], "nothing is told");
    let second = room.settle(message.id, "one", vec![room.delivered(all[0])]).await?;
    ensure_eq!(second, [Settled::Recorded], "the lease held all the while: another attempt is recorded");
    Ok(())
}

/// A delivery that did happen is recorded even after the lease was lost.
pub(super) async fn a_success_is_recorded_after_the_lease_was_lost(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    let id = message.deliveries[0].id;
    room.clock.advance(seconds(61));
    ensure_eq!(room.lease_due("example.org", "two").await?.len(), 1, "another took the lease");
    let late = room.settle(message.id, "one", vec![room.delivered(id)]).await?;
    ensure_eq!(late, [Settled::Recorded], "it did happen");
    ensure_eq!(room.row(id).await?.status, DeliveryStatus::Delivered, "and is recorded");
    let mark = room.mark().await?;
    let after = vec![room.deferred(id, room.now() + seconds(60))];
    ensure_eq!(room.settle(message.id, "two", after).await?, [Settled::Already], "it has ended");
    ensure_eq!(room.settle(message.id, "two", vec![room.bounced(id)]).await?, [Settled::Already], "for good");
    ensure_eq!(room.row(id).await?.status, DeliveryStatus::Delivered, "and stays delivered");
    ensure_eq!(room.kinds(&mark).await?, [], "nothing more is told");
    let given_back = room.queue_leased(&sender, &["ann@example.org"], "one").await?;
    let id = given_back.deliveries[0].id;
    room.store.give_back(&[id], &holder("one")).await?;
    let late = room.settle(given_back.id, "one", vec![room.delivered(id)]).await?;
    ensure_eq!(late, [Settled::Recorded], "also when nobody holds the lease");
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "and it is not tried again");
    Ok(())
}

/// Nothing but a success is taken from a lost lease: the next holder decides.
pub(super) async fn a_failure_is_not_taken_from_a_lost_lease(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let taken = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    room.clock.advance(seconds(61));
    room.lease_due("example.org", "two").await?;
    let back = room.queue_leased(&sender, &["ann@example.net"], "one").await?;
    room.store.take_back_leases(&holder("two")).await?;
    let mark = room.mark().await?;
    for message in [&taken, &back] {
        let id = message.deliveries[0].id;
        for late in [room.deferred(id, room.now() + seconds(600)), room.bounced(id)] {
            let answer = room.settle(message.id, "one", vec![late]).await?;
            ensure_eq!(answer, [Settled::LeaseLost], "the lease is lost and this was no success");
        }
        let row = room.row(id).await?;
        ensure_eq!((row.status, row.attempts), (DeliveryStatus::Pending, 0), "nothing changed");
    }
    ensure_eq!(room.kinds(&mark).await?, [], "nothing is told");
    let id = taken.deliveries[0].id;
    let answer = room.settle(taken.id, "two", vec![room.bounced(id)]).await?;
    ensure_eq!(answer, [Settled::Recorded], "the holder's word counts");
    Ok(())
}

/// A settlement of which some is lost records the rest.
pub(super) async fn what_is_lost_does_not_spoil_the_rest(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let recipients = ["a@example.org", "b@example.org", "c@example.org"];
    let message = room.queue_leased(&sender, &recipients, "one").await?;
    let all = ids(&message);
    room.store.cancel(&Selector::Delivery(all[0]), &room.actor(), room.tick()).await?;
    room.store.give_back(&[all[1]], &holder("one")).await?;
    let mark = room.mark().await?;
    let results = all.iter().map(|id| room.bounced(*id)).collect();
    let answers = room.settle(message.id, "one", results).await?;
    ensure_eq!(answers, [Settled::Already, Settled::LeaseLost, Settled::Recorded], "each on its own");
    let statuses = [room.row(all[0]).await?, room.row(all[1]).await?, room.row(all[2]).await?];
    ensure_eq!(
        statuses.map(|row| row.status),
        [DeliveryStatus::Cancelled, DeliveryStatus::Pending, DeliveryStatus::HardBounced],
        "each stands where it should"
    );
    let told = room.kinds(&mark).await?;
    let [EventKind::MessageSettled { results, .. }] = &told[..] else {
        return Err(crate::Failure::new(format!("one event of a settlement was wanted: {told:?}")));
    };
    ensure_eq!(
        results.iter().map(|result| result.delivery).collect::<Vec<_>>(),
        [all[2]],
        "the event tells what was recorded and no more"
    );
    Ok(())
}

/// A deferral ends the lease and keeps the time of the next attempt; attempts add up.
pub(super) async fn a_deferral_keeps_its_time_and_its_count(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    let id = message.deliveries[0].id;
    let mut attempts = Vec::new();
    for count in 1..=3_u32 {
        let next = room.now() + seconds(100);
        let result = room.deferred(id, next);
        attempts.push((id, result.attempt.clone()));
        room.settle(message.id, "one", vec![result]).await?;
        let row = room.row(id).await?;
        ensure_eq!(
            (row.status, row.attempts, row.next_attempt_at),
            (DeliveryStatus::Deferred, count, Some(next)),
            "after deferral {count}"
        );
        room.clock.set(next - seconds(1));
        ensure_eq!(room.lease_due("example.org", "one").await?, [], "not before its time");
        room.clock.set(next);
        let leased = room.lease_due("example.org", "one").await?;
        ensure_eq!(
            leased.iter().flat_map(|leased| &leased.deliveries).map(|one| one.attempts).collect::<Vec<_>>(),
            [count],
            "at its time, told how often it was tried"
        );
    }
    let history = room.store.message(message.id).await?.map(|history| history.attempts);
    ensure_eq!(history, Some(attempts), "every attempt, oldest first");
    Ok(())
}

/// An attempt without a reply tells its reason instead.
pub(super) async fn a_reason_stands_in_for_a_missing_reply(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    let id = message.deliveries[0].id;
    let mark = room.mark().await?;
    let mut result = room.deferred(id, room.now() + seconds(60));
    result.attempt.reply = None;
    "no connection".clone_into(&mut result.attempt.reason);
    room.settle(message.id, "one", vec![result]).await?;
    ensure_eq!(room.row(id).await?.reply.as_deref(), Some("no connection"), "in lists");
    let told = room.kinds(&mark).await?;
    let [EventKind::MessageSettled { results, .. }] = &told[..] else {
        return Err(crate::Failure::new(format!("one event of a settlement was wanted: {told:?}")));
    };
    ensure_eq!(results[0].reply, "no connection", "in the event");
    Ok(())
}

/// A delivery that was held meanwhile keeps `held` over a deferral, yet a success or an end still ends it.
pub(super) async fn a_hold_outlasts_a_deferral_alone(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let recipients = ["a@example.org", "b@example.org", "c@example.org"];
    let message = room.queue_leased(&sender, &recipients, "one").await?;
    let all = ids(&message);
    room.store.hold(&Selector::Message(message.id), &room.actor(), room.tick()).await?;
    let next = room.now() + seconds(60);
    let results = vec![room.deferred(all[0], next), room.delivered(all[1]), room.bounced(all[2])];
    let answers = room.settle(message.id, "one", results).await?;
    ensure_eq!(answers, [Settled::Recorded; 3], "the attempts under way count");
    for (id, status) in
        all.into_iter().zip([DeliveryStatus::Held, DeliveryStatus::Delivered, DeliveryStatus::HardBounced])
    {
        let row = room.row(id).await?;
        ensure_eq!((row.status, row.attempts, row.next_attempt_at), (status, 1, None), "{}", row.recipient);
    }
    room.clock.set(next);
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "held is held");
    Ok(())
}

/// When a message's last open delivery ends its bytes go, and not before; its history stays.
pub(super) async fn bytes_go_with_the_last_open_delivery(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let recipients = ["a@example.org", "b@example.org", "c@example.org"];
    let message = room.queue_leased(&sender, &recipients, "one").await?;
    let all = ids(&message);
    let next = room.now() + seconds(60);
    let first = vec![room.delivered(all[0]), room.deferred(all[1], next)];
    room.settle(message.id, "one", first).await?;
    room.store.hold(&Selector::Delivery(all[2]), &room.actor(), room.tick()).await?;
    room.store.sweep(ALL).await?;
    ensure_eq!(kept(&room, &message).await?, (true, true), "two deliveries are open");
    room.settle(message.id, "one", vec![room.bounced(all[2])]).await?;
    ensure_eq!(kept(&room, &message).await?, (true, true), "one is open");
    room.clock.set(next);
    room.lease_due("example.org", "one").await?;
    room.settle(message.id, "one", vec![room.delivered(all[1])]).await?;
    ensure_eq!(kept(&room, &message).await?, (false, false), "none is open");
    let history = room.store.message(message.id).await?;
    let told = history.map(|history| (history.size, history.deliveries.len(), history.attempts.len()));
    ensure_eq!(told, Some((message.content.len() as u64, 3, 4)), "the history stays");
    Ok(())
}

/// Whether the bytes are there, and whether the history says so.
async fn kept(room: &Room, message: &NewMessage) -> Result<(bool, bool), crate::Failure> {
    let bytes = room.store.content(message.id).await?;
    ensure!(bytes.is_none() || bytes.as_ref() == Some(&message.content), "the bytes are what they were");
    let history = room.store.message(message.id).await?;
    Ok((bytes.is_some(), history.is_some_and(|history| history.content_kept)))
}
