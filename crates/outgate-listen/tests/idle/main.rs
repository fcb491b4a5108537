//! What idle sessions cost in memory; alone in its process, so that nothing else is measured.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that panics has told what it found")]

#[expect(dead_code, reason = "shared with the sessions' tests")]
#[path = "../sessions/client.rs"]
mod client;
#[expect(dead_code, reason = "shared with the sessions' tests")]
#[path = "../sessions/house.rs"]
mod house;

use client::Client;
use house::House;
use outgate_listen::Rules;

const SESSIONS: usize = 400;
/// For a session inside TLS together with the client at its other end, which is in this process too.
const MOST_OCTETS: usize = 32 * 1024;

/// Octets of memory that this process has in use.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn an_idle_session_inside_tls_costs_little() {
    let rules = Rules { connections_per_address: usize::MAX, ..Rules::default() };
    let house = House::with(rules);
    let trust = house.trust();
    let idle = async || {
        let mut client = Client::connect(house.tls).await.start_tls(&trust).await;
        client.hears("220").await;
        client.says("EHLO client.test", "250").await;
        client
    };
    // What the first ones cost is not theirs alone.
    let mut clients = vec![idle().await];
    for _ in 0..20 {
        clients.push(idle().await);
    }
    let before = resident();
    for _ in 0..SESSIONS {
        clients.push(idle().await);
    }
    let each = resident().saturating_sub(before) / SESSIONS;
    assert!(each <= MOST_OCTETS, "{each} octets each");
    println!("{each} octets for a session and its client");
    for client in &mut clients {
        client.says("NOOP", "250").await;
    }
}
