//! The rule of `From:`, by cases and against a second judge.

use super::*;
use mail_parser::{HeaderValue, parsers::MessageStream};
use proptest::prelude::*;

fn check(headers: &[u8]) -> Result<(), FromRefusal> {
    check_from(&[headers, b"\r\nbody\r\n"].concat(), &"example.com".parse().unwrap())
}

#[test]
fn passes() {
    for headers in [
        "From: a@example.com\r\n",
        "from:a@example.com\r\n",
        "FROM: A <a@Example.COM>\r\n",
        "From: <a@example.com>\r\n",
        "From: < a@example.com >\r\n",
        "From: \"a@evil.org\" <x@example.com>\r\n",
        "From: \"Doe, \\\"J.\\\" <x@evil.org>\" <x@example.com>\r\n",
        "From: John Q. Public <a@example.com>\r\n",
        "From: a@example.com (a (nested \\) x@evil.org) comment)\r\n",
        "From: (before) a@example.com\r\n",
        "From: A (x@evil.org) <a@example.com> (after)\r\n",
        "From: =?utf-8?q?x=40evil.org?= <a@example.com>\r\n",
        "From: =?utf-8?b?SsO2cmc=?=\r\n =?utf-8?q?_M?= <a@example.com>\r\n",
        "From: A\r\n\t<a@example.com>\r\n",
        "From:\r\n a@example.com\r\n",
        "From: a@example.com, B <b@example.com>\r\n",
        "From: team: a@example.com, B <b@example.com>;\r\n",
        "From: team:; , a@example.com\r\n",
        "From: \"a b\"@example.com\r\n",
        "From: o'brien+tag=x/y@example.com\r\n",
        "From: a.b.c@example.com\r\n",
        "From: jörg@example.com\r\n",
        "From: Jörg <a@example.com>\r\n",
        "From: a@example.com\r\nSender: \"S\" <s@example.com>\r\n",
        "From: a@example.com\r\nReply-To: x@evil.org\r\n",
        "From: a@example.com\r\nResent-From: x@evil.org\r\nResent-Sender: y@evil.org\r\n",
        "X-From: x@evil.org\r\nFrom: a@example.com\r\nFrom-X: x@evil.org\r\n",
    ] {
        assert_eq!(check(headers.as_bytes()), Ok(()), "{headers:?}");
    }
    assert_eq!(check(b"From: Caf\xe9 <a@example.com>\r\n"), Ok(()), "eight-bit names of older mail");
}

#[test]
fn other_domains() {
    for (headers, field, address) in [
        ("From: x@evil.org\r\n", AuthorField::From, "x@evil.org"),
        ("From: a@sub.example.com\r\n", AuthorField::From, "a@sub.example.com"),
        ("From: a@com.example.com.evil.org\r\n", AuthorField::From, "a@com.example.com.evil.org"),
        ("From: \"a@example.com\" <x@evil.org>\r\n", AuthorField::From, "x@evil.org"),
        ("From: x@evil.org (a@example.com)\r\n", AuthorField::From, "x@evil.org"),
        ("From: a@example.com, x@evil.org\r\n", AuthorField::From, "x@evil.org"),
        ("From: g: a@example.com, x@evil.org;\r\n", AuthorField::From, "x@evil.org"),
        ("From: g:a@example.com;, x@evil.org\r\n", AuthorField::From, "x@evil.org"),
        ("From: a\r\n\t@example.com <x@evil.org>\r\n", AuthorField::From, ""),
        ("From: a@example.com\r\nSender: x@evil.org\r\n", AuthorField::Sender, "x@evil.org"),
        ("From: a@exаmple.com\r\n", AuthorField::From, "a@xn--exmple-4nf.com"),
    ] {
        match check(headers.as_bytes()) {
            Err(FromRefusal::NotYours { field: found, address: given }) => {
                assert_eq!((found, given.to_string().as_str()), (field, address), "{headers:?}");
            }
            Err(FromRefusal::Unreadable(_, Unreadable::NotAnAddress)) if address.is_empty() => {}
            other => panic!("{headers:?}: {other:?}"),
        }
    }
}

#[test]
fn missing_and_several() {
    assert_eq!(check(b"Subject: x\r\n"), Err(FromRefusal::Missing));
    assert_eq!(check(b""), Err(FromRefusal::Missing));
    assert_eq!(check_from(b"", &"example.com".parse().unwrap()), Err(FromRefusal::Missing));
    let twice = "From: a@example.com\r\nfrom: a@example.com\r\n";
    assert_eq!(check(twice.as_bytes()), Err(FromRefusal::Several(AuthorField::From)));
    let spaced = "From: a@example.com\r\nFrom : x@evil.org\r\n";
    assert_eq!(check(spaced.as_bytes()), Err(FromRefusal::Several(AuthorField::From)));
    let senders = "From: a@example.com\r\nSender: a@example.com\r\nSender: b@example.com\r\n";
    assert_eq!(check(senders.as_bytes()), Err(FromRefusal::Several(AuthorField::Sender)));
}

