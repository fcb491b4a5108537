//! What is added, what goes, and that the rest stays.

use super::*;
use outgate_core::Randomness;
use proptest::prelude::*;
use std::sync::LazyLock;

struct Zeros;
impl Randomness for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

static DOMAIN: LazyLock<DomainName> = LazyLock::new(|| "example.com".parse().unwrap());
static RECIPIENT: LazyLock<EmailAddress> = LazyLock::new(|| "bob@example.org".parse().unwrap());

fn facts() -> TraceFacts<'static> {
    let at: Timestamp = "2026-11-21T19:21:00Z".parse().unwrap();
    TraceFacts {
        client: "shop.local",
        address: "192.0.2.7".parse().unwrap(),
        tls: Some(("TLSv1.3", "TLS_AES_256_GCM_SHA384")),
        esmtp: true,
        authenticated: true,
        smtputf8: false,
        host: "relay.example.net",
        id: MessageId::draw(at, &Zeros),
        recipient: Some(&RECIPIENT),
        at,
        sender_domain: &DOMAIN,
    }
}

fn prepared(content: &str) -> Prepared {
    prepare(content.as_bytes(), &facts())
}

fn received() -> String {
    received::field(&facts())
}

const FULL: &str = "Received: from shop.local ([192.0.2.7])\r\n\
    \tby relay.example.net with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\
    \tid 019aa7d1-48e0-7000-8000-000000000000\r\n\
    \tfor <bob@example.org>;\r\n\
    \tSat, 21 Nov 2026 19:21:00 +0000\r\n";

#[test]
fn the_trace_field() {
    let id = facts().id.to_string();
    assert_eq!(received(), FULL.replace("019aa7d1-48e0-7000-8000-000000000000", &id));
    let several = received::field(&TraceFacts { recipient: None, ..facts() });
    assert!(!several.contains("for ") && !several.contains("bob"), "{several}");
    assert!(several.contains(&format!("id {id};\r\n")), "{several}");
}

#[test]
fn how_it_came() {
    for (esmtp, utf8, tls, authenticated, with) in [
        (false, false, false, false, "SMTP"),
        (true, false, false, false, "ESMTP"),
        (true, false, true, false, "ESMTPS"),
        (true, false, true, true, "ESMTPSA"),
        (true, false, false, true, "ESMTPA"),
        (true, true, true, true, "UTF8SMTPSA"),
    ] {
        let field = received::field(&TraceFacts {
            esmtp,
            smtputf8: utf8,
            authenticated,
            tls: facts().tls.filter(|_| tls),
            ..facts()
        });
        assert!(field.contains(&format!(" with {with}{}", if tls { " (TLS" } else { "\r\n" })), "{field}");
    }
}

#[test]
fn names_from_outside_cannot_write_fields() {
    for bad in ["", "a b", "x\r\nFrom: x@evil.org", "a;b", "a(b", "\u{fc}", "a\0", &"x".repeat(256)] {
        let field = received::field(&TraceFacts { client: bad, ..facts() });
        assert!(field.starts_with("Received: from [192.0.2.7] ([192.0.2.7])\r\n\tby "), "{field}");
    }
    let v6 = "2001:db8::1".parse().unwrap();
    let literal = received::field(&TraceFacts { client: "[IPv6:2001:db8::1]", address: v6, ..facts() });
    assert!(literal.starts_with("Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"), "{literal}");
    let mapped = received::field(&TraceFacts { address: "::ffff:192.0.2.7".parse().unwrap(), ..facts() });
    assert!(mapped.contains("([192.0.2.7])"), "{mapped}");
}

#[test]
fn odd_recipients() {
    let odd = "\"a b\\\"\"@example.org".parse().unwrap();
    let quoted = received::field(&TraceFacts { recipient: Some(&odd), ..facts() });
    assert!(quoted.contains("for <\"a b\\\"\"@example.org>;\r\n"), "{quoted}");
    let utf8 = "jörg@example.org".parse().unwrap();
    let ascii = received::field(&TraceFacts { recipient: Some(&utf8), ..facts() });
    assert!(ascii.is_ascii() && !ascii.contains("for "), "{ascii}");
    let allowed = received::field(&TraceFacts { recipient: Some(&utf8), smtputf8: true, ..facts() });
    assert!(allowed.contains("for <jörg@example.org>;"), "{allowed}");
}

