//! The conversation with whoever connects to us.
//!
//! A driver feeds bytes with [`Session::receive`] and does what [`Session::step`] says, until it says
//! [`Step::Close`]. Questions ([`Step::SignIn`], [`Step::Mail`], [`Step::Recipient`], [`Step::Keep`]) are answered by
//! the method of the same name before the next step.

mod body;
mod command;
mod content;
mod envelope;
mod hello;
mod input;
mod parameters;
mod path;
#[cfg(any(test, feature = "fuzz"))]
pub mod properties;
mod refusal;
mod reply;
mod sasl;
mod sign_in;
mod state;

pub use refusal::{Refusal, Tally};

use crate::Limits;
use bytes::Bytes;
use input::{Frame, Input, LineFault};
use outgate_core::{
    ByteBudget, EmailAddress, Envelope, Mechanism, Reservation, ReversePath, Secret, SendRight,
};
use reply::Replies;
use state::{Mail, State};
use std::{net::IpAddr, sync::Arc};

/// Replies that wait are sent when there is nothing more to read, and at the latest when there are so many octets.
const SEND_AT: usize = 8192;

/// What a kind of listener offers; shared by its sessions.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name in the greeting and in EHLO's answer.
    pub hostname: String,
    /// How much of anything a session takes.
    pub limits: Limits,
    /// Whether STARTTLS can be had; a session that began inside TLS does not offer it.
    pub starttls: bool,
    /// Whether a client must sign in before `MAIL` (RFC 6409 §4.3), and may (inside TLS only, law 6).
    pub auth: bool,
    /// What all sessions together may hold of messages in memory.
    pub budget: Arc<ByteBudget>,
}

/// TLS as it is on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// As `TLSv1.3`.
    pub version: String,
    /// The cipher suite's name.
    pub cipher: String,
}

/// What is known of the client.
#[derive(Clone, Debug)]
pub struct ClientFacts {
    /// Where it is; behind a trusted proxy, what the proxy says.
    pub address: IpAddr,
    /// The name it gave in EHLO or HELO, checked to be harmless; empty before.
    pub client: String,
    /// Whether it said EHLO.
    pub esmtp: bool,
    /// TLS, inside TLS.
    pub tls: Option<TlsFacts>,
    /// How it signed in.
    pub mechanism: Option<Mechanism>,
}

/// A finished transaction that asks to be kept.
#[derive(Debug)]
pub struct Transaction {
    /// Who submits, where signing in is required.
    pub right: Option<SendRight>,
    /// Who sends, who receives.
    pub envelope: Envelope,
    /// The message's bytes, dot-unstuffed, every line ended by CR LF.
    pub content: Bytes,
    /// Its share of the memory budget, to be held as long as the bytes are.
    pub reservation: Reservation,
    /// Who brought it.
    pub client: ClientFacts,
}

/// What the driver must do next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Write these bytes, then step again.
    Send(Bytes),
    /// Give more bytes to [`Session::receive`], then step again.
    NeedInput(Phase),
    /// Do the TLS handshake, then call [`Session::tls_started`]. The session has already thrown away what came in
    /// clear behind the command; the driver does the same with what it has read ahead (RFC 3207 §4.2).
    StartTls,
    /// Answer with [`Session::signed_in`].
    SignIn {
        /// How.
        mechanism: Mechanism,
        /// The username as it was sent.
        username: String,
        /// The password as it was sent.
        password: Secret,
    },
    /// May a transaction with this sender begin? Answer with [`Session::mail`].
    Mail(ReversePath),
    /// May this recipient be added? Answer with [`Session::recipient`].
    Recipient(EmailAddress),
    /// Will you keep this? Answer with [`Session::kept`].
    Keep(Box<Transaction>),
    /// Close the connection. Everything to be said was said.
    Close,
}

/// What the session waits for; deadlines differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A command line.
    Command,
    /// Bytes of a message.
    Data,
}

/// What a kept message is called, in the reply to its final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedAs(pub String);

/// One conversation with a client.
///
/// An idle session holds no buffers. [`Session::receive`] keeps what cannot be read yet, so a driver reads from its
/// socket only when [`Step::NeedInput`] says so.
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    facts: ClientFacts,
    input: Input,
    replies: Replies,
    state: State,
    mail: Mail,
    right: Option<SendRight>,
    errors: usize,
    /// Where refusals are counted as they are said.
    tally: Option<Arc<Tally>>,
    /// Octets of messages that came since the last `MAIL`.
    content_octets: u64,
    /// Bytes came that nobody has looked at.
    unseen: bool,
}

impl Session {
    /// A session that has just connected; its first step is the greeting. `tls` for a connection that began inside TLS.
    pub fn new(config: Arc<Config>, address: IpAddr, tls: Option<TlsFacts>) -> Self {
        Self {
            config,
            facts: ClientFacts { address, client: String::new(), esmtp: false, tls, mechanism: None },
            input: Input::default(),
            replies: Replies::default(),
            state: State::Fresh,
            mail: Mail::None,
            right: None,
            errors: 0,
            tally: None,
            content_octets: 0,
            unseen: false,
        }
    }

    /// Has every refusal that it says counted there.
    #[must_use]
    pub fn counted_by(self, tally: Arc<Tally>) -> Self {
        Self { tally: Some(tally), ..self }
    }

    /// What is known of the client.
    pub fn facts(&self) -> &ClientFacts {
        &self.facts
    }

