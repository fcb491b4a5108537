//! The HTTP listener: whether the relay lives, whether it takes mail, and its numbers.

mod doorway;

use crate::metrics::{CONTENT_TYPE, Observed};
use axum::{Router, extract::State, http::StatusCode, http::header, response::IntoResponse, routing::get};
use doorway::Doorway;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves until the relay has stopped; during a drain `/readyz` already says so.
pub(crate) async fn serve(listener: TcpListener, observed: Arc<Observed>, stopped: CancellationToken) {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(observed);
    // Dropped when the relay has stopped: a page that is half read or half asked for holds nothing up.
    if let Some(Err(error)) =
        stopped.run_until_cancelled(async { axum::serve(Doorway::new(listener), routes).await }).await
    {
        tracing::error!(%error, "the HTTP listener ended");
    }
}

/// Whether new mail is taken: not while draining, not with the disk nearly full, not with a store that fails.
async fn ready(State(observed): State<Arc<Observed>>) -> (StatusCode, &'static str) {
    let unready = |why| (StatusCode::SERVICE_UNAVAILABLE, why);
    if observed.draining.is_cancelled() {
        unready("stopping\n")
    } else if !observed.store.has_room() {
        unready("the disk is nearly full\n")
    } else if observed.store.summary().await.is_err() {
        unready("the store does not answer\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// The numbers.
async fn metrics(State(observed): State<Arc<Observed>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], observed.page().await)
}
