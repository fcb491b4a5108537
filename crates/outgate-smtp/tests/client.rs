//! The client conversation, driven without IO.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use outgate_core::{Body, Recipient, Reply, ReversePath, Secret};
use outgate_smtp::client::{
    BeginError, Closing, Conversation, Credentials, Mail, Settings, Stage, StartTls, Step, Verdict,
};
use proptest::prelude::*;
use std::sync::Arc;

const PIPELINING: &str = "250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 1000\r\n";
const BARE: &str = "250 mx.example.org\r\n";

fn settings(starttls: StartTls, sign_in: bool) -> Settings {
    let credentials =
        || Arc::new(Credentials { username: "relay".into(), password: Secret::new("pass word") });
    Settings { name: "out.example.net".parse().unwrap(), starttls, credentials: sign_in.then(credentials) }
}

/// Feeds `input` and returns what was sent until the conversation wants more or has something to say.
fn play(conversation: &mut Conversation, input: &str) -> (String, Step) {
    conversation.receive(input.as_bytes());
    let mut sent = Vec::new();
    loop {
        match conversation.step() {
            Step::Send(bytes) => sent.extend(bytes),
            step => return (String::from_utf8(sent).unwrap(), step),
        }
    }
}

fn opened(ehlo: &str) -> Conversation {
    let mut conversation = Conversation::new(settings(StartTls::Never, false), false);
    let (_, step) = play(&mut conversation, &format!("220 hello\r\n{ehlo}"));
    assert!(matches!(step, Step::Ready), "{step:?}");
    conversation
}

fn begin(conversation: &mut Conversation, recipients: &[&str], size: u64) -> Result<(), BeginError> {
    let recipients: Vec<Recipient> = recipients
        .iter()
        .map(|address| Recipient { address: address.parse().unwrap(), notify: None, original: None })
        .collect();
    conversation.begin(&Mail {
        reverse_path: &ReversePath::Null,
        recipients: &recipients.iter().collect::<Vec<_>>(),
        body: Body::SevenBit,
        smtputf8: false,
        return_content: None,
        envelope_id: None,
        size,
    })
}

fn reply(code: u16, text: &str) -> Reply {
    Reply { code, enhanced: None, lines: vec![text.into()] }
}

fn refused(at: Stage, code: u16, text: &str) -> Verdict {
    Verdict::Refused { at, reply: reply(code, text) }
}

fn recorded(conversation: &mut Conversation) -> Vec<String> {
    let transcript = std::mem::take(conversation.recording()).finish();
    transcript.lines().map(str::to_owned).collect()
}

#[test]
fn what_was_said_is_recorded_but_not_the_message() {
    let mut conversation = Conversation::new(settings(StartTls::WhenOffered, true), false);
    let (_, step) = play(&mut conversation, "220 hi\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n");
    assert!(matches!(step, Step::StartTls));
    conversation.tls_started();
    let replies = "250-mx\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n235 2.7.0 ok\r\n";
    let (_, step) = play(&mut conversation, replies);
    assert!(matches!(step, Step::Ready));
    assert_eq!(
        recorded(&mut conversation),
        [
            "< 220 hi",
            "> EHLO out.example.net",
            "< 250 mx / STARTTLS",
            "> STARTTLS",
            "< 220 go",
            "> EHLO out.example.net",
            "< 250 mx / PIPELINING / AUTH PLAIN",
            "> AUTH PLAIN ***",
            "< 235 2.7.0 ok",
        ]
    );
    assert_eq!(conversation.hello().unwrap().lines, ["mx", "PIPELINING", "AUTH PLAIN"]);
    let commands = ["> MAIL FROM:<>", "> RCPT TO:<a@example.org>", "> DATA"];
    for (whole, answer, expected) in [
        (true, "250 2.0.0 queued\r\n", vec!["* the message was sent, 9 octets", "< 250 2.0.0 queued"]),
        (
            false,
            "what\r\n",
            vec![
                "* the message, 9 octets, was not sent to its end",
                "* the server sent a line that is no SMTP reply",
            ],
        ),
    ] {
        begin(&mut conversation, &["a@example.org"], 9).unwrap();
        let (_, step) = play(&mut conversation, "");
        assert!(matches!(step, Step::NeedInput(_)), "{step:?}");
        let (_, step) = play(&mut conversation, "250 m\r\n250 a\r\n354 go\r\n");
        assert!(matches!(step, Step::Content));
        conversation.content_sent(whole);
        let (_, step) = play(&mut conversation, answer);
        assert!(matches!(step, Step::Finished(_)));
        let replies = ["< 250 m", "< 250 a", "< 354 go"];
        assert_eq!(recorded(&mut conversation), [&commands[..], &replies, &expected].concat());
    }
}

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

