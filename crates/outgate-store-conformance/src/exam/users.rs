//! SMTP users and their credentials.

use super::{
    laws::Verdict,
    room::{ALL, Room},
};
use crate::failure::{ensure, ensure_eq};
use outgate_core::{
    AccountId, AccountState, Actor, EventKind, PasswordHash, UserId, UserState,
    store::{DirectoryError, NewUser},
};

/// A user starts active, at epoch 1, never connected.
pub(super) async fn an_added_user_starts_active_at_epoch_one(room: Room) -> Verdict {
    let domain = room.add_domain("example.com").await?;
    let new = room.new_user(domain.id, "info@example.com")?;
    let (id, at, mark) = (new.id, room.tick(), room.mark().await?);
    let added = room.store.add_user(new, &room.actor(), at).await?;
    ensure_eq!(
        room.store.user(&"INFO@example.com".parse()?).await?.as_ref(),
        Some(&added),
        "`user` gives what `add_user` returned, however the username is written"
    );
    ensure_eq!(
        (added.id, added.domain, &added.domain_name, added.username.as_str(), added.name.as_str()),
        (id, domain.id, &domain.name, "info@example.com", "Shop"),
        "a user is kept as it was given"
    );
    ensure_eq!(
        (added.state, added.epoch, added.created_at, added.last_connection),
        (UserState::Active, 1, at, None),
        "a user starts active, at epoch 1, never connected"
    );
    let (username, name) = (added.username, added.name);
    ensure_eq!(
        room.kinds(&mark).await?,
        [EventKind::UserAdded { user: id, domain: domain.id, username, name }],
        "one event"
    );
    Ok(())
}

/// A username is unique in the installation, whatever the domain.
pub(super) async fn a_username_is_issued_once(room: Room) -> Verdict {
    let one = room.add_domain("example.com").await?;
    let two = room.add_domain("example.org").await?;
    let first = room.new_user(one.id, "shop")?;
    let id = first.id;
    room.store.add_user(first, &room.actor(), room.now()).await?;
    let mark = room.mark().await?;
    for domain in [one.id, two.id] {
        let again = room.store.add_user(room.new_user(domain, "SHOP")?, &room.actor(), room.now()).await;
        ensure_eq!(again.err(), Some(DirectoryError::UsernameTaken), "the username is taken");
    }
    ensure_eq!(room.kinds(&mark).await?, [], "a refused verb appends nothing");
    let found = room.store.user(&"shop".parse()?).await?.map(|user| (user.id, user.domain));
    ensure_eq!(found, Some((id, one.id)), "the first keeps it");
    Ok(())
}

/// A deleted user never returns, and its username is never issued again (law 3).
pub(super) async fn a_deleted_users_username_never_returns(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    room.store.delete_user(sender.user.id, &room.actor(), room.tick()).await?;
    never_returns(&room, &sender.user.username, sender.user.domain).await
}

/// The usernames of a deleted domain are never issued again, nor when its name returns (law 3).
pub(super) async fn a_deleted_domains_usernames_never_return(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    room.store.delete_domain(sender.user.domain, &room.actor(), room.tick()).await?;
    let again = room.add_domain("example.com").await?;
    never_returns(&room, &sender.user.username, again.id).await
}

async fn never_returns(
    room: &Room,
    username: &outgate_core::Username,
    domain: outgate_core::DomainId,
) -> Verdict {
    ensure!(room.store.user(username).await?.is_none(), "a deleted user is not found");
    ensure!(room.store.credential(username).await?.is_none(), "nor can it sign in");
    let again =
        room.store.add_user(room.new_user(domain, username.as_str())?, &room.actor(), room.now()).await;
    ensure_eq!(again.err(), Some(DirectoryError::UsernameTaken), "a username is never issued again");
    ensure!(room.store.user(username).await?.is_none(), "the refusal left nothing behind");
    Ok(())
}

