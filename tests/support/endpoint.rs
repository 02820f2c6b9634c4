//! A client's own server on this machine: it keeps what it is sent, and answers as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use gatepass::http::limits::Limits;
use gatepass::http::server;
use gatepass::http::shutdown::Shutdown;
use tokio::net::TcpListener;

#[derive(Clone)]
pub struct Endpoint {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub origin: String,
    state: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    answers: VecDeque<Reply>,
    received: Vec<Received>,
}

#[derive(Clone, Copy, Debug)]
pub enum Reply {
    Status(u16),
    RedirectTo(&'static str),
    /// No answer before the caller has lost its patience.
    Silence,
}

#[derive(Clone, Debug)]
pub struct Received {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Endpoint {
    pub async fn start() -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<Known>>::default();
        let router = Router::new().fallback(answer).with_state(state.clone());
        tokio::spawn(serve(listener, router));
        Endpoint { origin, state }
    }

    /// The next answers, in this order; 200 after them.
    pub fn will_answer(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().answers.extend(replies);
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// Waits until it has been sent as much.
    pub async fn has_received(&self, count: usize) -> Vec<Received> {
        for _ in 0..400 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("only {} of {count} requests came", self.received().len());
    }
}

async fn serve(listener: TcpListener, router: Router) {
    server::serve(listener, router, None, Limits::default(), Shutdown::new()).await;
}

async fn answer(
    State(state): State<Arc<Mutex<Known>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let reply = {
        let mut known = state.lock().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        known.received.push(Received { method, path: uri.to_string(), headers, body });
        known.answers.pop_front().unwrap_or(Reply::Status(200))
    };
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::RedirectTo(location) => (StatusCode::FOUND, [("location", location)]).into_response(),
        Reply::Silence => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::OK.into_response()
        }
    }
}
