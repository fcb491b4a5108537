//! Sessions that are ended from our side: by a closer, and by a drain.

use crate::{client::Client, house::House};
use outgate_listen::{Drained, Rules};
use outgate_smtp::server::Refusal;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Within this a session that is ended has to be over.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_waiting_session_is_told_and_closed() {
    let house = House::new();
    for inside_tls in [false, true] {
        let mut client = if inside_tls { house.tls_client().await } else { house.client().await };
        let began = Instant::now();
        house.seen.closer().close(Refusal::StaleRight);
        client.hears("421 4.7.0").await;
        client.ends().await;
        assert!(began.elapsed() < SOON);
    }
}

#[tokio::test]
async fn a_message_that_comes_in_is_given_up() {
    let house = House::new();
    let mut client = house.client().await;
    client.begins_data().await;
    client.send("Subject: half\r\n").await;
    house.seen.closer().close(Refusal::StaleRight);
    client.hears("421 4.7.0").await;
    client.ends().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_all_the_same() {
    let house = House::new();
    let mut client = house.client().await;
    client.send_until_stuck(&"NOOP\r\n".repeat(5000)).await;
    let began = Instant::now();
    house.seen.closer().close(Refusal::StaleRight);
    let gone = async {
        while house.counters.read().open > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON * 5, gone).await.unwrap();
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    client.ends_somehow().await;
}

#[tokio::test]
async fn a_message_that_is_being_kept_is_answered_first() {
    let house = House::new();
    let held = house.seen.may_keep.acquire().await.unwrap();
    let mut client = house.client().await;
    client.begins_data().await;
    client.send("Subject: one\r\n\r\n.\r\n").await;
    house.seen.keeping.acquire().await.unwrap().forget();
    house.seen.closer().close(Refusal::StaleRight);
    drop(held);
    client.hears("250").await;
    client.hears("421 4.7.0").await;
    client.ends().await;
    assert_eq!(house.seen.kept.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_drain_ends_idle_sessions_and_lets_a_transaction_finish() {
    let house = House::new();
    let mut idle = house.client().await;
    let mut busy = house.tls_client().await;
    busy.begins_data().await;
    let (seen, clear) = (house.seen.clone(), house.clear);
    house.stop.cancel();
    idle.hears("421 4.3.2").await;
    idle.ends().await;
    assert!(tokio::net::TcpStream::connect(clear).await.is_err(), "nothing more is accepted");
    busy.send("Subject: one\r\n\r\n.\r\n").await;
    busy.hears("250").await;
    busy.hears("421 4.3.2").await;
    busy.ends().await;
    assert_eq!(house.drained().await, Drained { left: 0 });
    assert_eq!(seen.kept.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_transaction_that_outlasts_the_grace_is_cut() {
    let house = House::at("127.0.0.1:0", Rules::default(), Duration::from_millis(100));
    let mut busy = house.client().await;
    busy.begins_data().await;
    // Another one says nothing at all, where TLS should begin.
    let mut silent = Client::connect(house.tls).await;
    let began = Instant::now();
    assert_eq!(house.drained().await, Drained { left: 0 });
    assert!(began.elapsed() < SOON * 2);
    busy.hears("421 4.3.2").await;
    busy.ends().await;
    silent.ends().await;
}

#[tokio::test]
async fn a_drain_lets_nothing_begin_behind_the_message_it_lets_finish() {
    let house = House::new();
    let held = house.seen.may_keep.acquire().await.unwrap();
    let mut busy = house.client().await;
    busy.begins_data().await;
    let next = "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@relay.test>\r\nDATA\r\nSubject: next\r\n\r\n.\r\n";
    busy.send(&format!("Subject: one\r\n\r\n.\r\n{}", next.repeat(5))).await;
    house.seen.keeping.acquire().await.unwrap().forget();
    house.stop.cancel();
    // The listeners have heard of it once they take nobody any more.
    while tokio::net::TcpStream::connect(house.clear).await.is_ok() {
        tokio::task::yield_now().await;
    }
    drop(held);
    busy.hears("250").await;
    busy.hears("421 4.3.2").await;
    busy.ends().await;
    assert_eq!(house.seen.kept.lock().unwrap().len(), 1);
}
