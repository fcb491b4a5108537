//! Everything survives reopening.

use super::{
    laws::Verdict,
    room::{ALL, Room, holder, ids, seconds, sorted},
};
use crate::{
    Failure,
    failure::{ensure, ensure_eq},
};
use outgate_core::{
    Destination, DomainState, LastConnection, Mechanism, PasswordHash, Standing,
    store::{AcceptError, DeliveryFilter, DirectoryError, PauseScope, Selector, Settled},
};
use std::fmt::Write;

/// Domains, keys, users, hashes, epochs, last connections and tombstones.
pub(super) async fn the_directory_survives_reopening(room: Room) -> Verdict {
    let (sender, stale) = (room.add_sender("example.com").await?, room.add_user("example.com").await?);
    let gone = room.add_user("example.com").await?;
    let checked = room.add_unverified_domain("checked.example").await?;
    let actor = room.actor();
    room.store.record_verification(checked.id, DomainState::Verified, &actor, room.tick()).await?;
    room.store.delete_user(gone.user.id, &actor, room.tick()).await?;
    room.store.reset_password(stale.user.id, &PasswordHash::new("new"), &actor, room.tick()).await?;
    room.store.rename_user(stale.user.id, &"CRM".parse()?, &actor, room.tick()).await?;
    room.store.disable_user(stale.user.id, &actor, room.tick()).await?;
    let connection = LastConnection {
        at: room.tick(),
        address: "2001:db8::7".parse()?,
        tls: "TLSv1.2".to_owned(),
        mechanism: Mechanism::Login,
        client: "sh\u{f6}p.local".to_owned(),
    };
    room.store.note_login(sender.user.id, &connection).await?;
    let before = directory(&room).await?;
    let room = room.reopen().await;
    ensure_eq!(directory(&room).await?, before, "domains, keys, users and credentials");
    let kept = room.store.user(&sender.user.username).await?.and_then(|user| user.last_connection);
    ensure_eq!(kept, Some(connection), "the last connection");
    ensure_eq!(room.store.standing(&sender.right).await?, Standing::InForce, "a right in force");
    ensure_eq!(room.store.standing(&stale.right).await?, Standing::Stale, "a right that was ended");
    let again = room.new_user(sender.user.domain, gone.user.username.as_str())?;
    let again = room.store.add_user(again, &actor, room.now()).await;
    ensure_eq!(again.err(), Some(DirectoryError::UsernameTaken), "a tombstone");
    Ok(())
}

/// All that the directory tells, in words.
async fn directory(room: &Room) -> Result<String, Failure> {
    let mut words = String::new();
    for domain in room.store.domains(None, ALL).await? {
        writeln!(words, "{domain:?}")?;
        for key in room.store.domain_keys(domain.id).await? {
            let (kept, sealed) = (&key.key, &key.key.sealed_private_key);
            writeln!(words, "{:?} {} {:?}", kept.id, kept.selector, kept.algorithm)?;
            writeln!(words, "{} {sealed:?}", kept.public_key)?;
            writeln!(words, "{:?} {:?} {}", key.domain, key.stage, key.created_at)?;
        }
    }
    for user in room.store.users(None, None, ALL).await? {
        let credential = room.store.credential(&user.username).await?;
        writeln!(words, "{user:?} {:?}", credential.map(|found| found.hash.as_str().to_owned()))?;
    }
    Ok(words)
}

