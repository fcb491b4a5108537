//! Parcels, and what becomes of them.

use crate::fake_mx::{FakeMx, Reaction, Zone, carrier, carry_one, mx_config, parcel, say};
use outgate_core::{FailureClass, Notify, ReturnContent};
use outgate_delivery::Config;
use outgate_queue::{Carrier, Outcome};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// An outcome in short: delivered, or whether it failed for good and how.
pub(crate) fn short(outcome: &Outcome) -> Result<(), (bool, FailureClass)> {
    match outcome {
        Outcome::Delivered { .. } => Ok(()),
        Outcome::Deferred { class, .. } => Err((false, *class)),
        Outcome::Failed { class, .. } => Err((true, *class)),
        Outcome::Untried => panic!("it was not tried"),
    }
}

fn at(word: &'static str, reaction: Reaction) -> FakeMx {
    FakeMx::new(move |_, line| line.starts_with(word).then(|| reaction.clone()))
}

#[tokio::test]
async fn a_message_arrives_as_it_is_and_connections_are_used_again() {
    let (address, seen) = FakeMx::good().start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let content = "Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n.\r\n";
    for _ in 0..3 {
        let carried = carrier.carry(&parcel(&["a@example.org"], content)).await;
        let Outcome::Delivered { reply } = &carried.outcomes[0] else { panic!("{carried:?}") };
        assert_eq!((reply.code, reply.enhanced), (250, Some((2, 0, 0))));
        assert_eq!(carried.path.host.as_deref(), Some("mx0.example.org"));
        assert_eq!(carried.path.address, Some(address));
        assert_eq!((carried.path.tls, carried.dsn), (None, false));
    }
    assert_eq!(seen.connections(), 1);
    for message in seen.messages() {
        assert_eq!(String::from_utf8(message).unwrap(), format!("DKIM-Signature: v=1\r\n{content}"));
    }
    let size = content.len() + 21;
    assert_eq!(
        seen.commands()[..4],
        [
            "EHLO relay.example.net".to_owned(),
            format!("MAIL FROM:<app@example.com> SIZE={size}"),
            "RCPT TO:<a@example.org>".to_owned(),
            "DATA".to_owned()
        ]
    );
    carrier.close().await;
    assert!(seen.commands().contains(&"QUIT".to_owned()));
}

#[tokio::test]
async fn replies_at_every_step() {
    use FailureClass as C;
    for (word, line, expected) in [
        ("GREETING", "554 no", Err((false, C::Policy))),
        ("GREETING", "421 busy", Err((false, C::Connection))),
        ("GREETING", "what", Err((false, C::Connection))),
        ("EHLO", "550 bad name", Ok(())),
        ("EHLO", "421 busy", Err((false, C::Connection))),
        ("MAIL", "451 later", Err((false, C::Other))),
        ("MAIL", "550 5.7.1 no", Err((true, C::Policy))),
        ("MAIL", "354 what", Err((false, C::Connection))),
        ("RCPT", "450 4.2.0 greylisted", Err((false, C::Greylisted))),
        ("RCPT", "550 5.1.1 who", Err((true, C::Address))),
        ("RCPT", "552 5.2.2 full", Err((true, C::MailboxFull))),
        ("RCPT", "250-a\r\n550 b", Err((false, C::Connection))),
        ("DATA", "451 later", Err((false, C::Other))),
        ("DATA", "554 5.7.1 no", Err((true, C::Policy))),
        ("DATA", "250 what", Err((false, C::Connection))),
        (".", "250 ok", Ok(())),
        (".", "251 ok", Ok(())),
        (".", "451 4.3.0 later", Err((false, C::Other))),
        (".", "421 4.7.0 later", Err((false, C::Rate))),
        (".", "554 5.6.0 no", Err((true, C::Content))),
        (".", "554 5.7.1 spam", Err((true, C::Policy))),
        (".", "354 what", Err((false, C::Connection))),
        (".", "\u{1}\u{2}", Err((false, C::Connection))),
    ] {
        let (outcome, _) = carry_one(at(word, say(line))).await;
        assert_eq!(short(&outcome), expected, "{word} {line:?} {outcome:?}");
    }
}

