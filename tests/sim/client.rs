//! An application of the world: talks to a real session, without IO, and believes only what it is told.

use outgate_core::{
    ByteBudget, Mechanism,
    users::{self, SignIn},
};
use outgate_queue::{Claimed, Intake, Origin};
use outgate_smtp::{
    Limits,
    server::{Config, QueuedAs, Refusal, Session, Step, TlsFacts},
};
use outgate_store_conformance::{World as Store, ports::OpenThrottle};
use std::{net::Ipv4Addr, sync::Arc};

/// What a client sends.
pub(crate) struct Submission {
    /// What it signs in with.
    pub(crate) username: String,
    /// And its password.
    pub(crate) password: String,
    /// The envelope's sender.
    pub(crate) sender: String,
    /// The address in `From:`.
    pub(crate) from: String,
    /// The recipients.
    pub(crate) recipients: Vec<String>,
    /// The `NOTIFY` of each, or empty.
    pub(crate) notify: &'static str,
    /// What tells the message from all others, carried in its body.
    pub(crate) mark: String,
}

/// Submits one message, pipelined, and returns whether the final `250` was seen.
pub(crate) async fn submit(store: &Store, intake: &Intake, submission: &Submission) -> bool {
    let config = Config {
        hostname: "relay.test".into(),
        limits: Limits::default(),
        starttls: true,
        auth: true,
        budget: ByteBudget::new(1 << 20),
    };
    let tls = TlsFacts { version: "TLSv1.3".into(), cipher: "TLS13_AES_128_GCM_SHA256".into() };
    let mut session = Session::new(Arc::new(config), Ipv4Addr::LOCALHOST.into(), Some(tls));
    let mut said = String::new();
    let mut to_say = script(submission).into_iter();
    let mut right = None;
    loop {
        match session.step() {
            Step::Send(bytes) => said.push_str(&String::from_utf8_lossy(&bytes)),
            Step::NeedInput(_) => match to_say.next() {
                Some(bytes) => session.receive(&bytes),
                None => break,
            },
            Step::StartTls => unreachable!("the session began inside TLS"),
            Step::SignIn { mechanism, username, password } => {
                assert_eq!(mechanism, Mechanism::Plain);
                let attempt = SignIn {
                    username,
                    password,
                    address: Ipv4Addr::LOCALHOST.into(),
                    tls: "TLSv1.3".into(),
                    mechanism,
                    client: "client.test".into(),
                };
                let answer = users::login(store.ports(), &OpenThrottle, attempt).await;
                right = answer.as_ref().ok().map(|signed_in| signed_in.right.clone());
                session
                    .signed_in(answer.map(|signed_in| signed_in.right).map_err(|_| Refusal::BadCredentials));
            }
            Step::Mail(_) => session.mail(Ok(())), // the standing is asked again by accept, which must be enough
            Step::Recipient(_) => session.recipient(Ok(())),
            Step::Keep(transaction) => {
                let claimed = Claimed {
                    right: right.clone().expect("a transaction needs a sign-in"),
                    envelope: transaction.envelope,
                    content: transaction.content,
                    origin: Origin {
                        address: transaction.client.address,
                        client: transaction.client.client,
                        esmtp: true,
                        tls: None,
                    },
                    memory: transaction.reservation,
                };
                let kept = intake.keep(claimed).await;
                session.kept(kept.map(|id| QueuedAs(id.to_string())).map_err(|_| Refusal::StoreUnavailable));
            }
            Step::Close => break,
        }
    }
    // The replies in order: greeting, EHLO, AUTH, MAIL, RCPT…, DATA, final dot, QUIT.
    let last = said.lines().rev().nth(1).unwrap_or_default();
    last.starts_with("250 ")
}

/// The client's side: what it sends at each turn.
fn script(submission: &Submission) -> Vec<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let login = STANDARD.encode(format!("\0{}\0{}", submission.username, submission.password));
    let mut envelope = format!("MAIL FROM:<{}>\r\n", submission.sender);
    for recipient in &submission.recipients {
        let notify = if submission.notify.is_empty() {
            String::new()
        } else {
            format!(" NOTIFY={}", submission.notify)
        };
        envelope.push_str("RCPT TO:<");
        envelope.push_str(recipient);
        envelope.push('>');
        envelope.push_str(&notify);
        envelope.push_str("\r\n");
    }
    envelope.push_str("DATA\r\n");
    let Submission { from, mark, .. } = submission;
    let message = format!("From: <{from}>\r\nSubject: {mark}\r\n\r\nmark={mark}\r\n.\r\nQUIT\r\n");
    vec![
        b"EHLO client.test\r\n".to_vec(),
        format!("AUTH PLAIN {login}\r\n").into_bytes(),
        envelope.into_bytes(),
        message.into_bytes(),
    ]
}
