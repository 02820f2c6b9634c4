//! TLS from files that change while the server runs (RFC 8446).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gatepass::http::shutdown::Drain;
use gatepass::http::tls::Tls;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::listener::{Folder, Listener, hasty, rest};

/// Writes a new certificate and its key, and returns the certificate.
fn issue(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.crt"), cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

fn load(folder: &Path) -> Tls {
    Tls::load(&folder.join("tls.crt"), &folder.join("tls.key")).unwrap()
}

async fn connect(
    listener: &Listener,
    trusted: &CertificateDer<'static>,
    alpn: &[&str],
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, listener.connect().await).await
}

async fn open(folder: &Path) -> Listener {
    let tls = load(folder);
    let following = tls.clone();
    tokio::spawn(async move { following.follow(Duration::from_millis(50)).await });
    Listener::with(hasty(), &[], Some(tls)).await
}

#[tokio::test]
async fn both_versions_of_http_are_spoken() {
    let folder = Folder::new();
    let certificate = issue(&folder.0);
    let listener = open(&folder.0).await;

    let mut socket = connect(&listener, &certificate, &["http/1.1"]).await.unwrap();
    let get = format!("GET /hello HTTP/1.1\r\nHost: {}\r\n", listener.address);
    socket.write_all(format!("{get}\r\n").as_bytes()).await.unwrap();
    // Twice as long as it needs to fall asleep.
    tokio::time::sleep(2 * hasty().doze).await;
    socket.write_all(format!("{get}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut said = String::new();
    let _ = socket.read_to_string(&mut said).await;
    assert_eq!(said.matches("\r\n\r\nhello").count(), 2, "{said}");

    let socket = connect(&listener, &certificate, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut asker, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = |authority: String, header: &str| {
        let request = hyper::Request::get(format!("https://{authority}/hello")).header("x", header);
        request.body(Empty::<axum::body::Bytes>::new()).unwrap()
    };
    let answer = asker.send_request(request(listener.address.to_string(), "")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    let answer = asker.send_request(request("evil.example".to_owned(), "")).await.unwrap();
    assert_eq!(answer.status(), 421);
    let answer = asker.send_request(request(listener.address.to_string(), &"x".repeat(33 * 1024))).await;
    assert_eq!(answer.unwrap().status(), 431);
    // Idle for longer than a head may take, then still there.
    tokio::time::sleep(Duration::from_millis(600)).await;
    let answer = asker.send_request(request(listener.address.to_string(), "")).await.unwrap();
    assert_eq!(answer.status(), 200);
    // GOAWAY, and the connection ends.
    listener.end(Drain::without_notice(Duration::from_millis(500))).await;
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
    let folder = Folder::new();
    let first = issue(&folder.0);
    let listener = open(&folder.0).await;
    connect(&listener, &first, &[]).await.unwrap();

    let turned = async |certificate: &CertificateDer<'static>| {
        for _ in 0..60 {
            if connect(&listener, certificate, &[]).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    };
    let second = issue(&folder.0);
    assert!(turned(&second).await);
    assert!(connect(&listener, &first, &[]).await.is_err());

    for (file, content) in [("tls.crt", "nonsense"), ("tls.key", "nonsense")] {
        std::fs::write(folder.0.join(file), content).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        connect(&listener, &second, &[]).await.unwrap();
    }
    // Half of a replacement: the certificate is another key's.
    issue(&folder.0);
    let key = std::fs::read(folder.0.join("tls.key")).unwrap();
    let third = issue(&folder.0);
    std::fs::write(folder.0.join("tls.key"), &key).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(connect(&listener, &third, &[]).await.is_err());
    let fourth = issue(&folder.0);
    assert!(turned(&fourth).await);
}

#[tokio::test]
async fn a_handshake_that_stalls_is_given_up() {
    let folder = Folder::new();
    issue(&folder.0);
    let listener = open(&folder.0).await;
    for words in [&b""[..], &b"\x16\x03\x01\x02\x00\x01"[..], &b"GET / HTTP/1.1\r\n\r\n"[..]] {
        let mut socket = listener.connect().await;
        socket.write_all(words).await.unwrap();
        let began = std::time::Instant::now();
        let mut heard = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(8), socket.read_to_end(&mut heard)).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(5));
    }
    let mut socket = listener.connect().await;
    assert_eq!(rest(&mut socket).await, "");
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused() {
    let (one, other) = (Folder::new(), Folder::new());
    issue(&one.0);
    issue(&other.0);
    let refusal = Tls::load(&one.0.join("tls.crt"), &other.0.join("tls.key")).unwrap_err();
    assert!(refusal.to_string().starts_with("the certificate and the key: "), "{refusal}");
    let refusal = Tls::load(&one.0.join("nowhere"), &one.0.join("tls.key")).unwrap_err();
    assert!(refusal.to_string().contains("nowhere: "), "{refusal}");
    std::fs::write(one.0.join("empty"), "").unwrap();
    let refusal = Tls::load(&one.0.join("empty"), &one.0.join("tls.key")).unwrap_err();
    assert!(refusal.to_string().contains("no certificate"), "{refusal}");
}
