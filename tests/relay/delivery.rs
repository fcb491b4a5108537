//! What leaves the relay: bytes that are kept, fields that are added and taken away, recipients that settle one by one,
//! and deliveries that survive whatever happens on the way.

use outgate_tests::{Credentials, Received, Relay, Session, Shared, Sink, Tls, ports, wait};
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};

const LIMIT: Duration = Duration::from_secs(30);
const FROM: &str = "a@example.com";
const SHORT: &[u8] = b"From: a@example.com\r\nSubject: s\r\n\r\nHello";

static STAGE: Shared<Stage> = Shared::new();

struct Stage {
    relay: Relay,
    sink: Sink,
    user: Credentials,
}

impl Stage {
    fn new() -> Self {
        let sink = Sink::start();
        let relay = Relay::to(sink.address());
        relay.add_domain("example.com");
        let user = relay.add_user("example.com", "x");
        Self { relay, sink, user }
    }

    fn session(&self) -> Session {
        let mut session = self.relay.session(Tls::Implicit);
        session.sign_in(&self.user).expect("235 2.7.0");
        session
    }

    fn arrived(&self, recipient: &str) -> Received {
        self.sink.wait_for(recipient, LIMIT).unwrap_or_else(|| panic!("nothing came for {recipient}"))
    }

    fn status(&self, recipient: &str) -> Value {
        let lines = self.relay.json_lines(&["activity", "--recipient", recipient]);
        lines.first().map_or(Value::Null, |line| line["status"].clone())
    }

    fn becomes(&self, recipient: &str, status: &str) {
        wait::for_it(LIMIT, &format!("{recipient} {status}"), || self.status(recipient) == status);
    }
}

/// The header fields of this name, whole.
fn fields(message: &Received, name: &str) -> Vec<String> {
    let unfolded = message.header().replace("\r\n ", " ").replace("\r\n\t", "\t");
    let prefix = format!("{}:", name.to_lowercase());
    unfolded.lines().filter(|line| line.to_lowercase().starts_with(&prefix)).map(str::to_owned).collect()
}

#[test]
fn bytes_are_kept_and_only_trace_is_added() {
    let stage = STAGE.get(Stage::new);
    let body = format!("Tab\t\r\nblanks  \r\n\r\nÄ€\r\nlong {}\r\n=3D=\r\nend\r\n\r\n", "x".repeat(5000));
    let kept =
        "from:  Shop\t<A@Example.com>\r\nSUBJECT: =?utf-8?q?=C3=84?=\r\n folded\r\nX-Odd:a\r\nX-Long: ";
    let kept = format!(
        "{kept}{}\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n",
        "y".repeat(2000)
    );
    let content = format!("{kept}\r\n{body}");
    let mut session = stage.session();
    session.say(&format!("MAIL FROM:<{FROM}> BODY=8BITMIME SIZE={}", content.len())).expect("250");
    session.say("RCPT TO:<bytes@recipient.test>").expect("250");
    session.say("DATA").expect("354");
    session.send(format!("{content}.\r\n").as_bytes());
    session.reply().expect("250 2.");
    let arrived = stage.arrived("bytes@recipient.test");
    assert_eq!(String::from_utf8_lossy(arrived.body()), body);
    let header = arrived.header();
    assert!(header.ends_with(&kept), "what was sent is at the end, as it was:\n{header}");
    let added = &header[..header.len() - kept.len()];
    let names: Vec<&str> = added
        .lines()
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':').map(|(name, _)| name))
        .collect();
    assert!(names.iter().all(|name| ["Received", "DKIM-Signature"].contains(name)), "{added}");
    let received = fields(&arrived, "Received");
    assert_eq!(received.len(), 1);
    assert!(
        received[0].contains("with ESMTPSA") && received[0].contains("for <bytes@recipient.test>"),
        "{received:?}"
    );
    assert!(added.lines().all(|line| line.len() <= 998), "no added line is too long");
    assert!(!added.contains(&stage.user.username), "the username is not shown to the world");
}

#[test]
fn missing_fields_are_added_and_bcc_is_taken_out() {
    let stage = STAGE.get(Stage::new);
    let content =
        b"From: a@example.com\r\nBcc: secret@recipient.test,\r\n\tother@recipient.test\r\nSubject: s\r\n\
                    bcc:x@recipient.test\r\n\r\nBcc: not a field";
    let to = ["one@recipient.test", "secret@recipient.test"];
    stage.session().submit(FROM, &to, content).expect("250 2.");
    for recipient in to {
        let arrived = stage.arrived(recipient);
        assert!(
            !arrived.header().to_lowercase().contains("bcc") && !arrived.header().contains("other@"),
            "{}",
            arrived.header()
        );
        assert!(arrived.body().starts_with(b"Bcc: not a field"));
        assert_eq!(fields(&arrived, "Message-ID").len(), 1);
        assert_eq!(fields(&arrived, "Date").len(), 1);
        let received = fields(&arrived, "Received").remove(0);
        assert!(!received.contains(" for "), "with several recipients none is named: {received}");
    }
}

