//! How long a parcel may take, and what the time is spent on.

use crate::{
    carry::short,
    fake_mx::{FakeMx, Reaction, Zone, carrier, impatient, mx_config, parcel},
};
use outgate_core::FailureClass;
use outgate_delivery::{Config, Timeouts};
use outgate_queue::{Carrier, Outcome};
use std::{sync::Arc, time::Duration};

/// Takes a second to say that it took a message.
fn slow_to_confirm() -> FakeMx {
    FakeMx::new(|_, line| (line == ".").then(|| Reaction::Drip(format!("250 2.0.0 {}\r\n", "x".repeat(90)))))
}

/// A parcel has little time, but the answer to the final dot has its own.
fn hurried(port: u16) -> Config {
    let timeouts = Timeouts {
        carry: Duration::from_millis(600),
        begin: Duration::from_millis(200),
        content: Duration::from_secs(10),
        ..impatient()
    };
    Config { timeouts, connections_per_destination: 1, ..mx_config(port) }
}

/// Whoever gives up on the answer to the final dot sends the message twice.
#[tokio::test]
async fn the_answer_to_the_final_dot_has_its_whole_time() {
    let (address, seen) = slow_to_confirm().start().await;
    let carrier = carrier(hurried(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let carried = carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await;
    assert_eq!(short(&carried.outcomes[0]), Ok(()), "{carried:?}");
    assert_eq!(seen.messages().len(), 1);
}

#[tokio::test]
async fn what_comes_too_late_is_not_begun() {
    // Over the same connection: a second hundred of recipients.
    let (address, seen) = slow_to_confirm().start().await;
    let zone = || Zone::with("example.org", &["127.0.0.1"]);
    let all: Vec<String> = (0..101).map(|n| format!("r{n}@example.org")).collect();
    let to: Vec<&str> = all.iter().map(String::as_str).collect();
    let carried = carrier(hurried(address.port()), zone()).carry(&parcel(&to, "x\r\n")).await;
    assert!(carried.outcomes[..100].iter().all(|outcome| short(outcome) == Ok(())));
    assert_eq!(short(&carried.outcomes[100]), Err((false, FailureClass::Local)));
    let Outcome::Deferred { reason, .. } = &carried.outcomes[100] else { panic!() };
    assert!(reason.contains("turn did not come"), "{reason}");
    assert_eq!(seen.commands().iter().filter(|line| line.starts_with("MAIL")).count(), 1);

    // Behind another parcel, which has the only connection.
    let (address, seen) = slow_to_confirm().start().await;
    let carrier = Arc::new(carrier(hurried(address.port()), zone()));
    let first = tokio::spawn({
        let carrier = Arc::clone(&carrier);
        async move { carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await }
    });
    seen.wait_for("DATA").await;
    let second = carrier.carry(&parcel(&["b@example.org"], "x\r\n")).await;
    assert_eq!(short(&second.outcomes[0]), Err((false, FailureClass::Rate)));
    assert_eq!(short(&first.await.unwrap().outcomes[0]), Ok(()));
    assert_eq!(seen.messages().len(), 1);
}

#[tokio::test]
async fn whoever_waited_longest_comes_first() {
    let (address, seen) = FakeMx::good().start().await;
    let config = Config { connections_per_destination: 1, ..mx_config(address.port()) };
    let carrier = Arc::new(carrier(config, Zone::with("example.org", &["127.0.0.1"])));
    let mut carried = Vec::new();
    for n in 0..20 {
        let carrier = Arc::clone(&carrier);
        carried.push(tokio::spawn(async move {
            carrier.carry(&parcel(&[&format!("r{n}@example.org")], "x\r\n")).await
        }));
        tokio::task::yield_now().await; // until it waits
    }
    for one in carried {
        assert_eq!(short(&one.await.unwrap().outcomes[0]), Ok(()));
    }
    let order: Vec<String> = seen.commands().into_iter().filter(|line| line.starts_with("RCPT")).collect();
    let expected: Vec<String> = (0..20).map(|n| format!("RCPT TO:<r{n}@example.org>")).collect();
    assert_eq!(order, expected);
}