/// Lists go by username and by cursor, of one domain or of all.
pub(super) async fn users_come_in_order_of_username_page_by_page(room: Room) -> Verdict {
    let one = room.add_domain("example.com").await?.id;
    let two = room.add_domain("example.org").await?.id;
    for (domain, username) in [(one, "c"), (two, "b"), (one, "e"), (one, "a"), (two, "d"), (one, "gone")] {
        room.store.add_user(room.new_user(domain, username)?, &room.actor(), room.now()).await?;
    }
    let gone = room.store.user(&"gone".parse()?).await?.map(|user| user.id);
    room.store.delete_user(gone.unwrap_or(UserId::from_bytes([7; 16])), &room.actor(), room.now()).await?;
    for (domain, wanted) in
        [(None, &["a", "b", "c", "d", "e"][..]), (Some(one), &["a", "c", "e"]), (Some(two), &["b", "d"])]
    {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = room.store.users(domain, after.as_ref(), 2).await?;
            ensure!(page.len() <= 2, "a page holds at most its limit");
            let Some(last) = page.last() else { break };
            after = Some(last.username.clone());
            found.extend(page.iter().map(|user| user.username.to_string()));
            ensure!(found.len() <= ALL, "the pages never end");
        }
        ensure_eq!(found, wanted, "living users of {domain:?}, in order of username");
    }
    Ok(())
}

/// A rename gives another name and touches nothing else; a name it has already is no change.
pub(super) async fn a_rename_changes_the_name_alone(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let (id, username) = (sender.user.id, sender.user.username.clone());
    let (name, mark) = ("Newsletter".parse()?, room.mark().await?);
    for _ in 0..2 {
        room.store.rename_user(id, &name, &room.actor(), room.tick()).await?;
    }
    let wanted = outgate_core::User { name: name.clone(), ..sender.user.clone() };
    ensure_eq!(room.store.user(&username).await?, Some(wanted), "the name alone is another");
    ensure_eq!(
        room.kinds(&mark).await?,
        [EventKind::UserRenamed { user: id, username, name }],
        "one event, none for the repetition"
    );
    Ok(())
}

/// A reset and a disable raise the epoch; an enable does not, so what a disable cut stays cut.
pub(super) async fn reset_and_disable_raise_the_epoch_and_enable_does_not(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let (user, actor, store) = (sender.user.id, room.actor(), &room.store);
    let epoch = async || {
        let user = store.user(&sender.user.username).await?;
        Ok::<_, crate::Failure>(user.map(|user| (user.epoch, user.state)))
    };
    let (active, disabled) = (UserState::Active, UserState::Disabled);
    let hash = PasswordHash::new("$plain$s=1$$new");
    store.reset_password(user, &hash, &actor, room.tick()).await?;
    ensure_eq!(epoch().await?, Some((2, active)), "a reset raises the epoch");
    store.disable_user(user, &actor, room.tick()).await?;
    ensure_eq!(epoch().await?, Some((3, disabled)), "a disable raises the epoch");
    store.reset_password(user, &hash, &actor, room.tick()).await?;
    ensure_eq!(epoch().await?, Some((4, disabled)), "a reset leaves a disabled user disabled");
    store.enable_user(user, &actor, room.tick()).await?;
    ensure_eq!(epoch().await?, Some((4, active)), "an enable leaves the epoch");
    Ok(())
}

/// A verb that finds the wanted state already there changes nothing and appends nothing.
pub(super) async fn a_state_already_there_is_no_change(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let (id, actor, store) = (sender.user.id, room.actor(), &room.store);
    let username = sender.user.username.clone();
    let mark = room.mark().await?;
    store.enable_user(id, &actor, room.tick()).await?;
    ensure_eq!(room.kinds(&mark).await?, [], "enabling an enabled user appends nothing");
    store.disable_user(id, &actor, room.tick()).await?;
    let once = store.user(&username).await?;
    store.disable_user(id, &actor, room.tick()).await?;
    ensure_eq!(store.user(&username).await?, once, "disabling a disabled user changes nothing");
    store.enable_user(id, &actor, room.tick()).await?;
    store.enable_user(id, &actor, room.tick()).await?;
    ensure_eq!(
        room.kinds(&mark).await?,
        [
            EventKind::UserDisabled { user: id, username: username.clone() },
            EventKind::UserEnabled { user: id, username }
        ],
        "one event for each change, none for the repetitions"
    );
    Ok(())
}

