//! What is due, and who may try it.

use super::{
    laws::Verdict,
    room::{ALL, Room, holder, ids, seconds, sorted},
};
use crate::{
    Failure,
    failure::{ensure, ensure_eq},
};
use outgate_core::{
    DeliveryId, Destination,
    store::{LeasedMessage, PauseScope, Selector},
};
use std::{collections::HashSet, sync::Arc};

/// The deliveries of leased messages.
fn leased_ids(leased: &[LeasedMessage]) -> Vec<DeliveryId> {
    leased.iter().flat_map(|message| &message.deliveries).map(|delivery| delivery.id).collect()
}

/// A message's due deliveries to one destination come together; those to another stay.
pub(super) async fn a_messages_deliveries_to_a_destination_come_together(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let recipients = ["a@example.org", "b@example.net", "c@example.org", "d@example.org"];
    let message = room.queue(&sender, &recipients).await?;
    let leased =
        room.store.lease(&Destination::new("example.org"), &room.lease("one"), room.now(), 1).await?;
    let all = ids(&message);
    ensure_eq!(leased.len(), 1, "one message");
    ensure_eq!(sorted(leased_ids(&leased)), sorted([all[0], all[2], all[3]]), "all that go there, together");
    let other = room.lease_due("example.net", "one").await?;
    ensure_eq!(leased_ids(&other), [all[1]], "the one that goes elsewhere");
    ensure_eq!(room.lease_due("example.edu", "one").await?, [], "nothing goes to a destination never named");
    Ok(())
}

/// While a lease runs, nobody is given its deliveries: no other, and not the holder again.
pub(super) async fn a_delivery_has_one_holder(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue(&sender, &["bob@example.org"]).await?;
    ensure_eq!(leased_ids(&room.lease_due("example.org", "one").await?), ids(&message), "the first has it");
    for another in ["two", "one"] {
        ensure_eq!(room.lease_due("example.org", another).await?, [], "it is not given to {another} too");
    }
    room.clock.advance(seconds(59));
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "a lease of a minute runs 59 seconds later");
    ensure_eq!(room.due_now().await?, Vec::<String>::new(), "what is leased is not due");
    Ok(())
}

/// Many who lease at once share nothing and leave nothing.
pub(super) async fn concurrent_holders_share_nothing(room: Room) -> Verdict {
    const MESSAGES: usize = 60;
    let sender = room.add_sender("example.com").await?;
    let mut all = HashSet::new();
    for _ in 0..MESSAGES {
        all.extend(ids(&room.queue(&sender, &["a@example.org", "b@example.org"]).await?));
    }
    let mut tasks = Vec::new();
    for n in 0..8 {
        let (store, lease, now) = (Arc::clone(&room.store), room.lease(&format!("holder {n}")), room.now());
        tasks.push(tokio::spawn(async move {
            let (destination, mut mine) = (Destination::new("example.org"), Vec::new());
            loop {
                let leased = store.lease(&destination, &lease, now, 3).await?;
                if leased.is_empty() || mine.len() > ALL {
                    return Ok::<_, outgate_core::store::StoreError>(mine);
                }
                mine.extend(leased_ids(&leased));
            }
        }));
    }
    let mut given = HashSet::new();
    for task in tasks {
        for id in task.await?? {
            ensure!(given.insert(id), "{id} was given to two holders");
        }
    }
    ensure!(given == all, "{} of {} deliveries were leased", given.len(), all.len());
    Ok(())
}

/// A lease that ran out lets another in.
pub(super) async fn an_expired_lease_lets_another_in(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    room.clock.advance(seconds(61));
    ensure_eq!(room.due_now().await?, ["example.org"], "it is due again");
    let taken = room.lease_due("example.org", "two").await?;
    ensure_eq!(leased_ids(&taken), ids(&message), "another may take it");
    ensure_eq!(room.store.renew(message.id, &room.lease("one")).await?, false, "the first has lost it");
    ensure_eq!(room.lease_due("example.org", "one").await?, [], "and must wait in turn");
    Ok(())
}

/// A renewed lease lasts until its new end; who holds nothing renews nothing.
pub(super) async fn a_renewed_lease_lasts(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let stranger = room.store.renew(message.id, &room.lease("two")).await?;
    ensure!(!stranger, "who holds nothing renews nothing");
    room.clock.advance(seconds(50));
    ensure!(room.store.renew(message.id, &room.lease("one")).await?, "the holder renews");
    room.clock.advance(seconds(50));
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "renewed, it runs still");
    room.clock.advance(seconds(11));
    ensure_eq!(room.lease_due("example.org", "two").await?.len(), 1, "then it ends");
    let ended = room.queue_leased(&sender, &["c@example.org"], "one").await?;
    room.settle(ended.id, "one", vec![room.delivered(ended.deliveries[0].id)]).await?;
    ensure!(!room.store.renew(ended.id, &room.lease("one")).await?, "an ended delivery is leased to nobody");
    Ok(())
}

