//! The end of the relay's work, as those see it who have not begun theirs.

use std::sync::Arc;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// Whether the relay is stopping. Whoever has not said MAIL by then does not say it any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stopping(Arc<watch::Sender<bool>>);

impl Stopping {
    /// From now on nothing is begun.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for something that comes before MAIL: until the deadline, and until the relay stops.
    pub(crate) async fn within<F: Future>(&self, deadline: Instant, wait: F) -> Option<F::Output> {
        let mut changes = self.0.subscribe();
        tokio::select! {
            biased;
            // The sender is in `self`, so this ends only by what it waits for.
            _ = changes.wait_for(|stopping| *stopping) => None,
            done = timeout_at(deadline, wait) => done.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{future::pending, time::Duration};

    #[tokio::test]
    async fn waits_end_in_three_ways() {
        let stopping = Stopping::default();
        let far = Instant::now() + Duration::from_hours(1);
        assert_eq!(stopping.within(far, async { 1 }).await, Some(1));
        assert_eq!(stopping.within(Instant::now(), pending::<u8>()).await, None);
        let waiting = tokio::spawn({
            let stopping = stopping.clone();
            async move { stopping.within(far, pending::<u8>()).await }
        });
        tokio::task::yield_now().await;
        stopping.begin();
        let ended = timeout_at(Instant::now() + Duration::from_secs(5), waiting).await;
        assert_eq!(ended.expect("soon").unwrap(), None);
        assert_eq!(stopping.within(far, async { 1 }).await, None, "nothing is begun after the end");
    }
}
