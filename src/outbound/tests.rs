//! Where requests lead, and where they do not.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn get(url: &str) -> Request<Vec<u8>> {
    Request::get(url).body(Vec::new()).unwrap()
}

/// Answers every connection with `answer` and says how many there were.
async fn server(answer: String) -> (u16, tokio::sync::watch::Receiver<u32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (count, counted) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            count.send_modify(|count| *count += 1);
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (port, counted)
}

fn answer(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[test]
fn special_addresses_are_not_public() {
    for special in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is_public(special.parse().unwrap()), "{special}");
    }
    for public in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "193.0.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
    ] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}

#[tokio::test]
async fn strangers_urls_open_no_connection_into_our_network() {
    let (port, connections) = server(answer("200 OK", "secret")).await;
    let outbound = Outbound::new(Reach::Public).unwrap();
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0"] {
        let failure = outbound.send(get(&format!("https://{host}:{port}/"))).await.unwrap_err();
        assert!(matches!(failure, Failure::NotPublic | Failure::Port), "{host}: {failure:?}");
    }
    let plain = outbound.send(get("http://example.com/")).await.unwrap_err();
    assert!(matches!(plain, Failure::Scheme), "{plain:?}");
    assert_eq!(*connections.borrow(), 0);
}

#[tokio::test]
async fn the_operators_urls_are_fetched_in_plain_text_from_this_machine_only() {
    let (port, _) = server(answer("200 OK", "hello")).await;
    let outbound = Outbound::new(Reach::Anywhere).unwrap();
    let answer = outbound.send(get(&format!("http://127.0.0.1:{port}/"))).await.unwrap();
    assert_eq!(answer.body(), b"hello");
    for url in ["http://example.com/", "http://10.0.0.1/", "ftp://127.0.0.1/"] {
        let failure = outbound.send(get(url)).await.unwrap_err();
        assert!(matches!(failure, Failure::Scheme), "{url}: {failure:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (port, _) = server(answer("302 Found\r\nlocation: http://127.0.0.1:1/", "")).await;
    let outbound = Outbound::new(Reach::Anywhere).unwrap();
    let answer = outbound.send(get(&format!("http://127.0.0.1:{port}/"))).await.unwrap();
    assert_eq!(answer.status(), 302);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (port, _) = server(answer("200 OK", &"x".repeat(LARGEST + 1))).await;
    let outbound = Outbound::new(Reach::Anywhere).unwrap();
    let failure = outbound.send(get(&format!("http://127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(matches!(failure, Failure::TooLarge), "{failure:?}");
}

/// What the server saw of one request: the name in the TLS handshake, and the head.
type Seen = tokio::sync::mpsc::UnboundedReceiver<(Option<String>, String)>;

/// A TLS server whose certificate names `localhost` and `rp.example`, the file with that certificate, and what it
/// sees. The file is removed with the returned folder.
async fn tls_server(answer: String) -> (u16, PemFile, Seen) {
    let names = ["localhost", "rp.example"].map(str::to_owned);
    let certified = rcgen::generate_simple_self_signed(names).unwrap();
    let file =
        PemFile(std::env::temp_dir().join(format!("gatepass-ca-{}.pem", crate::id::Id::<PemFile>::new())));
    std::fs::write(&file.0, certified.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, seen) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let name = socket.get_ref().1.server_name().map(str::to_owned);
            let mut head = vec![0; 4096];
            let length = socket.read(&mut head).await.unwrap_or_default();
            let _ = tell.send((name, String::from_utf8_lossy(&head[..length]).into_owned()));
            let _ = socket.write_all(answer.as_bytes()).await;
            let _ = socket.shutdown().await;
        }
    });
    (port, file, seen)
}

struct PemFile(std::path::PathBuf);

impl Drop for PemFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn exceptions(hosts: &[String], file: &PemFile) -> Exceptions {
    let allowed_hosts = hosts.iter().map(|host| AllowedHost::parse(host).unwrap()).collect();
    Exceptions { allowed_hosts, extra_ca_file: Some(file.0.clone()) }
}

fn json(body: &str) -> String {
    answer("200 OK\r\ncontent-type: application/json", body)
}

#[tokio::test]
async fn a_private_host_is_fetched_from_if_it_is_allowed_by_name_and_its_authority_is_known() {
    let (port, file, mut seen) = tls_server(json("{}")).await;
    let allowed = Outbound::except(&exceptions(&[format!("localhost:{port}")], &file)).unwrap();
    let url = format!("https://localhost:{port}/jwks?a=b");
    assert_eq!(allowed.document(&url).await.unwrap(), b"{}");
    let (name, head) = seen.recv().await.unwrap();
    assert_eq!(name.as_deref(), Some("localhost"));
    assert!(head.starts_with("GET /jwks?a=b HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: localhost:{port}\r\n")), "{head}");
    assert!(!head.contains("accept-encoding"), "{head}");

    let unknown = Exceptions { extra_ca_file: None, ..exceptions(&[format!("localhost:{port}")], &file) };
    let failure = Outbound::except(&unknown).unwrap().document(&url).await.unwrap_err();
    assert!(matches!(failure, Failure::Broken(_)), "{failure:?}");
    let strict = Outbound::except(&exceptions(&[], &file)).unwrap();
    for (url, expected) in [
        (url.clone(), "Port"),
        (format!("https://127.0.0.1:{port}/"), "NotPublic"),
        ("https://localhost/".to_owned(), "NotPublic"),
        (format!("https://user:password@localhost:{port}/"), "Credentials"),
        (format!("http://localhost:{port}/"), "Scheme"),
    ] {
        let failure = strict.document(&url).await.unwrap_err();
        assert_eq!(format!("{failure:?}"), expected, "{url}");
    }
    for url in [format!("https://127.0.0.1:{port}/"), "https://localhost/".to_owned()] {
        let failure = allowed.document(&url).await.unwrap_err();
        assert!(matches!(failure, Failure::NotPublic), "another host or port: {url}: {failure:?}");
    }
    assert!(seen.try_recv().is_err(), "no other connection was made");
}

#[tokio::test]
async fn a_name_with_one_private_address_among_public_ones_is_refused() {
    fn mixed(_: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec!["1.1.1.1".parse().unwrap(), "127.0.0.1".parse().unwrap()]) })
    }
    let client = client(&[], Names::Public(mixed)).unwrap();
    let outbound = Outbound { client, reach: Reach::Public, named: None, loopback: None };
    let failure = outbound.document("https://rp.example/").await.unwrap_err();
    assert!(matches!(failure, Failure::NotPublic), "{failure:?}");
}

