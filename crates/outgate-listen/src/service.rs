//! Whoever handles the conversations of a listener.

use crate::Closer;
use async_trait::async_trait;
use outgate_core::{EmailAddress, Mechanism, ReversePath, Secret, SendRight};
use outgate_smtp::server::{ClientFacts, Config, QueuedAs, Refusal, Transaction};
use std::{net::SocketAddr, sync::Arc};

/// Handles the conversations of a kind of listener.
pub trait Service: Send + Sync {
    /// What its sessions offer.
    fn config(&self) -> Arc<Config>;

    /// Opens a handler for a session that begins. `closer` ends that session from outside, as long as it lasts.
    fn open(&self, peer: &Peer, closer: Closer) -> Box<dyn Handler>;
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client; behind a trusted proxy, what the proxy says.
    pub remote: SocketAddr,
    /// Where it was accepted.
    pub local: SocketAddr,
}

/// What a client shows to sign in.
#[derive(Debug)]
pub struct Attempt {
    /// How.
    pub mechanism: Mechanism,
    /// The username as it was sent.
    pub username: String,
    /// The password as it was sent.
    pub password: Secret,
}

/// Answers what one session asks. Every answer but that of [`Handler::keep`] may be given up half-way, when the session
/// ends meanwhile. An answer that takes longer than 110 s counts as trouble of ours.
#[async_trait]
pub trait Handler: Send {
    /// Who is this?
    async fn sign_in(&mut self, attempt: Attempt, client: &ClientFacts) -> Result<SendRight, Refusal>;

    /// May a transaction with this sender begin?
    async fn mail(&mut self, sender: &ReversePath, client: &ClientFacts) -> Result<(), Refusal>;

    /// May this recipient be added?
    async fn recipient(&mut self, recipient: &EmailAddress, client: &ClientFacts) -> Result<(), Refusal>;

    /// Will you keep this? `Ok` is the client's `250`, so it means durably kept (law 7).
    async fn keep(&mut self, transaction: Transaction) -> Result<QueuedAs, Refusal>;
}