#[test]
fn lines_fold() {
    let long = "x".repeat(200);
    let field = received::field(&TraceFacts { client: &long, ..facts() });
    assert!(field.lines().all(|line| line.len() <= 78 || line.contains(&long)), "{field}");
}

#[test]
fn what_is_missing_is_added_and_the_rest_stays() {
    let id = facts().id.to_string();
    let received = received();
    let original = "From: a@example.com\r\nSubject:  odd   spacing\r\n\tfolded \r\n\r\nbody\r\n..\r\n\r\n";
    let content = prepared(original).content;
    let added =
        format!("{received}Message-ID: <{id}@example.com>\r\nDate: Sat, 21 Nov 2026 19:21:00 +0000\r\n");
    assert_eq!(content, format!("{added}{original}"));
    let complete = "message-id: <x@y>\r\ndate: whatever\r\n\r\n\u{1}";
    assert_eq!(prepared(complete).content, format!("{received}{complete}"));
    for odd in ["", "\r\n", "\r\nbody", "A: b", "A: b\r\n"] {
        assert_eq!(prepared(odd).content, format!("{added}{odd}"), "{odd:?}");
    }
}

#[test]
fn hidden_recipients_go() {
    let head = "From: a@example.com\r\nMessage-ID: <x@y>\r\nDate: d\r\n";
    let received = received();
    for (with, without) in [
        ("Bcc: x@y\r\nTo: z@y\r\n\r\nb", "To: z@y\r\n\r\nb"),
        ("To: z@y\r\nBCC : x@y,\r\n w@y\r\n\r\nb", "To: z@y\r\n\r\nb"),
        ("Bcc:\r\nResent-Bcc: x@y\r\nbcc: v@y\r\n", ""),
        ("Bcc: x@y", ""),
        (
            "X-Bcc: x\r\nBcc-X: y\r\n\r\nBcc: in the body\r\n",
            "X-Bcc: x\r\nBcc-X: y\r\n\r\nBcc: in the body\r\n",
        ),
    ] {
        assert_eq!(
            prepared(&format!("{head}{with}")).content,
            format!("{received}{head}{without}"),
            "{with:?}"
        );
    }
}

#[test]
fn subjects() {
    for (value, shown) in [
        (" plain", Some("plain")),
        (" =?utf-8?b?SsO2cmc=?= =?utf-8?q?_M?=", Some("Jörg M")),
        (" folded\r\n  twice", Some("folded twice")),
        (" =?utf-8?q?a=0D=0Ab=00=1Bc?=", Some("abc")),
        (" a\u{202e}b", Some("ab")),
        (" Größe", Some("Größe")),
        ("", None),
        (" ", None),
        (" =?utf-8?q?=0D=0A?=", None),
    ] {
        let message = format!("Subject:{value}\r\n\r\n");
        assert_eq!(prepared(&message).subject.as_deref(), shown, "{value:?}");
    }
    assert_eq!(prepared("From: a\r\n\r\nSubject: body\r\n").subject, None);
    assert_eq!(prepared(&format!("Subject: {}", "ü".repeat(999))).subject.unwrap().chars().count(), 255);
}

#[test]
fn hops_are_counted_in_the_header_alone() {
    assert_eq!(hops(b"Received: a\r\nX: y\r\nRECEIVED: b\r\n\r\nReceived: c\r\n"), 2);
    assert_eq!(hops(b""), 0);
}

proptest! {
    #[test]
    fn bytes_are_kept(fields in prop::collection::vec("[A-Z][a-z-]{0,8}: ?[ -~é]{0,20}(\r\n [!-~]{1,9})?\r\n", 0..8), body in any::<Vec<u8>>()) {
        let fields: Vec<_> = fields.into_iter().filter(|field| !field.starts_with("Bcc")).collect();
        let original = [fields.concat().as_bytes(), b"\r\n", &body].concat();
        let ready = prepare(&original, &facts()).content;
        prop_assert!(ready.ends_with(&original));
        prop_assert_eq!(ready.len() - original.len(), {
            let added = &ready[..ready.len() - original.len()];
            Headers::read(added).fields().iter().map(|field| field.bytes().len()).sum::<usize>()
        });
    }

    #[test]
    fn no_message_is_too_odd(message in any::<Vec<u8>>()) {
        prepare(&message, &facts());
        hops(&message);
    }
}
