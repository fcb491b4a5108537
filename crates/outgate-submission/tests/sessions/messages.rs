//! Sending, once signed in.

use crate::relay::Relay;
use outgate_core::{AccountId, AccountState, store::StoreError};

#[tokio::test]
async fn messages_of_the_domain_are_kept_one_after_another() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    let mut client = relay.signed_in(&sender).await;
    client.sends("anything@example.com", "Shop <shop@example.com>", "250").await;
    client.sends("", "shop@example.com", "250").await;
    client.says("QUIT", "221").await;
    assert_eq!(relay.kept().await, 2);
}

#[tokio::test]
async fn another_domain_is_refused_in_the_envelope_and_in_from() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    relay.world.add_domain("sub.example.com").await.unwrap();
    let mut client = relay.signed_in(&sender).await;
    for foreign in ["a@sub.example.com", "a@example.org", "a@com"] {
        client.says(&format!("MAIL FROM:<{foreign}>"), "5").await;
        if foreign != "a@com" {
            client.sends("a@example.com", foreign, "550 5.7.1").await;
        }
    }
    client.says("MAIL FROM:<a@sub.example.com>", "550 5.7.1").await;
    assert_eq!(relay.kept().await, 0);
    client.sends("a@example.com", "a@example.com", "250").await;
}

#[tokio::test]
async fn a_domain_that_may_not_send_is_told_why() {
    let relay = Relay::new();
    relay.world.add_unverified_domain("example.com").await.unwrap();
    let sender = relay.world.add_user("example.com").await.unwrap();
    let mut client = relay.signed_in(&sender).await;
    client.says("MAIL FROM:<a@example.com>", "550 5.7.1").await;

    let sender = relay.world.add_sender("example.org").await.unwrap();
    let mut client = relay.signed_in(&sender).await;
    relay.memory.set_account_state(AccountId::DEFAULT, AccountState::Suspended);
    client.says("MAIL FROM:<a@example.org>", "550 5.7.1").await;
}

#[tokio::test]
async fn a_full_store_is_452_and_a_failing_one_451_until_it_recovers() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    let mut client = relay.signed_in(&sender).await;
    relay.memory.set_room(false);
    client.says("MAIL FROM:<a@example.com>", "452 4.3.1").await;
    relay.memory.set_room(true);
    client.begins_data("a@example.com").await;
    relay.memory.fail_with(Some(StoreError::Unavailable("the disk is gone".to_owned())));
    client.says("From: a@example.com\r\n\r\n.", "451").await;
    client.says("MAIL FROM:<a@example.com>", "451").await;
    relay.memory.fail_with(None);
    client.sends("a@example.com", "a@example.com", "250").await;
    assert_eq!(relay.kept().await, 1);
}

#[tokio::test]
async fn a_header_that_cannot_be_read_is_told_as_that() {
    let relay = Relay::new();
    let sender = relay.sender().await;
    let mut client = relay.signed_in(&sender).await;
    for header in ["From: a@example.com\r\nno colon here", "\u{feff}From: a@example.com"] {
        client.begins_data("a@example.com").await;
        let heard = client.says(&format!("{header}\r\n\r\nHello.\r\n."), "550 5.6.0 [bad-header]").await;
        assert!(heard.contains("byte order mark"), "{heard}");
    }
    assert_eq!(relay.kept().await, 0);
    client.sends("a@example.com", "a@example.com", "250").await;
}
