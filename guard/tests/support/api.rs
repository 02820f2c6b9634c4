//! An API behind a guard, called as its callers would.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use gatepass_guard::{Builder, Guard, GuardLayer, Token, WhenSilent};
use tower::ServiceExt;

use super::{AUDIENCE, FakeIssuer};

pub struct Api {
    pub guard: Guard,
    doors: Router,
}

/// The feed counts as silent after it; the fake issuer's heart beats every 100 ms.
pub const SILENT_AFTER: Duration = Duration::from_millis(600);

impl Api {
    /// Returns once the feed is current.
    pub async fn behind(issuer: &FakeIssuer) -> Self {
        let api = Api::starting(issuer, |builder| builder).await;
        tokio::time::timeout(Duration::from_secs(10), api.guard.current()).await.unwrap();
        api
    }

    pub async fn starting(issuer: &FakeIssuer, change: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = Guard::builder(&issuer.url, AUDIENCE)
            .credential("orders-api", "a+secret")
            .scopes_supported(["orders:read"])
            .give_up_connection_after(Duration::from_millis(500));
        let guard = change(builder).build().await.unwrap();
        let route = |layer: GuardLayer| get(read).layer(layer.silent_after(SILENT_AFTER));
        let doors = Router::new()
            .route("/", route(guard.layer().scope("orders:read")))
            .route("/write", route(guard.layer().scope("orders:read").scope("orders:write")))
            .route("/trusting", route(guard.layer().when_silent(WhenSilent::TrustUntilExpiry)))
            .route("/asking", route(guard.layer().when_silent(WhenSilent::Introspect)))
            .route("/unguarded", get(async |token: Token| token.subject().to_owned()))
            .route_service(guard.metadata_path(), guard.metadata());
        Api { guard, doors }
    }

    pub async fn call(&self, path: &str, token: &str) -> StatusCode {
        self.answer(path, &[("authorization", &format!("Bearer {token}"))]).await.status()
    }

    pub async fn answer(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.doors.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// Calls until the answer is `status`, and says how long that took. Fails after 10 seconds.
    pub async fn until(&self, path: &str, token: &str, status: StatusCode) -> Duration {
        let start = Instant::now();
        loop {
            let answered = self.call(path, token).await;
            if answered == status {
                return start.elapsed();
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{path} still answers {answered}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// By the extension here, by the extractor elsewhere.
async fn read(Extension(token): Extension<Token>, _: HeaderMap) -> String {
    token.subject().to_owned()
}