/// Messages, bytes, statuses, attempts, times, leases, pauses and the summary.
pub(super) async fn the_queue_survives_reopening(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let recipients = ["a@example.org", "b@example.org", "c@example.org", "d@example.org"];
    let message = room.queue_leased(&sender, &recipients, "one").await?;
    let all = ids(&message);
    let next = room.now() + seconds(3600);
    let results = vec![room.delivered(all[0]), room.deferred(all[1], next)];
    room.settle(message.id, "one", results.clone()).await?;
    room.store.hold(&Selector::Delivery(all[2]), &room.actor(), room.tick()).await?;
    room.queue(&sender, &["due@example.net"]).await?;
    let scope = PauseScope::Destination(Destination::new("example.edu"));
    room.store.pause(&scope, &room.actor(), room.tick()).await?;
    let before = queue(&room).await?;
    let room = room.reopen().await;
    ensure_eq!(queue(&room).await?, before, "what the queue tells");
    ensure_eq!(room.store.content(message.id).await?, Some(message.content), "the bytes");
    ensure_eq!(room.store.paused().await?, [scope], "the pause");
    ensure_eq!(room.due_now().await?, ["example.net"], "what is due, and what is leased is not");
    let again = room.settle(message.id, "one", results).await?;
    ensure_eq!(again, [Settled::Already; 2], "attempts settled before are known");
    ensure!(room.store.renew(message.id, &room.lease("one")).await?, "the holder has its lease");
    ensure!(room.store.take_back_leases(&holder("two")).await? > 0, "until it is taken back");
    let leased = room.lease_due("example.org", "two").await?;
    let leased: Vec<_> = leased.iter().flat_map(|leased| &leased.deliveries).map(|one| one.id).collect();
    ensure_eq!(leased, [all[3]], "what crashed under lease is taken up again");
    Ok(())
}

/// All that the queue tells, in words.
async fn queue(room: &Room) -> Result<String, Failure> {
    let mut words = format!("{:?} {:?}\n", room.store.summary().await?, room.store.next_due().await?);
    let mut rows = room.rows(&DeliveryFilter::default()).await?;
    rows.sort_by_key(|row| (row.message, row.delivery));
    for row in rows {
        writeln!(words, "{row:?}")?;
        let history = room.store.message(row.message).await?;
        writeln!(words, "{:?}", history.map(|history| (history.size, history.attempts)))?;
    }
    Ok(words)
}

/// Events and cursors.
pub(super) async fn the_log_survives_reopening(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let middle = room.mark().await?;
    room.queue(&sender, &["a@example.org"]).await?;
    let (end, all, rest) = (room.mark().await?, room.told(None).await?, room.kinds(&middle).await?);
    let room = room.reopen().await;
    ensure_eq!(room.told(None).await?, all, "the events");
    ensure_eq!(room.kinds(&middle).await?, rest, "a cursor reads on where it stood");
    ensure_eq!(room.mark().await?, end, "the end is where it was");
    room.queue(&sender, &["b@example.org"]).await?;
    ensure_eq!(room.kinds(&end).await?.len(), 1, "what comes is behind the old end");
    Ok(())
}

/// Laws 2 and 3 hold over a restart: what was reset or deleted just before is so afterwards.
pub(super) async fn a_reset_survives_reopening(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let hash = PasswordHash::new("$plain$s=1$$fresh");
    room.store.reset_password(sender.user.id, &hash, &room.actor(), room.tick()).await?;
    let room = room.reopen().await;
    let message = room.message(&sender.right, &["a@example.org"])?;
    let accepted = room.store.accept(&sender.right, message, room.now()).await;
    ensure_eq!(accepted.err(), Some(AcceptError::StaleRight), "the old right is dead");
    let old = room.sign_in(&sender.user.username, &sender.password).await;
    ensure!(old.is_err(), "so is the old password");
    room.sign_in(&sender.user.username, "fresh").await?;
    room.store.delete_domain(sender.user.domain, &room.actor(), room.tick()).await?;
    let room = room.reopen().await;
    ensure!(room.store.domain(&sender.user.domain_name).await?.is_none(), "a deleted domain stays deleted");
    let names: Vec<String> =
        sorted(room.store.domains(None, ALL).await?.iter().map(|one| one.name.to_string()));
    ensure_eq!(names, Vec::<String>::new(), "in lists too");
    Ok(())
}
