//! Ending a session from outside.

use outgate_smtp::server::Refusal;
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// Ends one session, from wherever it is held: the client hears the refusal (`421`) and the connection closes within a
/// second, whatever the session waits for. A message that is just being kept is answered first.
#[derive(Clone, Debug)]
pub struct Closer(Arc<Closing>);

#[derive(Debug)]
struct Closing {
    reason: OnceLock<Refusal>,
    told: Notify,
}

impl Default for Closer {
    /// A closer for a session that has just begun.
    fn default() -> Self {
        Self(Arc::new(Closing { reason: OnceLock::new(), told: Notify::new() }))
    }
}

impl Closer {
    /// Ends the session. The first reason given is the one that is told.
    pub fn close(&self, reason: Refusal) {
        if self.0.reason.set(reason).is_ok() {
            // One session waits, and the permit stays for it should it not wait yet.
            self.0.told.notify_one();
        }
    }

    /// Why the session is to end, if it is.
    pub fn reason(&self) -> Option<&Refusal> {
        self.0.reason.get()
    }

    /// Waits until the session is to end.
    pub(crate) async fn closed(&self) -> Refusal {
        loop {
            if let Some(reason) = self.reason() {
                return reason.clone();
            }
            self.0.told.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_is_told_early_or_late() {
        let closer = Closer::default();
        let waiting = tokio::spawn({
            let closer = closer.clone();
            async move { closer.closed().await }
        });
        tokio::task::yield_now().await;
        closer.close(Refusal::StaleRight);
        closer.close(Refusal::ShuttingDown);
        assert_eq!(waiting.await.unwrap(), Refusal::StaleRight);
        assert_eq!(closer.closed().await, Refusal::StaleRight, "and again");
    }
}
