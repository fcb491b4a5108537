//! The conversation with whoever connects to us.
//!
//! A driver feeds bytes with [`Session::receive`] and does what [`Session::step`] says, until it says
//! [`Step::Close`]. Questions ([`Step::SignIn`], [`Step::Mail`], [`Step::Recipient`], [`Step::Keep`]) are answered by
//! the method of the same name before the next step.

mod refusal;

pub use refusal::Refusal;

use crate::Limits;
use bytes::Bytes;
use outgate_core::{
    ByteBudget, EmailAddress, Envelope, Mechanism, Reservation, ReversePath, Secret, SendRight,
};
use std::{net::IpAddr, sync::Arc};

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
#[derive(Debug)]
pub struct Session {
    config: Arc<Config>,
    facts: ClientFacts,
}

impl Session {
    /// A session that has just connected; its first step is the greeting. `tls` for a connection that began inside TLS.
    pub fn new(config: Arc<Config>, address: IpAddr, tls: Option<TlsFacts>) -> Self {
        Self {
            config,
            facts: ClientFacts { address, client: String::new(), esmtp: false, tls, mechanism: None },
        }
    }

    /// What is known of the client.
    pub fn facts(&self) -> &ClientFacts {
        &self.facts
    }

    /// Whether no transaction is open and nothing is being said: a drain may end it with [`Session::shut_down`].
    pub fn is_idle(&self) -> bool {
        todo!()
    }

    /// Takes bytes from the client.
    pub fn receive(&mut self, bytes: &[u8]) {
        let _ = (bytes, &self.config);
        todo!()
    }

    /// What to do next.
    pub fn step(&mut self) -> Step {
        todo!()
    }

    /// Answers [`Step::StartTls`] once the handshake is done.
    pub fn tls_started(&mut self, tls: TlsFacts) {
        let _ = tls;
        todo!()
    }

    /// Answers [`Step::SignIn`].
    pub fn signed_in(&mut self, answer: Result<SendRight, Refusal>) {
        let _ = answer;
        todo!()
    }

    /// Answers [`Step::Mail`].
    pub fn mail(&mut self, answer: Result<(), Refusal>) {
        let _ = answer;
        todo!()
    }

    /// Answers [`Step::Recipient`].
    pub fn recipient(&mut self, answer: Result<(), Refusal>) {
        let _ = answer;
        todo!()
    }

    /// Answers [`Step::Keep`].
    pub fn kept(&mut self, answer: Result<QueuedAs, Refusal>) {
        let _ = answer;
        todo!()
    }

    /// Ends the conversation from our side: the steps that follow say `421` with this reason and close. A transaction
    /// that was open is dropped without an answer to its data.
    pub fn shut_down(&mut self, reason: Refusal) {
        let _ = reason;
        todo!()
    }
}
