//! Accounts, domains and their keys.

use super::{
    laws::Verdict,
    room::{ALL, Room, sorted},
};
use crate::failure::{ensure, ensure_eq};
use outgate_core::{
    AccountId, AccountState, DomainId, DomainState, EventKind, KeyMaker, KeyStage,
    store::{DirectoryError, NewDomain},
};

/// The account `default` is always there, in force.
pub(super) async fn the_default_account_is_always_there(room: Room) -> Verdict {
    let account = room.store.account(AccountId::DEFAULT).await?;
    ensure!(
        account.is_some_and(|found| found.id == AccountId::DEFAULT && found.state == AccountState::Active),
        "a fresh store has the account `default`, active"
    );
    let another = AccountId::from_bytes([7; 16]);
    ensure!(room.store.account(another).await?.is_none(), "no account is made up");
    Ok(())
}

/// A domain is found as it was added, pending and without users, and no other name finds it.
pub(super) async fn an_added_domain_is_found_by_its_exact_name(room: Room) -> Verdict {
    let at = room.tick();
    let new = NewDomain { trusted: false, ..room.new_domain("example.com")? };
    let id = new.id;
    let added = room.store.add_domain(new, &room.actor(), at).await?;
    let found = room.store.domain(&"example.com".parse()?).await?;
    ensure_eq!(found.as_ref(), Some(&added), "`domain` gives what `add_domain` returned");
    ensure_eq!(
        (added.id, added.account, added.state, added.trusted, added.created_at, added.users),
        (id, AccountId::DEFAULT, DomainState::Pending, false, at, 0),
        "a domain starts as it was given, pending, without users"
    );
    ensure_eq!(added.ownership_token, "token of example.com", "the ownership token is kept");
    for other in ["sub.example.com", "example.org", "xexample.com"] {
        ensure!(room.store.domain(&other.parse()?).await?.is_none(), "{other} was never added");
    }
    Ok(())
}

/// An installation has a name once; the second adding changes nothing and appends nothing.
pub(super) async fn a_living_name_is_added_once(room: Room) -> Verdict {
    let first = room.add_domain("example.com").await?;
    let mark = room.mark().await?;
    let again = room.store.add_domain(room.new_domain("example.com")?, &room.actor(), room.now()).await;
    ensure_eq!(again.err(), Some(DirectoryError::DomainExists), "a living name is not added again");
    ensure_eq!(room.kinds(&mark).await?, [], "a refused verb appends nothing");
    let found = room.store.domain(&first.name).await?.map(|domain| domain.id);
    ensure_eq!(found, Some(first.id), "the first stays");
    Ok(())
}

/// A domain's keys are kept whole, active, in order of making.
pub(super) async fn keys_are_kept_in_order_of_making(room: Room) -> Verdict {
    let mut new = room.new_domain("example.com")?;
    new.keys = room.keys.make(&new.name).await?;
    let (id, made) = (new.id, new.keys.clone());
    room.store.add_domain(new, &room.actor(), room.now()).await?;
    let found = room.store.domain_keys(id).await?;
    ensure_eq!(
        found.iter().map(|key| key.key.id).collect::<Vec<_>>(),
        made.iter().map(|key| key.id).collect::<Vec<_>>(),
        "the keys come in order of making"
    );
    for (found, made) in found.iter().zip(&made) {
        ensure_eq!(
            (&found.key.selector, found.key.algorithm, &found.key.public_key, &found.key.sealed_private_key),
            (&made.selector, made.algorithm, &made.public_key, &made.sealed_private_key),
            "a key is kept as it was made"
        );
        ensure_eq!((found.domain, found.stage), (id, KeyStage::Active), "a key starts active");
    }
    ensure!(room.store.domain_keys(DomainId::from_bytes([7; 16])).await?.is_empty(), "no keys are made up");
    Ok(())
}

/// Lists go by name and by cursor: no domain is left out or given twice, deleted ones are not given.
pub(super) async fn domains_come_in_order_of_name_page_by_page(room: Room) -> Verdict {
    for name in ["c.example", "a.example", "e.example", "b.example", "d.example", "gone.example"] {
        room.add_domain(name).await?;
    }
    let gone = room.store.domain(&"gone.example".parse()?).await?.map(|domain| domain.id);
    room.store
        .delete_domain(gone.unwrap_or(DomainId::from_bytes([7; 16])), &room.actor(), room.tick())
        .await?;
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = room.store.domains(after.as_ref(), 2).await?;
        ensure!(page.len() <= 2, "a page holds at most its limit");
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        names.extend(page.iter().map(|domain| domain.name.to_string()));
        ensure!(names.len() <= ALL, "the pages never end");
    }
    let wanted = ["a.example", "b.example", "c.example", "d.example", "e.example"];
    ensure_eq!(names, wanted, "all living domains, in order of name");
    Ok(())
}

