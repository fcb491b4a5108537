//! Counts what goes out, before the carrier that carries it.

use super::{
    Metrics,
    measure::{Counter, Histogram},
};
use async_trait::async_trait;
use outgate_core::{Destination, EmailAddress, FailureClass, NetworkPath};
use outgate_queue::{Carried, Carrier, Outcome, Parcel};
use std::{sync::Arc, time::Instant};

/// The ways a parcel can go, as TLS and whether the certificate was valid for the host.
pub(super) const LEVELS: [(&str, &str); 11] = [
    ("unconnected", "unknown"),
    ("none", "unknown"),
    ("TLSv1.2", "yes"),
    ("TLSv1.2", "no"),
    ("TLSv1.2", "unknown"),
    ("TLSv1.3", "yes"),
    ("TLSv1.3", "no"),
    ("TLSv1.3", "unknown"),
    ("other", "yes"),
    ("other", "no"),
    ("other", "unknown"),
];

/// Every class of failure, in the order of its declaration.
pub(super) const CLASSES: [FailureClass; 12] = [
    FailureClass::Address,
    FailureClass::Domain,
    FailureClass::MailboxFull,
    FailureClass::Content,
    FailureClass::Policy,
    FailureClass::Greylisted,
    FailureClass::Rate,
    FailureClass::Dns,
    FailureClass::Connection,
    FailureClass::Tls,
    FailureClass::Local,
    FailureClass::Other,
];

/// The word for a class of failure, as in JSON.
pub(super) fn word(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Address => "address",
        FailureClass::Domain => "domain",
        FailureClass::MailboxFull => "mailbox_full",
        FailureClass::Content => "content",
        FailureClass::Policy => "policy",
        FailureClass::Greylisted => "greylisted",
        FailureClass::Rate => "rate",
        FailureClass::Dns => "dns",
        FailureClass::Connection => "connection",
        FailureClass::Tls => "tls",
        FailureClass::Local => "local",
        FailureClass::Other => "other",
    }
}

/// What went out.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// By [`LEVELS`].
    pub(super) attempts: [Counter; LEVELS.len()],
    pub(super) attempt: Histogram,
    pub(super) delivered: Counter,
    /// By [`CLASSES`].
    pub(super) deferred: [Counter; CLASSES.len()],
    /// By [`CLASSES`].
    pub(super) failed: [Counter; CLASSES.len()],
}

impl Counts {
    fn note(&self, carried: &Carried) {
        if carried.outcomes.iter().all(|outcome| *outcome == Outcome::Untried) {
            return; // no attempt
        }
        self.attempts[level(&carried.path)].one();
        for outcome in &carried.outcomes {
            match outcome {
                Outcome::Delivered { .. } => self.delivered.one(),
                Outcome::Deferred { class, .. } => self.deferred[*class as usize].one(),
                Outcome::Failed { class, .. } => self.failed[*class as usize].one(),
                Outcome::Untried => {}
            }
        }
    }
}

/// Which of [`LEVELS`] a path is.
fn level(path: &NetworkPath) -> usize {
    let Some(tls) = &path.tls else { return usize::from(path.address.is_some()) };
    let version = match tls.version.as_str() {
        "TLSv1.2" => 0,
        "TLSv1.3" => 1,
        _ => 2,
    };
    let verified = match tls.verified {
        Some(true) => 0,
        Some(false) => 1,
        None => 2,
    };
    2 + 3 * version + verified
}

/// A carrier, counted.
pub(crate) struct CountedCarrier {
    inner: Arc<dyn Carrier>,
    metrics: Arc<Metrics>,
}

impl CountedCarrier {
    /// Counts at `inner`.
    pub(crate) fn new(inner: Arc<dyn Carrier>, metrics: Arc<Metrics>) -> Self {
        Self { inner, metrics }
    }
}

#[async_trait]
impl Carrier for CountedCarrier {
    fn destination(&self, recipient: &EmailAddress) -> Destination {
        self.inner.destination(recipient)
    }

    fn concurrency(&self, destination: &Destination) -> usize {
        self.inner.concurrency(destination)
    }

    async fn carry(&self, parcel: &Parcel) -> Carried {
        let began = Instant::now();
        let carried = self.inner.carry(parcel).await;
        let counts = &self.metrics.carrying;
        counts.attempt.observe(began.elapsed());
        counts.note(&carried);
        carried
    }

    fn wind_down(&self) {
        self.inner.wind_down();
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests;
