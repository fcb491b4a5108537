//! Drives the queue's runner: the timer and the tasks that the queue itself does without.

use outgate_core::{
    Clock, Timestamp,
    store::{Store, StoreError},
};
use outgate_queue::Runner;
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often rubbish is swept from the store.
const SWEEP_EVERY: Duration = Duration::from_mins(5);
/// Rows that one sweep takes at most, so that it never holds the writer long.
const SWEEP_ROWS: usize = 500;

/// How long events are kept.
const EVENTS_KEPT: Duration = Duration::from_hours(30 * 24);

/// Takes rubbish and old events a little at a time, so that submissions between are not held up.
async fn sweep_once(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    while store.sweep(SWEEP_ROWS).await? >= SWEEP_ROWS as u64 {}
    let Ok(before) = now.checked_sub(EVENTS_KEPT) else { return Ok(()) };
    while store.trim_events(before, SWEEP_ROWS).await? >= SWEEP_ROWS as u64 {}
    Ok(())
}

/// Steps the runner until `stop`, then waits at most `grace` for what is on its way, and gives the rest back.
pub(crate) async fn drive(runner: Arc<Runner>, clock: Arc<dyn Clock>, stop: CancellationToken, grace: Duration) {
    let jobs = TaskTracker::new();
    while !stop.is_cancelled() {
        let step = runner.step().await;
        for job in step.jobs {
            let runner = Arc::clone(&runner);
            jobs.spawn(async move { runner.run(job).await });
        }
        let wait = Duration::try_from(step.again_at.duration_since(clock.now())).unwrap_or_default();
        tokio::select! {
            () = stop.cancelled() => {}
            () = runner.woken() => {}
            () = sleep(wait) => {}
        }
    }
    runner.wind_down();
    jobs.close();
    if timeout(grace, jobs.wait()).await.is_err() {
        tracing::warn!(left = jobs.len(), "stopping with deliveries on their way; they are made again after the start");
    }
    runner.give_back_ready().await;
}

/// Sweeps the store and trims its log now and then, until `stop`.
pub(crate) async fn sweep(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        if let Err(error) = sweep_once(&*store, clock.now()).await {
            tracing::warn!(%error, "the store could not be swept; it is tried again");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(SWEEP_EVERY) => {}
        }
    }
}
