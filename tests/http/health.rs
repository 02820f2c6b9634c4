//! The management listener tells load balancers and Prometheus how the server is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use gatepass::http::health;
use gatepass::http::metrics::Metrics;
use gatepass::http::shutdown::{Drain, Shutdown};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::listener::Listener;

async fn get(router: &axum::Router, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn ready_is_who_is_not_stopping_and_has_a_store() {
    let (shutdown, reachable) = (Shutdown::new(), Arc::new(AtomicBool::new(true)));
    let asked = reachable.clone();
    let store = move || std::future::ready(asked.load(Ordering::SeqCst));
    let router = health::router(Metrics::install(), shutdown.clone(), store);
    assert_eq!(get(&router, "/health/live").await, (200, "alive\n".to_owned()));
    assert_eq!(get(&router, "/health/ready").await, (200, "ready\n".to_owned()));
    reachable.store(false, Ordering::SeqCst);
    assert_eq!(get(&router, "/health/ready").await, (503, "the store is out of reach\n".to_owned()));
    reachable.store(true, Ordering::SeqCst);
    shutdown.end(Drain::without_notice(Duration::ZERO)).await;
    assert_eq!(get(&router, "/health/ready").await, (503, "stopping\n".to_owned()));
    assert_eq!(get(&router, "/health/live").await, (200, "alive\n".to_owned()));
}

#[tokio::test]
async fn a_store_that_hangs_is_out_of_reach() {
    let router = health::router(Metrics::install(), Shutdown::new(), std::future::pending);
    assert_eq!(get(&router, "/health/ready").await, (503, "the store does not answer\n".to_owned()));
}

#[tokio::test]
async fn requests_are_counted_by_route_and_not_by_what_strangers_make_up() {
    let listener = Listener::open().await;
    listener.status("GET /items/made-up?code=secret HTTP/1.1\r\nHost: HOST").await;
    listener.status("GET /made/up HTTP/1.1\r\nHost: HOST").await;
    listener.status("MADEUP /items/1 HTTP/1.1\r\nHost: HOST").await;
    let router = health::router(Metrics::install(), Shutdown::new(), std::future::pending);
    let (_, figures) = get(&router, "/metrics").await;
    for line in [
        "http_requests_total{route=\"/items/{item}\",method=\"GET\",status=\"200\"} ",
        "http_requests_total{route=\"none\",method=\"GET\",status=\"404\"} ",
        "http_requests_total{route=\"/items/{item}\",method=\"other\",status=\"405\"} ",
        "http_request_seconds_bucket{route=\"/items/{item}\",method=\"GET\",le=\"0.1\"} ",
    ] {
        assert!(figures.contains(line), "{line}\n{figures}");
    }
    assert!(!figures.to_lowercase().contains("made"), "{figures}");
    assert!(!figures.contains("secret"), "{figures}");
}
