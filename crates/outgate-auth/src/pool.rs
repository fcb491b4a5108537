//! The bounded pool for hashing: so many at once, so many waiting, so long; past that a clear `Busy` (law 11).

use outgate_core::HashError;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// How many hashes may wait for a place.
const MOST_WAITING: usize = 64;
/// How long one waits for a place.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The limits of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Hashes at the same time; each takes [`crate::Params::memory_kib`] of memory. At least one.
    pub concurrent: usize,
    /// Hashes that wait.
    pub waiting: usize,
    /// How long each waits.
    pub wait: Duration,
}

impl PoolLimits {
    /// So many hashes at the same time; 64 wait, at most 5 s.
    pub fn of(concurrent: usize) -> Self {
        Self { concurrent, waiting: MOST_WAITING, wait: LONGEST_WAIT }
    }
}

impl Default for PoolLimits {
    /// One hash at a time for each core.
    fn default() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

/// How busy the pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLoad {
    /// Hashes that run.
    pub running: usize,
    /// Hashes that wait for a place.
    pub waiting: usize,
    /// Hashes that may run at the same time.
    pub concurrent: usize,
}

/// Runs work on blocking threads, within limits.
pub(crate) struct Pool {
    /// One permit for each hash that runs or waits.
    places: Semaphore,
    /// One permit for each hash that runs.
    running: Arc<Semaphore>,
    concurrent: usize,
    /// How many may run or wait.
    room: usize,
    wait: Duration,
}

impl Pool {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        let concurrent = limits.concurrent.clamp(1, Semaphore::MAX_PERMITS / 2);
        let waiting = limits.waiting.min(Semaphore::MAX_PERMITS / 2);
        Self {
            places: Semaphore::new(concurrent + waiting),
            running: Arc::new(Semaphore::new(concurrent)),
            concurrent,
            room: concurrent + waiting,
            wait: limits.wait,
        }
    }

    /// How busy it is now.
    pub(crate) fn load(&self) -> PoolLoad {
        let running = self.concurrent.saturating_sub(self.running.available_permits());
        let inside = self.room.saturating_sub(self.places.available_permits());
        PoolLoad { running, waiting: inside.saturating_sub(running), concurrent: self.concurrent }
    }

    /// Runs `work`. Dropped while it waits, it never runs; dropped while it runs, it keeps its permit to the end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let _place = self.places.try_acquire().map_err(|_| HashError::Busy)?;
        let permit = timeout(self.wait, Arc::clone(&self.running).acquire_owned())
            .await
            .map_err(|_| HashError::Busy)?
            .map_err(|_| HashError::Busy)?;
        spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(|_| HashError::Failed("the hash was cut short".to_owned()))
    }
}

#[cfg(test)]
impl Pool {
    /// Takes every place until dropped.
    pub(crate) fn fill(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.places.try_acquire_many(self.places.available_permits() as u32).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A pool of one, with a job that runs until the returned sender is dropped or sent to.
    async fn occupied(waiting: usize, wait: Duration) -> (Arc<Pool>, mpsc::Sender<()>) {
        let pool = Arc::new(Pool::new(PoolLimits { concurrent: 1, waiting, wait }));
        let (release, released) = mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        tokio::spawn({
            let pool = Arc::clone(&pool);
            async move {
                pool.run(move || {
                    let _ = started.send(());
                    let _ = released.recv();
                })
                .await
            }
        });
        running.await.unwrap();
        (pool, release)
    }

    #[tokio::test]
    async fn no_room_is_busy_at_once() {
        let (pool, release) = occupied(0, Duration::from_mins(1)).await;
        assert_eq!(pool.run(|| ()).await, Err(HashError::Busy));
        drop(release);
    }

    #[tokio::test]
    async fn too_long_a_wait_is_busy() {
        let (pool, release) = occupied(1, Duration::from_millis(5)).await;
        assert_eq!(pool.run(|| ()).await, Err(HashError::Busy));
        drop(release);
    }

    #[tokio::test]
    async fn what_waits_runs_when_there_is_room() {
        let (pool, release) = occupied(1, Duration::from_mins(1)).await;
        let waiting = tokio::spawn({
            let pool = Arc::clone(&pool);
            async move { pool.run(|| 7).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(pool.load(), PoolLoad { running: 1, waiting: 1, concurrent: 1 });
        drop(release);
        assert_eq!(waiting.await.unwrap(), Ok(7));
        assert_eq!(pool.load().waiting, 0);
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_and_frees_the_place() {
        let pool = Pool::new(PoolLimits { concurrent: 1, waiting: 0, wait: Duration::from_mins(1) });
        assert!(matches!(pool.run(|| panic!("as planned")).await, Err::<(), _>(HashError::Failed(_))));
        assert_eq!(pool.run(|| 1).await, Ok(1));
    }
}