/// `Domain::users` tells how many living users a domain has.
pub(super) async fn living_users_are_counted(room: Room) -> Verdict {
    room.add_domain("example.com").await?;
    room.add_sender("example.org").await?;
    let first = room.add_user("example.com").await?;
    room.add_user("example.com").await?;
    let count = async || {
        let domain = room.store.domain(&"example.com".parse()?).await?;
        Ok::<_, crate::Failure>(domain.map(|domain| domain.users))
    };
    ensure_eq!(count().await?, Some(2), "two users were added to the domain");
    room.store.disable_user(first.user.id, &room.actor(), room.tick()).await?;
    ensure_eq!(count().await?, Some(2), "a disabled user lives");
    room.store.delete_user(first.user.id, &room.actor(), room.tick()).await?;
    ensure_eq!(count().await?, Some(1), "a deleted one does not");
    let listed = room.store.domains(None, ALL).await?;
    ensure_eq!(
        listed.iter().map(|domain| domain.users).collect::<Vec<_>>(),
        [1, 1],
        "the list tells the same counts"
    );
    Ok(())
}

/// Deleting a domain deletes its users and no others, and tells how many went.
pub(super) async fn deleting_a_domain_takes_its_users_along(room: Room) -> Verdict {
    let one = room.add_sender("example.com").await?;
    let two = room.add_user("example.com").await?;
    let other = room.add_sender("example.org").await?;
    let mark = room.mark().await?;
    let went = room.store.delete_domain(one.user.domain, &room.actor(), room.tick()).await?;
    ensure_eq!(went, 2, "two users went with the domain");
    let name = "example.com".parse()?;
    ensure!(room.store.domain(&name).await?.is_none(), "a deleted domain is not found");
    for user in [&one.user, &two.user] {
        ensure!(room.store.user(&user.username).await?.is_none(), "its users are gone");
        ensure!(room.store.credential(&user.username).await?.is_none(), "and cannot sign in");
    }
    let left = room.store.users(None, None, ALL).await?;
    ensure_eq!(left.iter().map(|user| user.id).collect::<Vec<_>>(), [other.user.id], "no other user went");
    ensure_eq!(
        room.kinds(&mark).await?,
        [EventKind::DomainDeleted { domain: one.user.domain, name, users: 2 }],
        "one event tells it all"
    );
    Ok(())
}

/// A deleted name is free again, as a new domain: another id, its own keys, no users (law 3).
pub(super) async fn a_deleted_name_comes_back_as_a_new_domain(room: Room) -> Verdict {
    let old = room.add_sender("example.com").await?;
    let old_keys = room.store.domain_keys(old.user.domain).await?;
    room.store.delete_domain(old.user.domain, &room.actor(), room.tick()).await?;
    let new = room.add_domain("example.com").await?;
    ensure!(new.id != old.user.domain, "the new domain has another id");
    ensure_eq!(new.users, 0, "it has none of the old users");
    let keys = room.store.domain_keys(new.id).await?;
    ensure_eq!(keys.len(), old_keys.len(), "it has keys of its own");
    for key in &keys {
        ensure!(old_keys.iter().all(|old| old.key.id != key.key.id), "no key is one of the old ones");
    }
    ensure!(room.store.user(&old.user.username).await?.is_none(), "the old user does not come back");
    let found = room.store.domain(&new.name).await?.map(|domain| domain.id);
    ensure_eq!(found, Some(new.id), "the name finds the new domain");
    Ok(())
}

