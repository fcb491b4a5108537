//! What ends a send right: `standing` and `accept` must agree, and `accept` must leave nothing behind (laws 2 and 3).

use super::{laws::Verdict, room::Room};
use crate::{
    Failure, Sender,
    failure::{ensure, ensure_eq},
};
use outgate_core::{
    AccountId, DomainBar, DomainState, PasswordHash, Standing,
    store::{AcceptError, DeliveryFilter},
};

/// Whether a right is taken as `standing` should say, by both who judge it.
async fn judged(room: &Room, sender: &Sender, wanted: Standing) -> Verdict {
    let standing = room.store.standing(&sender.right).await?;
    ensure_eq!(standing, wanted, "`standing` of the right");
    let message = room.leased_message(sender, &["bob@example.org", "ann@example.net"], "one")?;
    let before = left_behind(room).await?;
    let accepted = room.store.accept(&sender.right, message.clone(), room.now()).await;
    let wanted = match wanted {
        Standing::InForce => {
            accepted?;
            return Ok(());
        }
        Standing::Stale => AcceptError::StaleRight,
        Standing::Barred(bar) => AcceptError::Barred(bar),
    };
    ensure_eq!(accepted.err(), Some(wanted), "`accept` under the right");
    ensure_eq!(left_behind(room).await?, before, "a refused accept leaves nothing behind");
    ensure!(room.store.message(message.id).await?.is_none(), "no message");
    ensure_eq!(room.store.content(message.id).await?, None, "no bytes");
    ensure_eq!(room.store.message_of(message.deliveries[1].id).await?, None, "no delivery");
    Ok(())
}

/// All that a message leaves behind: the end of the log, the summary, the number of deliveries, the next time.
async fn left_behind(room: &Room) -> Result<String, Failure> {
    let rows = room.rows(&DeliveryFilter::default()).await?.len();
    let (end, summary) = (room.mark().await?, room.store.summary().await?);
    Ok(format!("{end} {summary:?} {rows} {:?}", room.store.next_due().await?))
}

/// A right stands while nothing that it rests on changes; a rename or a sign-in elsewhere does not end it.
pub(super) async fn a_right_stands_while_nothing_changes(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    let other = room.add_user("example.com").await?;
    judged(&room, &sender, Standing::InForce).await?;
    let (id, actor) = (sender.user.id, room.actor());
    room.store.rename_user(id, &"New".parse()?, &actor, room.tick()).await?;
    room.store.enable_user(id, &actor, room.tick()).await?;
    room.store.reset_password(other.user.id, &PasswordHash::new("x"), &actor, room.tick()).await?;
    room.store.delete_user(other.user.id, &actor, room.tick()).await?;
    room.sign_in(&sender.user.username, &sender.password).await?;
    judged(&room, &sender, Standing::InForce).await
}

/// A reset ends the rights of every earlier sign-in, and a new sign-in gives a new one.
pub(super) async fn a_reset_ends_a_right(room: Room) -> Verdict {
    let mut sender = room.add_sender("example.com").await?;
    judged(&room, &sender, Standing::InForce).await?;
    let hash = PasswordHash::new("$plain$s=1$$fresh");
    room.store.reset_password(sender.user.id, &hash, &room.actor(), room.tick()).await?;
    judged(&room, &sender, Standing::Stale).await?;
    ensure!(room.sign_in(&sender.user.username, &sender.password).await.is_err(), "the old password is dead");
    sender.right = room.sign_in(&sender.user.username, "fresh").await?.right;
    judged(&room, &sender, Standing::InForce).await
}

/// A disable ends a right, and an enable does not bring it back.
pub(super) async fn a_disable_ends_a_right_for_good(room: Room) -> Verdict {
    let mut sender = room.add_sender("example.com").await?;
    room.store.disable_user(sender.user.id, &room.actor(), room.tick()).await?;
    judged(&room, &sender, Standing::Stale).await?;
    room.store.enable_user(sender.user.id, &room.actor(), room.tick()).await?;
    judged(&room, &sender, Standing::Stale).await?;
    sender.right = room.sign_in(&sender.user.username, &sender.password).await?.right;
    judged(&room, &sender, Standing::InForce).await
}

/// Deleting a user ends its right.
pub(super) async fn deleting_a_user_ends_its_right(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    room.store.delete_user(sender.user.id, &room.actor(), room.tick()).await?;
    judged(&room, &sender, Standing::Stale).await
}

/// Deleting a domain ends its users' rights, and they stay dead when the name returns.
pub(super) async fn deleting_a_domain_ends_its_rights_for_good(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    room.store.delete_domain(sender.user.domain, &room.actor(), room.tick()).await?;
    judged(&room, &sender, Standing::Stale).await?;
    let newcomer = room.add_sender("example.com").await?;
    judged(&room, &sender, Standing::Stale).await?;
    judged(&room, &newcomer, Standing::InForce).await
}

/// A domain may send once it was verified, or while an operator vouches for it.
pub(super) async fn an_unverified_domain_is_barred(room: Room) -> Verdict {
    let domain = room.add_unverified_domain("example.com").await?;
    let sender = room.add_user("example.com").await?;
    for (state, wanted) in [
        (DomainState::Pending, Standing::Barred(DomainBar::Pending)),
        (DomainState::Verified, Standing::InForce),
        (DomainState::Failing, Standing::InForce),
        (DomainState::Pending, Standing::Barred(DomainBar::Pending)),
    ] {
        room.store.record_verification(domain.id, state, &room.actor(), room.tick()).await?;
        judged(&room, &sender, wanted).await?;
    }
    let trusted = room.add_sender("example.org").await?;
    judged(&room, &trusted, Standing::InForce).await
}

/// Nothing is accepted from users of a suspended account, though their sign-in stands.
pub(super) async fn a_suspended_account_is_barred(room: Room) -> Verdict {
    let sender = room.add_sender("example.com").await?;
    room.fixture.suspend(AccountId::DEFAULT).await;
    judged(&room, &sender, Standing::Barred(DomainBar::AccountSuspended)).await?;
    room.store.disable_user(sender.user.id, &room.actor(), room.tick()).await?;
    judged(&room, &sender, Standing::Stale).await
}
