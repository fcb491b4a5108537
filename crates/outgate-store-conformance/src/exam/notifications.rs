//! What senders are told: kept with what it tells of, once, and only when it is true.

use super::{
    laws::Verdict,
    room::{ALL, Room, holder, ids, seconds},
};
use crate::{
    Failure, Sender,
    failure::{ensure, ensure_eq},
};
use outgate_core::{
    Actor, DeliveryStatus, EventKind, MessageId, ReversePath,
    store::{DeliveryFilter, NewMessage, Selector, Settled, SettledDelivery, Settlement},
};

/// A notification to the sender of what was submitted; it asks for a lease, which it must not get.
fn notification(room: &Room, sender: &Sender) -> Result<NewMessage, Failure> {
    let mut new = room.leased_message(sender, &["sender@example.com"], "one")?;
    new.reverse_path = ReversePath::Null;
    new.subject = Some("Not delivered".to_owned());
    new.content = bytes::Bytes::from_static(b"Subject: Not delivered\r\n\r\nSorry.\r\n");
    Ok(new)
}

fn told(result: SettledDelivery) -> SettledDelivery {
    SettledDelivery { notified: true, ..result }
}

async fn settle(
    room: &Room,
    message: MessageId,
    results: Vec<SettledDelivery>,
    notification: &NewMessage,
) -> Result<Vec<Settled>, Failure> {
    let notification = Some(notification.clone());
    Ok(room.store.settle(Settlement { message, holder: holder("one"), results, notification }).await?)
}

async fn is_kept(room: &Room, notification: &NewMessage) -> Result<bool, Failure> {
    Ok(room.store.message(notification.id).await?.is_some())
}

/// A notification is kept with the settlement, as mail of the same domain and SMTP user, whatever became of that user;
/// it is due at once and leased to nobody.
pub(super) async fn a_notification_is_kept_with_what_it_tells(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let all = ids(&message);
    let new = notification(&room, &sender)?;
    room.store.disable_user(sender.user.id, &room.actor(), room.tick()).await?;
    let mark = room.mark().await?;
    let (bounced, next) = (told(room.bounced(all[0])), room.tick() + seconds(600));
    let at = bounced.attempt.ended_at;
    let answers = settle(&room, message.id, vec![bounced, room.deferred(all[1], next)], &new).await?;
    ensure_eq!(answers, [Settled::Recorded; 2], "what was settled");
    let events = room.told(Some(&mark)).await?;
    ensure_eq!(events.len(), 2, "the settlement and the notification are told");
    ensure!(matches!(events[0].kind, EventKind::MessageSettled { .. }), "first the settlement: {events:?}");
    let kind = EventKind::MessageAccepted {
        message: new.id,
        domain: sender.user.domain,
        username: sender.user.username.clone(),
        sender: ReversePath::Null,
        size: new.content.len() as u64,
        recipients: vec![(new.deliveries[0].id, "sender@example.com".parse()?)],
    };
    ensure_eq!(
        (&events[1].kind, &events[1].actor, events[1].at),
        (&kind, &Actor::System, at),
        "then the notification"
    );
    let row = room.row(new.deliveries[0].id).await?;
    ensure_eq!(
        (row.status, row.username, row.domain, row.at),
        (DeliveryStatus::Pending, sender.user.username, sender.user.domain_name, at),
        "as mail of the same user, as old as what it tells of"
    );
    let leased = room.lease_due("example.com", "two").await?;
    ensure_eq!(
        leased.iter().map(|leased| leased.message).collect::<Vec<_>>(),
        [new.id],
        "anybody may send it"
    );
    ensure_eq!(
        (&leased[0].reverse_path, leased[0].domain, &leased[0].deliveries[0].recipient),
        (&ReversePath::Null, sender.user.domain, &new.deliveries[0].recipient),
        "from nobody, to the sender"
    );
    ensure_eq!(room.store.content(new.id).await?, Some(new.content), "its bytes");
    Ok(())
}