/// Verbs on a user that is not there, or not any more, say so and append nothing.
pub(super) async fn unknown_users_are_told(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let (actor, store) = (room.actor(), &room.store);
    store.delete_user(sender.user.id, &actor, room.tick()).await?;
    let mark = room.mark().await?;
    let hash = PasswordHash::new("$plain$s=1$$new");
    for user in [sender.user.id, UserId::from_bytes([7; 16])] {
        let at = room.tick();
        for (verb, answer) in [
            ("rename_user", store.rename_user(user, &"New".parse()?, &actor, at).await),
            ("disable_user", store.disable_user(user, &actor, at).await),
            ("enable_user", store.enable_user(user, &actor, at).await),
            ("reset_password", store.reset_password(user, &hash, &actor, at).await),
            ("delete_user", store.delete_user(user, &actor, at).await),
        ] {
            ensure_eq!(answer.err(), Some(DirectoryError::UserNotFound), "{verb}");
        }
        let rehashed = store.rehash(user, 1, &PasswordHash::new("old"), &hash).await?;
        ensure!(!rehashed, "nobody's hash is replaced");
    }
    ensure_eq!(room.kinds(&mark).await?, [], "nothing changed, nothing is told");
    Ok(())
}

/// A sign-in reads what is: every change shows in the next look (law 2).
pub(super) async fn a_credential_is_never_stale(room: Room) -> Verdict {
    let domain = room.add_domain("example.com").await?;
    let new = room.new_user(domain.id, "shop")?;
    let (id, username, actor) = (new.id, new.username.clone(), room.actor());
    let NewUser { hash: first, .. } = new.clone();
    let read = async || Ok::<_, crate::Failure>(room.store.credential(&username).await?);
    ensure!(read().await?.is_none(), "nobody signs in as a user not yet there");
    let added = room.store.add_user(new, &actor, room.tick()).await?;
    let found = read().await?;
    let told = found.map(|found| (found.user, found.hash, found.account, found.account_state));
    ensure_eq!(
        told,
        Some((added, first, AccountId::DEFAULT, AccountState::Active)),
        "a credential is the user, its hash and its account"
    );
    let second = PasswordHash::new("$plain$s=1$$second");
    room.store.reset_password(id, &second, &actor, room.tick()).await?;
    let told = read().await?.map(|found| (found.hash, found.user.epoch));
    ensure_eq!(told, Some((second.clone(), 2)), "after a reset: the new hash, the next epoch");
    let third = PasswordHash::new("$plain$s=2$$second");
    ensure!(room.store.rehash(id, 2, &second, &third).await?, "nothing changed since: the hash is replaced");
    ensure_eq!(read().await?.map(|found| found.hash), Some(third), "after a rehash: the new hash");
    room.store.disable_user(id, &actor, room.tick()).await?;
    let told = read().await?.map(|found| found.user.state);
    ensure_eq!(told, Some(UserState::Disabled), "after a disable: the state");
    room.fixture.suspend(AccountId::DEFAULT).await;
    let told = read().await?.map(|found| found.account_state);
    ensure_eq!(told, Some(AccountState::Suspended), "after a suspension: the account's state");
    room.store.delete_user(id, &actor, room.tick()).await?;
    ensure!(read().await?.is_none(), "after a deletion: nobody");
    Ok(())
}

/// A hash is replaced only if hash and epoch are still those of the sign-in: it can never undo a reset.
pub(super) async fn a_rehash_needs_the_old_hash_and_epoch(room: Room) -> Verdict {
    let domain = room.add_domain("example.com").await?;
    let new = room.new_user(domain.id, "shop")?;
    let (id, username, old) = (new.id, new.username.clone(), new.hash.clone());
    room.store.add_user(new, &room.actor(), room.now()).await?;
    let mark = room.mark().await?;
    let stronger = PasswordHash::new("$plain$s=2$$password");
    let other = PasswordHash::new("$plain$s=1$$other");
    ensure!(!room.store.rehash(id, 2, &old, &stronger).await?, "another epoch: no");
    ensure!(!room.store.rehash(id, 1, &other, &stronger).await?, "another hash: no");
    let kept = async || {
        let found = room.store.credential(&username).await?;
        Ok::<_, crate::Failure>(found.map(|found| (found.hash, found.user.epoch)))
    };
    ensure!(kept().await? == Some((old.clone(), 1)), "a refused rehash changes nothing");
    ensure!(room.store.rehash(id, 1, &old, &stronger).await?, "hash and epoch are the same: yes");
    ensure!(kept().await? == Some((stronger.clone(), 1)), "the hash is replaced, the epoch stays");
    ensure_eq!(room.kinds(&mark).await?, [], "a rehash is no event");
    // The same hash comes back under another epoch: only the epoch tells.
    room.store.reset_password(id, &stronger, &Actor::System, room.tick()).await?;
    ensure!(!room.store.rehash(id, 1, &stronger, &old).await?, "the epoch was raised meanwhile: no");
    ensure!(kept().await? == Some((stronger, 2)), "the reset stands");
    Ok(())
}