#[test]
fn recipients_settle_one_by_one() {
    let stage = STAGE.get(Stage::new);
    stage.sink.reply_to("later@recipient.test", Some("451 4.2.1 Later"));
    stage.sink.reply_to("never@recipient.test", Some("550 5.1.1 Nobody here"));
    let to = ["now@recipient.test", "later@recipient.test", "also@recipient.test", "never@recipient.test"];
    stage.session().submit(FROM, &to, SHORT).expect("250 2.");
    for (recipient, status) in to.iter().zip(["delivered", "deferred", "delivered", "hard_bounced"]) {
        stage.becomes(recipient, status);
    }
    assert_eq!(
        stage.arrived("now@recipient.test").to,
        ["now@recipient.test", "also@recipient.test"],
        "one transaction"
    );
    // Law 7: what is not delivered is reported, from the null sender, to whoever sent it.
    let report = stage.arrived(FROM);
    assert_eq!(report.from, "");
    let text = String::from_utf8_lossy(&report.content).into_owned();
    assert!(text.contains("multipart/report") && text.contains("never@recipient.test"), "{text}");
    assert!(text.contains("550 5.1.1 Nobody here"), "the remote reply is told whole: {text}");
    assert!(
        !text.contains("now@recipient.test") && !text.contains("also@"),
        "who got it is nobody's business: {text}"
    );
    stage.sink.reply_to("later@recipient.test", None);
    stage.becomes("later@recipient.test", "delivered");
    for recipient in ["now@recipient.test", "later@recipient.test", "also@recipient.test"] {
        assert_eq!(stage.sink.received_for(recipient).len(), 1, "{recipient}");
    }
}

#[test]
fn wishes_for_reports_travel_on() {
    let stage = STAGE.get(Stage::new);
    let mut session = stage.session();
    session.say(&format!("MAIL FROM:<{FROM}> RET=HDRS ENVID=order+2B7")).expect("250");
    session
        .say("RCPT TO:<dsn@recipient.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;dsn+2B1@recipient.test")
        .expect("250");
    session.say("RCPT TO:<quiet@recipient.test> NOTIFY=NEVER").expect("250");
    session.say("DATA").expect("354");
    session.send(&[SHORT, b"\r\n.\r\n"].concat());
    session.reply().expect("250 2.");
    let arrived = stage.arrived("dsn@recipient.test");
    // RFC 3461 §5.2.1: they go on unchanged to a server that offers DSN.
    assert!(
        arrived.mail.contains("RET=HDRS") && arrived.mail.contains("ENVID=order+2B7"),
        "{}",
        arrived.mail
    );
    let of = |name: &str| arrived.rcpt.iter().find(|line| line.contains(name)).cloned().unwrap_or_default();
    assert!(
        of("<dsn@").contains("NOTIFY=SUCCESS,FAILURE")
            && of("<dsn@").contains("ORCPT=rfc822;dsn+2B1@recipient.test"),
        "{:?}",
        arrived.rcpt
    );
    assert!(of("<quiet@").contains("NOTIFY=NEVER"), "{:?}", arrived.rcpt);
}

#[test]
fn a_recipient_named_twice_is_one_delivery() {
    let stage = STAGE.get(Stage::new);
    let to = ["twice@recipient.test", "twice@recipient.test", "twice@RECIPIENT.test"];
    stage.session().submit(FROM, &to, SHORT).expect("250 2.");
    assert_eq!(stage.arrived("twice@recipient.test").to.len(), 1);
    stage.relay.drained(LIMIT);
    assert_eq!(stage.sink.received_for("twice@recipient.test").len(), 1);
}

#[test]
fn a_message_in_chunks_is_the_message() {
    let stage = STAGE.get(Stage::new);
    // RFC 3030: no dot is stuffed, none ends anything.
    let body = b"Chunks\r\n.\r\n..\r\nQUIT\r\n\r\n";
    let content =
        [b"From: a@example.com\r\nMessage-ID: <chunks@example.com>\r\n\r\n".as_slice(), body].concat();
    let mut session = stage.session();
    session.say(&format!("MAIL FROM:<{FROM}>")).expect("250");
    session.say("RCPT TO:<chunks@recipient.test>").expect("250");
    let (first, rest) = content.split_at(content.len() - 9);
    session.send(&[format!("BDAT {}\r\n", first.len()).as_bytes(), first].concat());
    session.reply().expect("250");
    session.send(&[format!("BDAT {}\r\n", rest.len()).as_bytes(), rest, b"BDAT 0 LAST\r\n"].concat());
    session.reply().expect("250");
    session.reply().expect("250 2.");
    assert_eq!(
        String::from_utf8_lossy(stage.arrived("chunks@recipient.test").body()),
        String::from_utf8_lossy(body)
    );
}

