//! What the relay refuses, over real TLS: senders that are not the user's, sign-ins in the clear, and the strings that
//! have smuggled messages through others.

use outgate_tests::{Credentials, Relay, Session, Shared, Sink, Tls};
use std::time::Duration;

const FROM: &str = "a@example.com";
const MAX_MESSAGE: usize = 256 * 1024;

static STAGE: Shared<Stage> = Shared::new();

struct Stage {
    relay: Relay,
    sink: Sink,
    user: Credentials,
}

impl Stage {
    fn new() -> Self {
        let sink = Sink::start();
        let relay = Relay::with(|config| {
            config
                .set("delivery.smart_host", sink.address().to_string())
                .set("submission.max_message_bytes", MAX_MESSAGE as i64)
                .set("submission.max_errors", 1000);
        });
        for domain in ["example.com", "example.org"] {
            relay.add_domain(domain);
        }
        let user = relay.add_user("example.com", "shop");
        Self { relay, sink, user }
    }

    fn signed_in(&self, tls: Tls) -> Session {
        let mut session = self.relay.session(tls);
        session.sign_in(&self.user).expect("235 2.7.0");
        session
    }
}

#[test]
fn the_envelope_sender_is_of_the_exact_domain() {
    let stage = STAGE.get(Stage::new);
    let mut session = stage.signed_in(Tls::Starttls);
    for sender in [
        "a@sub.example.com",
        "a@example.org",
        "a@example.com.evil.test",
        "a@notexample.com",
        "a@exаmple.com", // A Cyrillic letter.
        "\"x@example.com\"@example.org",
    ] {
        let extension = if sender.is_ascii() { "" } else { " SMTPUTF8" };
        session.say(&format!("MAIL FROM:<{sender}>{extension}")).expect("550 5.7.1");
    }
    // RFC 6409 §4.2: an envelope's domain is fully qualified.
    session.say("MAIL FROM:<a@com>").expect("501 5.1.7");
    for sender in ["a@example.com", "a@EXAMPLE.com", "\"a b\"@example.com", ""] {
        session.say(&format!("MAIL FROM:<{sender}>")).expect("250 2.1.0");
        session.say("RSET").expect_code(250);
    }
}

#[test]
fn the_header_sender_is_of_the_exact_domain() {
    let stage = STAGE.get(Stage::new);
    let mut session = stage.signed_in(Tls::Implicit);
    for header in [
        "From: a@sub.example.com",
        "From: a@example.org",
        "From: Shop <a@example.org>",
        "From: a@example.com, b@example.org",
        "From: \"a@example.com\" <b@example.org>",
        "From: a@example.com\r\nSender: b@example.org",
        "From: =?utf-8?q?a=40example=2Ecom?= <b@example.org>",
        "From: shop:a@example.com,b@example.org;",
        "From: (a@example.com) b@example.org",
        "From:\r\n <b@example.org>",
    ] {
        let content = format!("{header}\r\nSubject: s\r\n\r\nHello");
        session.submit(FROM, &["x@recipient.test"], content.as_bytes()).expect("550 5.7.1");
    }
    // RFC 5321 §4.5.5: the null reverse-path frees the envelope, not the header.
    session.submit("", &["x@recipient.test"], b"From: b@example.org\r\n\r\nHello").expect("550 5.7.1");
    for header in ["Subject: no sender", "From: a@example.com\r\nFrom: a@example.com", "From: "] {
        let reply = session.submit(FROM, &["x@recipient.test"], format!("{header}\r\n\r\nHello").as_bytes());
        assert!((500..600).contains(&reply.code), "{header:?}: {}", reply.text());
    }
    for (at, header) in [
        "From: =?utf-8?q?B=C3=BCro?= <a@EXAMPLE.com>",
        "From: shop: a@example.com, (comment) \"b c\"@example.com;",
        "From:\r\n\ta@example.com",
    ]
    .into_iter()
    .enumerate()
    {
        let to = format!("header{at}@recipient.test");
        session.submit(FROM, &[&to], format!("{header}\r\n\r\nHello").as_bytes()).expect("250 2.");
        assert!(stage.sink.wait_for(&to, Duration::from_secs(30)).is_some(), "{header}");
    }
    assert!(stage.sink.received_for("x@recipient.test").is_empty(), "a refused message went out");
}

#[test]
fn nobody_signs_in_or_sends_in_the_clear() {
    let stage = STAGE.get(Stage::new);
    let mut session = Session::connect(stage.relay.starttls());
    let offer = session.say("EHLO client.test").expect_code(250).text();
    assert!(offer.contains("STARTTLS") && !offer.contains("AUTH"), "{offer}");
    let reply = session.sign_in(&stage.user).text();
    assert!(reply.starts_with("538 5.7.11") || reply.starts_with("530 5.7.0"), "{reply}");
    session.say(&format!("MAIL FROM:<{FROM}>")).expect("530 5.7.0");
    session.say("STARTTLS").expect("220");
    session.upgrade(&stage.relay.certificate.authority);
    let offer = session.say("EHLO client.test").expect_code(250).text();
    assert!(offer.contains("AUTH PLAIN LOGIN") && !offer.contains("STARTTLS"), "{offer}");
    for extension in
        ["PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN", "LIMITS"]
    {
        assert!(offer.contains(extension), "{extension} in {offer}");
    }
    session.say(&format!("MAIL FROM:<{FROM}>")).expect("530 5.7.0");
    session.sign_in(&stage.user).expect("235 2.7.0");
    session.sign_in(&stage.user).expect("503 5.5.1");
}

