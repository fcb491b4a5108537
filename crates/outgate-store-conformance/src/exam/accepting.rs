//! Keeping a message: whole, exact, and leased only as asked.

use super::{
    laws::Verdict,
    room::{Room, ids},
};
use crate::failure::{ensure, ensure_eq};
use bytes::Bytes;
use outgate_core::{
    Actor, Body, DeliveryStatus, Destination, EventKind, Notify, ReturnContent, ReversePath,
    store::{AcceptError, LeasedMessage, PauseScope},
};
use std::sync::Arc;

/// More than fits one page of any database, so that large bytes are asked too.
const LARGE: usize = 3 << 20;

/// What was accepted is there, whole: bytes, recipients in order, pending, and one event with all recipients.
pub(super) async fn an_accepted_message_is_kept_whole(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let mark = room.mark().await?;
    let message = room.queue(&sender, &["bob@example.org", "ann@example.org", "cy@example.net"]).await?;
    let at = room.now();
    ensure_eq!(room.store.content(message.id).await?.as_ref(), Some(&message.content), "its bytes");
    let Some(history) = room.store.message(message.id).await? else {
        return Err(crate::Failure::new("`message` does not find it"));
    };
    ensure_eq!(
        (history.message, history.domain, history.size, history.content_kept, history.attempts.len()),
        (message.id, sender.user.domain, message.content.len() as u64, true, 0),
        "its history"
    );
    ensure_eq!(history.deliveries.len(), 3, "every recipient");
    for (row, new) in history.deliveries.iter().zip(&message.deliveries) {
        ensure_eq!(
            (row.message, row.delivery, row.at, &row.domain, &row.username, &row.sender, &row.recipient),
            (
                message.id,
                new.id,
                at,
                sender.right.domain_name(),
                &sender.user.username,
                &message.reverse_path,
                &new.recipient.address
            ),
            "what a row tells of the message, recipients in order"
        );
        ensure_eq!(
            (row.subject.as_deref(), row.status, &row.reply, row.attempts, &row.destination),
            (Some("A message"), DeliveryStatus::Pending, &None, 0, &new.destination),
            "what a row tells of the delivery"
        );
    }
    let events = room.told(Some(&mark)).await?;
    let recipients = message.deliveries.iter().map(|new| (new.id, new.recipient.address.clone())).collect();
    let wanted = EventKind::MessageAccepted {
        message: message.id,
        domain: sender.user.domain,
        username: sender.user.username.clone(),
        sender: message.reverse_path.clone(),
        size: message.content.len() as u64,
        recipients,
    };
    ensure_eq!(
        events.into_iter().map(|event| (event.at, event.actor, event.kind)).collect::<Vec<_>>(),
        [(at, Actor::User { username: sender.user.username.clone() }, wanted)],
        "one event, every recipient inside, caused by the user"
    );
    Ok(())
}

/// Bytes come back as they went in, whatever they are (law 8).
pub(super) async fn bytes_are_kept_exactly(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let every_byte: Vec<u8> = (0..=255).collect();
    let noise: Vec<u8> = (0..LARGE).map(|n| (n * n % 251) as u8).collect();
    let contents: [&[u8]; 8] = [
        b"",
        b"\0",
        b"no line end",
        b"lone\rCR and lone\nLF\r\n.\r\n..\r\n",
        "Subject: Gr\u{fc}\u{df}e\r\n\r\n\u{1f600}\r\n".as_bytes(),
        b"\xff\xfe not UTF-8 \xc3\x28",
        &every_byte,
        &noise,
    ];
    let mut kept = Vec::new();
    for content in contents {
        let mut message = room.message(&sender.right, &["bob@example.org"])?;
        message.content = Bytes::copy_from_slice(content);
        kept.push((message.id, message.content.clone()));
        room.store.accept(&sender.right, message, room.now()).await?;
    }
    for (message, content) in kept {
        let found = room.store.content(message).await?;
        let size = room.store.message(message).await?.map(|history| history.size);
        ensure!(
            found.as_ref() == Some(&content),
            "{} bytes came back other than they went in",
            content.len()
        );
        ensure_eq!(size, Some(content.len() as u64), "the size is the number of bytes kept");
    }
    Ok(())
}

