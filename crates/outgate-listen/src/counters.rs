//! What happened at the doors, in numbers.

use outgate_smtp::server::Tally;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Counts, shared by all listeners; whoever reports them reads [`Counters::read`].
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) open: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) tls: AtomicU64,
    pub(crate) tls_failed: AtomicU64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) proxy_refused: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) refusals: Arc<Tally>,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections open now.
    pub open: u64,
    /// Connections accepted since the start, those turned away too.
    pub accepted: u64,
    /// TLS handshakes that came to their end.
    pub tls: u64,
    /// TLS handshakes that did not.
    pub tls_failed: u64,
    /// Connections past a limit.
    pub turned_away: u64,
    /// Connections from a proxy's network without a good PROXY header.
    pub proxy_refused: u64,
    /// Sessions ended because the client was too slow.
    pub timed_out: u64,
}

impl Counters {
    /// The counts now.
    pub fn read(&self) -> Counts {
        Counts {
            open: self.open.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            tls: self.tls.load(Relaxed),
            tls_failed: self.tls_failed.load(Relaxed),
            turned_away: self.turned_away.load(Relaxed),
            proxy_refused: self.proxy_refused.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
        }
    }

    /// How often each refusal was said since the start, by its short code; those never said too.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.refusals.read()
    }
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// One open connection; gone on drop.
#[derive(Debug)]
pub(crate) struct Open(Arc<Counters>);

impl Open {
    pub(crate) fn new(counters: &Arc<Counters>) -> Self {
        count(&counters.accepted);
        count(&counters.open);
        Self(Arc::clone(counters))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_ones_come_and_go() {
        let counters = Arc::new(Counters::default());
        let open = Open::new(&counters);
        assert_eq!(counters.read(), Counts { open: 1, accepted: 1, ..Counts::default() });
        drop(open);
        assert_eq!(counters.read(), Counts { accepted: 1, ..Counts::default() });
    }
}
