//! A host of a client's own: one document over TLS, which may change and which counts its visitors.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use gatepass::id::Id;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, crypto};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub struct Published {
    /// `localhost:port`
    pub host: String,
    /// The certificate, as a PEM file.
    pub authority: PathBuf,
    state: Arc<State>,
}

struct State {
    document: Mutex<Option<String>>,
    connections: AtomicU32,
}

impl Published {
    pub async fn new(document: impl ToString) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let authority = std::env::temp_dir().join(format!("gatepass-test-{}.pem", Id::<Published>::new()));
        std::fs::write(&authority, cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let document = Mutex::new(Some(document.to_string()));
        let state = Arc::new(State { document, connections: AtomicU32::new(0) });
        let own = state.clone();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                own.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(acceptor.clone(), socket, own.clone()));
            }
        });
        Published { host, authority, state }
    }

    pub fn url(&self) -> String {
        format!("https://{}/jwks", self.host)
    }

    pub fn publish(&self, document: impl ToString) {
        *self.state.document.lock().unwrap() = Some(document.to_string());
    }

    /// From now on every request is answered with 503.
    pub fn fails(&self) {
        *self.state.document.lock().unwrap() = None;
    }

    pub fn visits(&self) -> u32 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // What stays behind lies in the system's temporary place.
        let _ = std::fs::remove_file(&self.authority);
    }
}

async fn answer(acceptor: TlsAcceptor, socket: TcpStream, state: Arc<State>) {
    let Ok(mut socket) = acceptor.accept(socket).await else { return };
    let _ = socket.read(&mut [0; 4096]).await;
    let document = state.document.lock().unwrap().clone();
    let (status, body) = match &document {
        Some(document) => ("200 OK", document.as_str()),
        None => ("503 Service Unavailable", ""),
    };
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    let _ = socket.write_all(format!("{head}\r\nconnection: close\r\n\r\n{body}").as_bytes()).await;
    let _ = socket.shutdown().await;
}
