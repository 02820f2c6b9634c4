//! An API behind `gatepass-guard`, which knows nothing of the server but the wire.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use gatepass_guard::{Guard, Token, WhenSilent};
use http::Request;
use tower::ServiceExt;

use super::RelyingParty;

#[derive(Clone)]
pub struct GuardedApi {
    pub guard: Guard,
    doors: Router,
}

/// The feed counts as silent after it.
pub const SILENT_AFTER: Duration = Duration::from_secs(3);

impl GuardedApi {
    /// One process of `api`, current.
    pub async fn start(api: &RelyingParty) -> Self {
        let audience = &api.client.metadata.resources[0];
        let secret = api.secret.as_ref().unwrap().reveal();
        let guard = Guard::builder(&api.issuer, audience).credential(api.id(), secret).build().await.unwrap();
        let current = tokio::time::timeout(Duration::from_secs(10), guard.current()).await;
        assert!(current.is_ok(), "{:?}", guard.status());
        let route = |when_silent| {
            let layer = guard.layer().when_silent(when_silent).silent_after(SILENT_AFTER);
            get(async |token: Token| token.subject().to_owned()).layer(layer)
        };
        let doors = Router::new()
            .route("/", route(WhenSilent::Refuse))
            .route("/trusting", route(WhenSilent::TrustUntilExpiry))
            .route("/asking", route(WhenSilent::Introspect));
        GuardedApi { guard, doors }
    }

    pub async fn call(&self, path: &str, access_token: &str) -> u16 {
        let request = Request::get(path).header("authorization", format!("Bearer {access_token}"));
        let request = request.body(Body::empty()).unwrap();
        self.doors.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    /// Calls until the answer is `status`, and says how long that took. Fails after 10 seconds.
    pub async fn until(&self, path: &str, access_token: &str, status: u16) -> Duration {
        let began = Instant::now();
        loop {
            let answered = self.call(path, access_token).await;
            if answered == status {
                return began.elapsed();
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{path} still answers {answered}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
