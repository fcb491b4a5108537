//! What becomes of parcels when the relay stops.

use crate::{
    carry::short,
    fake_mx::{FakeMx, Reaction, Zone, carrier, impatient, mx_config, parcel, say},
};
use outgate_core::Transcript;
use outgate_delivery::{Config, Timeouts};
use outgate_queue::{Carried, Carrier, Outcome};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};

/// Long, so that what ends soon was ended by the stop.
const LONG: Duration = Duration::from_mins(5);

fn patient(port: u16) -> Config {
    let timeouts = Timeouts {
        greeting: LONG,
        hello: LONG,
        mail: LONG,
        recipient: LONG,
        data: LONG,
        content: LONG,
        tls: LONG,
        carry: LONG,
        ..impatient()
    };
    Config { timeouts, connections_per_destination: 1, ..mx_config(port) }
}

async fn soon(carrying: JoinHandle<Carried>) -> Carried {
    tokio::time::timeout(Duration::from_secs(5), carrying).await.expect("soon").unwrap()
}

#[tokio::test]
async fn what_no_server_has_heard_of_comes_back_at_once() {
    let began = Instant::now();
    let mx = FakeMx::new(|_, line| line.starts_with("EHLO").then_some(Reaction::Stall));
    let (address, seen) = mx.start().await;
    let carrier = Arc::new(carrier(patient(address.port()), Zone::with("example.org", &["127.0.0.1"])));
    let carry = |to: &'static str| {
        let carrier = Arc::clone(&carrier);
        tokio::spawn(async move { carrier.carry(&parcel(&[to], "x\r\n")).await })
    };
    let opening = carry("a@example.org");
    seen.wait_for("EHLO relay.example.net").await;
    let waiting = carry("b@example.org");
    tokio::task::yield_now().await; // until it waits
    carrier.wind_down();
    for carrying in [opening, waiting, carry("c@example.org")] {
        assert_eq!(soon(carrying).await.outcomes, [Outcome::Untried]);
    }
    assert_eq!((seen.connections(), seen.messages().len()), (1, 0), "and nobody new is called");
    assert!(began.elapsed() < LONG / 2);
}

#[tokio::test]
async fn what_a_server_has_heard_of_goes_on_to_its_end() {
    for word in ["MAIL", "RCPT", "."] {
        let slow = Reaction::Drip("250 2.0.0 ok, but it took its time, and a little more\r\n".to_owned());
        let mx = FakeMx {
            ehlo: "250 mx\r\n",
            ..FakeMx::new(move |_, line| line.starts_with(word).then(|| slow.clone()))
        };
        let (address, seen) = mx.start().await;
        let carrier = Arc::new(carrier(patient(address.port()), Zone::with("example.org", &["127.0.0.1"])));
        let all: Vec<String> = (0..101).map(|n| format!("r{n}@example.org")).collect();
        let count = if word == "RCPT" { 1 } else { 101 };
        let carrying = tokio::spawn({
            let carrier = Arc::clone(&carrier);
            async move {
                let to: Vec<&str> = all.iter().take(count).map(String::as_str).collect();
                carrier.carry(&parcel(&to, "x\r\n")).await
            }
        });
        let heard = if word == "." { "DATA" } else { "MAIL FROM:<app@example.com>" };
        seen.wait_for(heard).await;
        carrier.wind_down();
        let carried = soon(carrying).await;
        let first = &carried.outcomes[..count.min(100)];
        assert!(first.iter().all(|outcome| short(outcome) == Ok(())), "{word} {first:?}");
        assert!(carried.outcomes[first.len()..].iter().all(|outcome| *outcome == Outcome::Untried));
        assert_eq!(seen.messages().len(), 1);
        assert!(matches!(carried.path.transcript, Transcript::Said(_)));
    }
}

/// What is told of the recipients that were tried is not lost with the connection that was being opened for the others.
#[tokio::test]
async fn the_story_of_what_was_tried_is_kept() {
    let mx = FakeMx::new(|number, line| (number > 0 && line == "GREETING").then_some(Reaction::Stall));
    let (address, seen) = FakeMx { ehlo: "250-mx\r\n250 LIMITS MAILMAX=1 RCPTMAX=1\r\n", ..mx }.start().await;
    let carrier = Arc::new(carrier(patient(address.port()), Zone::with("example.org", &["127.0.0.1"])));
    let carrying = tokio::spawn({
        let carrier = Arc::clone(&carrier);
        async move { carrier.carry(&parcel(&["a@example.org", "b@example.org"], "x\r\n")).await }
    });
    while seen.connections() < 2 {
        tokio::task::yield_now().await;
    }
    carrier.wind_down();
    let carried = soon(carrying).await;
    assert_eq!(short(&carried.outcomes[0]), Ok(()));
    assert_eq!(carried.outcomes[1], Outcome::Untried);
    assert!(carried.path.transcript.lines().any(|line| line.starts_with("> MAIL")), "{carried:?}");
}

#[tokio::test]
async fn a_refusal_stands_also_at_the_end() {
    let mx = FakeMx::new(|_, line| line.starts_with("RCPT").then(|| say("550 5.1.1 who")));
    let (address, _) = mx.start().await;
    let carrier = carrier(patient(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    assert!(matches!(
        carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await.outcomes[0],
        Outcome::Failed { .. }
    ));
    carrier.wind_down();
    assert_eq!(carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await.outcomes, [Outcome::Untried]);
}
