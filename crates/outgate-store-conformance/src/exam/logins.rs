//! The last connection (law 5).

use super::{
    laws::Verdict,
    room::{Room, seconds},
};
use crate::failure::{ensure, ensure_eq};
use outgate_core::{Actor, EventKind, LastConnection, Mechanism, Timestamp};
use std::sync::Arc;

fn connection(at: Timestamp, client: &str) -> LastConnection {
    LastConnection {
        at,
        address: [192, 0, 2, 7].into(),
        tls: "TLSv1.3".to_owned(),
        mechanism: Mechanism::Plain,
        client: client.to_owned(),
    }
}

/// The newest sign-in wins, in whatever order they are noted.
pub(super) async fn the_newest_login_wins(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let start = room.tick();
    let mut newest = 0;
    for offset in [2, 1, 5, 0, 4, 6, 3] {
        let noted = connection(start + seconds(offset), &format!("client{offset}"));
        room.store.note_login(sender.user.id, &noted).await?;
        newest = offset.max(newest);
        let kept = room.store.user(&sender.user.username).await?.and_then(|user| user.last_connection);
        let wanted = connection(start + seconds(newest), &format!("client{newest}"));
        ensure_eq!(kept, Some(wanted), "the newest wins, never backwards");
    }
    Ok(())
}

/// A sign-in that looks like the one before is no event, and one that comes too late is none.
pub(super) async fn a_login_is_told_only_when_it_looks_different(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let start = room.tick();
    let mark = room.mark().await?;
    let base = connection(start, "shop");
    let at = |offset, base: LastConnection| LastConnection { at: start + seconds(offset), ..base };
    let steps = [
        (true, at(1, base.clone())),
        (false, at(2, base.clone())),
        (false, at(3, base.clone())),
        (true, at(4, LastConnection { address: [192, 0, 2, 8].into(), ..base.clone() })),
        (true, at(5, LastConnection { tls: "TLSv1.2".to_owned(), ..base.clone() })),
        (true, at(6, LastConnection { mechanism: Mechanism::Login, ..base.clone() })),
        (true, at(7, connection(start, "crm"))),
        // Too late: it looks different and changes nothing.
        (false, at(2, connection(start, "late"))),
        (false, at(8, connection(start, "crm"))),
    ];
    let mut wanted = Vec::new();
    for (told, noted) in steps {
        room.store.note_login(sender.user.id, &noted).await?;
        if told {
            let (user, username) = (sender.user.id, sender.user.username.clone());
            wanted.push(EventKind::LoginNoted { user, username, connection: noted });
        }
    }
    ensure_eq!(room.kinds(&mark).await?, wanted, "an event only when something but the time differs");
    let actors: Vec<_> = room.told(Some(&mark)).await?.into_iter().map(|event| event.actor).collect();
    let own = Actor::User { username: sender.user.username.clone() };
    ensure!(actors.iter().all(|actor| *actor == own), "the user itself caused them: {actors:?}");
    let kept = room.store.user(&sender.user.username).await?.and_then(|user| user.last_connection);
    ensure_eq!(kept, Some(at(8, connection(start, "crm"))), "what is no event is kept all the same");
    Ok(())
}

/// A user who is gone meanwhile is no error, and nothing is told of it.
pub(super) async fn a_login_of_a_user_who_is_gone_is_no_error(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    room.store.delete_user(sender.user.id, &room.actor(), room.tick()).await?;
    let mark = room.mark().await?;
    room.store.note_login(sender.user.id, &connection(room.tick(), "shop")).await?;
    ensure_eq!(room.kinds(&mark).await?, [], "nothing happened");
    ensure!(room.store.user(&sender.user.username).await?.is_none(), "it does not bring the user back");
    Ok(())
}

/// A sign-in is noted for its own user, and a disabled user's last connection stays.
pub(super) async fn a_login_belongs_to_its_user(room: Room) -> Verdict {
    let one = room.add_sender("example.com").await?;
    let two = room.add_user("example.com").await?;
    let noted = connection(room.tick(), "shop");
    room.store.note_login(one.user.id, &noted).await?;
    let kept = async |username| {
        let user = room.store.user(username).await?;
        Ok::<_, crate::Failure>(user.and_then(|user| user.last_connection))
    };
    ensure_eq!(kept(&two.user.username).await?, None, "nobody else signed in");
    room.store.disable_user(one.user.id, &room.actor(), room.tick()).await?;
    room.store
        .reset_password(one.user.id, &outgate_core::PasswordHash::new("x"), &room.actor(), room.tick())
        .await?;
    ensure_eq!(kept(&one.user.username).await?, Some(noted), "only a sign-in changes the last connection");
    Ok(())
}

/// Noted by many at once, the last connection never moves backwards.
pub(super) async fn concurrent_logins_never_go_backwards(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let start = room.tick();
    let newest = 40_u64;
    let mut tasks = Vec::new();
    for offset in 0..=newest {
        let (store, user) = (Arc::clone(&room.store), sender.user.id);
        // In an order of no meaning: 41 is prime.
        let noted = connection(start + seconds(offset * 7 % (newest + 1)), "shop");
        tasks.push(tokio::spawn(async move { store.note_login(user, &noted).await }));
    }
    let mut before = None;
    for task in tasks {
        task.await??;
        let user = room.store.user(&sender.user.username).await?;
        let kept = user.and_then(|user| user.last_connection).map(|connection| connection.at);
        ensure!(kept >= before, "it moved backwards: {before:?}, then {kept:?}");
        before = kept;
    }
    ensure_eq!(before, Some(start + seconds(newest)), "the newest is kept");
    Ok(())
}
