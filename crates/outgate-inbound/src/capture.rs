//! A mail server that takes everything and delivers nothing.

mod kept;

pub use kept::Captured;

use async_trait::async_trait;
use kept::Kept;
use outgate_core::{ByteBudget, EmailAddress, ReversePath, SendRight};
use outgate_listen::{Attempt, Closer, Handler, Peer, Service};
use outgate_smtp::{
    Limits,
    server::{ClientFacts, Config, QueuedAs, Refusal, Transaction},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// Messages kept; then the oldest go.
const MESSAGES: usize = 1000;
/// Octets of messages kept; then the oldest go.
const OCTETS: usize = 64 * 1024 * 1024;
/// Octets of messages that sessions may be sending at the same time.
const OCTETS_ARRIVING: usize = 256 * 1024 * 1024;

/// A mail server that takes every message for every recipient, and keeps the last ones in memory. Whatever it said `250`
/// to, it had at that moment; it keeps nothing over a restart, so it is for trying and testing only.
pub struct Capture {
    config: Arc<Config>,
    inbox: Arc<Inbox>,
}

struct Inbox {
    kept: Mutex<Kept>,
    /// How many messages came in all.
    came: watch::Sender<u64>,
}

/// Too few messages came in the time given.
#[derive(Clone, Debug)]
pub struct Only(pub Vec<Arc<Captured>>);

impl Capture {
    /// A capture box that greets as `hostname`, and offers STARTTLS if its listener has TLS.
    pub fn new(hostname: &str, starttls: bool) -> Arc<Self> {
        let config = Config {
            hostname: hostname.to_owned(),
            limits: Limits::default(),
            starttls,
            auth: false,
            budget: ByteBudget::new(OCTETS_ARRIVING),
        };
        let inbox = Inbox { kept: Mutex::new(Kept::new(MESSAGES, OCTETS)), came: watch::Sender::new(0) };
        Arc::new(Self { config: Arc::new(config), inbox: Arc::new(inbox) })
    }

    /// The messages kept, oldest first.
    pub fn messages(&self) -> Vec<Arc<Captured>> {
        self.inbox.kept().messages()
    }

    /// How many messages came in all, those not kept any more too.
    pub fn came(&self) -> u64 {
        *self.inbox.came.borrow()
    }

    /// Waits until `count` messages came in all, and returns those kept.
    pub async fn wait_for(&self, count: u64, within: Duration) -> Result<Vec<Arc<Captured>>, Only> {
        let mut came = self.inbox.came.subscribe();
        match timeout(within, came.wait_for(|came| *came >= count)).await {
            Ok(_) => Ok(self.messages()),
            Err(_) => Err(Only(self.messages())),
        }
    }
}

impl Inbox {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Capture {
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    fn open(&self, _: &Peer, _: Closer) -> Box<dyn Handler> {
        Box::new(Session(Arc::clone(&self.inbox)))
    }
}

/// Answers one session: yes to everything.
struct Session(Arc<Inbox>);

#[async_trait]
impl Handler for Session {
    async fn sign_in(&mut self, _: Attempt, _: &ClientFacts) -> Result<SendRight, Refusal> {
        Err(Refusal::BadCredentials) // never asked: its configuration offers no AUTH
    }

    async fn mail(&mut self, _: &ReversePath, _: &ClientFacts) -> Result<(), Refusal> {
        Ok(())
    }

    async fn recipient(&mut self, _: &EmailAddress, _: &ClientFacts) -> Result<(), Refusal> {
        Ok(())
    }

    async fn keep(&mut self, transaction: Transaction) -> Result<QueuedAs, Refusal> {
        let Transaction { envelope, content, client, .. } = transaction;
        let number = {
            let mut kept = self.0.kept();
            let number = kept.push(envelope, content, client);
            self.0.came.send_replace(number);
            number
        };
        Ok(QueuedAs(number.to_string()))
    }
}
