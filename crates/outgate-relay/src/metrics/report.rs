//! Gathers the page.

use super::{
    Metrics, carrying,
    carrying::{CLASSES, LEVELS},
    catalogue as all,
    measure::Counter,
    page::Page,
    taking::SIGN_INS,
};
use outgate_auth::Hasher;
use outgate_core::{ByteBudget, Clock, store::Store};
use outgate_listen::Counters;
use outgate_queue::Runner;
use outgate_store_sqlite::Commits;
use outgate_submission::Submission;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Everything that the page tells of.
pub(crate) struct Observed {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Arc<dyn Store>,
    /// The store's own counts, when the store is ours.
    pub(crate) commits: Option<Arc<Commits>>,
    pub(crate) runner: Arc<Runner>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) submission: Arc<Submission>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) budget: Arc<ByteBudget>,
    pub(crate) budget_limit: u64,
    pub(crate) clock: Arc<dyn Clock>,
    /// Cancelled once the relay takes nothing more in.
    pub(crate) draining: CancellationToken,
}

impl Observed {
    /// The page, as of now.
    pub(crate) async fn page(&self) -> String {
        let mut page = Page::default();
        page.family(&all::BUILD_INFO).put(&[env!("CARGO_PKG_VERSION")], 1.0);
        page.plain(&all::UPTIME, self.metrics.started.elapsed().as_secs_f64());
        page.plain(&all::DRAINING, f64::from(self.draining.is_cancelled()));
        self.doors(&mut page);
        self.taking(&mut page);
        self.carrying(&mut page);
        self.queue(&mut page).await;
        self.store(&mut page);
        page.into_text()
    }

    fn doors(&self, page: &mut Page) {
        let counts = self.counters.read();
        page.plain(&all::CONNECTIONS_OPEN, counts.open as f64);
        page.plain(&all::CONNECTIONS, counts.accepted as f64);
        page.plain(&all::TURNED_AWAY, counts.turned_away as f64);
        page.plain(&all::PROXY_REFUSED, counts.proxy_refused as f64);
        let mut handshakes = page.family(&all::HANDSHAKES);
        handshakes.put(&["done"], counts.tls as f64);
        handshakes.put(&["failed"], counts.tls_failed as f64);
        page.plain(&all::TIMED_OUT, counts.timed_out as f64);
        let mut refusals = page.family(&all::REFUSALS);
        for (code, count) in self.counters.refusals() {
            refusals.put(&[code], count as f64);
        }
    }

    fn taking(&self, page: &mut Page) {
        let counts = &self.metrics.taking;
        page.plain(&all::SIGNED_IN, self.submission.signed_in() as f64);
        let mut sign_ins = page.family(&all::SIGN_INS);
        for (result, count) in SIGN_INS.into_iter().zip(&counts.sign_ins) {
            sign_ins.put(&[result], value(count));
        }
        let load = self.hasher.load();
        let mut hashes = page.family(&all::HASHES);
        hashes.put(&["running"], load.running as f64);
        hashes.put(&["waiting"], load.waiting as f64);
        page.plain(&all::HASHES_LIMIT, load.concurrent as f64);
        page.plain(&all::MESSAGES, value(&counts.messages));
        page.plain(&all::ACCEPTED_RECIPIENTS, value(&counts.recipients));
        page.plain(&all::ACCEPTED_BYTES, value(&counts.bytes));
        page.spread(&all::ACCEPTANCE, &counts.acceptance.read());
        page.plain(&all::BUDGET_USED, self.budget.used() as f64);
        page.plain(&all::BUDGET_LIMIT, self.budget_limit as f64);
    }

    fn carrying(&self, page: &mut Page) {
        let counts = &self.metrics.carrying;
        page.plain(&all::IN_FLIGHT, self.runner.in_flight() as f64);
        let mut attempts = page.family(&all::ATTEMPTS);
        for ((tls, verified), count) in LEVELS.into_iter().zip(&counts.attempts) {
            attempts.put(&[tls, verified], value(count));
        }
        page.spread(&all::ATTEMPT, &counts.attempt.read());
        let mut recipients = page.family(&all::RECIPIENTS);
        recipients.put(&["delivered", "none"], value(&counts.delivered));
        for (result, by_class) in [("deferred", &counts.deferred), ("failed", &counts.failed)] {
            for (class, count) in CLASSES.into_iter().zip(by_class) {
                recipients.put(&[result, carrying::word(class)], value(count));
            }
        }
        page.plain(&all::EXPIRED, self.runner.expired() as f64);
    }

    async fn queue(&self, page: &mut Page) {
        let summary = self.store.summary().await;
        page.plain(&all::STORE_ANSWERS, f64::from(summary.is_ok()));
        let Ok(queue) = summary else { return };
        let mut deliveries = page.family(&all::QUEUE);
        for (state, count) in [("pending", queue.pending), ("deferred", queue.deferred), ("held", queue.held)]
        {
            deliveries.put(&[state], count as f64);
        }
        let age = queue.oldest_at.map_or(0.0, |at| self.clock.now().duration_since(at).as_secs_f64());
        page.plain(&all::OLDEST, age.max(0.0));
        page.plain(&all::PAUSED, f64::from(queue.paused));
    }

    fn store(&self, page: &mut Page) {
        page.plain(&all::HAS_ROOM, f64::from(self.store.has_room()));
        let Some(commits) = &self.commits else { return };
        let counts = commits.read();
        let mut ended = page.family(&all::COMMITS);
        ended.put(&["done"], counts.done as f64);
        ended.put(&["failed"], counts.failed as f64);
        page.plain(&all::COMMIT_VERBS, counts.verbs as f64);
        page.plain(&all::COMMIT_BYTES, counts.bytes as f64);
        page.plain(&all::COMMIT_SECONDS, counts.time.as_secs_f64());
    }
}

/// A counter as the page writes it.
fn value(counter: &Counter) -> f64 {
    counter.read() as f64
}