/// All of the envelope comes back with a lease, to whoever delivers.
pub(super) async fn the_envelope_comes_back_with_the_lease(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let mut rich = room.message(&sender.right, &["\"odd @ local\"@example.org", "b\u{f6}b@example.org"])?;
    rich.body = Body::EightBitMime;
    rich.smtputf8 = true;
    rich.return_content = Some(ReturnContent::Headers);
    rich.envelope_id = Some("QQ+2B314159".parse()?);
    rich.deliveries[0].recipient.notify = Some(Notify { success: true, failure: false, delay: true });
    rich.deliveries[0].recipient.original = Some("rfc822;Bob@example.org".parse()?);
    rich.deliveries[1].recipient.notify = Some(Notify::default());
    let rich_at = room.now();
    room.store.accept(&sender.right, rich.clone(), rich_at).await?;
    let mut poor = room.message(&sender.right, &["ann@example.org"])?;
    poor.reverse_path = ReversePath::Null;
    poor.subject = None;
    let poor_at = room.now();
    room.store.accept(&sender.right, poor.clone(), poor_at).await?;
    let leased = room.lease_due("example.org", "one").await?;
    ensure_eq!(leased.len(), 2, "both messages are due");
    for ((new, at), mut leased) in [(rich, rich_at), (poor, poor_at)].into_iter().zip(leased) {
        leased.deliveries.sort_by_key(|delivery| new.deliveries.iter().position(|new| new.id == delivery.id));
        let wanted = LeasedMessage {
            message: new.id,
            domain: sender.user.domain,
            domain_name: sender.user.domain_name.clone(),
            accepted_at: at,
            reverse_path: new.reverse_path,
            body: new.body,
            smtputf8: new.smtputf8,
            return_content: new.return_content,
            envelope_id: new.envelope_id,
            size: new.content.len() as u64,
            destination: Destination::new("example.org"),
            deliveries: leased.deliveries.clone(),
        };
        ensure_eq!(leased, wanted, "the leased message is the accepted one");
        let recipients: Vec<_> =
            leased.deliveries.into_iter().map(|one| (one.recipient, one.attempts)).collect();
        let wanted: Vec<_> = new.deliveries.into_iter().map(|new| (new.recipient, 0)).collect();
        ensure_eq!(recipients, wanted, "its recipients are those accepted, never tried");
    }
    Ok(())
}

/// Deliveries that ask for the lease get it; the others are due at once.
pub(super) async fn a_lease_is_granted_only_where_it_was_asked(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let mut message = room.leased_message(&sender, &["bob@example.org", "ann@example.org"], "one")?;
    message.deliveries[1].leased = false;
    let accepted = room.store.accept(&sender.right, message.clone(), room.now()).await?;
    ensure_eq!(accepted.leased, [message.deliveries[0].id], "the one that asked is leased");
    let others = room.lease_due("example.org", "two").await?;
    let others: Vec<_> = others.iter().flat_map(|leased| &leased.deliveries).map(|one| one.id).collect();
    ensure_eq!(others, [message.deliveries[1].id], "the other is due, the leased one is not");
    let mut unasked = room.message(&sender.right, &["cy@example.net"])?;
    unasked.lease = Some(room.lease("one"));
    let accepted = room.store.accept(&sender.right, unasked, room.now()).await?;
    ensure_eq!(accepted.leased, [], "nothing asked for the lease");
    ensure_eq!(room.due_now().await?, ["example.net"], "so it is due");
    Ok(())
}

/// What a pause covers is not leased at acceptance, though the submission goes on.
pub(super) async fn a_lease_is_not_granted_under_a_pause(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let other = room.add_sender("other.example").await?;
    let (org, net) = (Destination::new("example.org"), Destination::new("example.net"));
    let scopes: [(PauseScope, [bool; 2], bool); 3] = [
        (PauseScope::Everything, [false, false], false),
        (PauseScope::Domain(sender.user.domain_name.clone()), [false, false], true),
        (PauseScope::Destination(org), [false, true], false),
    ];
    for (scope, wanted, other_is_leased) in scopes {
        room.store.pause(&scope, &room.actor(), room.tick()).await?;
        let message = room.leased_message(&sender, &["bob@example.org", "ann@example.net"], "one")?;
        let accepted = room.store.accept(&sender.right, message.clone(), room.now()).await?;
        let leased: Vec<_> = ids(&message).iter().map(|id| accepted.leased.contains(id)).collect();
        ensure_eq!(leased, wanted, "what is leased of the message while {scope:?} is paused");
        let message = room.leased_message(&other, &["bob@example.org"], "one")?;
        let accepted = room.store.accept(&other.right, message, room.now()).await?;
        ensure_eq!(!accepted.leased.is_empty(), other_is_leased, "another domain, {scope:?} paused");
        room.store.resume(&scope, &room.actor(), room.tick()).await?;
    }
    let due = room.store.lease(&net, &room.lease("two"), room.now(), super::room::ALL).await?;
    ensure_eq!(due.len(), 2, "what was not leased is due once nothing is paused");
    Ok(())
}

/// Verbs that arrive together fail each on its own: a store that commits several as one must not let one spoil all.
pub(super) async fn one_refusal_leaves_its_neighbours_alone(room: Room) -> Verdict {
    let good = room.add_sender("example.com").await?;
    let stale = room.add_user("example.com").await?;
    room.store.disable_user(stale.user.id, &room.actor(), room.tick()).await?;
    let mut tasks = Vec::new();
    for n in 0..40 {
        let sender = if n % 2 == 0 { &good } else { &stale };
        let message = room.message(&sender.right, &["bob@example.org"])?;
        let (store, right, at) = (Arc::clone(&room.store), sender.right.clone(), room.now());
        let id = message.id;
        tasks.push((n, id, tokio::spawn(async move { store.accept(&right, message, at).await })));
    }
    for (n, id, task) in tasks {
        let accepted = task.await?.map(|_| ());
        let wanted = if n % 2 == 0 { Ok(()) } else { Err(AcceptError::StaleRight) };
        let kept = room.store.message(id).await?.is_some();
        ensure_eq!((accepted, kept), (wanted.clone(), wanted.is_ok()), "accept number {n}");
    }
    Ok(())
}