const COMMANDS: &str =
    "MAIL FROM:<> SIZE=9\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n";

/// One pipelined transaction to two recipients: replies to the commands, whether the content is asked for, the reply to
/// it, and the verdicts.
#[test]
fn pipelined_transactions() {
    let taken = |text| Verdict::Taken(reply(250, text));
    let lost = |at| Verdict::Unanswered { at };
    let two = |verdict: &Verdict| vec![verdict.clone(), verdict.clone()];
    for (replies, content, verdicts, usable) in [
        ("250 m\r\n250 a\r\n250 b\r\n354 go\r\n", Some("250 done\r\n"), two(&taken("done")), true),
        (
            "250 m\r\n250 a\r\n550 b\r\n354 go\r\n",
            Some("250 done\r\n"),
            vec![taken("done"), refused(Stage::Recipient, 550, "b")],
            true,
        ),
        (
            "250 m\r\n251 a\r\n452 b\r\n354 go\r\n",
            Some("451 later\r\n"),
            vec![refused(Stage::Content, 451, "later"), refused(Stage::Recipient, 452, "b")],
            true,
        ),
        (
            "250 m\r\n550 a\r\n550 b\r\n554 none\r\n",
            None,
            vec![refused(Stage::Recipient, 550, "a"), refused(Stage::Recipient, 550, "b")],
            true,
        ),
        (
            "250 m\r\n250 a\r\n550 b\r\n451 no\r\n",
            None,
            vec![refused(Stage::Data, 451, "no"), refused(Stage::Recipient, 550, "b")],
            true,
        ),
        ("552 m\r\n503 a\r\n503 b\r\n503 d\r\n", None, two(&refused(Stage::Mail, 552, "m")), true),
        ("250 m\r\n421 bye\r\n", None, two(&refused(Stage::Recipient, 421, "bye")), false),
        (
            "250 m\r\n250 a\r\n250 b\r\n354 go\r\n",
            Some("421 bye\r\n"),
            two(&refused(Stage::Content, 421, "bye")),
            false,
        ),
        ("354 m\r\n", None, two(&lost(Stage::Mail)), false),
        ("250 m\r\n354 a\r\n", None, two(&lost(Stage::Recipient)), false),
        ("250 m\r\n250 a\r\n250 b\r\n250 d\r\n", None, two(&lost(Stage::Data)), false),
        ("250 m\r\n250 a\r\n250 b\r\n354 go\r\n", Some("354 again\r\n"), two(&lost(Stage::Content)), false),
        ("250 m\r\n250 a\r\n250 b\r\n354 go\r\n", Some("what\r\n"), two(&lost(Stage::Content)), false),
        ("250 m\r\nwhat\r\n", None, two(&lost(Stage::Recipient)), false),
    ] {
        let mut conversation = opened(PIPELINING);
        begin(&mut conversation, &["a@example.org", "b@example.org"], 9).unwrap();
        let (sent, step) = play(&mut conversation, "");
        assert_eq!(sent, COMMANDS);
        assert!(matches!(step, Step::NeedInput(Stage::Mail)));
        let (sent, mut step) = play(&mut conversation, replies);
        assert_eq!(sent, "");
        assert_eq!(matches!(step, Step::Content), content.is_some(), "{replies:?} {step:?}");
        if let Some(answer) = content {
            conversation.content_sent(true);
            assert!(matches!(conversation.step(), Step::NeedInput(Stage::Content)));
            step = play(&mut conversation, answer).1;
        }
        let Step::Finished(found) = step else { panic!("{replies:?} {step:?}") };
        assert_eq!(found, verdicts, "{replies:?}");
        let next = conversation.step();
        assert_eq!(matches!(next, Step::Ready), usable, "{replies:?} {next:?}");
        if usable {
            begin(&mut conversation, &["a@example.org", "b@example.org"], 9).unwrap();
            let reset = if content.is_some() { "" } else { "RSET\r\n" };
            assert_eq!(play(&mut conversation, "").0, format!("{reset}{COMMANDS}"), "{replies:?}");
        }
    }
}

