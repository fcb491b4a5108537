//! What an attempt tells afterwards.

use crate::fake_mx::{FakeMx, Reaction, Zone, carrier, mx_config, parcel, say};
use outgate_core::{Recording, Transcript};
use outgate_queue::{Carried, Carrier, Outcome};

fn lines(carried: &Carried) -> Vec<String> {
    carried.path.transcript.lines().map(str::to_owned).collect()
}

fn steps(carried: &Carried) -> Vec<&'static str> {
    carried.path.timings.taken().map(|(step, _)| step).collect()
}

const HELLO: &str = "< 250 mx / PIPELINING / 8BITMIME / SIZE 50000000";
const SECRET: &str = "Subject: x\r\n\r\nnobody else's business\r\n";

#[tokio::test]
async fn a_transaction_is_told_on_a_new_connection_and_on_one_from_before() {
    let (address, _) = FakeMx::good().start().await;
    let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let size = SECRET.len() + 21;
    let mail = format!("> MAIL FROM:<app@example.com> SIZE={size}");
    let message = format!("* the message was sent, {size} octets");
    let transaction = |first: &str| {
        let lines = [
            first,
            HELLO,
            &mail,
            "> RCPT TO:<a@example.org>",
            "> DATA",
            "< 250 ok",
            "< 250 ok",
            "< 354 go on",
            &message,
            "< 250 2.0.0 queued",
        ];
        lines.map(str::to_owned).to_vec()
    };
    let first = carrier.carry(&parcel(&["a@example.org"], SECRET)).await;
    let opening = [format!("* connected to mx0.example.org at {address}"), "< 220 hello".to_owned()];
    assert_eq!(lines(&first), [&opening[..], &transaction("> EHLO relay.example.net")].concat());
    // Replies to RCPT and DATA that come along with that to MAIL are not waited for.
    let waited: Vec<_> = steps(&first).into_iter().filter(|step| !["rcpt", "data"].contains(step)).collect();
    assert_eq!(waited, ["dns", "connect", "greeting", "hello", "mail", "content"], "and no TLS");
    for before in 1..3 {
        let next = carrier.carry(&parcel(&["a@example.org"], SECRET)).await;
        let messages = if before == 1 { "1 message" } else { "2 messages" };
        let reused = format!("* connection reused, opened at 2027-01-15 08:00:00Z, {messages} before");
        assert_eq!(lines(&next), transaction(&reused));
        assert!(!steps(&next).contains(&"connect") && steps(&next).contains(&"content"), "{next:?}");
    }
}

#[tokio::test]
async fn servers_that_were_tried_in_vain_are_told_of() {
    let (address, _) = FakeMx::new(|_, line| (line == "GREETING").then(|| say("421 4.3.2 busy")))
        .start_at("127.0.0.2:0")
        .await;
    let port = address.port();
    let (_, _) = FakeMx::good().start_at(&format!("127.0.0.3:{port}")).await;
    let zone = Zone::with("example.org", &["127.0.0.9", "127.0.0.2", "127.0.0.3"]);
    let carried = carrier(mx_config(port), zone).carry(&parcel(&["a@example.org"], SECRET)).await;
    let told = lines(&carried);
    let nobody = format!("* no connection to mx0.example.org at 127.0.0.9:{port}: ");
    assert!(told[0].starts_with(&nobody), "{told:#?}");
    assert_eq!(told[1], format!("* connected to mx1.example.org at 127.0.0.2:{port}"));
    assert_eq!(told[2], "< 421 4.3.2 busy");
    assert!(told[3].starts_with("* mx1.example.org refused the greeting with 421: "), "{told:#?}");
    assert_eq!(told[4], format!("* connected to mx2.example.org at 127.0.0.3:{port}"));
    assert_eq!(told.last().unwrap(), "< 250 2.0.0 queued");
}

#[tokio::test]
async fn how_an_attempt_ended_is_told() {
    for (word, reaction, last, step) in [
        ("RCPT", say("450 4.7.1 greylisted"), "< 354 go on", Some("rcpt")),
        ("EHLO", Reaction::Stall, "", Some("hello")),
        ("MAIL", Reaction::Drop, "* the server closed the connection", Some("mail")),
        ("DATA", Reaction::Stall, "* the server did not answer in time", Some("data")),
        (".", say("554 5.7.1 spam"), "< 554 5.7.1 spam", Some("content")),
        (".", say("what"), "* the server sent a line that is no SMTP reply", Some("content")),
    ] {
        let what = format!("{word} {reaction:?}");
        let mx = FakeMx {
            ehlo: "250 mx\r\n",
            ..FakeMx::new(move |_, line| line.starts_with(word).then(|| reaction.clone()))
        };
        let (address, _) = mx.start().await;
        let carrier = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
        let carried = carrier.carry(&parcel(&["a@example.org"], SECRET)).await;
        assert!(!matches!(carried.outcomes[0], Outcome::Delivered { .. }), "{what} {carried:?}");
        let told = lines(&carried);
        match word {
            // The server wants nothing more after it refused everybody.
            "RCPT" => assert_eq!(told.last().unwrap(), "< 450 4.7.1 greylisted", "{what} {told:#?}"),
            "EHLO" => {
                assert!(told.last().unwrap().ends_with("did not answer in time"), "{what} {told:#?}");
            }
            _ => assert_eq!(told.last().unwrap(), last, "{what} {told:#?}"),
        }
        assert!(step.is_none_or(|step| steps(&carried).contains(&step)), "{what} {:?}", steps(&carried));
        assert!(told.iter().all(|line| !line.contains("business")), "{told:#?}");
    }
}

#[tokio::test]
async fn a_transcript_of_many_recipients_and_of_a_chatty_server_stays_small() {
    let (address, _) = FakeMx::good().start().await;
    let to: Vec<String> = (0..100).map(|n| format!("recipient{n}@example.org")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let ours = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let carried = ours.carry(&parcel(&to, SECRET)).await;
    let told = lines(&carried);
    assert_eq!(told.last().unwrap(), "< 250 2.0.0 queued", "equal replies are counted: {told:#?}");
    assert!(told.contains(&"* the same again, 98 times more".to_owned()), "{told:#?}");

    let long = format!("{}550 no", "550-much to say about this\r\n".repeat(1_000));
    let mx = FakeMx::new(move |_, line| line.starts_with("RCPT").then(|| say(&long)));
    let (address, _) = mx.start().await;
    let ours = carrier(mx_config(address.port()), Zone::with("example.org", &["127.0.0.1"]));
    let carried = ours.carry(&parcel(&to, SECRET)).await;
    let Transcript::Said(text) = &carried.path.transcript else { panic!("{carried:?}") };
    assert!(text.len() < Recording::OCTETS + 100, "{}", text.len());
}
