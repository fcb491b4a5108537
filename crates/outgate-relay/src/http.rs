//! The HTTP listener: whether the relay lives, whether it takes mail, and its numbers.

use axum::{Router, extract::State, http::StatusCode, http::header, response::IntoResponse, routing::get};
use outgate_core::{Clock, store::Store};
use outgate_listen::Counters;
use outgate_queue::Runner;
use std::{fmt::Write, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What the pages tell of.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runner: Arc<Runner>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stop: CancellationToken,
}

/// Serves until the relay has stopped; during a drain `/readyz` already says so.
pub(crate) async fn serve(listener: TcpListener, watched: Watched, stopped: CancellationToken) {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(watched);
    let served = axum::serve(listener, routes).with_graceful_shutdown(stopped.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "the HTTP listener ended");
    }
}

/// Whether new mail is taken: not while draining, not with the disk nearly full, not with a store that fails.
async fn ready(State(watched): State<Watched>) -> (StatusCode, &'static str) {
    let unready = |why| (StatusCode::SERVICE_UNAVAILABLE, why);
    if watched.stop.is_cancelled() {
        unready("stopping\n")
    } else if !watched.store.has_room() {
        unready("the disk is nearly full\n")
    } else if watched.store.summary().await.is_err() {
        unready("the store does not answer\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// The numbers, in Prometheus' text format.
async fn metrics(State(watched): State<Watched>) -> impl IntoResponse {
    let mut page = String::new();
    let mut put = |name: &str, kind: &str, help: &str, rows: &[(&str, f64)]| {
        let _ = write!(page, "# HELP outgate_{name} {help}\n# TYPE outgate_{name} {kind}\n");
        for (labels, value) in rows {
            let _ = writeln!(page, "outgate_{name}{labels} {value}");
        }
    };
    let counts = watched.counters.read();
    put("connections_open", "gauge", "Connections open now.", &[("", counts.open as f64)]);
    put("connections_total", "counter", "Connections accepted.", &[("", counts.accepted as f64)]);
    put(
        "tls_handshakes_total",
        "counter",
        "TLS handshakes by how they ended.",
        &[("{result=\"done\"}", counts.tls as f64), ("{result=\"failed\"}", counts.tls_failed as f64)],
    );
    put("connections_turned_away_total", "counter", "Connections past a limit.", &[("", counts.turned_away as f64)]);
    put("sessions_timed_out_total", "counter", "Sessions ended for slowness.", &[("", counts.timed_out as f64)]);
    put("deliveries_in_flight", "gauge", "Parcels on their way.", &[("", watched.runner.in_flight() as f64)]);
    if let Ok(queue) = watched.store.summary().await {
        let rows = [
            ("{state=\"pending\"}", queue.pending as f64),
            ("{state=\"deferred\"}", queue.deferred as f64),
            ("{state=\"held\"}", queue.held as f64),
        ];
        put("queue_deliveries", "gauge", "Open deliveries by state.", &rows);
        let age = queue.oldest_at.map_or(0.0, |at| watched.clock.now().duration_since(at).as_secs_f64());
        put("queue_oldest_seconds", "gauge", "Age of the oldest open delivery.", &[("", age)]);
    }
    put("store_has_room", "gauge", "1 while the disk is above its reserve.", &[("", f64::from(watched.store.has_room()))]);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page)
}