/// RFC 2920 §3.1: a server that refused everybody and yet wants the content gets a lone dot; its answer is nobody's.
#[test]
fn a_lone_dot_ends_a_transaction_without_recipients() {
    let mut conversation = opened(PIPELINING);
    begin(&mut conversation, &["a@example.org"], 9).unwrap();
    let (_, _) = play(&mut conversation, "");
    let (sent, step) = play(&mut conversation, "250 m\r\n550 a\r\n354 go\r\n");
    assert_eq!(sent, ".\r\n");
    assert!(matches!(step, Step::NeedInput(Stage::Content)));
    let (_, step) = play(&mut conversation, "250 taken\r\n");
    let Step::Finished(verdicts) = step else { panic!("{step:?}") };
    assert_eq!(verdicts, [refused(Stage::Recipient, 550, "a")]);
    begin(&mut conversation, &["a@example.org"], 9).unwrap();
    assert!(play(&mut conversation, "").0.starts_with("MAIL"), "the dot ended the transaction");
}

#[test]
fn without_pipelining_each_command_waits_for_its_turn() {
    let mut conversation = opened(BARE);
    begin(&mut conversation, &["a@example.org", "b@example.org"], 5000).unwrap();
    for (input, sent) in [
        ("", "MAIL FROM:<>\r\n"),
        ("250 m\r\n", "RCPT TO:<a@example.org>\r\n"),
        ("550 a\r\n", "RCPT TO:<b@example.org>\r\n"),
        ("250 b\r\n", "DATA\r\n"),
    ] {
        assert_eq!(play(&mut conversation, input).0, sent);
    }
    let (_, step) = play(&mut conversation, "354 go\r\n");
    assert!(matches!(step, Step::Content));
    conversation.content_sent(true);
    let (_, step) = play(&mut conversation, "250 done\r\n");
    let Step::Finished(verdicts) = step else { panic!("{step:?}") };
    assert_eq!(verdicts, [refused(Stage::Recipient, 550, "a"), Verdict::Taken(reply(250, "done"))]);

    begin(&mut conversation, &["a@example.org", "b@example.org"], 9).unwrap();
    let (_, _) = play(&mut conversation, "");
    let (sent, step) = play(&mut conversation, "451 later\r\n");
    assert_eq!(sent, "", "nothing follows a refused MAIL");
    assert!(matches!(step, Step::Finished(_)));

    begin(&mut conversation, &["a@example.org"], 9).unwrap();
    let (_, _) = play(&mut conversation, "");
    let (_, _) = play(&mut conversation, "250 reset\r\n");
    let (_, _) = play(&mut conversation, "250 m\r\n");
    let (sent, step) = play(&mut conversation, "550 a\r\n");
    assert_eq!(sent, "", "no DATA for nobody");
    assert!(matches!(step, Step::Finished(_)));
}

#[test]
fn what_cannot_be_sent_is_refused_before_a_byte() {
    let mut conversation = opened(PIPELINING);
    assert_eq!(begin(&mut conversation, &["a@example.org"], 1001), Err(BeginError::TooLarge { limit: 1000 }));
    assert_eq!(begin(&mut conversation, &["ä@example.org"], 9), Err(BeginError::NeedsSmtpUtf8));
    assert_eq!(begin(&mut conversation, &[], 9), Err(BeginError::NoRecipients));
    assert_eq!(
        begin(&mut conversation, &["a@example.org"], 1000),
        Ok(()),
        "and the connection is still good"
    );
    assert_eq!(begin(&mut conversation, &["a@example.org"], 9), Err(BeginError::NotReady));

    let mut unlimited = opened("250-mx\r\n250-SMTPUTF8\r\n250 SIZE 0\r\n");
    begin(&mut unlimited, &["ä@bücher.example"], 1 << 40).unwrap();
    assert_eq!(play(&mut unlimited, "").0, "MAIL FROM:<> SIZE=1099511627776 SMTPUTF8\r\n");
    assert_eq!(play(&mut unlimited, "250 m\r\n").0, "RCPT TO:<ä@xn--bcher-kva.example>\r\n");
}

#[test]
fn a_server_that_speaks_unasked_is_left() {
    let mut conversation = opened(PIPELINING);
    conversation.receive(b"421 idle\r\n");
    assert_eq!(begin(&mut conversation, &["a@example.org"], 9), Err(BeginError::NotReady));
    assert!(matches!(conversation.step(), Step::Close(Closing::OutOfStep)));
}