#[test]
fn what_comes_in_clear_behind_starttls_is_never_obeyed() {
    let stage = STAGE.get(Stage::new);
    let mut session = Session::connect(stage.relay.starttls());
    session.say("EHLO client.test").expect_code(250);
    session.send(b"STARTTLS\r\nNOOP\r\nRSET\r\n");
    session.reply().expect("220");
    session.upgrade(&stage.relay.certificate.authority);
    // RFC 3207 §4.2: the first reply inside TLS answers the first command inside TLS.
    let offer = session.say("EHLO client.test").expect_code(250).text();
    assert!(offer.contains("AUTH PLAIN LOGIN"), "{offer}");
    session.sign_in(&stage.user).expect("235 2.7.0");
}

/// Ends of data that are none (RFC 5321 §4.1.1.4), each of which some server has taken for one.
const FALSE_ENDS: [&[u8]; 12] = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\n.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\n.\r",
];

/// What would be a second message, were the false end an end.
const SMUGGLED: &[u8] = b"MAIL FROM:<ceo@example.org>\r\nRCPT TO:<victim@recipient.test>\r\nDATA\r\n\
                          From: ceo@example.org\r\n\r\nsmuggled";

/// Sends one message with a false end in it; there has to be one reply, and the stream in step behind it.
fn smuggle(session: &mut Session, before: &[u8], false_end: &[u8]) -> String {
    session.say(&format!("MAIL FROM:<{FROM}>")).expect("250 2.1.0");
    session.say("RCPT TO:<carrier@recipient.test>").expect("250 2.1.5");
    session.say("DATA").expect("354");
    session.send(b"From: a@example.com\r\nSubject: s\r\n\r\n");
    session.send(before);
    session.send(&[false_end, SMUGGLED, b"\r\n.\r\n"].concat());
    let reply = session.reply().text();
    // Were there another reply on the way, it would come here.
    session.send(b"VRFY in-step\r\n");
    session.reply().expect("252 ");
    session.say("NOOP").expect("250 2.0.0");
    reply
}

#[test]
fn nothing_is_smuggled() {
    let stage = STAGE.get(Stage::new);
    for tls in [Tls::Starttls, Tls::Implicit] {
        let mut session = stage.signed_in(tls);
        for false_end in FALSE_ENDS {
            let reply = smuggle(&mut session, b"Hello", false_end);
            let bare = !String::from_utf8_lossy(false_end)
                .replace("\r\n", "")
                .replace('\0', "")
                .trim_matches('.')
                .is_empty();
            if bare {
                let refused = reply.starts_with("550 5.6.0") || reply.starts_with("550 5.5.2");
                assert!(refused, "{false_end:?}: {reply}");
            }
        }
    }
    assert!(stage.sink.received_for("victim@recipient.test").is_empty(), "a message was smuggled");
}

#[test]
fn nothing_is_smuggled_while_a_message_is_discarded() {
    let stage = STAGE.get(Stage::new);
    let mut session = stage.signed_in(Tls::Implicit);
    let filler =
        b"0123456789012345678901234567890123456789012345678901234567890123456789\r\n".repeat(5 * 1024);
    assert!((MAX_MESSAGE..2 * MAX_MESSAGE).contains(&filler.len()), "refused, and not given up");
    for false_end in FALSE_ENDS {
        let reply = smuggle(&mut session, &filler, false_end);
        assert!(reply.starts_with("552 5.3.4"), "{false_end:?}: {reply}");
    }
    // A chunk that is refused is read, and what is in it is never obeyed (RFC 3030 §2).
    let octets = b"RSET\r\nQUIT\r\nMAIL FROM:<a@example.com>\r\n";
    session.send(format!("BDAT {}\r\n", octets.len()).as_bytes());
    session.send(octets);
    session.reply().expect("503 5.5.1");
    session.say("NOOP").expect("250 2.0.0");
    assert!(stage.sink.received_for("victim@recipient.test").is_empty(), "a message was smuggled");
}

#[test]
fn lines_without_end_are_refused_once() {
    let stage = STAGE.get(Stage::new);
    let mut session = stage.signed_in(Tls::Starttls);
    session.send(&[b"NOOP ".as_slice(), &b"x".repeat(100_000), b"\r\n"].concat());
    let reply = session.reply();
    assert_eq!(reply.code, 500, "{}", reply.text());
    session.say("NOOP").expect("250 2.0.0");
    session.send(b"NOOP\nRSET\r\n");
    assert_eq!(session.reply().code / 100, 5, "a bare LF ends no command (RFC 5321 §2.3.8)");
    session.say("NOOP").expect("250 2.0.0");
    session.send(b"NO\0OP\x1b[2J\r\n");
    let reply = session.reply().text();
    assert!(reply.starts_with("500 5.5."), "{reply}");
    assert!(
        !reply.chars().any(|c| c.is_control() && c != '\n'),
        "a reply echoes no control characters: {reply:?}"
    );
}