/// What its holder gives back is due at once, untried; leases of others, and of others' deliveries, stay.
pub(super) async fn what_is_given_back_is_due_again(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let all = ids(&message);
    room.store.give_back(&all, &holder("two")).await?;
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "only the holder gives back");
    let mark = room.mark().await?;
    room.store.give_back(&all[..1], &holder("one")).await?;
    ensure_eq!(room.due_now().await?, ["example.org"], "it is due again");
    let taken = room.lease_due("example.org", "two").await?;
    ensure_eq!(leased_ids(&taken), [all[0]], "what was given back, and no more");
    ensure_eq!(taken[0].deliveries[0].attempts, 0, "giving back is no attempt");
    room.store.give_back(&all, &holder("one")).await?;
    let rest = room.lease_due("example.org", "three").await?;
    ensure_eq!(leased_ids(&rest), [all[1]], "the lease of the next holder stays");
    ensure_eq!(room.kinds(&mark).await?, [], "leases come and go without events");
    Ok(())
}

/// The oldest due comes first, and the limit counts messages.
pub(super) async fn the_oldest_due_comes_first(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let first = room.queue_leased(&sender, &["a@example.org"], "one").await?;
    let mut wanted = Vec::new();
    for _ in 0..4 {
        wanted.push(room.queue(&sender, &["b@example.org", "c@example.org"]).await?.id);
    }
    // Accepted first, due last.
    let next = room.tick();
    room.settle(first.id, "one", vec![room.deferred(first.deliveries[0].id, next)]).await?;
    wanted.push(first.id);
    room.tick();
    let mut found = Vec::new();
    for limit in [2, 1, 5] {
        let lease = room.lease("one");
        let leased = room.store.lease(&Destination::new("example.org"), &lease, room.now(), limit).await?;
        ensure!(leased.len() <= limit, "at most {limit} messages");
        found.extend(leased.iter().map(|leased| leased.message));
    }
    ensure_eq!(found, wanted, "oldest due first");
    Ok(())
}

/// What is deferred waits for its time, and what is held waits for its release.
pub(super) async fn what_waits_is_not_leased(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let [deferred, held] = [message.deliveries[0].id, message.deliveries[1].id];
    let next = room.now() + seconds(600);
    room.settle(message.id, "one", vec![room.deferred(deferred, next)]).await?;
    room.store.give_back(&[held], &holder("one")).await?;
    room.store.hold(&Selector::Delivery(held), &room.actor(), room.tick()).await?;
    ensure_eq!(room.due_now().await?, Vec::<String>::new(), "nothing is due");
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "nothing is leased");
    room.clock.set(next);
    let leased = room.lease_due("example.org", "two").await?;
    ensure_eq!(leased_ids(&leased), [deferred], "its time has come; the held one waits on");
    ensure_eq!(leased[0].deliveries[0].attempts, 1, "it was tried once");
    Ok(())
}

/// What a pause covers is neither due nor leased, and is both once it ends: for each kind of scope.
pub(super) async fn what_is_paused_is_not_leased(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let other = room.add_sender("other.example").await?;
    let paused = room.queue(&sender, &["bob@example.org"]).await?;
    let beside = room.queue(&sender, &["bob@example.net"]).await?;
    let others = room.queue(&other, &["bob@example.org"]).await?;
    let look = async || {
        let mut found = Vec::new();
        for destination in ["example.org", "example.net"] {
            let leased = leased_ids(&room.lease_due(destination, "one").await?);
            room.store.give_back(&leased, &holder("one")).await?;
            found.extend(leased);
        }
        Ok::<_, Failure>(found)
    };
    let id = |message: &outgate_core::store::NewMessage| message.deliveries[0].id;
    let org = Destination::new("example.org");
    for (scope, wanted, due) in [
        (PauseScope::Everything, vec![], &[][..]),
        (PauseScope::Domain("example.com".parse()?), vec![id(&others)], &["example.org"]),
        (PauseScope::Destination(org), vec![id(&beside)], &["example.net"]),
    ] {
        room.store.pause(&scope, &room.actor(), room.tick()).await?;
        ensure_eq!(look().await?, wanted, "what is leased while {scope:?} is paused");
        ensure_eq!(room.due_now().await?, due, "what is due while {scope:?} is paused");
        room.store.resume(&scope, &room.actor(), room.tick()).await?;
        ensure_eq!(sorted(look().await?), sorted([id(&paused), id(&beside), id(&others)]), "all, resumed");
    }
    Ok(())
}

