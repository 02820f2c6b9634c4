//! The server of an app, which hears by logout tokens who has signed out (OpenID Connect Back-Channel Logout §2.5).

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use super::{Layout, Scratch};
use crate::jwt;

/// What of a logout token tells it from others (§2.4).
#[derive(Clone, Debug, Deserialize)]
pub struct LogoutToken {
    pub sid: String,
    pub jti: String,
}

/// What has come so far.
#[derive(Clone, Default)]
pub struct Heard {
    /// Tokens whose sender has waited for the answer.
    pub taken: Vec<LogoutToken>,
    /// Also those whose sender was gone before.
    begun: usize,
}

impl Heard {
    /// Deliveries that have no answer yet, and those that were given up before.
    pub fn under_way(&self) -> usize {
        self.begun - self.taken.len()
    }
}

pub struct Receiver {
    /// Host and port.
    host: String,
    heard: Arc<Mutex<Heard>>,
    pause: watch::Sender<Duration>,
    accepting: AbortHandle,
    scratch: Scratch,
}

impl Receiver {
    pub async fn start() -> anyhow::Result<Self> {
        let scratch = Scratch::new()?;
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let host = listener.local_addr()?.to_string();
        let (pause, pauses) = watch::channel(Duration::ZERO);
        let heard = Arc::<Mutex<Heard>>::default();
        let accepting =
            tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(tls)), heard.clone(), pauses));
        let receiver = Receiver { host, heard, pause, accepting: accepting.abort_handle(), scratch };
        fs::write(receiver.certificate(), cert.pem())?;
        Ok(receiver)
    }

    fn certificate(&self) -> PathBuf {
        self.scratch.join("receiver.crt")
    }

    /// Nodes that may reach it.
    pub fn allowed_by(&self, layout: Layout) -> Layout {
        layout
            .with("GATEPASS_OUTBOUND__ALLOWED_HOSTS", &self.host)
            .with("GATEPASS_OUTBOUND__EXTRA_CA_FILE", self.certificate().display())
    }

    /// A `backchannel_logout_uri`.
    pub fn uri(&self) -> String {
        format!("https://{}/logout", self.host)
    }

    /// Takes so long for each answer from now on.
    pub fn pauses(&self, pause: Duration) {
        self.pause.send_replace(pause);
    }

    pub fn heard(&self) -> Heard {
        lock(&self.heard).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    heard: Arc<Mutex<Heard>>,
    pause: watch::Receiver<Duration>,
) {
    while let Ok((socket, _)) = listener.accept().await {
        let (tls, heard, pause) = (tls.clone(), heard.clone(), pause.clone());
        // What breaks with its sender is not taken.
        tokio::spawn(async move { converse(socket, tls, heard, pause).await.ok() });
    }
}

async fn converse(
    socket: TcpStream,
    tls: TlsAcceptor,
    heard: Arc<Mutex<Heard>>,
    pause: watch::Receiver<Duration>,
) -> anyhow::Result<()> {
    let stream = TokioIo::new(tls.accept(socket).await?);
    let answers = service_fn(|request| take(request, &heard, *pause.borrow()));
    Ok(http1::Builder::new().serve_connection(stream, answers).await?)
}

async fn take(
    request: Request<Incoming>,
    heard: &Mutex<Heard>,
    pause: Duration,
) -> anyhow::Result<Response<Empty<Bytes>>> {
    let body = request.into_body().collect().await?.to_bytes();
    let mut fields = url::form_urlencoded::parse(&body);
    let (_, token) = fields.find(|(name, _)| name == "logout_token").context("no logout token")?;
    let token = jwt::claims(&token)?;
    lock(heard).begun += 1;
    // This is dropped when the sender goes: then it was told nothing, and has to come again.
    sleep(pause).await;
    lock(heard).taken.push(token);
    Ok(Response::new(Empty::new()))
}
