//! Transactions, and what comes of them.

use crate::{BARE, PIPELINING, begin, opened, play, refused, reply};
use outgate_smtp::client::{BeginError, Closing, Stage, Step, Verdict};

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
