//! The engine's dialogues again, over real TLS, against the whole relay.
//!
//! Without IO they also play what a real relay does only in trouble, or under settings that it does not have. Those
//! are left to the engine's own test; which, and why, [`plays_only_without_io`] tells. How many are played is held.

#[path = "../../crates/outgate-smtp/tests/support/dialogue.rs"]
mod dialogue;

use dialogue::{Dialogue, Line, matches};
use outgate_tests::{Credentials, Relay, Session, Sink, base64, password};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Fewer than these, and the dialogues are not what they were.
const AT_LEAST: usize = 35;
/// How soon the relay closes a connection once it has said so.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// Lines may not be limited to less (RFC 5321 §4.5.3.1.6),
const LEAST_LINE: u32 = 1000;
/// nor messages (RFC 5321 §4.5.3.1.7).
const LEAST_SIZE: u32 = 64 * 1024;
/// What a dialogue signs in with.
const WRITTEN: &str = "password";
/// What differs for a server that takes mail from anybody.
const RECEIVING: [&str; 2] = ["rcpt-syntax.txt", "starttls-not-offered.txt"];
/// The relay's answer to a message without a usable `From:`, of which the engine knows nothing.
const NO_FROM: &str = "550 5.6.0 *";

fn all() -> Vec<Dialogue> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/outgate-smtp/tests/dialogues");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the dialogues").map(|entry| entry.expect("a dialogue").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a dialogue");
        Dialogue::read(&path.file_name().expect("a name").to_string_lossy(), &text)
    };
    paths.iter().map(read).collect()
}

/// Why a dialogue cannot be played against a real relay.
fn plays_only_without_io(dialogue: &Dialogue) -> Option<&'static str> {
    if RECEIVING.contains(&dialogue.name.as_str()) {
        return Some("other rules hold for receiving than for submission");
    }
    if dialogue.setting("auth") == Some("no") && dialogue.setting("starttls") != Some("no") {
        return Some("a door that takes mail in the clear");
    }
    let less = |key: &str, least: u32| {
        dialogue.setting(key).is_some_and(|value| value.parse::<u32>().is_ok_and(|value| value < least))
    };
    if less("line", LEAST_LINE) || less("size", LEAST_SIZE) {
        return Some("a limit lower than a relay may have");
    }
    if dialogue.setting("budget").is_some() {
        return Some("a budget for less than one message");
    }
    if dialogue.setting("domain").is_some_and(|domain| domain != "example.com") {
        return Some("a domain of its own");
    }
    dialogue.lines.iter().find_map(|line| match line {
        Line::Shutdown(_) => Some("the relay would be stopped"),
        Line::Question { text, answer: Err(code), .. } => {
            let real = text.starts_with("sign-in") && code == "bad-credentials";
            (!real).then_some("trouble that cannot be ordered")
        }
        _ => None,
    })
}

#[test]
fn dialogues_hold_over_tls() {
    let sink = Sink::start();
    let mut by_settings: BTreeMap<String, Vec<Dialogue>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for dialogue in all() {
        match plays_only_without_io(&dialogue) {
            Some(why) => left_out.push(format!("{} ({why})", dialogue.name)),
            None => by_settings.entry(settings(&dialogue)).or_default().push(dialogue),
        }
    }
    let played: usize = by_settings.values().map(Vec::len).sum();
    println!("{played} dialogues over TLS; without IO only: {}", left_out.join(", "));
    assert!(played >= AT_LEAST, "{played} dialogues; without IO only: {left_out:?}");
    let mut failures = Vec::new();
    for dialogues in by_settings.values() {
        let relay = relay_for(&dialogues[0], &sink);
        let words = ["user", "add", "example.com", "--name", "App", "--username", "app", "--json"];
        let user = Credentials::of(&relay.ok(words).json());
        assert_eq!(user.username, "app@example.com");
        failures.extend(dialogues.iter().filter_map(|dialogue| {
            Play { relay: &relay, user: &user, dialogue }
                .run()
                .err()
                .map(|what| format!("{}: {what}", dialogue.name))
        }));
    }
    assert!(failures.is_empty(), "{} of {played}:\n{}", failures.len(), failures.join("\n"));
}

/// The limits that a dialogue is played under.
fn settings(dialogue: &Dialogue) -> String {
    let limits = ["size", "recipients", "line", "errors"];
    limits.map(|key| dialogue.setting(key).unwrap_or("-")).join(" ")
}

fn relay_for(dialogue: &Dialogue, sink: &Sink) -> Relay {
    let relay = Relay::with(|config| {
        config.set("hostname", "relay.example.net").set("delivery.smart_host", sink.address().to_string());
        for (key, name) in [
            ("size", "max_message_bytes"),
            ("recipients", "max_recipients"),
            ("line", "max_line_octets"),
            ("errors", "max_errors"),
        ] {
            if let Some(value) = dialogue.setting(key) {
                config.set(&format!("submission.{name}"), value.parse::<i64>().expect("a number"));
            }
        }
    });
    relay.add_domain("example.com");
    relay
}

