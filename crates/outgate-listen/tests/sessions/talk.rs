//! A conversation from its greeting to its end, in clear, by STARTTLS, and inside TLS.

use crate::{client::Client, house::House};
use outgate_listen::Rules;
use std::time::Duration;

async fn send_one(client: &mut Client) {
    client.begins_data().await;
    client.send("Subject: one\r\n\r\n..dotted\r\n.\r\n").await;
    client.hears("250").await;
    client.says("QUIT", "221").await;
    client.ends().await;
}

#[tokio::test]
async fn a_message_comes_in_clear() {
    let house = House::new();
    send_one(&mut house.client().await).await;
    let kept = house.seen.kept.lock().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].content.as_ref(), b"Subject: one\r\n\r\n.dotted\r\n");
    assert_eq!(kept[0].client.tls, None);
}

#[tokio::test]
async fn a_message_comes_by_starttls() {
    let house = House::new();
    let mut client = house.client().await;
    let offer = client.says("EHLO client.test", "250").await;
    assert!(offer.contains("STARTTLS"), "{offer}");
    client.says("STARTTLS", "220").await;
    let mut client = client.start_tls(&house.trust()).await;
    send_one(&mut client).await;
    let tls = house.seen.kept.lock().unwrap()[0].client.tls.clone().unwrap();
    assert_eq!(tls.version, "TLSv1.3");
    assert!(tls.cipher.starts_with("TLS_"), "{tls:?}");
    assert_eq!(house.counters.read().tls, 1);
}

#[tokio::test]
async fn a_message_comes_inside_tls() {
    let house = House::new();
    send_one(&mut house.tls_client().await).await;
    assert!(house.seen.kept.lock().unwrap()[0].client.tls.is_some());
}

#[tokio::test]
async fn what_comes_in_clear_behind_starttls_is_thrown_away() {
    let house = House::new();
    let mut client = house.client().await;
    client.says("EHLO client.test", "250").await;
    client.send("STARTTLS\r\nMAIL FROM:<evil@client.test>\r\nRCPT TO:<b@relay.test>\r\n").await;
    client.hears("220").await;
    let mut client = client.start_tls(&house.trust()).await;
    // The session has forgotten everything, and heard nothing in between.
    client.says("EHLO client.test", "250").await;
    client.says("RCPT TO:<b@relay.test>", "503").await;
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order_and_together() {
    let house = House::new();
    let mut client = house.client().await;
    client.says("EHLO client.test", "250").await;
    client.send("MAIL FROM:<a@client.test>\r\nRCPT TO:<b@relay.test>\r\nNOOP\r\nDATA\r\n").await;
    for start in ["250 2.1.0", "250 2.1.5", "250 2.0.0", "354"] {
        client.hears(start).await;
    }
    client.send("\r\n.\r\nNOOP\r\nQUIT\r\n").await;
    for start in ["250", "250", "221"] {
        client.hears(start).await;
    }
    client.ends().await;
}

#[tokio::test]
async fn an_end_within_a_message_keeps_nothing() {
    let house = House::new();
    let mut client = house.client().await;
    client.begins_data().await;
    client.send("Subject: half\r\n\r\nno end\r\n").await;
    drop(client);
    assert_eq!(house.seen.sessions.lock().unwrap().len(), 1);
    let seen = house.seen.clone();
    assert_eq!(house.drained().await.left, 0);
    assert!(seen.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_ipv6_wildcard_takes_ipv4_and_calls_it_so() {
    let house = House::at("[::]:0", Rules::default(), Duration::from_secs(1));
    let mut client = Client::greeted(([127, 0, 0, 1], house.clear.port()).into()).await;
    client.says("QUIT", "221").await;
    let peer = house.seen.peers()[0];
    assert_eq!(peer.remote.ip().to_string(), "127.0.0.1");
    assert_eq!(peer.local.ip().to_string(), "127.0.0.1");
}
