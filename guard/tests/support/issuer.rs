//! An issuer that speaks the wire of the feed and does what a test tells it to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::extract::{Form, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::AUDIENCE;
use super::signer::{Signer, base64url};

pub struct FakeIssuer {
    pub url: String,
    pub signer: Signer,
    state: Arc<Shared>,
}

pub type Shared = IssuerState;

pub struct IssuerState {
    url: String,
    pub settings: Mutex<Settings>,
    seen: Mutex<Seen>,
    /// Changes whenever a stream has something to say, or to end.
    stirred: watch::Sender<u64>,
}

pub struct Settings {
    pub name: String,
    pub jwks: Vec<Value>,
    pub entries: Vec<(u64, Value)>,
    /// Of the installation: numbers go on where entries are forgotten.
    pub head: u64,
    pub line: Line,
    pub heartbeat: Duration,
    /// Added to the server's time.
    pub clock: f64,
    /// What introspection says; `None`: 503.
    pub active: Option<bool>,
    /// Sent as the whole feed, instead of an honest one.
    pub script: Option<String>,
    pub redirect: bool,
    pub receipts_work: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Open,
    /// Streams end, and new ones get 503.
    Cut,
    /// Streams stay open and say nothing.
    Frozen,
}

#[derive(Default, Clone, Debug)]
pub struct Seen {
    pub positions: Vec<Option<u64>>,
    pub receipts: Vec<(String, u64)>,
    pub jwks: usize,
    pub introspections: usize,
    pub feeds: usize,
}

pub fn now() -> f64 {
    #[allow(clippy::disallowed_methods, reason = "the tests' own clock")]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

impl FakeIssuer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let url = format!("http://{address}/tenant");
        let signer = Signer::es256("first");
        let settings = Settings {
            name: url.clone(),
            jwks: vec![signer.jwk()],
            entries: Vec::new(),
            head: 0,
            line: Line::Open,
            heartbeat: Duration::from_millis(100),
            clock: 0.0,
            active: Some(true),
            script: None,
            redirect: false,
            receipts_work: true,
        };
        let state = Arc::new(Shared {
            url: url.clone(),
            settings: Mutex::new(settings),
            seen: Mutex::default(),
            stirred: watch::channel(0).0,
        });
        let doors = Router::new()
            .route("/.well-known/oauth-authorization-server/tenant", get(metadata))
            .route("/tenant/jwks", get(jwks))
            .route("/tenant/introspect", post(introspect))
            .route("/tenant/revocations", get(feed))
            .route("/tenant/revocations/receipts", post(receipt))
            .with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, doors).await.unwrap() });
        FakeIssuer { url, signer, state }
    }

    /// Changes what the issuer does from now on.
    pub fn now(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.state.settings.lock().unwrap());
        self.state.stirred.send_modify(|n| *n += 1);
    }

    /// Appends an ending to the feed and returns its number.
    pub fn ends(&self, what: Value) -> u64 {
        let mut number = 0;
        self.now(|settings| {
            settings.head += 1;
            number = settings.head;
            let mut entry = json!({ "at": now(), "forget_at": now() as u64 + 660 });
            entry.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
            settings.entries.push((number, entry));
        });
        number
    }

    pub fn seen(&self) -> Seen {
        self.state.seen.lock().unwrap().clone()
    }

    pub fn claims(&self) -> Value {
        let now = now() as u64;
        json!({
            "iss": self.url, "sub": "alice", "aud": AUDIENCE, "client_id": "shop", "jti": unique(), "iat": now,
            "exp": now + 600, "scope": "openid orders:read", "sid": unique(), "grant_id": unique(),
        })
    }

    /// A good token, but for these claims.
    pub fn token(&self, changed: Value) -> String {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        self.signer.sign(&self.signer.header(), &claims)
    }
}

fn unique() -> String {
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).unwrap();
    base64url(random)
}

async fn metadata(State(state): State<Arc<Shared>>) -> Response {
    let url = &state.url;
    let name = state.settings.lock().unwrap().name.clone();
    let document = json!({ "issuer": name, "jwks_uri": format!("{url}/jwks"), "introspection_endpoint": format!("{url}/introspect") });
    Json(document).into_response()
}

