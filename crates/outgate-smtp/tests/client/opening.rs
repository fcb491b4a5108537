//! From the greeting to where mail can be sent.

use crate::{BARE, play, recording::recorded, reply, settings};
use outgate_smtp::client::{Closing, Conversation, Stage, StartTls, Step};

#[test]
fn openings() {
    use StartTls::{Always, Never, WhenOffered};
    let hello = "EHLO out.example.net\r\n";
    let tls = "250-mx\r\n250 STARTTLS\r\n";
    let closed =
        |at, code, text| format!("{:?}", Step::Close(Closing::Refused { at, reply: reply(code, text) }));
    let no_tls = format!("{:?}", Step::Close(Closing::NoTls));
    for (starttls, input, sent, last) in [
        (Never, String::new(), String::new(), "NeedInput(Greeting)".into()),
        (Never, "220 hi\r\n".into(), hello.into(), "NeedInput(Hello)".into()),
        (Never, format!("220-a\r\n220 b\r\n{BARE}"), hello.into(), "Ready".into()),
        (Never, format!("220 hi\r\n{tls}"), hello.into(), "Ready".into()),
        (Never, "554 no\r\n".into(), String::new(), closed(Stage::Greeting, 554, "no")),
        (Never, "421 busy\r\n".into(), String::new(), closed(Stage::Greeting, 421, "busy")),
        (
            Never,
            "220 hi\r\n502 what\r\n250 fine\r\n".into(),
            format!("{hello}HELO out.example.net\r\n"),
            "Ready".into(),
        ),
        (
            Never,
            "220 hi\r\n502 what\r\n550 no\r\n".into(),
            format!("{hello}HELO out.example.net\r\n"),
            closed(Stage::Hello, 550, "no"),
        ),
        (Never, "220 hi\r\n451 later\r\n".into(), hello.into(), closed(Stage::Hello, 451, "later")),
        (WhenOffered, format!("220 hi\r\n{BARE}"), hello.into(), "Ready".into()),
        (
            WhenOffered,
            format!("220 hi\r\n{tls}220 go\r\n"),
            format!("{hello}STARTTLS\r\n"),
            "StartTls".into(),
        ),
        (
            WhenOffered,
            format!("220 hi\r\n{tls}454 not now\r\n"),
            format!("{hello}STARTTLS\r\n"),
            "Ready".into(),
        ),
        (
            Always,
            format!("220 hi\r\n{tls}454 no\r\n"),
            format!("{hello}STARTTLS\r\n"),
            closed(Stage::StartTls, 454, "no"),
        ),
        (Always, format!("220 hi\r\n{BARE}"), hello.into(), no_tls.clone()),
        (
            Always,
            "220 hi\r\n500 what\r\n250 fine\r\n".into(),
            format!("{hello}HELO out.example.net\r\n"),
            no_tls,
        ),
    ] {
        let mut conversation = Conversation::new(settings(starttls, false), false);
        let (said, step) = play(&mut conversation, &input);
        assert_eq!((said, format!("{step:?}")), (sent, last), "{starttls:?} {input:?}");
    }
}

/// RFC 3207 §4.2, and what CVE-2011-0411 is about.
#[test]
fn what_came_in_clear_behind_starttls_is_thrown_away() {
    let mut conversation = Conversation::new(settings(StartTls::WhenOffered, false), false);
    let (_, step) = play(
        &mut conversation,
        "220 hi\r\n250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n",
    );
    assert!(matches!(step, Step::StartTls));
    conversation.receive(b"250 more\r\n");
    conversation.tls_started();
    let (sent, step) = play(&mut conversation, "");
    assert_eq!(sent, "EHLO out.example.net\r\n");
    assert!(matches!(step, Step::NeedInput(Stage::Hello)));
    let (sent, step) = play(&mut conversation, "250-mx\r\n250 STARTTLS\r\n");
    assert_eq!(sent, "", "STARTTLS is not said inside TLS");
    assert!(matches!(step, Step::Ready));
    assert!(!conversation.offered().pipelining);
}

#[test]
fn signing_in() {
    for (ehlo, replies, sent, ready) in [
        ("250 AUTH LOGIN PLAIN", "235 ok\r\n", "AUTH PLAIN AHJlbGF5AHBhc3Mgd29yZA==\r\n", true),
        (
            "250 AUTH LOGIN",
            "334 u\r\n334 p\r\n235 ok\r\n",
            "AUTH LOGIN\r\ncmVsYXk=\r\ncGFzcyB3b3Jk\r\n",
            true,
        ),
        ("250 AUTH PLAIN", "535 no\r\n", "AUTH PLAIN AHJlbGF5AHBhc3Mgd29yZA==\r\n", false),
        ("250 AUTH LOGIN", "235 what\r\n", "AUTH LOGIN\r\n", false),
        ("250 AUTH CRAM-MD5", "", "", false),
        ("250 8BITMIME", "", "", false),
    ] {
        let mut conversation = Conversation::new(settings(StartTls::Never, true), true);
        let (said, step) = play(&mut conversation, &format!("220 hi\r\n250-mx\r\n{ehlo}\r\n{replies}"));
        assert_eq!(said, format!("EHLO out.example.net\r\n{sent}"));
        assert_eq!(matches!(step, Step::Ready), ready, "{ehlo} {replies:?} {step:?}");
        let recorded = recorded(&mut conversation).join("\n");
        for secret in ["AHJlbGF5AHBhc3Mgd29yZA==", "cmVsYXk=", "cGFzcyB3b3Jk"] {
            assert!(!recorded.contains(secret), "{recorded}");
        }
        assert_eq!(recorded.contains("***"), sent.contains('='), "{recorded}");
        assert!(ready || matches!(step, Step::Close(_)));
    }
    let mut clear = Conversation::new(settings(StartTls::WhenOffered, true), false);
    let (said, step) = play(&mut clear, "220 hi\r\n250-mx\r\n250 AUTH PLAIN\r\n");
    assert_eq!(said, "EHLO out.example.net\r\n", "no password outside TLS");
    assert!(matches!(step, Step::Close(Closing::NoTls)));
    assert_eq!(format!("{:?}", Step::Send(b"secret".to_vec())), "Send(6 octets)");
}