#[tokio::test]
async fn only_what_says_that_it_is_json_is_a_document() {
    let fetch = async |head: &str| {
        let (port, file, _seen) = tls_server(answer(head, "{}")).await;
        let outbound = Outbound::except(&exceptions(&[format!("localhost:{port}")], &file)).unwrap();
        outbound
            .document(&format!("https://localhost:{port}/"))
            .await
            .map_err(|failure| format!("{failure:?}"))
    };
    for media in ["application/json", "Application/JSON; charset=utf-8", "application/jwk-set+json"] {
        assert!(fetch(&format!("200 OK\r\ncontent-type: {media}")).await.is_ok(), "{media}");
    }
    for media in ["text/html", "text/plain", "image/svg+xml", "application/jsonp", ""] {
        let answer = fetch(&format!("200 OK\r\ncontent-type: {media}")).await;
        assert_eq!(answer, Err("NotJson".to_owned()), "{media}");
    }
    assert_eq!(fetch("200 OK").await, Err("NotJson".to_owned()));
    for status in ["404 Not Found", "500 Oops", "302 Found\r\nlocation: /other", "204 No Content"] {
        let answer = fetch(&format!("{status}\r\ncontent-type: application/json")).await;
        assert!(answer.as_ref().is_err_and(|error| error.starts_with("Status")), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_packed_stays_packed() {
    // 1 MB of spaces is 1 KB on the wire.
    let (port, file, _seen) =
        tls_server(answer("200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip", "packed"))
            .await;
    let outbound = Outbound::except(&exceptions(&[format!("localhost:{port}")], &file)).unwrap();
    assert_eq!(outbound.document(&format!("https://localhost:{port}/")).await.unwrap(), b"packed");
}

#[tokio::test]
async fn who_answers_by_drops_is_given_up_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while socket.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let outbound = Outbound::new(Reach::Anywhere).unwrap();
    let failure = outbound.send(get(&format!("http://127.0.0.1:{port}/"))).await.unwrap_err();
    assert!(matches!(failure, Failure::TooSlow), "{failure:?}");
}
