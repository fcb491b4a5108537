//! What a client may cost: connections and time.

use crate::{client::Client, house::House};
use outgate_listen::Rules;
use std::time::Duration;
use tokio::time::{Instant, sleep};

async fn the_second_is_turned_away(rules: Rules) {
    let house = House::with(rules);
    let mut first = house.client().await;
    let mut second = Client::connect(house.clear).await;
    second.hears("421 4.7.0").await;
    second.ends().await;
    // Where TLS comes first there is nothing to say it in.
    Client::connect(house.tls).await.ends().await;
    assert_eq!(house.counters.read().turned_away, 2);
    assert_eq!(house.said("too-many-connections"), 1, "only one of them was told so");
    first.says("QUIT", "221").await;
    first.ends().await;
    drop(first);
    // Its place is given back a moment after the client has seen the end.
    let mut third = Client::connect(house.clear).await;
    while !third.reply().await.starts_with("220") {
        third = Client::connect(house.clear).await;
    }
}

#[tokio::test]
async fn connections_have_a_limit() {
    the_second_is_turned_away(Rules { connections: 1, ..Rules::default() }).await;
}

#[tokio::test]
async fn connections_from_one_address_have_a_limit() {
    the_second_is_turned_away(Rules { connections_per_address: 1, ..Rules::default() }).await;
}

#[tokio::test]
async fn a_silent_client_hears_421_and_is_closed() {
    let house = House::with(Rules { command_timeout: Duration::from_millis(100), ..Rules::default() });
    for mut client in [house.client().await, house.tls_client().await] {
        client.hears("421 4.4.2").await;
        client.ends().await;
    }
    assert_eq!(house.counters.read().timed_out, 2);
    assert_eq!(house.said("timeout"), 2);
}

#[tokio::test]
async fn a_command_in_drops_gets_no_more_time_than_a_whole_one() {
    let house = House::with(Rules { command_timeout: Duration::from_millis(500), ..Rules::default() });
    let mut client = house.client().await;
    let began = Instant::now();
    for drop in ["E", "H", "L", "O"] {
        client.send(drop).await;
        sleep(Duration::from_millis(100)).await;
    }
    client.hears("421 4.4.2").await;
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_message_that_stops_half_way_times_out() {
    let house = House::with(Rules { data_timeout: Duration::from_millis(200), ..Rules::default() });
    let mut client = house.client().await;
    client.begins_data().await;
    client.send("Subject: half\r\n").await;
    client.hears("421 4.4.2").await;
    client.ends().await;
    assert!(house.seen.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_message_that_was_fast_and_then_drips_times_out() {
    let house = House::new();
    let mut client = house.client().await;
    client.begins_data().await;
    client.send(&"0123456789012345678901234567890123456789012345678\r\n".repeat(3900)).await;
    // From here on the clock is the test's.
    tokio::time::pause();
    for _ in 0..5 {
        sleep(Duration::from_secs(19)).await;
        if house.said("timeout") > 0 {
            break;
        }
        client.send("x").await;
    }
    client.hears("421 4.4.2").await;
    client.ends().await;
    assert!(house.seen.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_transaction_is_not_held_open_by_commands() {
    let house = House::new();
    let mut client = house.client().await;
    client.says("EHLO client.test", "250").await;
    client.says("MAIL FROM:<a@client.test>", "250").await;
    client.says("RCPT TO:<b@relay.test>", "250").await;
    client.send("BDAT 10\r\n0123456789").await;
    client.hears("250").await;
    tokio::time::pause();
    for _ in 0..8 {
        sleep(Duration::from_mins(4)).await;
        if house.said("timeout") > 0 {
            break;
        }
        client.says("NOOP", "250").await;
    }
    client.hears("421 4.4.2").await;
    client.ends().await;
}
