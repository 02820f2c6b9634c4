//! The server answers under its own name only, and believes nobody about the client but its proxies.

use super::listener::{Listener, hasty};

#[tokio::test]
async fn only_the_issuers_name_is_served() {
    let listener = Listener::open().await;
    for (head, status) in [
        ("GET /hello HTTP/1.1\r\nHost: HOST", "200"),
        ("GET http://HOST/hello HTTP/1.1\r\nHost: HOST", "200"),
        ("GET /hello HTTP/1.1\r\nHost: evil.example", "421"),
        ("GET /hello HTTP/1.1\r\nHost: HOST.evil.example", "421"),
        ("GET /hello HTTP/1.1\r\nHost: 127.0.0.1", "421"),
        ("GET /nowhere HTTP/1.1\r\nHost: evil.example", "421"),
        ("GET http://evil.example/hello HTTP/1.1\r\nHost: HOST", "421"),
        ("GET http://HOST/hello HTTP/1.1\r\nHost: evil.example", "421"),
        ("GET http://user@HOST/hello HTTP/1.1\r\nHost: HOST", "421"),
        ("GET /hello HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: HOST", "421"),
        ("GET /hello HTTP/1.1\r\nHost: HOST\r\nX-Forwarded-Host: evil.example", "200"),
        ("GET /hello HTTP/1.1", "400"),
        ("GET http://HOST/hello HTTP/1.1", "400"),
        ("GET /hello HTTP/1.1\r\nHost: HOST\r\nHost: HOST", "400"),
        ("GET /hello HTTP/1.1\r\nHost: HOST\r\nHost: evil.example", "400"),
    ] {
        assert_eq!(listener.status(head).await, status, "{head}");
    }
}

#[tokio::test]
async fn who_came_by_another_name_is_told_the_right_one() {
    let listener = Listener::open().await;
    let answer = listener.ask("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let sentence =
        format!("This server is not reached under that name, but at http://{}.\n", listener.address);
    assert!(answer.ends_with(&sentence), "{answer}");
    assert!(answer.contains("\r\ncontent-type: text/plain; charset=utf-8\r\n"), "{answer}");
}

const ARRIVAL: &str = "GET /arrival HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\
                       X-Forwarded-For: 6.6.6.6, 198.51.100.7\r\nForwarded: for=7.7.7.7\r\nX-Request-Id: from-the-proxy\r\n\r\n";

fn heard(answer: &str) -> (&str, &str) {
    answer.rsplit("\r\n\r\n").next().unwrap().split_once(' ').unwrap()
}

#[tokio::test]
async fn a_stranger_is_not_believed() {
    let listener = Listener::open().await;
    let answer = listener.ask(ARRIVAL).await;
    let (client, id) = heard(&answer);
    assert_eq!(client, "127.0.0.1");
    assert_eq!(id.len(), 22);
    assert!(answer.contains(&format!("\r\nx-request-id: {id}\r\n")), "{answer}");
}

#[tokio::test]
async fn a_listed_proxy_is_believed() {
    let listener = Listener::with(hasty(), &["127.0.0.0/8"], None).await;
    let answer = listener.ask(ARRIVAL).await;
    assert_eq!(heard(&answer), ("198.51.100.7", "from-the-proxy"));
    assert!(answer.contains("\r\nx-request-id: from-the-proxy\r\n"), "{answer}");
    let answer = listener.ask(ARRIVAL.replace("from-the-proxy", "two words")).await;
    assert_eq!(heard(&answer).1.len(), 22);
}
