//! Runs every dialogue of `dialogues/` against a session without IO.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "support/dialogue.rs"]
mod dialogue;
#[path = "support/rights.rs"]
mod rights;

use dialogue::{Dialogue, Line, matches};
use outgate_core::{Body, ByteBudget, Envelope, Mechanism, Recipient, ReturnContent, Secret};
use outgate_smtp::{
    Limits,
    server::{Config, QueuedAs, Refusal, Session, Step, TlsFacts, Transaction},
};
use std::{collections::VecDeque, net::Ipv4Addr, path::Path, sync::Arc};

#[test]
fn every_dialogue_all_at_once() {
    each(&|bytes| vec![bytes.to_vec()]);
}

#[test]
fn every_dialogue_byte_by_byte() {
    each(&|bytes| bytes.iter().map(|byte| vec![*byte]).collect());
}

#[test]
fn every_dialogue_cut_at_random() {
    for seed in 1..=20_u64 {
        each(&|bytes| cut(bytes, seed));
    }
}

/// Cuts bytes into pieces of 1 to 40; the seed decides.
fn cut(mut bytes: &[u8], mut seed: u64) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (piece, rest) = bytes.split_at((1 + (seed >> 33) as usize % 40).min(bytes.len()));
        pieces.push(piece.to_vec());
        bytes = rest;
    }
    pieces
}

fn each(cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|kind| kind == "txt"));
    files.sort();
    assert!(files.len() >= 40, "dialogues went missing");
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        Run::of(&Dialogue::read(&name, &text), cut).check();
    }
}

/// What a dialogue expects and what the session did.
struct Run {
    name: String,
    session: Session,
    domain: String,
    questions: VecDeque<Line>,
    expected: Vec<String>,
    closes: bool,
    said: Vec<u8>,
    closed: bool,
    budget: Arc<ByteBudget>,
}

impl Run {
    fn of(dialogue: &Dialogue, cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>) -> Self {
        let number = |key, default| dialogue.setting(key).map_or(default, |text| text.parse().unwrap());
        let usual = Limits::default();
        let limits = Limits {
            message_bytes: number("size", usual.message_bytes),
            recipients: number("recipients", usual.recipients),
            line_octets: number("line", usual.line_octets),
            errors: number("errors", usual.errors),
        };
        let budget = ByteBudget::new(number("budget", 1 << 28));
        let config = Config {
            hostname: "relay.example.net".into(),
            limits,
            starttls: dialogue.setting("starttls") != Some("no"),
            auth: dialogue.setting("auth") != Some("no"),
            budget: Arc::clone(&budget),
        };
        let tls = (dialogue.setting("tls") == Some("yes")).then(tls);
        let of_kind = |wanted: fn(&Line) -> bool| dialogue.lines.iter().filter(move |line| wanted(line));
        let mut run = Self {
            name: dialogue.name.clone(),
            session: Session::new(Arc::new(config), Ipv4Addr::LOCALHOST.into(), tls),
            domain: dialogue.setting("domain").unwrap_or("example.com").to_owned(),
            questions: of_kind(|line| matches!(line, Line::Question { .. })).cloned().collect(),
            expected: dialogue
                .lines
                .iter()
                .filter_map(|line| if let Line::Server(text) = line { Some(text.clone()) } else { None })
                .collect(),
            closes: dialogue.lines.last() == Some(&Line::Close),
            said: Vec::new(),
            closed: false,
            budget,
        };
        run.converse(dialogue, cut);
        run
    }

    fn converse(&mut self, dialogue: &Dialogue, cut: &dyn Fn(&[u8]) -> Vec<Vec<u8>>) {
        // What is sent between two of the driver's own doings goes in together.
        let mut bytes = Vec::new();
        for line in &dialogue.lines {
            match line {
                Line::Client(more) => bytes.extend_from_slice(more),
                Line::Tls => {
                    let wanted = self.feed(&cut(&std::mem::take(&mut bytes)));
                    assert!(wanted, "{}: no handshake was wanted\n{}", self.name, self.transcript());
                    self.session.tls_started(tls());
                }
                Line::Shutdown(code) => {
                    if !bytes.is_empty() {
                        self.feed(&cut(&std::mem::take(&mut bytes)));
                    }
                    self.session.shut_down(refusal(code));
                }
                Line::Server(_) | Line::Close | Line::Question { .. } => {}
            }
        }
        let wanted = self.feed(&cut(&bytes));
        assert!(!wanted, "{}: a handshake was wanted", self.name);
    }

