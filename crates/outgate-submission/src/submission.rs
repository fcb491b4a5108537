//! The service that listeners for applications are given.

use crate::{application::Application, cutoff::Cutoff, notes::Notes};
use outgate_core::{Clock, PasswordHasher, Ports, Randomness, Throttle, store::Store};
use outgate_listen::{Closer, Handler, Peer, Service};
use outgate_queue::Intake;
use outgate_smtp::server::Config;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What submission is made of.
pub struct Parts {
    /// What its sessions offer; signing in is required.
    pub config: Arc<Config>,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Judges passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Counts guesses.
    pub throttle: Arc<dyn Throttle>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub randomness: Arc<dyn Randomness>,
    /// Keeps messages.
    pub intake: Arc<Intake>,
}

impl Parts {
    pub(crate) fn ports(&self) -> Ports<'_> {
        Ports {
            store: &*self.store,
            hasher: &*self.hasher,
            clock: &*self.clock,
            randomness: &*self.randomness,
        }
    }
}

/// Serves applications: they sign in and send.
pub struct Submission {
    parts: Arc<Parts>,
    notes: Arc<Notes>,
    cutoff: Arc<Cutoff>,
}

impl Submission {
    /// Submission over these parts.
    pub fn new(parts: Parts) -> Arc<Self> {
        let notes = Notes::new(Arc::clone(&parts.store));
        Arc::new(Self { parts: Arc::new(parts), notes, cutoff: Arc::default() })
    }

    /// Ends the sessions of users who are reset, disabled or deleted, until `stop`. Looks at the event log every
    /// quarter of a second, and when `look` is notified. Laws 2 and 3 do not depend on it: a session that it misses is
    /// refused its next message all the same.
    pub async fn cut_off(&self, look: &Notify, stop: CancellationToken) {
        self.cutoff.watch(&*self.parts.store, look, stop).await;
    }

    /// Waits until every sign-in is written down, at most `within`; `false` when some were not. To be called after the
    /// listeners have ended.
    pub async fn settle(&self, within: Duration) -> bool {
        self.notes.settle(within).await
    }

    /// Signed-in sessions open now.
    pub fn signed_in(&self) -> usize {
        self.cutoff.seats()
    }
}

impl Service for Submission {
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.parts.config)
    }

    fn open(&self, _: &Peer, closer: Closer) -> Box<dyn Handler> {
        Box::new(Application::new(
            Arc::clone(&self.parts),
            Arc::clone(&self.notes),
            Arc::clone(&self.cutoff),
            closer,
        ))
    }
}