/// One dialogue on one connection.
struct Play<'a> {
    relay: &'a Relay,
    user: &'a Credentials,
    dialogue: &'a Dialogue,
}

impl Play<'_> {
    fn run(&self) -> Result<(), String> {
        let is = |key: &str, value: &str| self.dialogue.setting(key) == Some(value);
        // Where the engine offers neither, whoever plays it here comes inside TLS and signs in behind the hello.
        let mut to_sign_in = is("auth", "no");
        let mut session = if is("tls", "yes") || is("starttls", "no") {
            Session::implicit(self.relay.implicit_tls(), &self.relay.certificate.authority)
        } else {
            Session::connect(self.relay.starttls())
        };
        let mut said: Vec<String> = session.greeting.lines.clone();
        let lines = &self.dialogue.lines;
        let (mut sent, mut kept, mut name) = (0, false, "");
        for (at, line) in lines.iter().enumerate() {
            let told = |what: String| format!("at {:?}: {what}", Shown(line));
            match line {
                Line::Client(_) if at < sent => {}
                Line::Client(_) => {
                    if to_sign_in && said.is_empty() && self.greeted(at) {
                        to_sign_in = false;
                        session.sign_in(self.user).expect("235 2.7.0");
                    }
                    // What a client sends in clear behind STARTTLS has to be in the same segment, or it comes too late.
                    let group = self.group(at);
                    sent = at + group;
                    let bytes: Vec<u8> = (at..sent).filter_map(|at| self.bytes(at)).flatten().collect();
                    // The server may have closed: then what it said tells.
                    let _ = session.try_send(&bytes);
                }
                Line::Server(pattern) => {
                    if said.is_empty() {
                        said = session.try_reply().map_err(|error| told(error.to_string()))?.lines;
                    }
                    let line = said.remove(0);
                    let no_from = kept && pattern.starts_with("250") && matches(NO_FROM, &line);
                    // The name that the driver would give is the relay's own here.
                    let named = if name.is_empty() { pattern.clone() } else { pattern.replace(name, "*") };
                    if !matches(&named, &line) && !no_from {
                        return Err(told(line));
                    }
                    kept = false;
                }
                Line::Question { text, answer, .. } => {
                    kept |= text.starts_with("keep");
                    name = answer.as_deref().unwrap_or_default();
                }
                Line::Tls => session.upgrade(&self.relay.certificate.authority),
                Line::Close => {
                    let (rest, closed) = session.rest(CLOSE_LIMIT);
                    if !rest.is_empty() || !closed {
                        return Err(told(format!("{closed} {:?}", String::from_utf8_lossy(&rest))));
                    }
                    return Ok(());
                }
                Line::Shutdown(_) => unreachable!("left out"),
            }
        }
        if !said.is_empty() {
            return Err(format!("said more: {said:?}"));
        }
        Ok(())
    }

    /// Whether a hello came before.
    fn greeted(&self, at: usize) -> bool {
        self.dialogue.lines[..at].iter().any(|line| {
            matches!(line, Line::Client(bytes) if [&b"EHLO "[..], b"HELO "].iter().any(|hello| bytes.starts_with(hello)))
        })
    }

    /// How many lines are sent with the one at `at`: all up to the handshake, when it is `STARTTLS`.
    fn group(&self, at: usize) -> usize {
        let rest = &self.dialogue.lines[at..];
        let Line::Client(bytes) = &rest[0] else { return 1 };
        let handshake = rest.iter().position(|line| *line == Line::Tls);
        match handshake {
            Some(handshake) if bytes.to_ascii_uppercase().starts_with(b"STARTTLS") => handshake,
            _ => 1,
        }
    }

    /// What is really sent: the real password for the written one, where the sign-in is to succeed.
    fn bytes(&self, at: usize) -> Option<Vec<u8>> {
        let Line::Client(bytes) = &self.dialogue.lines[at] else { return None };
        let sign_in = self.dialogue.lines[at..].iter().find_map(|line| match line {
            Line::Question { text, answer, .. } if text.starts_with("sign-in") => Some(answer.is_ok()),
            _ => None,
        });
        let password = match sign_in {
            Some(true) => self.user.password.clone(),
            Some(false) => password::guess(1),
            None => return Some(bytes.clone()),
        };
        let text = String::from_utf8(bytes.clone()).ok();
        let replaced = text.map(|text| {
            let plain = |password: &str| base64(format!("\0{}\0{password}", self.user.username).as_bytes());
            text.replace(&plain(WRITTEN), &plain(&password))
                .replace(&base64(WRITTEN.as_bytes()), &base64(password.as_bytes()))
        });
        Some(replaced.map_or_else(|| bytes.clone(), String::into_bytes))
    }
}

/// A line as a person reads it.
struct Shown<'a>(&'a Line);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Line::Server(pattern) => write!(f, "S: {pattern}"),
            other => write!(f, "{other:?}"),
        }
    }
}