#[tokio::test]
async fn servers_that_fall_silent_or_go_away() {
    let flood = Reaction::Say("2".repeat(1_000_000));
    let endless = Reaction::Say("250-more\r\n".repeat(100_000));
    let drip = Reaction::Drip(format!("250 {}\r\n", "x".repeat(1000)));
    let mut tries = Vec::new();
    for word in ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "."] {
        for reaction in [Reaction::Stall, Reaction::Drop, flood.clone(), endless.clone(), drip.clone()] {
            tries.push(tokio::spawn(async move {
                let began = Instant::now();
                let (outcome, _) = carry_one(at(word, reaction.clone())).await;
                let what = format!("{word} {:.60}", format!("{reaction:?}"));
                assert_eq!(short(&outcome), Err((false, FailureClass::Connection)), "{what} {outcome:?}");
                assert!(began.elapsed() < Duration::from_secs(10), "{what}");
                let Outcome::Deferred { reason, .. } = outcome else { panic!() };
                assert_eq!(reason.contains("may have arrived"), word == ".", "{what} {reason}");
            }));
        }
    }
    for tried in tries {
        tried.await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_stops_reading_is_left() {
    let (address, _) = at("BODY", Reaction::Stall).start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let big = "x".repeat(70) + "\r\n";
    let carried = carrier.carry(&parcel(&["a@example.org"], &big.repeat(400_000))).await;
    assert_eq!(short(&carried.outcomes[0]), Err((false, FailureClass::Connection)), "{carried:?}");
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_a_message_is_heard() {
    let mx = at("BODY", Reaction::SayAndDrop("552 5.3.4 too big\r\n".into()));
    let (outcome, _) = carry_one(mx).await;
    assert_eq!(short(&outcome), Err((true, FailureClass::Content)), "{outcome:?}");
}

#[tokio::test]
async fn each_recipient_ends_on_its_own() {
    let mx = FakeMx::new(|_, line| match line {
        "RCPT TO:<b@example.org>" => Some(say("550 5.1.1 who")),
        "RCPT TO:<c@example.org>" => Some(say("450 4.2.0 greylisted")),
        "RCPT TO:<d@example.org>" => Some(say("552 too many recipients")),
        _ => None,
    });
    let (address, seen) = mx.start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let to = ["b@example.org", "a@example.org", "c@example.org", "d@example.org"];
    let carried = carrier.carry(&parcel(&to, "x\r\n")).await;
    let found: Vec<_> = carried.outcomes.iter().map(short).collect();
    let expected = [
        Err((true, FailureClass::Address)),
        Ok(()),
        Err((false, FailureClass::Greylisted)),
        Err((false, FailureClass::Rate)),
    ];
    assert_eq!(found, expected);
    assert_eq!(seen.messages().len(), 1);
}

/// What a server says at length is read to its end, and little of it is kept.
#[tokio::test]
async fn a_talkative_server_fills_no_disk() {
    let talk = || "550-5.1.1 there is nobody of that name, and let me tell you why\r\n".repeat(900);
    for word in ["RCPT", "MAIL", ".", "GREETING"] {
        let (outcome, _) = carry_one(at(word, Reaction::Say(talk() + "550 5.1.1 so there\r\n"))).await;
        let (Outcome::Failed { reply, reason, .. } | Outcome::Deferred { reply, reason, .. }) = outcome
        else {
            panic!("{word}")
        };
        let reply = reply.expect(word);
        assert_eq!((reply.code, reply.enhanced), (550, Some((5, 1, 1))));
        let kept: usize = reply.lines.iter().map(|line| line.len() + 2).sum();
        assert!(kept < 2_100 && reply.lines[0].starts_with("there is nobody"), "{word} {kept}");
        assert!(reply.lines.last().unwrap().ends_with("octets more"), "{word}");
        assert!(reason.len() < 1_100, "{word}");
    }
}

#[tokio::test]
async fn many_recipients_share_transactions() {
    let (address, seen) = FakeMx::good().start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let all: Vec<String> = (0..250).map(|n| format!("r{n}@example.org")).collect();
    let to: Vec<&str> = all.iter().map(String::as_str).collect();
    let carried = carrier.carry(&parcel(&to, "x\r\n")).await;
    assert!(carried.outcomes.iter().all(|outcome| short(outcome).is_ok()));
    assert_eq!((seen.messages().len(), seen.connections()), (3, 1));

    let few = FakeMx { ehlo: "250-mx\r\n250 LIMITS RCPTMAX=2 MAILMAX=2\r\n", ..FakeMx::good() };
    let (address, seen) = few.start().await;
    let carrier =
        crate::fake_mx::carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let carried = carrier.carry(&parcel(&to[..5], "x\r\n")).await;
    assert!(carried.outcomes.iter().all(|outcome| short(outcome).is_ok()));
    assert_eq!((seen.messages().len(), seen.connections()), (3, 2), "limits are kept (RFC 9422)");
}

#[tokio::test]
async fn what_a_server_cannot_take_is_not_sent() {
    let small = FakeMx { ehlo: "250-mx\r\n250 SIZE 100\r\n", ..FakeMx::good() };
    let (address, seen) = small.start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let carried = carrier.carry(&parcel(&["a@example.org"], &"x\r\n".repeat(100))).await;
    assert_eq!(short(&carried.outcomes[0]), Err((true, FailureClass::Content)), "{carried:?}");
    let carried = carrier.carry(&parcel(&["ä@example.org", "b@example.org"], "x\r\n")).await;
    let found: Vec<_> = carried.outcomes.iter().map(short).collect();
    assert_eq!(found, [Err((true, FailureClass::Content)), Ok(())]);
    let Outcome::Failed { reason, .. } = &carried.outcomes[0] else { panic!() };
    assert!(reason.contains("5.6.7"), "{reason}");
    let mut utf8 = parcel(&["b@example.org"], "Subject: ä\r\n\r\nx\r\n");
    utf8.message.smtputf8 = true;
    assert_eq!(short(&carrier.carry(&utf8).await.outcomes[0]), Err((true, FailureClass::Content)));
    utf8.content = bytes::Bytes::from_static(b"Subject: a\r\n\r\n\xc3\xa4\r\n");
    assert_eq!(short(&carrier.carry(&utf8).await.outcomes[0]), Ok(()), "nothing in it needs SMTPUTF8");
    assert_eq!((seen.messages().len(), seen.connections()), (2, 1));
}

#[tokio::test]
async fn dsn_parameters_travel_on() {
    let mx = FakeMx { ehlo: "250-mx\r\n250-PIPELINING\r\n250 DSN\r\n", ..FakeMx::good() };
    let (address, seen) = mx.start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let mut asked = parcel(&["a@example.org"], "x\r\n");
    asked.message.return_content = Some(ReturnContent::Full);
    asked.message.envelope_id = Some("QQ+2B1".parse().unwrap());
    let recipient = &mut asked.message.deliveries[0].recipient;
    recipient.notify = Some(Notify { success: true, failure: true, delay: false });
    recipient.original = Some("rfc822;a@example.com".parse().unwrap());
    let carried = carrier.carry(&asked).await;
    assert_eq!(
        (short(&carried.outcomes[0]), carried.dsn),
        (Ok(()), true),
        "the server tells the sender itself"
    );
    assert_eq!(
        seen.commands()[1..3],
        [
            "MAIL FROM:<app@example.com> RET=FULL ENVID=QQ+2B1",
            "RCPT TO:<a@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@example.com"
        ]
    );
}

/// A connection that was kept may have died: what fails on it before MAIL is answered goes again, once.
#[tokio::test]
async fn a_stale_connection_costs_no_attempt() {
    for reaction in [Reaction::Drop, say("421 idle too long"), Reaction::SayAndDrop("421 bye\r\n".into())] {
        let first = std::sync::atomic::AtomicUsize::new(0);
        let what = reaction.clone();
        let mx = FakeMx::new(move |number, line| {
            let again = number == 0 && line.starts_with("MAIL") && first.fetch_add(1, Ordering::SeqCst) >= 2; // the script is asked twice for each line
            again.then(|| reaction.clone())
        });
        let (address, seen) = mx.start().await;
        let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
        for _ in 0..2 {
            let carried = carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await;
            assert_eq!(short(&carried.outcomes[0]), Ok(()), "{what:?} {carried:?}");
        }
        assert_eq!((seen.messages().len(), seen.connections()), (2, 2), "{what:?}");
    }
    // A fresh connection that does the same is no stale one: the attempt ends.
    let (outcome, seen) = carry_one(at("MAIL", Reaction::Drop)).await;
    assert_eq!(short(&outcome), Err((false, FailureClass::Connection)));
    assert_eq!(seen.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_noticed() {
    let mx = at(".", Reaction::SayAndDrop("250 ok\r\n".into()));
    let (address, seen) = mx.start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    for _ in 0..5 {
        let carried = carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await;
        assert_eq!(short(&carried.outcomes[0]), Ok(()));
    }
    assert_eq!((seen.messages().len(), seen.connections()), (5, 5));
}

#[tokio::test]
async fn the_next_server_is_tried_when_one_cannot_be_had() {
    for (word, reaction) in [
        ("GREETING", say("554 no")),
        ("GREETING", say("421 busy")),
        ("GREETING", Reaction::Drop),
        ("GREETING", Reaction::Stall),
        ("MAIL", Reaction::Drop),
        ("MAIL", say("421 busy")),
    ] {
        let (address, first) = at(word, reaction).start_at("127.0.0.2:0").await;
        let (_, second) = FakeMx::good().start_at(&format!("127.0.0.3:{}", address.port())).await;
        // Nobody listens at the first address of all.
        let zone = Zone::with("example.org", &["127.0.0.9", "127.0.0.2", "127.0.0.3"]);
        let carrier = carrier(mx_config(address.port()), zone);
        let carried = carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await;
        assert_eq!(short(&carried.outcomes[0]), Ok(()), "{carried:?}");
        assert_eq!(carried.path.host.as_deref(), Some("mx2.example.org"));
        assert_eq!((first.connections(), second.messages().len()), (1, 1), "{word}");
    }
}

#[tokio::test]
async fn a_destination_has_so_many_connections_and_no_more() {
    let (address, seen) = FakeMx::good().start().await;
    let config =
        Config { connections_per_destination: 2, messages_per_connection: 5, ..mx_config(address.port()) };
    let carrier = Arc::new(carrier(config, Zone::with("example.org", &["127.0.0.1"])));
    let destination = carrier.destination(&"a@example.org".parse().unwrap());
    assert_eq!(carrier.concurrency(&destination), 4);
    let parcels = (0..40).map(|_| {
        let carrier = Arc::clone(&carrier);
        tokio::spawn(async move { carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await })
    });
    for carried in parcels.collect::<Vec<_>>() {
        assert_eq!(short(&carried.await.unwrap().outcomes[0]), Ok(()));
    }
    assert_eq!(seen.messages().len(), 40);
    assert_eq!(seen.connections(), 8, "five messages each");

    let (address, seen) = FakeMx::good().start().await;
    let config = Config { connections_per_destination: 2, ..mx_config(address.port()) };
    let carrier = Arc::new(crate::fake_mx::carrier(config, Zone::with("example.org", &["127.0.0.1"])));
    let parcels = (0..40).map(|_| {
        let carrier = Arc::clone(&carrier);
        tokio::spawn(async move { carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await })
    });
    for carried in parcels.collect::<Vec<_>>() {
        assert_eq!(short(&carried.await.unwrap().outcomes[0]), Ok(()));
    }
    assert_eq!((seen.messages().len(), seen.connections()), (40, 2));
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let (address, seen) = FakeMx::good().start().await;
    let config = Config { idle_timeout: Duration::from_millis(50), ..mx_config(address.port()) };
    let carrier = carrier(config, Zone::with("example.org", &["127.0.0.1"]));
    assert_eq!(short(&carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await.outcomes[0]), Ok(()));
    seen.wait_for("QUIT").await;
}

#[tokio::test]
async fn private_destinations_are_refused_unless_configured() {
    let (address, seen) = FakeMx::good().start().await;
    let config = Config { allow_private: false, ..mx_config(address.port()) };
    let carrier = carrier(config, Zone::with("example.org", &["127.0.0.1"]));
    let carried = carrier.carry(&parcel(&["a@example.org"], "x\r\n")).await;
    // A name server that lies may tell the truth tomorrow.
    assert_eq!(short(&carried.outcomes[0]), Err((false, FailureClass::Policy)));
    let Outcome::Deferred { reason, .. } = &carried.outcomes[0] else { panic!() };
    assert!(reason.contains("delivery.allow_private_destinations"), "{reason}");
    assert_eq!(seen.connections(), 0);
    let carried = carrier.carry(&parcel(&["a@nowhere.example"], "x\r\n")).await;
    assert_eq!(short(&carried.outcomes[0]), Err((true, FailureClass::Domain)));
}

#[tokio::test]
async fn a_parcel_from_before_the_route_changed_is_carried() {
    let (address, seen) = FakeMx::good().start().await;
    let mut zone = Zone::with("example.org", &["127.0.0.1"]);
    let other = Zone::with("example.com", &["127.0.0.1"]);
    zone.mx.extend(other.mx);
    zone.addresses.extend(other.addresses);
    let carrier = carrier(mx_config(address.port()), zone);
    let mut mixed = parcel(&["a@example.org", "b@example.com", "c@missing.example"], "x\r\n");
    mixed.message.destination = outgate_core::Destination::new("127.0.0.1");
    let carried = carrier.carry(&mixed).await;
    let found: Vec<_> = carried.outcomes.iter().map(short).collect();
    assert_eq!(found, [Ok(()), Ok(()), Err((true, FailureClass::Domain))]);
    assert_eq!(seen.messages().len(), 2);
}