#[test]
fn a_two_hundred_and_fifty_before_the_dot_counts_for_nothing() {
    // Said before the content was there to be taken.
    let mut early = opened(PIPELINING);
    begin(&mut early, &["a@example.org"], 9).unwrap();
    let (_, step) = play(&mut early, "");
    assert!(matches!(step, Step::NeedInput(_)));
    let (_, step) = play(&mut early, "250 m\r\n250 a\r\n354 go\r\n250 taken\r\n");
    assert!(matches!(step, Step::Content));
    early.content_sent(true);
    let Step::Finished(verdicts) = early.step() else { panic!() };
    assert_eq!(verdicts, [Verdict::Unanswered { at: Stage::Content }]);
    assert!(matches!(early.step(), Step::Close(_)));

    // Said to a content that broke off; a refusal is heard all the same.
    for (answer, verdict) in [
        ("250 taken\r\n", Verdict::Unanswered { at: Stage::Content }),
        ("552 too big\r\n", refused(Stage::Content, 552, "too big")),
    ] {
        let mut cut = opened(PIPELINING);
        begin(&mut cut, &["a@example.org"], 9).unwrap();
        let (_, _) = play(&mut cut, "");
        let (_, step) = play(&mut cut, "250 m\r\n250 a\r\n354 go\r\n");
        assert!(matches!(step, Step::Content));
        cut.content_sent(false);
        let (_, step) = play(&mut cut, answer);
        let Step::Finished(verdicts) = step else { panic!("{step:?}") };
        assert_eq!(verdicts, [verdict]);
        assert!(matches!(cut.step(), Step::Close(_)), "the connection is of no more use");
    }
}

#[test]
fn a_lost_connection_ends_what_is_open() {
    let mut conversation = opened(PIPELINING);
    begin(&mut conversation, &["a@example.org", "b@example.org"], 9).unwrap();
    let (_, _) = play(&mut conversation, "");
    let (_, _) = play(&mut conversation, "250 m\r\n550 a\r\n");
    conversation.lost();
    let Step::Finished(verdicts) = conversation.step() else { panic!() };
    assert_eq!(verdicts, [refused(Stage::Recipient, 550, "a"), Verdict::Unanswered { at: Stage::Recipient }]);
    assert!(matches!(conversation.step(), Step::Close(Closing::Lost { at: Stage::Recipient })));
    let mut idle = opened(PIPELINING);
    idle.quit();
    let (sent, step) = play(&mut idle, "221 bye\r\n");
    assert_eq!(sent, "QUIT\r\n");
    assert!(matches!(step, Step::Close(Closing::Quit)));
}

/// Something like what servers say, and something like what they never should.
fn utterance() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("250 ok\r\n".to_owned()),
        2 => Just("354 go\r\n".to_owned()),
        1 => Just("220 go\r\n".to_owned()),
        1 => Just("334 more\r\n".to_owned()),
        1 => Just("235 in\r\n".to_owned()),
        1 => Just("250-mx\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n".to_owned()),
        1 => "[2-5][0-9]{2}[- ][a-z]{0,3}\r\n",
        1 => "\\PC{0,5}\r?\n?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever a server says, and however it is cut, the conversation ends, and takes nobody's word for a message
    /// whose final dot was not sent.
    #[test]
    fn no_server_can_hang_or_fool_it(
        said in proptest::collection::vec(utterance(), 0..20),
        starttls in prop_oneof![Just(StartTls::Never), Just(StartTls::WhenOffered), Just(StartTls::Always)],
        credentials in any::<bool>(),
        secured in any::<bool>(),
        whole in any::<bool>(),
    ) {
        let mut conversation = Conversation::new(settings(starttls, credentials), secured);
        let mut said = said.into_iter();
        let (mut dots, mut transactions, mut results) = (0, 0, 0);
        for _ in 0..500 {
            match conversation.step() {
                Step::Send(bytes) => {
                    let text = String::from_utf8(bytes).unwrap();
                    prop_assert!(text.ends_with("\r\n"));
                    prop_assert!(text.split("\r\n").all(|line| !line.contains(['\r', '\n'])));
                }
                Step::NeedInput(_) => match said.next() {
                    Some(bytes) => conversation.receive(bytes.as_bytes()),
                    None => conversation.lost(),
                },
                Step::StartTls => conversation.tls_started(),
                Step::Ready if transactions < 3 => {
                    transactions += 1;
                    if begin(&mut conversation, &["a@example.org", "b@example.org"], 9).is_err() {
                        results += 1;
                    }
                }
                Step::Ready => conversation.quit(),
                Step::Content => {
                    dots += usize::from(whole);
                    conversation.content_sent(whole);
                }
                Step::Finished(verdicts) => {
                    results += 1;
                    prop_assert_eq!(verdicts.len(), 2);
                    let taken = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Taken(_)));
                    prop_assert!(!taken || (whole && dots > 0));
                    dots = 0;
                }
                Step::Close(_) => {
                    prop_assert_eq!(results, transactions);
                    return Ok(());
                }
            }
        }
        prop_assert!(false, "it never ended");
    }
}
