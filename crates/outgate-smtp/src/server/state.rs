//! Where a session stands: what it reads next, and how far its transaction has come. Each state holds what only it
//! needs, so nothing of a transaction outlives it.

use super::{Refusal, Transaction, body::Body, sasl::Exchange};
use crate::Limits;
use outgate_core::{EmailAddress, Envelope, Mechanism, Recipient, Reservation, ReversePath, Secret};
use std::collections::HashSet;

/// What a session does next.
#[derive(Debug)]
pub(super) enum State {
    /// Greet.
    Fresh,
    /// Read a command.
    Commands,
    /// Read a response in a sign-in.
    SigningIn(Exchange),
    /// Read a message up to its dot.
    Data(Box<Receiving>),
    /// Read a chunk's octets.
    Chunk(Chunk),
    /// Put a question to the driver.
    Ask(Question),
    /// Wait for its answer.
    Asked(Asked),
    /// Wait for the TLS handshake.
    Handshake,
    /// Say what is left, and close.
    Closed,
}

/// A transaction, from `MAIL` until its message is read.
#[derive(Debug)]
pub(super) enum Mail {
    /// None is open.
    None,
    /// `MAIL` was taken.
    Open(Box<Open>),
    /// Chunks were taken, and more are to come.
    Chunks(Box<Receiving>),
    /// It ended with the refusal of a chunk; more of its chunks may be under way (RFC 3030 §2).
    ChunkRefused,
}

impl Mail {
    /// Whether a transaction is open.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Chunks(_))
    }
}

/// A transaction whose message has not begun.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) envelope: Envelope,
    /// The envelope's recipients, to be found among many.
    pub(super) known: HashSet<EmailAddress>,
    /// The recipients' share of the memory budget; the message's grows out of it.
    pub(super) reservation: Reservation,
    /// The message's size, as the client announced it.
    pub(super) announced: usize,
    /// Recipients that were refused.
    pub(super) refused: usize,
}

impl Open {
    /// Whether the message may begin.
    pub(super) fn ready(&self) -> Result<(), Refusal> {
        match (self.envelope.recipients.len(), self.refused) {
            (0, 0) => Err(Refusal::RecipientFirst),
            (0, _) => Err(Refusal::NoValidRecipients), // RFC 2920 §3.1
            _ => Ok(()),
        }
    }

    /// Adds a recipient; `false` when the memory budget does not hold it.
    #[must_use]
    pub(super) fn add(&mut self, recipient: Recipient) -> bool {
        let Recipient { address, original, .. } = &recipient;
        let written = address.local().len() + address.domain().as_str().len();
        let original = original.as_ref().map_or(0, |original| original.as_str().len());
        // The address stands here twice.
        if !self.reservation.grow(Limits::RECIPIENT_OCTETS + 2 * written + original) {
            return false;
        }
        self.known.insert(address.clone());
        self.envelope.recipients.push(recipient);
        true
    }
}

/// A transaction whose message is being read.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) envelope: Envelope,
    pub(super) body: Body,
}

impl Receiving {
    /// Hands bytes to the message; returns how many it took. A refused message has given back its share of the budget,
    /// so its recipients go too.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> usize {
        let read = self.body.feed(bytes);
        if self.body.refused().is_some() {
            self.envelope.recipients = Vec::new();
        }
        read
    }
}

/// A chunk that is being read.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Its octets, in all.
    pub(super) octets: u64,
    /// Octets still to come.
    pub(super) left: u64,
    /// Whether it is the last.
    pub(super) last: bool,
    /// What it goes into, or why it is refused once its octets are read.
    pub(super) into: Result<Box<Receiving>, Refusal>,
}

/// A question that only the driver can answer.
#[derive(Debug)]
pub(super) enum Question {
    SignIn { mechanism: Mechanism, username: String, password: Secret },
    Mail(Box<Open>),
    Recipient(Box<Recipient>),
    Keep(Box<Transaction>),
}

impl Question {
    /// Whether the answer takes so long that replies must not wait for it.
    pub(super) fn takes_time(&self) -> bool {
        matches!(self, Self::SignIn { .. } | Self::Keep(_))
    }
}

/// A question that was put, and what its answer will need.
#[derive(Debug)]
pub(super) enum Asked {
    SignIn(Mechanism),
    Mail(Box<Open>),
    Recipient(Box<Recipient>),
    Keep,
}

impl super::Session {
    /// Puts the question that waits.
    pub(super) fn ask(&mut self) -> super::Step {
        use super::Step;
        let (step, asked) = match std::mem::replace(&mut self.state, State::Commands) {
            State::Ask(Question::SignIn { mechanism, username, password }) => {
                (Step::SignIn { mechanism, username, password }, Asked::SignIn(mechanism))
            }
            State::Ask(Question::Mail(open)) => {
                let sender: ReversePath = open.envelope.reverse_path.clone();
                (Step::Mail(sender), Asked::Mail(open))
            }
            State::Ask(Question::Recipient(recipient)) => {
                let address: EmailAddress = recipient.address.clone();
                (Step::Recipient(address), Asked::Recipient(recipient))
            }
            State::Ask(Question::Keep(transaction)) => (Step::Keep(transaction), Asked::Keep),
            other => {
                self.state = other;
                return self.need_input(super::Phase::Command);
            }
        };
        self.state = State::Asked(asked);
        step
    }
}
