//! What can end a session from outside.

use crate::{Closer, door::House};
use outgate_smtp::server::Refusal;
use std::sync::Arc;

/// All that can end one session from outside.
pub(crate) struct Ends {
    pub(crate) closer: Closer,
    pub(crate) house: Arc<House>,
}

impl Ends {
    /// Why the session has to end now, transaction or not, if it has to.
    pub(crate) fn now(&self) -> Option<Refusal> {
        let cut = self.house.cut.is_cancelled().then_some(Refusal::ShuttingDown);
        self.closer.reason().cloned().or(cut)
    }

    /// Whether the relay drains: what has begun goes on, and nothing new begins.
    pub(crate) fn draining(&self) -> bool {
        self.house.drain.is_cancelled()
    }

    /// Waits until the session has to end, transaction or not.
    pub(crate) async fn cut(&self) -> Refusal {
        tokio::select! {
            biased;
            reason = self.closer.closed() => reason,
            () = self.house.cut.cancelled() => Refusal::ShuttingDown,
        }
    }

    /// Waits until the session has to end; one without a transaction ends as soon as the relay drains.
    pub(crate) async fn wait(&self, idle: bool) -> Refusal {
        tokio::select! {
            biased;
            reason = self.cut() => reason,
            () = self.house.drain.cancelled(), if idle => Refusal::ShuttingDown,
        }
    }
}