    /// Feeds pieces; whether the session now wants the handshake. What was cut behind that goes, as in a driver.
    fn feed(&mut self, pieces: &[Vec<u8>]) -> bool {
        let mut pieces = pieces.iter();
        loop {
            match self.session.step() {
                Step::Send(bytes) => self.said.extend_from_slice(&bytes),
                Step::NeedInput(_) => match pieces.next() {
                    Some(piece) => self.session.receive(piece),
                    None => return false,
                },
                Step::StartTls => {
                    for piece in pieces {
                        self.session.receive(piece);
                    }
                    return true;
                }
                Step::SignIn { mechanism, username, password } => {
                    self.sign_in(mechanism, &username, &password);
                }
                Step::Mail(path) => {
                    let answer = self.answer("mail", &format!("mail <{path}>"), None);
                    self.session.mail(answer.map(drop));
                }
                Step::Recipient(address) => {
                    let answer = self.answer("rcpt", &format!("rcpt <{address}>"), None);
                    self.session.recipient(answer.map(drop));
                }
                Step::Keep(transaction) => self.keep(&transaction),
                Step::Close => {
                    self.closed = true;
                    return false;
                }
            }
        }
    }

    fn sign_in(&mut self, mechanism: Mechanism, username: &str, password: &Secret) {
        let password = password.with_bytes(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let text = format!("sign-in {} {username} {password}", mechanism.as_str());
        let answer = self.answer("sign-in", &text, None);
        let domain = &self.domain;
        self.session.signed_in(answer.map(|_| rights::right_for(domain)));
    }

    fn keep(&mut self, transaction: &Transaction) {
        let text = format!("keep {}", show(&transaction.envelope));
        let answer = self.answer("keep", &text, Some(&transaction.content));
        self.session.kept(answer.map(QueuedAs));
    }

    /// The dialogue's answer to a question.
    fn answer(&mut self, kind: &str, asked: &str, content: Option<&[u8]>) -> Result<String, Refusal> {
        let optional = matches!(kind, "mail" | "rcpt");
        let Some(Line::Question { text, message, answer }) = self.questions.front().cloned() else {
            assert!(optional, "{}: asked {asked:?}, which nobody expected\n{}", self.name, self.transcript());
            return Ok(String::new());
        };
        if optional && !matches(&text, asked) {
            return Ok(String::new());
        }
        assert!(matches(&text, asked), "{}: asked {asked:?} for {text:?}\n{}", self.name, self.transcript());
        if let (Some(message), Some(content)) = (message, content) {
            let (got, expected) = (String::from_utf8_lossy(content), String::from_utf8_lossy(&message));
            assert_eq!(got, expected, "{}: the message", self.name);
        }
        self.questions.pop_front();
        answer.map_err(|code| refusal(&code))
    }

    fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.said).into_owned()
    }

    fn check(self) {
        let said = self.transcript();
        let lines: Vec<&str> = said.split_terminator("\r\n").collect();
        for (n, pattern) in self.expected.iter().enumerate() {
            let line = lines.get(n).copied().unwrap_or("(nothing)");
            assert!(matches(pattern, line), "{}: said {line:?} for {pattern:?}\n{said}", self.name);
        }
        assert_eq!(lines.len(), self.expected.len(), "{}: said more\n{said}", self.name);
        assert!(self.questions.is_empty(), "{}: never asked {:?}\n{said}", self.name, self.questions);
        assert_eq!(self.closed, self.closes, "{}: closed\n{said}", self.name);
        drop(self.session);
        assert_eq!(self.budget.used(), 0, "{}: the budget has its bytes back", self.name);
    }
}

fn tls() -> TlsFacts {
    TlsFacts { version: "TLSv1.3".into(), cipher: "TLS13_AES_256_GCM_SHA384".into() }
}

fn refusal(short: &str) -> Refusal {
    let all = Refusal::all();
    all.into_iter().find(|one| one.short() == short).unwrap_or_else(|| panic!("no refusal {short}"))
}

/// An envelope as the README writes it.
fn show(envelope: &Envelope) -> String {
    let recipients: Vec<String> = envelope.recipients.iter().map(show_recipient).collect();
    let returned = envelope.return_content.map(|what| match what {
        ReturnContent::Full => "ret=full".to_owned(),
        ReturnContent::Headers => "ret=hdrs".to_owned(),
    });
    let parts = [
        Some(format!("<{}> > {}", envelope.reverse_path, recipients.join(", "))),
        (envelope.body == Body::EightBitMime).then(|| "8bitmime".to_owned()),
        envelope.smtputf8.then(|| "smtputf8".to_owned()),
        returned,
        envelope.envelope_id.as_ref().map(|id| format!("envid={id}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn show_recipient(recipient: &Recipient) -> String {
    let notify = recipient.notify.map(|notify| {
        let kinds = [(notify.success, "success"), (notify.failure, "failure"), (notify.delay, "delay")];
        let kinds: Vec<&str> =
            kinds.into_iter().filter(|(wanted, _)| *wanted).map(|(_, kind)| kind).collect();
        if kinds.is_empty() { "notify=never".to_owned() } else { format!("notify={}", kinds.join(",")) }
    });
    let parts = [
        Some(format!("<{}>", recipient.address)),
        notify,
        recipient.original.as_ref().map(|original| format!("orcpt={original}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
