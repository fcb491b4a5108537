//! What happens at the same time happens in one order.

use super::{laws::Verdict, room::Room};
use crate::failure::{ensure, ensure_eq};
use outgate_core::{
    EventKind, PasswordHash,
    store::{AcceptError, DirectoryError, Settled, Settlement},
};
use std::sync::Arc;

/// Messages race against resets: the log shows none accepted under an epoch that was over (law 2).
pub(super) async fn nothing_is_accepted_under_an_old_epoch(room: Room) -> Verdict {
    for _ in 0..5 {
        let sender = room.add_sender(&format!("d{}.example", room.randomness.number())).await?;
        let mark = room.mark().await?;
        let mut tasks = Vec::new();
        for _ in 0..24 {
            let message = room.message(&sender.right, &["bob@example.org"])?;
            let (store, right, at) = (Arc::clone(&room.store), sender.right.clone(), room.now());
            tasks.push(tokio::spawn(async move {
                tokio::task::yield_now().await;
                let id = message.id;
                (id, store.accept(&right, message, at).await)
            }));
        }
        tokio::task::yield_now().await;
        let hash = PasswordHash::new("$plain$s=1$$fresh");
        room.store.reset_password(sender.user.id, &hash, &room.actor(), room.now()).await?;
        // The reset has returned: from here on the old right is dead everywhere.
        let late = room.message(&sender.right, &["late@example.org"])?;
        let late = room.store.accept(&sender.right, late, room.now()).await;
        ensure_eq!(late.err(), Some(AcceptError::StaleRight), "an accept after the reset returned");
        let mut accepted = Vec::new();
        for task in tasks {
            match task.await? {
                (id, Ok(_)) => accepted.push(id),
                (_, Err(AcceptError::StaleRight)) => {}
                (_, Err(error)) => return Err(error.into()),
            }
        }
        let told = room.kinds(&mark).await?;
        let reset = told.iter().position(|kind| matches!(kind, EventKind::PasswordReset { .. }));
        let reset = reset.ok_or_else(|| crate::Failure::new("the log does not tell of the reset"))?;
        let before: Vec<_> = told[..reset]
            .iter()
            .filter_map(|kind| match kind {
                EventKind::MessageAccepted { message, .. } => Some(*message),
                _ => None,
            })
            .collect();
        ensure_eq!(told.len(), reset + 1, "nothing is accepted after the reset: {told:?}");
        ensure_eq!(before.len(), accepted.len(), "what was answered as accepted is what the log tells");
        ensure!(accepted.iter().all(|id| before.contains(id)), "message by message");
    }
    Ok(())
}

/// Rehashes race against a reset: whoever comes first, the reset's hash stands in the end.
pub(super) async fn a_rehash_never_undoes_a_reset(room: Room) -> Verdict {
    for _ in 0..5 {
        let domain = room.add_domain(&format!("d{}.example", room.randomness.number())).await?;
        let new = room.new_user(domain.id, &format!("u{}", room.randomness.number()))?;
        let (user, username, old) = (new.id, new.username.clone(), new.hash.clone());
        room.store.add_user(new, &room.actor(), room.now()).await?;
        let mut tasks = Vec::new();
        for n in 0..8 {
            let (store, old) = (Arc::clone(&room.store), old.clone());
            tasks.push(tokio::spawn(async move {
                store.rehash(user, 1, &old, &PasswordHash::new(&format!("stronger {n}"))).await
            }));
        }
        let fresh = PasswordHash::new("fresh");
        room.store.reset_password(user, &fresh, &room.actor(), room.now()).await?;
        let mut replaced = 0;
        for task in tasks {
            replaced += u32::from(task.await??);
        }
        ensure!(replaced <= 1, "{replaced} rehashes found the old hash in place");
        let kept = room.store.credential(&username).await?.map(|found| found.hash);
        ensure!(kept == Some(fresh), "the reset's hash stands");
    }
    Ok(())
}

/// Of many who add the same name at once, one does; the same for a username.
pub(super) async fn a_name_and_a_username_are_added_once(room: Room) -> Verdict {
    let home = room.add_domain("home.example").await?.id;
    let mark = room.mark().await?;
    let mut tasks = Vec::new();
    for _ in 0..12 {
        let (domain, user) = (room.new_domain("example.com")?, room.new_user(home, "shop")?);
        let (store, actor, at) = (Arc::clone(&room.store), room.actor(), room.now());
        tasks.push(tokio::spawn(async move {
            let added = store.add_domain(domain, &actor, at).await.map(|_| ());
            (added, store.add_user(user, &actor, at).await.map(|_| ()))
        }));
    }
    let (mut domains, mut users) = (0, 0);
    for task in tasks {
        let (domain, user) = task.await?;
        domains += usize::from(domain.is_ok());
        users += usize::from(user.is_ok());
        ensure!(domain.is_ok() || domain == Err(DirectoryError::DomainExists), "found: {domain:?}");
        ensure!(user.is_ok() || user == Err(DirectoryError::UsernameTaken), "found: {user:?}");
    }
    ensure_eq!((domains, users), (1, 1), "one of each was added");
    ensure_eq!(room.kinds(&mark).await?.len(), 2, "and told");
    Ok(())
}

/// One attempt settled by many at once is recorded once.
pub(super) async fn an_attempt_is_recorded_once(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["a@example.org", "b@example.org"], "one").await?;
    let mark = room.mark().await?;
    let results = vec![
        room.delivered(message.deliveries[0].id),
        room.deferred(message.deliveries[1].id, room.now() + super::room::seconds(60)),
    ];
    let mut tasks = Vec::new();
    for _ in 0..12 {
        let settlement = Settlement {
            message: message.id,
            holder: super::room::holder("one"),
            results: results.clone(),
            notification: None,
        };
        let store = Arc::clone(&room.store);
        tasks.push(tokio::spawn(async move { store.settle(settlement).await }));
    }
    let mut recorded = 0;
    for task in tasks {
        let answers = task.await??;
        ensure!(answers[0] == answers[1] && answers.len() == 2, "both or neither: {answers:?}");
        recorded += usize::from(answers[0] == Settled::Recorded);
    }
    ensure_eq!(recorded, 1, "one of them recorded it");
    ensure_eq!(room.kinds(&mark).await?.len(), 1, "and told it");
    for delivery in &message.deliveries {
        ensure_eq!(room.row(delivery.id).await?.attempts, 1, "one attempt is kept");
    }
    Ok(())
}
