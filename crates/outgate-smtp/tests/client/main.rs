//! The client conversation, driven without IO.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anything;
mod opening;
mod recording;
mod transactions;

use outgate_core::{Body, Recipient, Reply, ReversePath, Secret};
use outgate_smtp::client::{
    BeginError, Conversation, Credentials, Mail, Settings, Stage, StartTls, Step, Verdict,
};
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
