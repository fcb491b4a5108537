//! Signing in.

use crate::relay::Relay;
use outgate_core::{Mechanism, store::StoreError, users};

#[tokio::test]
async fn right_credentials_are_taken_and_the_connection_is_noted() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    let mut client = relay.client().await;
    client.signs_in_by_login(sender.user.username.as_str(), &sender.password, "235").await;
    assert_eq!(relay.submission.signed_in(), 1);
    client.says("QUIT", "221").await;
    client.ends().await;
    let world = relay.stopped().await;
    let user = world.store.user(&sender.user.username).await.unwrap().unwrap();
    let last = user.last_connection.unwrap();
    assert_eq!(
        (last.tls.as_str(), last.mechanism, last.client.as_str()),
        ("TLSv1.3", Mechanism::Login, "shop.test")
    );
    assert!(last.address.is_loopback());
}

#[tokio::test]
async fn wrong_ones_are_refused_alike_and_nothing_is_noted() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    let other = relay.world.add_user("example.com").await.unwrap();
    users::disable(relay.ports(), &relay.actor(), &other.user.username).await.unwrap();
    for (username, password) in [
        (sender.user.username.as_str(), "wrong"),
        (other.user.username.as_str(), other.password.as_str()),
        ("nobody", sender.password.as_str()),
        ("no username at all, it has spaces", "x"),
    ] {
        relay.client().await.signs_in(username, password, "535 5.7.8").await;
    }
    let world = relay.stopped().await;
    let user = world.store.user(&sender.user.username).await.unwrap().unwrap();
    assert_eq!(user.last_connection, None);
}

#[tokio::test]
async fn trouble_of_the_store_is_454_and_never_535() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    relay.memory.fail_with(Some(StoreError::Unavailable("the disk is gone".to_owned())));
    let mut client = relay.client().await;
    client.signs_in(sender.user.username.as_str(), &sender.password, "454 4.7.0").await;
    relay.memory.fail_with(None);
    client.signs_in(sender.user.username.as_str(), &sender.password, "235").await;
}