async fn jwks(State(state): State<Arc<Shared>>) -> Response {
    state.seen.lock().unwrap().jwks += 1;
    Json(json!({ "keys": state.settings.lock().unwrap().jwks })).into_response()
}

fn is_known(headers: &HeaderMap) -> bool {
    let expected = format!(
        "Basic {}",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "orders-api:a%2Bsecret")
    );
    headers.get(AUTHORIZATION).is_some_and(|value| value == expected.as_str())
}

async fn introspect(
    State(state): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(_): Form<BTreeMap<String, String>>,
) -> Response {
    state.seen.lock().unwrap().introspections += 1;
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match state.settings.lock().unwrap().active {
        Some(active) => Json(json!({ "active": active })).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn receipt(
    State(state): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> StatusCode {
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED;
    }
    if !state.settings.lock().unwrap().receipts_work {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let receipt = (form["instance"].clone(), form["applied"].parse().unwrap());
    state.seen.lock().unwrap().receipts.push(receipt);
    StatusCode::NO_CONTENT
}

async fn feed(
    State(state): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    assert!(query.contains_key("instance"));
    let position = headers.get("last-event-id").map(|value| value.to_str().unwrap().parse::<u64>().unwrap());
    {
        let mut seen = state.seen.lock().unwrap();
        seen.feeds += 1;
        seen.positions.push(position);
    }
    if !is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (line, script, redirect) = {
        let settings = state.settings.lock().unwrap();
        (settings.line, settings.script.clone(), settings.redirect)
    };
    if redirect {
        return (
            StatusCode::TEMPORARY_REDIRECT,
            [(LOCATION, format!("{}/revocations?instance=x", state.url))],
        )
            .into_response();
    }
    if line == Line::Cut {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let (sender, receiver) = mpsc::channel::<Bytes>(16);
    match script {
        Some(script) => {
            tokio::spawn(async move {
                let _ = sender.send(script.into()).await;
                // The stream stays open as an honest one would.
                sender.closed().await;
            });
        }
        None => {
            tokio::spawn(speak(state, position.unwrap_or(0), sender));
        }
    }
    let body = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|bytes| (Ok::<_, Infallible>(bytes), receiver))
    });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

/// The honest feed: hello, what the API has not heard, current, and then what happens and heartbeats.
async fn speak(state: Arc<Shared>, mut told: u64, sender: mpsc::Sender<Bytes>) {
    let mut stirred = state.stirred.subscribe();
    let mut is_current = false;
    let mut text = {
        let settings = state.settings.lock().unwrap();
        let at = now() + settings.clock;
        if told > settings.head {
            told = 0;
            format!(
                "retry: 100\nevent: hello\ndata: {}\n\nevent: reset\ndata: {}\n\n",
                json!({ "issuer": settings.name, "at": at }),
                json!({ "at": at })
            )
        } else {
            format!("retry: 100\nevent: hello\ndata: {}\n\n", json!({ "issuer": settings.name, "at": at }))
        }
    };
    loop {
        let (line, heartbeat) = {
            let settings = state.settings.lock().unwrap();
            if settings.line == Line::Open {
                for (number, entry) in settings.entries.iter().filter(|(number, _)| *number > told) {
                    text += &format!("id: {number}\nevent: revocation\ndata: {entry}\n\n");
                }
                told = settings.head;
                let name = if std::mem::replace(&mut is_current, true) { "heartbeat" } else { "current" };
                text += &format!(
                    "id: {told}\nevent: {name}\ndata: {}\n\n",
                    json!({ "at": now() + settings.clock })
                );
            }
            (settings.line, settings.heartbeat)
        };
        if line == Line::Cut {
            return;
        }
        if !text.is_empty() && sender.send(std::mem::take(&mut text).into()).await.is_err() {
            return;
        }
        let _ = tokio::time::timeout(heartbeat, stirred.changed()).await;
    }
}