#[test]
fn a_large_message_is_kept_whole_and_a_larger_one_refused() {
    const LIMIT_OCTETS: usize = 26_214_400;
    let stage = STAGE.get(Stage::new);
    let line = [&[b'x'; 76][..], b"\r\n"].concat();
    let header = b"From: a@example.com\r\nSubject: large\r\n\r\n";
    let body = line.repeat(100_000);
    let mut session = stage.session();
    // What `submit` adds behind the content ends its last line.
    let content = [header, &body[..body.len() - 2]].concat();
    session.submit(FROM, &["large@recipient.test"], &content).expect("250 2.");
    assert!(stage.arrived("large@recipient.test").body() == body, "the body is not what was sent");
    session.say(&format!("MAIL FROM:<{FROM}> SIZE={}", LIMIT_OCTETS + 1)).expect("552 5.3.4");
    let larger = [header, line.repeat(LIMIT_OCTETS / line.len()).as_slice()].concat();
    session.submit(FROM, &["larger@recipient.test"], &larger).expect("552 5.3.4");
    session.say("NOOP").expect("250 2.0.0");
}

#[test]
fn connections_are_used_again() {
    const MESSAGES: usize = 60;
    let (sink, relay, user) = alone();
    relay.ok(["queue", "pause"]);
    let mut session = signed_in(&relay, &user);
    for number in 0..MESSAGES {
        session.submit(FROM, &[&format!("r{number}@recipient.test")], SHORT).expect("250 2.");
    }
    relay.ok(["queue", "resume"]);
    relay.drained(LIMIT);
    assert_eq!(sink.received().len(), MESSAGES);
    assert!(sink.connections() < MESSAGES / 2, "{} connections for {MESSAGES} messages", sink.connections());
}

#[test]
fn a_backlog_outlives_restarts_and_arrives_once() {
    const MESSAGES: usize = 40;
    let (sink, mut relay, user) = alone();
    relay.ok(["queue", "pause"]);
    let mut session = signed_in(&relay, &user);
    for number in 0..MESSAGES {
        session.submit(FROM, &[&format!("r{number}@recipient.test")], SHORT).expect("250 2.");
    }
    relay.kill();
    relay.start();
    let summary = relay.json(&["queue", "summary"]);
    assert_eq!((&summary["pending"], &summary["paused"]), (&MESSAGES.into(), &true.into()), "{summary}");
    assert!(sink.received().is_empty());
    relay.ok(["queue", "resume"]);
    relay.drained(LIMIT);
    for number in 0..MESSAGES {
        assert_eq!(sink.received_for(&format!("r{number}@recipient.test")).len(), 1, "message {number}");
    }
}

#[test]
fn what_a_crash_leaves_in_the_middle_of_a_delivery_is_taken_up_again() {
    let (sink, mut relay, user) = alone();
    sink.delay(Duration::from_secs(2));
    signed_in(&relay, &user).submit(FROM, &["crash@recipient.test"], SHORT).expect("250 2.");
    wait::for_it(LIMIT, "a delivery under way", || sink.connections() > 0);
    relay.kill();
    sink.delay(Duration::ZERO);
    relay.start();
    relay.drained(LIMIT);
    let arrived = sink.received_for("crash@recipient.test").len();
    assert!((1..=2).contains(&arrived), "at least once, and once more for the crash: {arrived}");
}

#[test]
fn a_smart_host_that_is_away_is_tried_again() {
    let away = SocketAddr::from(([127, 0, 0, 1], ports::free()));
    let mut relay = Relay::to(away);
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    signed_in(&relay, &user).submit(FROM, &["away@recipient.test"], SHORT).expect("250 2.");
    wait::for_it(LIMIT, "a deferral", || relay.json(&["queue", "summary"])["deferred"] == 1);
    let sink = Sink::start();
    assert!(relay.terminate(LIMIT).is_some());
    relay.config.set("delivery.smart_host", sink.address().to_string());
    relay.start();
    assert!(sink.wait_for("away@recipient.test", LIMIT).is_some());
}

fn alone() -> (Sink, Relay, Credentials) {
    let sink = Sink::start();
    let relay = Relay::to(sink.address());
    relay.add_domain("example.com");
    let user = relay.add_user("example.com", "x");
    (sink, relay, user)
}

fn signed_in(relay: &Relay, user: &Credentials) -> Session {
    let mut session = relay.session(Tls::Starttls);
    session.sign_in(user).expect("235 2.7.0");
    session
}
