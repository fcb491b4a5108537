//! Drives the queue's runner: the timer and the tasks that the queue itself does without.

use outgate_core::{
    Clock, Timestamp,
    store::{Store, StoreError},
};
use outgate_queue::{LOOK_EVERY, Runner};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

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

/// Drives the runner until `stop`, then waits at most `grace` for what is on its way, ends what is left, and gives back
/// what nobody started.
pub(crate) async fn drive(runner: Arc<Runner>, stop: CancellationToken, grace: Duration) {
    let mut jobs = JoinSet::new();
    let mut look: Option<JoinHandle<()>> = None;
    while !stop.is_cancelled() {
        if runner.look_is_due() && look.as_ref().is_none_or(JoinHandle::is_finished) {
            let runner = Arc::clone(&runner);
            look = Some(tokio::spawn(async move { runner.look().await }));
        }
        for job in runner.take_ready() {
            let runner = Arc::clone(&runner);
            jobs.spawn(async move { runner.run(job).await });
        }
        while jobs.try_join_next().is_some() {}
        tokio::select! {
            () = stop.cancelled() => {}
            () = runner.woken() => {}
            () = sleep(LOOK_EVERY) => {}
        }
    }
    runner.wind_down();
    let all = async { while jobs.join_next().await.is_some() {} };
    if timeout(grace, all).await.is_err() {
        tracing::warn!(
            left = jobs.len(),
            "stopping with deliveries on their way; they are made again after the start"
        );
        // Ended, not left running: another relay may take this store as soon as we have stopped.
        jobs.shutdown().await;
    }
    if let Some(look) = look {
        look.abort();
        let _ = look.await;
    }
    runner.give_back_ready().await;
}

/// Sweeps the store and trims its log now and then, until `stop`.
pub(crate) async fn sweep(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        match stop.run_until_cancelled(sweep_once(&*store, clock.now())).await {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "the store could not be swept; it is tried again"),
            None => return,
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(SWEEP_EVERY) => {}
        }
    }
}
