//! What a conversation records.

use crate::{begin, play, settings};
use outgate_smtp::client::{Conversation, StartTls, Step};

pub(crate) fn recorded(conversation: &mut Conversation) -> Vec<String> {
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
    let no_reply = "* the server sent a line that is no SMTP reply";
    for (whole, answer, expected) in [
        (true, "250 2.0.0 queued\r\n", ["* the message was sent, 9 octets", "< 250 2.0.0 queued"]),
        (false, "what\r\n", ["* the message, 9 octets, was not sent to its end", no_reply]),
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
