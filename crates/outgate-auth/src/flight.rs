//! One hash in flight per identical attempt: whoever comes while it runs awaits its result.

use crate::fingerprint::Fingerprint;
use std::{
    collections::HashMap,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// The attempts under way. Bounded by whoever calls: an entry lives only while somebody waits for it.
pub(crate) struct Flights<T>(Mutex<HashMap<Fingerprint, watch::Sender<Option<T>>>>);

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(HashMap::new())))
    }

    /// The result of `work`, or of the same attempt's work already under way. The work goes on when the caller that
    /// began it leaves while others wait, and is dropped when nobody waits. `None`: it panicked.
    pub(crate) async fn share(
        self: &Arc<Self>,
        attempt: Fingerprint,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let mut result = {
            let mut open = self.open();
            if let Some(under_way) = open.get(&attempt) {
                under_way.subscribe()
            } else {
                let (sender, receiver) = watch::channel(None);
                open.insert(attempt, sender.clone());
                let landing = Landing { flights: Arc::clone(self), attempt, sender };
                tokio::spawn(landing.fly(work));
                receiver
            }
        };
        result.wait_for(Option::is_some).await.ok().and_then(|found| found.clone())
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Fingerprint, watch::Sender<Option<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the entry away however the work ends.
struct Landing<T> {
    flights: Arc<Flights<T>>,
    attempt: Fingerprint,
    sender: watch::Sender<Option<T>>,
}

impl<T: Clone + Send + Sync + 'static> Landing<T> {
    async fn fly(self, work: impl Future<Output = T>) {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                found = &mut work => {
                    self.sender.send_replace(Some(found));
                    return;
                }
                () = self.sender.closed() => {
                    // Looked at again under the lock, where nobody can join.
                    let mut open = self.flights.open();
                    if self.sender.is_closed() {
                        open.remove(&self.attempt);
                        return;
                    }
                }
            }
        }
    }
}

impl<T> Drop for Landing<T> {
    fn drop(&mut self) {
        let mut open = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        // After a desertion the entry may be the next attempt's already.
        if open.get(&self.attempt).is_some_and(|kept| kept.same_channel(&self.sender)) {
            open.remove(&self.attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fingerprint::Fingerprinter, testing::Seeded};
    use outgate_core::{PasswordHash, Secret};
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;

    fn attempt(password: &str) -> Fingerprint {
        Fingerprinter::new(&Seeded::new(1)).of_pair(&PasswordHash::new("h"), &Secret::new(password))
    }

    #[tokio::test]
    async fn followers_get_the_leaders_result_even_when_it_leaves() {
        let (flights, gate, ran) = (Flights::new(), Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
        let call = |password| {
            let (flights, gate, ran) = (Arc::clone(&flights), Arc::clone(&gate), Arc::clone(&ran));
            tokio::spawn(async move {
                let work = async move {
                    gate.notified().await;
                    ran.fetch_add(1, Ordering::SeqCst) + 1
                };
                flights.share(attempt(password), work).await
            })
        };
        let leader = call("p");
        while flights.open().is_empty() {
            tokio::task::yield_now().await;
        }
        let followers = [call("p"), call("p")];
        while flights.open().values().any(|sender| sender.receiver_count() < 3) {
            tokio::task::yield_now().await;
        }
        leader.abort();
        assert!(leader.await.is_err());
        gate.notify_one();
        for follower in followers {
            assert_eq!(follower.await.unwrap(), Some(1));
        }
        assert_eq!(ran.load(Ordering::SeqCst), 1);
        assert!(flights.open().is_empty());
    }

    #[tokio::test]
    async fn deserted_work_is_dropped() {
        struct Dropped(Arc<Notify>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.notify_one();
            }
        }
        let (flights, dropped) = (Flights::<()>::new(), Arc::new(Notify::new()));
        let alone = tokio::spawn({
            let (flights, guard) = (Arc::clone(&flights), Dropped(Arc::clone(&dropped)));
            async move {
                let work = async move {
                    let _guard = guard;
                    std::future::pending::<()>().await;
                };
                flights.share(attempt("p"), work).await
            }
        });
        while flights.open().is_empty() {
            tokio::task::yield_now().await;
        }
        alone.abort();
        dropped.notified().await;
        while !flights.open().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_panic_reaches_all_and_leaves_nothing_behind() {
        let flights = Flights::<u32>::new();
        assert_eq!(flights.share(attempt("p"), async { panic!("as planned") }).await, None);
        assert_eq!(flights.share(attempt("p"), async { 3 }).await, Some(3));
    }
}
