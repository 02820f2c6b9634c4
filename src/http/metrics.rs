//! Figures for Prometheus.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// In seconds: from a cached document to a password hash behind a queue.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Transactions of one commit.
const GATHERED: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// The recorder of this process; servers that share a process share it.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// What requests are counted by: as many lines as there are routes, methods and statuses of ours.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
    meters: Arc<RwLock<HashMap<(&'static str, u16), Routes>>>,
}

type Routes = HashMap<Box<str>, Meters>;

#[derive(Clone)]
struct Meters {
    requests: Counter,
    seconds: Histogram,
}

impl Metrics {
    /// Installs the recorder of the process if there is none yet.
    pub fn install() -> Self {
        let recorder = RECORDER.get_or_init(|| {
            let gathered = Matcher::Full("gatepass_store_gathered_transactions".to_owned());
            let recorder = PrometheusBuilder::new()
                .set_buckets(&BUCKETS)
                .and_then(|builder| builder.set_buckets_for_metric(gathered, &GATHERED))
                .expect("there are buckets")
                .build_recorder();
            let handle = recorder.handle();
            // Somebody else's recorder stays; ours then has nothing to tell.
            let _ = metrics::set_global_recorder(recorder);
            handle
        });
        metrics::describe_counter!("http_requests_total", "Requests by route, method and status");
        metrics::describe_histogram!("http_request_seconds", "Time from the headers to the answer");
        Metrics { recorder: recorder.clone(), meters: Arc::default() }
    }

    /// Everything, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.recorder.render()
    }

    /// Empties the buffers of the histograms again and again: nobody may ever ask for the figures.
    pub async fn keep_up(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            self.recorder.run_upkeep();
        }
    }

    /// Counts an answer. `route` is the template that matched, if one did: a stranger cannot make up new ones.
    pub(super) fn answered(&self, route: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let route = route.unwrap_or("none");
        let line = (known(method), status.as_u16());
        let meters = self.meters.read().unwrap_or_else(PoisonError::into_inner);
        let found = meters.get(&line).and_then(|routes| routes.get(route)).cloned();
        drop(meters);
        let meters = found.unwrap_or_else(|| self.register(route, line));
        meters.requests.increment(1);
        meters.seconds.record(took);
    }

    fn register(&self, route: &str, line: (&'static str, u16)) -> Meters {
        let labels =
            [("route", route.to_owned()), ("method", line.0.to_owned()), ("status", line.1.to_string())];
        let meters = Meters {
            requests: metrics::counter!("http_requests_total", &labels),
            seconds: metrics::histogram!("http_request_seconds", &labels[..2]),
        };
        let mut all = self.meters.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(line).or_default().insert(route.into(), meters.clone());
        meters
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
