//! What a session does for its driver, beyond what it says to the client.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/rights.rs"]
mod rights;

use outgate_core::{ByteBudget, Secret};
use outgate_smtp::{
    Limits,
    server::{Config, Phase, QueuedAs, Refusal, Session, Step, Tally, TlsFacts},
};
use std::{net::Ipv4Addr, sync::Arc};

const SIGN_IN: &[u8] = b"EHLO c\r\nAUTH PLAIN AGFwcABodW50ZXIy\r\n";

fn session(auth: bool) -> Session {
    let config = Config {
        hostname: "relay.example.net".into(),
        limits: Limits::default(),
        starttls: false,
        auth,
        budget: ByteBudget::new(1 << 20),
    };
    let tls = TlsFacts { version: "TLSv1.3".into(), cipher: "x".into() };
    Session::new(Arc::new(config), Ipv4Addr::LOCALHOST.into(), Some(tls))
}

/// The next step, which must be to send; as text.
fn sent(session: &mut Session) -> String {
    match session.step() {
        Step::Send(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("not a reply: {other:?}"),
    }
}

/// A session on which a message's data is awaited.
fn in_data() -> Session {
    let mut session = session(false);
    session.receive(b"HELO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
    assert!(matches!(session.step(), Step::Mail(_)));
    session.mail(Ok(()));
    assert!(matches!(session.step(), Step::Recipient(_)));
    session.recipient(Ok(()));
    assert!(sent(&mut session).ends_with("354 End data with <CR><LF>.<CR><LF>\r\n"));
    session
}

#[test]
fn an_idle_session_is_small() {
    assert!(size_of::<Session>() <= 512, "{} octets", size_of::<Session>());
}

#[test]
fn replies_are_batched_until_input_ends() {
    let mut session = session(false);
    session.receive(b"HELO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nNOOP\r\nNO");
    assert!(matches!(session.step(), Step::Mail(_)), "no answer is awaited before MAIL's question");
    session.mail(Ok(()));
    assert!(matches!(session.step(), Step::Recipient(_)));
    session.recipient(Ok(()));
    assert_eq!(sent(&mut session).lines().count(), 5);
    assert!(matches!(session.step(), Step::NeedInput(Phase::Command)));
}

#[test]
fn replies_are_sent_before_a_sign_in_and_before_keeping() {
    let mut session = session(true);
    session.receive(SIGN_IN);
    session.receive(b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n.\r\n");
    assert!(sent(&mut session).starts_with("220 "));
    assert!(matches!(session.step(), Step::SignIn { .. }));
    session.signed_in(Ok(rights::right_for("example.com")));
    assert!(matches!(session.step(), Step::Mail(_)));
    session.mail(Ok(()));
    assert!(matches!(session.step(), Step::Recipient(_)));
    session.recipient(Ok(()));
    assert!(sent(&mut session).starts_with("235 "));
    let Step::Keep(transaction) = session.step() else { panic!("nothing to keep") };
    assert_eq!(transaction.right.as_ref().unwrap().domain_name().as_str(), "example.com");
    assert_eq!(transaction.client.client, "c");
    assert!(transaction.client.esmtp && transaction.client.mechanism.is_some());
}

#[test]
fn a_flood_of_commands_does_not_pile_up_replies() {
    let mut session = session(false);
    session.receive("HELP\r\n".repeat(10_000).as_bytes());
    let mut replies = 0;
    loop {
        match session.step() {
            Step::Send(bytes) => {
                assert!(bytes.len() < 10_000, "{} octets at once", bytes.len());
                replies += String::from_utf8_lossy(&bytes).lines().count();
            }
            Step::NeedInput(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(replies, 10_001);
}

#[test]
fn data_is_awaited_as_data() {
    let mut session = in_data();
    assert!(matches!(session.step(), Step::NeedInput(Phase::Data)));
    session.receive(b"x\r\n.\r\n");
    assert!(matches!(session.step(), Step::Keep(_)));
    session.kept(Ok(QueuedAs("1\r\n250 x".into())));
    assert_eq!(sent(&mut session), "250 2.0.0 Queued as 1??250 x\r\n");
    assert!(matches!(session.step(), Step::NeedInput(Phase::Command)));
}

#[test]
fn a_question_is_put_once_and_nothing_happens_until_its_answer() {
    let mut session = in_data();
    session.receive(b"x\r\n.\r\nNOOP\r\n");
    assert!(matches!(session.step(), Step::Keep(_)));
    assert!(matches!(session.step(), Step::NeedInput(_)));
    session.mail(Ok(()));
    session.recipient(Ok(()));
    session.signed_in(Err(Refusal::BadCredentials));
    assert!(matches!(session.step(), Step::NeedInput(_)), "answers to other questions say nothing");
    session.kept(Err(Refusal::StoreUnavailable));
    assert!(sent(&mut session).starts_with("451 4.3.0 [store-unavailable]"));
}

#[test]
fn idle_is_between_transactions() {
    let mut session = session(false);
    assert!(session.is_idle());
    assert!(sent(&mut session).starts_with("220 "));
    assert!(matches!(session.step(), Step::NeedInput(_)));
    assert!(session.is_idle());
    session.receive(b"HELO c\r\n");
    assert!(!session.is_idle(), "something is to be answered");
    sent(&mut session);
    assert!(matches!(session.step(), Step::NeedInput(_)));
    session.receive(b"NO");
    assert!(matches!(session.step(), Step::NeedInput(_)));
    assert!(session.is_idle(), "half a command is no transaction");
    assert!(!in_data().is_idle());
    let mut session = in_data();
    session.receive(b".\r\n");
    assert!(matches!(session.step(), Step::Keep(_)));
    assert!(!session.is_idle(), "a message is being kept");
}

#[test]
fn a_shutdown_while_a_question_waits_is_final() {
    let mut session = in_data();
    session.receive(b".\r\n");
    assert!(matches!(session.step(), Step::Keep(_)));
    session.shut_down(Refusal::ShuttingDown);
    session.kept(Ok(QueuedAs("1".into())));
    session.shut_down(Refusal::Timeout);
    session.receive(b"NOOP\r\n");
    assert!(sent(&mut session).starts_with("421 4.3.2 [shutting-down]"));
    assert!(matches!(session.step(), Step::Close));
    assert!(matches!(session.step(), Step::Close));
}

#[test]
fn no_debug_output_has_a_password() {
    let mut session = session(true);
    session.receive(SIGN_IN);
    let secret =
        |text: &str| text.contains("hunter2") || text.contains("aHVudGVyMg") || text.contains("odW50ZXIy");
    assert!(!secret(&format!("{session:?}")));
    sent(&mut session);
    assert!(!secret(&format!("{session:?}")));
    let Step::SignIn { password, .. } = session.step() else { panic!("no sign-in") };
    assert!(password.with_bytes(|bytes| bytes == b"hunter2"));
    assert!(!secret(&format!("{session:?} {password:?}")));
    drop::<Secret>(password);
}

#[test]
fn a_message_in_memory_counts_until_it_is_let_go() {
    let budget = ByteBudget::new(1 << 20);
    let config = Config {
        hostname: "relay.example.net".into(),
        limits: Limits::default(),
        starttls: false,
        auth: false,
        budget: Arc::clone(&budget),
    };
    let mut session = Session::new(Arc::new(config), Ipv4Addr::LOCALHOST.into(), None);
    session.receive(b"HELO c\r\nMAIL FROM:<> SIZE=900000\r\nRCPT TO:<b@example.org>\r\nDATA\r\n");
    assert!(matches!(session.step(), Step::Mail(_)));
    session.mail(Ok(()));
    assert!(matches!(session.step(), Step::Recipient(_)));
    session.recipient(Ok(()));
    sent(&mut session);
    assert!(budget.used() < 1000, "an announced size alone takes no memory");
    for _ in 0..100 {
        session.receive(
            &b"0123456789012345678901234567890123456789012345678901234567890123456789\r\n".repeat(100),
        );
        assert!(matches!(session.step(), Step::NeedInput(Phase::Data)));
    }
    session.receive(b".\r\n");
    let Step::Keep(transaction) = session.step() else { panic!("nothing to keep") };
    assert_eq!(transaction.content.len(), 720_000);
    assert!(budget.used() >= 720_000);
    drop(transaction);
    assert_eq!(budget.used(), 0);
}

#[test]
fn refusals_are_counted_as_they_are_said() {
    let tally = Arc::new(Tally::default());
    let mut session = session(false).counted_by(Arc::clone(&tally));
    session.receive(
        b"NONSENSE\r\nEHLO c\r\nRCPT TO:<a@example.org>\r\nNONSENSE\r\nMAIL FROM:<a@example.com>\r\n",
    );
    assert!(matches!(session.step(), Step::Mail(_)));
    session.mail(Err(Refusal::StoreFull));
    assert_eq!(sent(&mut session).lines().filter(|line| line.contains(" [")).count(), 4);
    session.shut_down(Refusal::ShuttingDown);
    session.shut_down(Refusal::ShuttingDown);
    let said: Vec<_> = tally.read().into_iter().filter(|(_, count)| *count > 0).collect();
    let expected = [
        (Refusal::UnknownCommand, 2),
        (Refusal::MailFirst, 1),
        (Refusal::StoreFull, 1),
        (Refusal::ShuttingDown, 1),
    ];
    assert_eq!(said, expected.map(|(refusal, count)| (refusal.short(), count)));
}

/// A session over this budget with `MAIL` taken.
fn in_mail(budget: &Arc<ByteBudget>) -> Session {
    let config = Config {
        hostname: "relay.example.net".into(),
        limits: Limits::default(),
        starttls: false,
        auth: false,
        budget: Arc::clone(budget),
    };
    let mut session = Session::new(Arc::new(config), Ipv4Addr::LOCALHOST.into(), None);
    session.receive(b"HELO c\r\nMAIL FROM:<a@example.com>\r\n");
    assert!(matches!(session.step(), Step::Mail(_)));
    session.mail(Ok(()));
    sent(&mut session);
    session
}

#[test]
fn recipients_in_memory_count_until_they_are_let_go() {
    let budget = ByteBudget::new(1 << 20);
    let mut session = in_mail(&budget);
    let original = "x".repeat(480);
    for n in 0..500 {
        let local = format!("{n:0>60}");
        session.receive(format!("RCPT TO:<{local}@example.org> ORCPT=rfc822;{original}\r\n").as_bytes());
        assert!(matches!(session.step(), Step::Recipient(_)));
        session.recipient(Ok(()));
        assert!(sent(&mut session).starts_with("250 2.1.5"));
    }
    let recipients = budget.used();
    assert!(recipients > 500 * (480 + 60), "{recipients}");
    // With the message they count on until it is let go; refused, at once.
    for (message, used) in [("x\r\n.\r\n", recipients), ("x\n", 0)] {
        let mut session = in_mail(&budget);
        session.receive(b"RCPT TO:<b@example.org>\r\nDATA\r\n");
        assert!(matches!(session.step(), Step::Recipient(_)));
        session.recipient(Ok(()));
        sent(&mut session);
        let before = budget.used();
        assert!(before > recipients);
        session.receive(message.as_bytes());
        let step = session.step();
        let grown = budget.used();
        assert!(if used == 0 { grown == recipients } else { grown > before }, "{message:?}: {grown}");
        drop(step);
        assert_eq!(budget.used(), recipients, "{message:?}");
    }
    drop(session);
    assert_eq!(budget.used(), 0);
}

#[test]
fn what_is_thrown_away_has_an_end() {
    let mut session = session(true);
    session.receive(b"EHLO c\r\nBDAT 18446744073709551615\r\n");
    let said = sent(&mut session);
    assert!(said.contains("\r\n421 4.7.0 [too-much-discarded]"), "{said}");
    assert!(matches!(session.step(), Step::Close));

    // A message that was sent ahead of its refusal is read to its end; one without an end is not.
    let mut session = in_data();
    let line = [b'x'; 998];
    let mut octets = 0;
    session.receive(b"bare\n");
    loop {
        session.receive(&line);
        session.receive(b"\r\n");
        octets += line.len() + 2;
        match session.step() {
            Step::NeedInput(Phase::Data) => assert!(octets < 3 * Limits::default().message_bytes, "no end"),
            Step::Send(said) => {
                assert!(said.starts_with(b"421 4.7.0 [too-much-discarded]"), "{said:?}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(octets >= 2 * Limits::default().message_bytes, "{octets}");
    assert!(matches!(session.step(), Step::Close));
}