#[test]
fn unreadable() {
    use Unreadable as U;
    for (value, reason) in [
        ("", U::NoAddress),
        (" ", U::NoAddress),
        (" undisclosed:;", U::NoAddress),
        (" (a@example.com)", U::NoAddress),
        (" ,a@example.com", U::NoAddress),
        (" a@example.com,", U::NoAddress),
        (" a@example.com,,b@example.com", U::NoAddress),
        (" Alice", U::NotAnAddress),
        (" =?utf-8?q?a=40example.com?=", U::NotAnAddress),
        (" a@example.com b@example.com", U::Trailing),
        (" a@example.com <x@evil.org>", U::Trailing),
        (" <a@example.com> x@evil.org", U::Trailing),
        (" <a@example.com> <x@evil.org>", U::Trailing),
        (" a@example.com;", U::Trailing),
        (" <a@example.com", U::NotAnAddress),
        (" a@example.com>", U::Trailing),
        (" <<a@example.com>>", U::NotAnAddress),
        (" <a@example.com@evil.org>", U::NotAnAddress),
        (" a@example.com@evil.org", U::Trailing),
        (" <@evil.org:a@example.com>", U::Route),
        (" <@evil.org,@evil.net:a@example.com>", U::Route),
        (" a @example.com", U::NotAnAddress),
        (" a@ example.com", U::NotAnAddress),
        (" a@example .com", U::Address(AddressError::Domain(outgate_core::DomainNameError::OneLabel))),
        (" a@(x)example.com", U::NotAnAddress),
        (" a(x)@example.com", U::NotAnAddress),
        (" a@example.com(.evil.org)", U::Ambiguous),
        (" <a(x)@example.com>", U::NotAnAddress),
        (" <(x)a@example.com>", U::NotAnAddress),
        (" <a@example.com(x)>", U::NotAnAddress),
        (" .a@example.com", U::NotAnAddress),
        (" a.@example.com", U::NotAnAddress),
        (" a..b@example.com", U::NotAnAddress),
        (" <a.@example.com>", U::NotAnAddress),
        (" a@example.com.", U::NotAnAddress),
        (" a@example..com", U::NotAnAddress),
        (" a@[192.0.2.1]", U::Address(AddressError::Literal)),
        (" root@localhost", U::Address(AddressError::Domain(outgate_core::DomainNameError::OneLabel))),
        (" \"x@evil.org\"@example.com", U::Ambiguous),
        (" \"x@evil.org>\"@example.com", U::Ambiguous),
        (" =?utf-8?q?x=40evil.org=3e?=@example.com", U::Ambiguous),
        (" a@ｅxample.com", U::Ambiguous),
        (" a@exam\u{ad}ple.com", U::Ambiguous),
        (" \"unfinished <a@example.com>", U::Unfinished),
        (" (unfinished a@example.com", U::Unfinished),
        (" a@example.com (unfinished", U::Unfinished),
        (" g: a@example.com", U::Unfinished),
        (" g: h: a@example.com;;", U::NotAnAddress),
        (" : a@example.com;", U::NoAddress),
        (" a@example.com\0", U::Control),
        (" \"a\0\" <a@example.com>", U::Control),
        (" a@example.com\u{7f}", U::Control),
        (" a@example.com\rFrom: x@evil.org", U::Control),
        (" a@example.com\nFrom: x@evil.org", U::Control),
    ] {
        let header = format!("From:{value}\r\n");
        let expected = FromRefusal::Unreadable(AuthorField::From, reason);
        assert_eq!(check(header.as_bytes()), Err(expected), "{value:?}");
    }
    let spaced = FromRefusal::Unreadable(AuthorField::From, Unreadable::Spaced);
    assert_eq!(check(b"From : a@example.com\r\n"), Err(spaced));
    let sender = FromRefusal::Unreadable(AuthorField::Sender, Unreadable::NoAddress);
    assert_eq!(check(b"From: a@example.com\r\nSender:\r\n"), Err(sender));
    assert_eq!(
        check(b"From: a@example.com\r\njunk\r\nFrom: x@evil.org\r\n"),
        Err(FromRefusal::Header(HeaderFault::NotAField))
    );
    for value in [" a@example.com\r\n ", " a@example.com\r\n \r\n (x)"] {
        assert_eq!(addresses(value.as_bytes()), Err(U::Control), "{value:?}");
        let blank = Err(FromRefusal::Header(HeaderFault::BlankLine));
        assert_eq!(check(format!("From:{value}\r\n").as_bytes()), blank, "{value:?}");
    }
    // In any field: what stands below it is not in the header for every receiver.
    assert_eq!(
        check(b"Subject: x\r\n \r\nFrom: a@example.com\r\n"),
        Err(FromRefusal::Header(HeaderFault::BlankLine))
    );
    let deep = format!("From: a@example.com {}{}\r\n", "(".repeat(99), ")".repeat(99));
    assert_eq!(check(deep.as_bytes()), Err(FromRefusal::Unreadable(AuthorField::From, Unreadable::TooDeep)));
    let many = format!("From: a@example.com{}\r\n", ", a@example.com".repeat(100));
    assert_eq!(check(many.as_bytes()), Err(FromRefusal::Unreadable(AuthorField::From, Unreadable::TooMany)));
}

