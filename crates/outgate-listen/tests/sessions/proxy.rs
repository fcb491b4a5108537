//! Connections by way of a proxy.

use crate::{client::Client, house::House};
use outgate_listen::Rules;

fn behind_a_proxy() -> House {
    House::with(Rules { proxies: vec!["127.0.0.0/8".parse().unwrap()], ..Rules::default() })
}

#[tokio::test]
async fn what_the_proxy_says_counts() {
    let house = behind_a_proxy();
    for (header, remote) in [
        ("PROXY TCP4 192.0.2.1 192.0.2.2 5000 587\r\n", Some("192.0.2.1:5000")),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 5000 587\r\n", Some("[2001:db8::1]:5000")),
        ("PROXY UNKNOWN\r\n", None),
    ] {
        let mut client = Client::connect(house.clear).await;
        // Right behind the header, as an eager client's first command would come.
        client.send(&format!("{header}NOOP\r\n")).await;
        client.hears("220").await;
        client.hears("250").await;
        let told = house.seen.peers().last().unwrap().remote;
        match remote {
            Some(remote) => assert_eq!(told.to_string(), remote),
            None => assert_eq!(told.ip().to_string(), "127.0.0.1"),
        }
    }
}

#[tokio::test]
async fn the_header_comes_before_tls() {
    let house = behind_a_proxy();
    let mut client = Client::connect(house.tls).await;
    client.send("PROXY TCP4 192.0.2.1 192.0.2.2 5000 465\r\n").await;
    let mut client = client.start_tls(&house.trust()).await;
    client.hears("220").await;
    assert_eq!(house.seen.peers()[0].remote.to_string(), "192.0.2.1:5000");
}

#[tokio::test]
async fn a_proxy_without_its_header_is_closed_without_a_word() {
    let house = behind_a_proxy();
    let mut client = Client::connect(house.clear).await;
    client.send("EHLO client.test\r\n").await;
    client.ends().await;
    assert_eq!(house.counters.read().proxy_refused, 1);
    assert!(house.seen.peers().is_empty());
}

#[tokio::test]
async fn from_elsewhere_a_header_is_no_header() {
    let house = House::with(Rules { proxies: vec!["192.0.2.0/24".parse().unwrap()], ..Rules::default() });
    let mut client = house.client().await;
    client.says("PROXY TCP4 192.0.2.1 192.0.2.2 5000 587", "500").await;
    assert_eq!(house.seen.peers()[0].remote.ip().to_string(), "127.0.0.1");
}

#[tokio::test]
async fn the_limit_for_one_address_counts_the_client_not_the_proxy() {
    let house = House::with(Rules {
        connections_per_address: 1,
        proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..Rules::default()
    });
    let mut clients = Vec::new();
    for (source, reply) in [("192.0.2.1", "220"), ("192.0.2.2", "220"), ("192.0.2.1", "421 4.7.0")] {
        let mut client = Client::connect(house.clear).await;
        client.send(&format!("PROXY TCP4 {source} 192.0.2.9 5000 587\r\n")).await;
        client.hears(reply).await;
        clients.push(client);
    }
}
