//! The management listener: is the process alive, should it get requests, what do its figures say.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use super::metrics::Metrics;
use super::shutdown::Shutdown;

/// A store that is slower than this serves nobody.
const PATIENCE: Duration = Duration::from_secs(2);

/// `reachable` asks the store something small.
pub fn router<F, A>(metrics: Metrics, shutdown: Shutdown, reachable: F) -> Router
where
    F: Fn() -> A + Clone + Send + Sync + 'static,
    A: Future<Output = bool> + Send,
{
    let ready = async move || {
        if !shutdown.is_ready() {
            return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
        }
        match tokio::time::timeout(PATIENCE, reachable()).await {
            Ok(true) => (StatusCode::OK, "ready\n"),
            Ok(false) => (StatusCode::SERVICE_UNAVAILABLE, "the store is out of reach\n"),
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
        }
    };
    let figures = async move || {
        ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()).into_response()
    };
    Router::new()
        .route("/health/live", get(async || "alive\n"))
        .route("/health/ready", get(ready))
        .route("/metrics", get(figures))
        .layer(CatchPanicLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, 2 * PATIENCE))
}