    /// Whether no transaction is open and nothing is being said: a drain may end it with [`Session::shut_down`].
    pub fn is_idle(&self) -> bool {
        let waits = matches!(self.state, State::Fresh | State::Commands | State::SigningIn(_));
        waits && !self.mail.is_open() && self.replies.is_empty() && !self.unseen
    }

    /// Takes bytes from the client. Bytes that come when a handshake is due or after the end are thrown away.
    pub fn receive(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Handshake | State::Closed) {
            return; // RFC 3207 §4.2
        }
        self.unseen |= !bytes.is_empty();
        // A message's bytes need not wait: they are read from where they are.
        let read = if self.input.is_empty() { self.feed(bytes) } else { 0 };
        self.input.append(&bytes[read..]);
    }

    /// What to do next. While a question waits for its answer there is nothing to do.
    pub fn step(&mut self) -> Step {
        loop {
            if self.replies.len() >= SEND_AT {
                return self.send();
            }
            match &self.state {
                State::Fresh => {
                    self.state = State::Commands;
                    self.greet();
                }
                State::Commands | State::SigningIn(_) => {
                    if !self.read_line() {
                        return self.need_input(Phase::Command);
                    }
                }
                State::Data(_) | State::Chunk(_) => {
                    if !self.read_content() {
                        return self.need_input(Phase::Data);
                    }
                }
                State::Ask(question) => {
                    // Replies are batched (RFC 2920 §3.2), but none waits for a password or a disk.
                    if question.takes_time() && !self.replies.is_empty() {
                        return self.send();
                    }
                    return self.ask();
                }
                State::Asked(_) => return self.need_input(Phase::Command),
                State::Handshake => {
                    self.input.clear(); // RFC 3207 §4.2: what was pipelined behind STARTTLS came from anybody
                    return if self.replies.is_empty() { Step::StartTls } else { self.send() };
                }
                State::Closed => {
                    self.input.clear();
                    return if self.replies.is_empty() { Step::Close } else { self.send() };
                }
            }
        }
    }

    /// Ends the conversation from our side: the steps that follow say `421` with this reason and close. A transaction
    /// that was open is dropped without an answer to its data.
    pub fn shut_down(&mut self, reason: Refusal) {
        match self.state {
            State::Closed => return,
            // Between the reply to STARTTLS and the end of the handshake there is no way to say anything.
            State::Handshake => drop(self.replies.take()),
            _ => self.say_refusal(&reason),
        }
        self.mail = Mail::None;
        self.state = State::Closed;
    }

    fn send(&mut self) -> Step {
        Step::Send(self.replies.take().into())
    }

    fn need_input(&mut self, phase: Phase) -> Step {
        if !self.replies.is_empty() {
            return self.send();
        }
        self.unseen = false;
        Step::NeedInput(phase)
    }

    /// Reads one line and obeys it; `false` when none has come whole.
    fn read_line(&mut self) -> bool {
        self.input.finish_discard();
        if self.input.refused() > self.most_discarded(self.right.is_some()) {
            self.refuse_uncounted(&Refusal::TooMuchDiscarded);
            return true;
        }
        // RFC 4954 §4: a response may be long, also when it comes with the command
        let auth = self.input.begins_with("AUTH ") || matches!(self.state, State::SigningIn(_));
        let limit = if auth { Limits::AUTH_LINE } else { Limits::COMMAND_LINE };
        // Before the sign-in every line may hold a password.
        let wipe = self.right.is_none();
        let chunk = matches!(self.state, State::Commands) && self.input.begins_with("BDAT");
        let mut input = std::mem::take(&mut self.input);
        let read = input.next_line(limit, wipe, |frame| match frame {
            // What follows is a chunk, and nobody knows how much of it.
            Frame::Refused(_) if chunk => self.refuse(Refusal::ChunkUnreadable),
            frame => self.line(frame),
        });
        self.input = input;
        read.is_some()
    }

    fn line(&mut self, frame: Frame<'_>) {
        match (std::mem::replace(&mut self.state, State::Commands), frame) {
            (State::SigningIn(exchange), Frame::Line(line)) => self.go_on(exchange.proceed(line)),
            (State::SigningIn(_), Frame::Refused(LineFault::TooLong)) => {
                self.refuse(Refusal::AuthLineTooLong);
            }
            (_, Frame::Refused(fault)) => self.refuse(fault.into()),
            (_, Frame::Line(line)) => match command::read(line) {
                Ok((verb, argument)) => self.obey(verb, argument),
                Err(refusal) => self.refuse(refusal),
            },
        }
    }

    fn say(&mut self, code: u16, text: &str) {
        self.replies.say(code, text);
    }

    /// Refuses, and ends the session when that was one error too many. Each command has exactly one reply, so the last
    /// error's is the `421`.
    fn refuse(&mut self, refusal: Refusal) {
        self.errors += usize::from(refusal.counts());
        if self.errors > self.config.limits.errors {
            self.refuse_uncounted(&Refusal::TooManyErrors);
        } else {
            self.refuse_uncounted(&refusal);
        }
    }

    fn say_refusal(&mut self, refusal: &Refusal) {
        if let Some(tally) = &self.tally {
            tally.note(refusal);
        }
        self.replies.refuse(refusal);
    }

    fn refuse_uncounted(&mut self, refusal: &Refusal) {
        self.say_refusal(refusal);
        if refusal.closes() {
            self.mail = Mail::None;
            self.state = State::Closed;
        }
    }
}
