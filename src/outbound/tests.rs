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
        assert!(matches!(failure, Failure::NotPublic), "{host}: {failure:?}");
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