#[test]
fn international_domains() {
    let bücher = "xn--bcher-kva.example".parse().unwrap();
    for value in ["a@bücher.example", "a@BÜCHER.example", "A <a@xn--bcher-kva.example>"] {
        assert_eq!(check_from(format!("From: {value}\r\n\r\n").as_bytes(), &bücher), Ok(()), "{value}");
    }
}

#[test]
fn refusals_repeat_nothing_of_the_message() {
    let refusal = check(b"From: secret-name@evil.org\r\n").unwrap_err().to_string();
    assert!(!refusal.contains("evil") && !refusal.contains("secret"), "{refusal}");
}

/// What another parser, made for reading mail, takes for addresses.
fn second_opinion(value: &str) -> Vec<String> {
    let line = format!("{value}\r\n");
    match MessageStream::new(line.as_bytes()).parse_address() {
        HeaderValue::Address(list) => {
            list.iter().filter_map(|found| found.address().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

/// What addresses are made of, and the tricks.
const PIECES: &[&str] = &[
    "a@example.com",
    "x@evil.org",
    "<a@example.com>",
    "<x@evil.org>",
    "\"x@evil.org\"",
    "\"<x@evil.org>\"",
    "(x@evil.org)",
    "(<x@evil.org>)",
    "=?utf-8?q?x=40evil.org?=",
    "=?utf-8?q?=3Cx=40evil.org=3E?=",
    "Alice",
    "group",
    ":",
    ";",
    ",",
    "<",
    ">",
    "@",
    ".",
    "\"",
    "\\",
    "(",
    ")",
    "[",
    "]",
    " ",
    "\r\n ",
    "\t",
    "example.com",
    "evil.org",
    "a",
    "x",
    "=",
    "?",
    "\0",
    "ü",
    "@evil.org,",
    "@evil.org:",
];

fn pieces(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..most).prop_map(|pieces| pieces.concat())
}

/// Pieces alone, and around an address that would pass.
fn values() -> impl Strategy<Value = String> {
    let good = prop::sample::select(vec![
        "a@example.com",
        "<a@example.com>",
        "A <a@example.com>",
        "g:a@example.com;",
    ]);
    let around =
        (pieces(4), good, pieces(4)).prop_map(|(before, good, after)| format!("{before}{good}{after}"));
    prop_oneof![pieces(10), around]
}

#[test]
fn the_second_judge_sees() {
    for value in [" A <x@evil.org>", " x@evil.org", " a@example.com, x@evil.org", " g: x@evil.org;"] {
        assert!(second_opinion(value).contains(&"x@evil.org".to_owned()), "{value}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_has_no_foreign_address_for_the_second_judge(value in values()) {
        let allowed: DomainName = "example.com".parse().unwrap();
        if let Ok(found) = addresses(value.as_bytes())
            && found.iter().all(|address| *address.domain() == allowed)
        {
            for other in second_opinion(&value) {
                prop_assert!(other.ends_with("@example.com"), "{value:?}: {other:?}");
            }
        }
    }

    #[test]
    fn a_foreign_mailbox_among_good_ones_never_passes(
        before in prop::collection::vec("(A )?<[a-z]{1,5}@example\\.com>|[a-z]{1,5}@example\\.com", 0..3),
        foreign in "(\"a@example\\.com\" )?<[a-z]{1,5}@(evil\\.org|sub\\.example\\.com|example\\.com\\.evil\\.org)>",
        comment in "( \\(a@example\\.com\\))?",
    ) {
        let mut list = before;
        list.push(format!("{foreign}{comment}"));
        let header = format!("From: {}\r\n", list.join(", "));
        prop_assert!(matches!(check(header.as_bytes()), Err(FromRefusal::NotYours { .. })), "{}", header);
    }

    #[test]
    fn any_bytes(value in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = addresses(&value);
    }
}