/// The sole relay takes all leases of others back at its start, keeps its own, and tells how many it took.
pub(super) async fn leases_of_others_are_taken_back(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let lost = room.queue_leased(&sender, &["bob@example.org"], "before the crash").await?;
    let own = room.queue_leased(&sender, &["bob@example.net"], "one").await?;
    ensure_eq!(room.store.take_back_leases(&holder("one")).await?, 1, "one lease was another's");
    let taken = room.lease_due("example.org", "one").await?;
    ensure_eq!(leased_ids(&taken), ids(&lost), "it is due again");
    ensure_eq!(room.lease_due("example.net", "one").await?, [], "its own stays leased");
    ensure!(room.store.renew(own.id, &room.lease("one")).await?, "and its own to renew");
    ensure_eq!(room.store.take_back_leases(&holder("one")).await?, 0, "there is no other left");
    Ok(())
}

/// Destinations with something due come in order of name and by cursor, each with its first time.
pub(super) async fn due_destinations_come_in_order_page_by_page(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let mut wanted = Vec::new();
    for name in ["c.example", "a.example", "d.example", "b.example"] {
        room.queue(&sender, &[&format!("first@{name}")]).await?;
        wanted.push((name.to_owned(), room.now()));
        room.queue(&sender, &[&format!("second@{name}")]).await?;
    }
    room.queue_leased(&sender, &["bob@leased.example"], "one").await?;
    let before = wanted[0].1 - seconds(1);
    ensure_eq!(room.store.due_destinations(before, None, ALL).await?, [], "before its time nothing is due");
    wanted.sort();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = room.store.due_destinations(room.now(), after.as_ref(), 3).await?;
        ensure!(page.len() <= 3, "a page holds at most its limit");
        let Some(last) = page.last() else { break };
        after = Some(last.destination.clone());
        found.extend(page.iter().map(|due| (due.destination.to_string(), due.due_at)));
        ensure!(found.len() <= ALL, "the pages never end");
    }
    ensure_eq!(found, wanted, "in order of name, each with the time of its first");
    Ok(())
}

/// `next_due` names the time of the next thing to do: then, and not before, something is due.
pub(super) async fn next_due_is_when_to_look_again(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    ensure_eq!(room.store.next_due().await?, None, "nothing waits");
    let message = room.queue_leased(&sender, &["a@example.org"], "one").await?;
    let lease_end = room.now() + seconds(60);
    ensure_eq!(room.store.next_due().await?, Some(lease_end), "the end of the lease");
    let mark = room.now() + seconds(30);
    room.settle(message.id, "one", vec![room.deferred(message.deliveries[0].id, mark)]).await?;
    ensure_eq!(room.store.next_due().await?, Some(mark), "the next attempt");
    let scope = PauseScope::Destination(Destination::new("example.org"));
    room.store.pause(&scope, &room.actor(), room.now()).await?;
    ensure_eq!(room.store.next_due().await?, None, "what is paused aside");
    let other = room.queue(&sender, &["b@example.net"]).await?;
    let next = room.store.next_due().await?;
    ensure!(next.is_some_and(|next| next <= room.now()), "something is due now: {next:?}");
    room.store.hold(&Selector::Message(other.id), &room.actor(), room.now()).await?;
    ensure_eq!(room.store.next_due().await?, None, "what is held does not wait for a time");
    room.store.resume(&scope, &room.actor(), room.now()).await?;
    ensure_eq!(room.store.next_due().await?, Some(mark), "resumed");
    room.clock.set(mark - seconds(1));
    ensure_eq!(room.due_now().await?, Vec::<String>::new(), "not before that time");
    room.clock.set(mark);
    ensure_eq!(room.due_now().await?, ["example.org"], "at that time");
    room.lease_due("example.org", "one").await?;
    room.clock.set(mark + seconds(60));
    ensure_eq!(room.due_now().await?, ["example.org"], "a lease has ended at its end");
    room.store.cancel(&Selector::Message(message.id), &room.actor(), room.now()).await?;
    ensure_eq!(room.store.next_due().await?, None, "what has ended waits for nothing");
    Ok(())
}