/// A settlement repeated keeps no second notification.
pub(super) async fn a_settlement_repeated_notifies_nobody(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org"], "one").await?;
    let results = vec![told(room.bounced(message.deliveries[0].id))];
    let (first, second) = (notification(&room, &sender)?, notification(&room, &sender)?);
    ensure_eq!(
        settle(&room, message.id, results.clone(), &first).await?,
        [Settled::Recorded],
        "the first time"
    );
    ensure!(is_kept(&room, &first).await?, "the sender is told");
    let mark = room.mark().await?;
    ensure_eq!(settle(&room, message.id, results, &second).await?, [Settled::Already], "the second time");
    ensure!(!is_kept(&room, &second).await?, "the sender was told already");
    ensure_eq!(room.rows(&DeliveryFilter::default()).await?.len(), 2, "the message and one notification");
    ensure_eq!(room.kinds(&mark).await?, [], "and nothing more is in the log");
    Ok(())
}

/// A notification that speaks of what cannot be recorded is not kept, and the rest of what it speaks of waits for one
/// that is true; what it does not speak of is recorded.
pub(super) async fn a_notification_that_is_not_true_is_not_kept(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let recipients = ["a@example.org", "b@example.org", "c@example.org"];
    let message = room.queue_leased(&sender, &recipients, "one").await?;
    let all = ids(&message);
    room.store.cancel(&Selector::Delivery(all[0]), &room.actor(), room.tick()).await?;
    let (first, second) = (notification(&room, &sender)?, notification(&room, &sender)?);
    let (failed, failed_too) = (told(room.bounced(all[0])), told(room.bounced(all[1])));
    let results = vec![failed, failed_too.clone(), room.delivered(all[2])];
    let answers = settle(&room, message.id, results, &first).await?;
    ensure_eq!(answers, [Settled::Already, Settled::Withheld, Settled::Recorded], "each in its way");
    ensure!(!is_kept(&room, &first).await?, "it was not true of the cancelled one");
    let row = room.row(all[1]).await?;
    ensure_eq!((row.status, row.attempts), (DeliveryStatus::Pending, 0), "nothing is recorded of the other");
    ensure_eq!(room.lease_due("example.org", "two").await?, [], "whose lease goes on");
    ensure_eq!(room.store.content(message.id).await?, Some(message.content.clone()), "and whose bytes stay");
    ensure_eq!(
        settle(&room, message.id, vec![failed_too], &second).await?,
        [Settled::Recorded],
        "told truly"
    );
    ensure!(is_kept(&room, &second).await?, "that is kept");
    Ok(())
}

/// Whose delay was told is known with every later lease, and no second notification of it is kept.
pub(super) async fn a_delay_is_told_once(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let all = ids(&message);
    let next = room.tick() + seconds(10);
    let results = vec![told(room.deferred(all[0], next)), room.deferred(all[1], next)];
    let (first, second) = (notification(&room, &sender)?, notification(&room, &sender)?);
    ensure_eq!(settle(&room, message.id, results, &first).await?, [Settled::Recorded; 2], "one is told of");
    room.clock.set(next + seconds(60));
    let leased =
        room.store.lease(&message.deliveries[0].destination, &room.lease("one"), room.now(), ALL).await?;
    let mut known: Vec<_> =
        leased.iter().flat_map(|one| &one.deliveries).map(|one| (one.id, one.delay_told)).collect();
    known.sort_by_key(|(id, _)| all.iter().position(|one| one == id));
    ensure_eq!(known, [(all[0], true), (all[1], false)], "which is known with the next lease");
    let later = room.now() + seconds(10);
    let again = vec![told(room.deferred(all[0], later))];
    ensure_eq!(settle(&room, message.id, again, &second).await?, [Settled::LeaseLost], "it was told before");
    ensure!(!is_kept(&room, &second).await?, "so it is not told again");
    ensure_eq!(
        room.settle(message.id, "one", vec![room.deferred(all[0], later)]).await?,
        [Settled::Recorded],
        "untold"
    );
    Ok(())
}