/// What DNS says is recorded; saying the same again changes nothing and appends nothing.
pub(super) async fn verification_is_recorded_and_told_once(room: Room) -> Verdict {
    use DomainState::{Failing, Pending, Verified};
    let domain = room.add_unverified_domain("example.com").await?;
    let mark = room.mark().await?;
    for state in [Verified, Verified, Failing, Pending] {
        room.store.record_verification(domain.id, state, &room.actor(), room.tick()).await?;
        let found = room.store.domain(&domain.name).await?.map(|domain| domain.state);
        ensure_eq!(found, Some(state), "the state is as recorded");
    }
    let told =
        |from, to| EventKind::DomainVerification { domain: domain.id, name: domain.name.clone(), from, to };
    ensure_eq!(
        room.kinds(&mark).await?,
        [told(Pending, Verified), told(Verified, Failing), told(Failing, Pending)],
        "one event for each change, none for the repetition"
    );
    Ok(())
}

/// Verbs on a domain that is not there, or not any more, say so and append nothing.
pub(super) async fn unknown_domains_are_told(room: Room) -> Verdict {
    let deleted = room.add_domain("example.com").await?.id;
    room.store.delete_domain(deleted, &room.actor(), room.tick()).await?;
    let mark = room.mark().await?;
    for domain in [deleted, DomainId::from_bytes([7; 16])] {
        let (actor, at) = (room.actor(), room.tick());
        let recorded = room.store.record_verification(domain, DomainState::Verified, &actor, at).await;
        ensure_eq!(recorded.err(), Some(DirectoryError::DomainNotFound), "record_verification");
        let deleted = room.store.delete_domain(domain, &actor, at).await;
        ensure_eq!(deleted.err(), Some(DirectoryError::DomainNotFound), "delete_domain");
        let added = room.store.add_user(room.new_user(domain, "lost")?, &actor, at).await;
        ensure_eq!(added.err(), Some(DirectoryError::DomainNotFound), "add_user");
    }
    ensure_eq!(room.kinds(&mark).await?, [], "nothing changed, nothing is told");
    Ok(())
}

/// What a domain queued is still delivered after its deletion, so its keys stay readable until then and no longer.
pub(super) async fn keys_outlive_their_domain_while_its_mail_is_queued(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let message = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    let keys = async || {
        let keys = room.store.domain_keys(sender.user.domain).await?;
        Ok::<_, crate::Failure>(sorted(keys.iter().map(|key| key.key.id)))
    };
    let before = keys().await?;
    room.store.delete_domain(sender.user.domain, &room.actor(), room.tick()).await?;
    room.store.sweep(ALL).await?;
    ensure_eq!(keys().await?, before, "mail of the deleted domain is queued: its keys are needed");
    ensure!(room.store.content(message.id).await?.is_some(), "and so are its bytes");
    room.settle(message.id, "one", vec![room.delivered(message.deliveries[0].id)]).await?;
    while room.store.sweep(1).await? > 0 {}
    ensure_eq!(keys().await?, [], "nothing of it is queued: a sweep takes the keys");
    ensure_eq!(room.store.sweep(ALL).await?, 0, "a second sweep finds nothing");
    let living = room.add_domain("example.net").await?.id;
    room.store.sweep(ALL).await?;
    ensure!(!room.store.domain_keys(living).await?.is_empty(), "a living domain's keys are never swept");
    Ok(())
}

/// Messages, deliveries and events of a deleted domain stay (law 3).
pub(super) async fn history_outlives_its_domain(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let ended = room.queue_leased(&sender, &["bob@example.org"], "one").await?;
    room.settle(ended.id, "one", vec![room.delivered(ended.deliveries[0].id)]).await?;
    let queued = room.queue(&sender, &["ann@example.org"]).await?;
    let events = room.told(None).await?;
    room.store.delete_domain(sender.user.domain, &room.actor(), room.tick()).await?;
    for message in [&ended, &queued] {
        let history = room.store.message(message.id).await?;
        let told = history.map(|history| (history.domain, history.deliveries.len()));
        ensure_eq!(told, Some((sender.user.domain, 1)), "the message is still told of");
    }
    let filter = outgate_core::store::DeliveryFilter {
        domain: Some("example.com".parse()?),
        user: Some(sender.user.username.clone()),
        ..Default::default()
    };
    ensure_eq!(room.rows(&filter).await?.len(), 2, "its deliveries are found by domain and user");
    ensure_eq!(room.told(None).await?[..events.len()], events[..], "its events stay");
    let leased = room.lease_due("example.org", "one").await?;
    ensure_eq!(
        leased.iter().map(|leased| (leased.message, leased.domain)).collect::<Vec<_>>(),
        [(queued.id, sender.user.domain)],
        "what is queued is still delivered"
    );
    Ok(())
}
