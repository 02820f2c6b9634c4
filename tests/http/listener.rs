//! A listener of our own with short patience, and clients that know nothing but sockets.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::body::Bytes;
use axum::routing::{get, post};
use futures_util::stream;
use gatepass::clock::ShiftedClock;
use gatepass::config::issuer::IssuerUrl;
use gatepass::config::server::ProxyHeader;
use gatepass::http::endless;
use gatepass::http::form::{BodyForm, QueryForm, Unreadable};
use gatepass::http::forwarded::Proxies;
use gatepass::http::front::Front;
use gatepass::http::limits::Limits;
use gatepass::http::metrics::Metrics;
use gatepass::http::request::{Arrival, Hosts};
use gatepass::http::server::serve;
use gatepass::http::shutdown::{Drain, Shutdown};
use gatepass::http::tls::Tls;
use gatepass::id::Id;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tower::service_fn;

/// Patience in fractions of a second, everything else as we run.
pub fn hasty() -> Limits {
    Limits {
        first_byte: Duration::from_millis(300),
        tls_handshake: Duration::from_millis(300),
        head: Duration::from_millis(300),
        body: Duration::from_millis(300),
        request: Duration::from_millis(700),
        idle: Duration::from_millis(1200),
        doze: Duration::from_millis(100),
        stall: Duration::from_millis(600),
        ..Limits::default()
    }
}

pub struct Listener {
    pub address: SocketAddr,
    pub shutdown: Shutdown,
    pub serving: JoinHandle<()>,
}

impl Listener {
    pub async fn open() -> Self {
        Listener::with(hasty(), &[], None).await
    }

    pub async fn with(limits: Limits, trusted: &[&str], tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let issuer = IssuerUrl::parse(&format!("{scheme}://{address}")).unwrap();
        let front = Front {
            clock: Arc::new(ShiftedClock::default()),
            proxies: Proxies {
                networks: trusted.iter().map(|network| network.parse().unwrap()).collect(),
                header: ProxyHeader::XForwardedFor,
            },
            hosts: Hosts::of(&issuer),
            limits,
            metrics: Metrics::install(),
        };
        let shutdown = Shutdown::new();
        let reception = Arc::new(front.before(routes()));
        let doors = service_fn(move |request| {
            let reception = reception.clone();
            async move { Ok(reception.answer(request).await) }
        });
        let serving = tokio::spawn(serve(listener, doors, tls, limits, shutdown.clone()));
        Listener { address, shutdown, serving }
    }

    /// Sends `request`, where `HOST` is the listener's name, and reads until the listener closes.
    pub async fn ask(&self, request: impl AsRef<[u8]>) -> String {
        let mut socket = self.say(request).await;
        rest(&mut socket).await
    }

    /// The status of the answer to a request with this line and headers, and no more.
    pub async fn status(&self, head: &str) -> String {
        let answer = self.ask(format!("{head}\r\nConnection: close\r\n\r\n")).await;
        answer.split(' ').nth(1).unwrap_or("closed").to_owned()
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the beginning of something.
    pub async fn say(&self, words: impl AsRef<[u8]>) -> TcpStream {
        let mut socket = self.connect().await;
        let words = self.named(words.as_ref());
        // The listener may hang up before it has heard everything.
        let _ = socket.write_all(&words).await;
        socket
    }

    fn named(&self, words: &[u8]) -> Vec<u8> {
        match std::str::from_utf8(words) {
            Ok(text) => text.replace("HOST", &self.address.to_string()).into_bytes(),
            Err(_) => words.to_vec(),
        }
    }

    pub async fn end(self, drain: Drain) {
        self.shutdown.end(drain).await;
        self.serving.await.unwrap();
    }
}

/// What is still said before the connection closes; a test does not wait for ever.
pub async fn rest(socket: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = socket.read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..count]);
        }
    };
    tokio::time::timeout(Duration::from_secs(8), reading).await.expect("the listener closes the connection");
    String::from_utf8(heard).unwrap()
}

/// One answer of a connection that stays open: its head and a body of the announced length.
pub async fn answer(socket: &mut TcpStream) -> String {
    let mut heard = String::new();
    let reading = async {
        loop {
            let mut byte = [0];
            socket.read_exact(&mut byte).await.unwrap();
            heard.push(char::from(byte[0]));
            if let Some((head, body)) = heard.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if length.is_none_or(|length| body.len() == length.parse::<usize>().unwrap()) {
                    break;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(8), reading).await.expect("an answer");
    heard
}

fn chunk(_: u32) -> Result<String, Infallible> {
    Ok("x".repeat(1024))
}

/// Says `word` every so often, for ever.
fn repeat(word: Bytes, pause: Duration) -> axum::response::Response {
    let word = move |()| {
        let word = word.clone();
        async move {
            tokio::time::sleep(pause).await;
            Some((word, ()))
        }
    };
    endless::events(stream::unfold((), word))
}

fn routes() -> Router {
    let form = async |form: Result<BodyForm, Unreadable>| match form {
        Ok(BodyForm(form)) => (Default::default(), format!("{:?}", form.get("a"))),
        Err(unreadable) => (unreadable.status(), unreadable.description()),
    };
    let query = async |query: Result<QueryForm, Unreadable>| match query {
        Ok(QueryForm(form)) => (Default::default(), format!("{:?} {:?}", form.get("a"), form.repeated())),
        Err(unreadable) => (unreadable.status(), unreadable.description()),
    };
    Router::new()
        .route("/hello", get(async || "hello"))
        .route("/items/{item}", get(async || "item"))
        .route("/query", get(query))
        .route("/form", post(form))
        .route("/arrival", get(async |arrival: Arrival| format!("{} {}", arrival.client, arrival.id)))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_millis(400)).await))
        .route("/stuck", get(async || std::future::pending::<()>().await))
        .route("/panic", get(async || -> () { panic!("{}", "a secret") }))
        .route("/large", get(async || "x".repeat(8 << 20)))
        .route("/beats", get(async || repeat(Bytes::from_static(b"beat"), Duration::from_millis(200))))
        .route("/flood", get(async || repeat(vec![b'x'; 1 << 20].into(), Duration::ZERO)))
        .route("/stream", get(async || Body::from_stream(stream::iter((0..8192).map(chunk)))))
}

/// A folder of its own for one test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("gatepass-http-{}", Id::<Folder>::new()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
