//! A reset, a disable and a delete, while sessions are open (laws 2 and 3).

use crate::{client::Client, relay::Relay};
use outgate_core::{domains, users};
use outgate_store_conformance::Sender;
use std::time::Duration;
use tokio::time::Instant;

async fn reset(relay: &Relay, sender: &Sender) -> String {
    let issued = users::reset_password(relay.ports(), &relay.actor(), &sender.user.username).await.unwrap();
    issued.password.reveal().unwrap().to_string()
}

#[tokio::test]
async fn the_next_message_is_refused_and_the_session_closed() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    let mut client = relay.signed_in(&sender).await;
    client.sends("a@example.com", "a@example.com", "250").await;
    let new = reset(&relay, &sender).await;
    // Nobody cuts off here: the law holds without it.
    let began = Instant::now();
    client.says("MAIL FROM:<a@example.com>", "421 4.7.0").await;
    client.ends().await;
    assert!(began.elapsed() < Duration::from_secs(1));
    relay.client().await.signs_in(sender.user.username.as_str(), &sender.password, "535 5.7.8").await;
    let mut client = relay.client().await;
    client.signs_in(sender.user.username.as_str(), &new, "235").await;
    client.sends("a@example.com", "a@example.com", "250").await;
    assert_eq!(relay.kept().await, 2);
}

#[tokio::test]
async fn a_message_on_its_way_is_not_kept() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    let mut client = relay.signed_in(&sender).await;
    client.begins_data("a@example.com").await;
    reset(&relay, &sender).await;
    client.says("From: a@example.com\r\n\r\n.", "421 4.7.0").await;
    client.ends().await;
    assert_eq!(relay.kept().await, 0);
}

#[tokio::test]
async fn waiting_sessions_are_closed_within_a_second() {
    let relay = Relay::new();
    relay.cut_off();
    let (one, two) = (relay.sender().await, relay.world.add_user("example.com").await.unwrap());
    let three = relay.world.add_sender("example.org").await.unwrap();
    let untouched = relay.world.add_sender("example.net").await.unwrap();
    let mut other = relay.signed_in(&untouched).await;
    let new = cut(&relay, &one, reset(&relay, &one)).await;
    let (ports, actor) = (relay.ports(), relay.actor());
    cut(&relay, &two, users::delete(ports, &actor, &two.user.username)).await.unwrap();
    cut(&relay, &three, domains::delete(ports, &actor, &"example.org".parse().unwrap())).await.unwrap();
    other.sends("a@example.net", "a@example.net", "250").await;
    // The new password's session stays, though the reset is news to whoever tails the log.
    let mut renewed = relay.client().await;
    renewed.signs_in(one.user.username.as_str(), &new, "235").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    renewed.sends("a@example.com", "a@example.com", "250").await;
}

/// Does something to a user while it waits, which ends its session within a second.
async fn cut<T>(relay: &Relay, sender: &Sender, deed: impl Future<Output = T>) -> T {
    let mut client: Client = relay.signed_in(sender).await;
    let done = deed.await;
    let began = Instant::now();
    client.hears("421 4.7.0").await;
    client.ends().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    done
}
