//! Too much of anything is refused before anybody reads it (RFC 9110 §15.5, RFC 6585 §5).

use super::listener::Listener;

const GET: &str = "GET /hello HTTP/1.1\r\nHost: HOST";

#[tokio::test]
async fn a_target_has_eight_kilobytes() {
    let listener = Listener::open().await;
    let target = |bytes: usize| format!("GET /hello?{} HTTP/1.1\r\nHost: HOST", "a".repeat(bytes - 7));
    assert_eq!(listener.status(&target(8 * 1024)).await, "200");
    assert_eq!(listener.status(&target(8 * 1024 + 1)).await, "414");
    assert_eq!(listener.status(&target(60 * 1024)).await, "414");
}

#[tokio::test]
async fn headers_are_a_hundred_and_have_32_kilobytes() {
    let listener = Listener::open().await;
    let many = |count: usize| GET.to_owned() + &"\r\nA: b".repeat(count - 2);
    assert_eq!(listener.status(&many(100)).await, "200");
    assert_eq!(listener.status(&many(101)).await, "431");
    assert_eq!(listener.status(&many(10_000)).await, "431");
    let large = |bytes: usize| format!("{GET}\r\nA: {}", "b".repeat(bytes));
    assert_eq!(listener.status(&large(32 * 1024 - 100)).await, "200");
    assert_eq!(listener.status(&large(33 * 1024)).await, "431");
    assert_eq!(listener.status(&large(1024 * 1024)).await, "431");
}

#[tokio::test]
async fn a_body_has_64_kilobytes_whether_it_says_so_or_not() {
    let listener = Listener::open().await;
    let head = "POST /form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let said = async |bytes: usize| {
        let body = format!("a={}", "b".repeat(bytes - 2));
        let request = format!("{head}Connection: close\r\nContent-Length: {bytes}\r\n\r\n{body}");
        listener.ask(request).await[9..12].to_owned()
    };
    assert_eq!(said(64 * 1024).await, "200");
    assert_eq!(said(64 * 1024 + 1).await, "413");
    let unsaid = async |chunks: usize| {
        let body = format!("400\r\n{}\r\n", "a".repeat(1024)).repeat(chunks);
        let request = format!("{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n");
        listener.ask(request).await[9..12].to_owned()
    };
    assert_eq!(unsaid(64).await, "200");
    assert_eq!(unsaid(65).await, "413");
    assert_eq!(unsaid(1000).await, "413");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_waited_for() {
    let listener = Listener::open().await;
    let head = "POST /form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let answer =
        listener.ask(format!("{head}Content-Length: 100000000\r\nExpect: 100-continue\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_compressed_body_is_not_opened() {
    let listener = Listener::open().await;
    let head = "POST /form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded";
    assert_eq!(
        listener.status(&format!("{head}\r\nContent-Encoding: gzip\r\nContent-Length: 0")).await,
        "415"
    );
}

/// RFC 9112 §6.1: whoever gives both lengths is read by the chunks, and nothing that follows is a request.
#[tokio::test]
async fn a_body_with_two_lengths_hides_no_second_request() {
    let listener = Listener::open().await;
    for (lengths, status) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", "200"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 3", "200"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "400"),
        ("Transfer-Encoding: gzip", "400"),
        ("Transfer-Encoding: xchunked", "400"),
        ("Content-Length: 3\r\nContent-Length: 5", "400"),
        ("Content-Length: 3, 5", "400"),
        ("Content-Length: +3", "400"),
        ("Content-Length: -3", "400"),
        ("Content-Length : 3", "400"),
    ] {
        let request = format!(
            "POST /form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n{lengths}\r\n\r\n\
             0\r\n\r\nGET /hello HTTP/1.1\r\nHost: HOST\r\n\r\n"
        );
        let answer = listener.ask(request).await;
        assert_eq!(&answer[9..12], status, "{lengths}: {answer}");
        assert!(!answer.contains("hello"), "{lengths}: {answer}");
    }
}

#[tokio::test]
async fn nothing_is_upgraded() {
    let listener = Listener::open().await;
    for upgrade in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Version: 13",
    ] {
        let answer = listener.ask(format!("{GET}\r\n{upgrade}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("hello"), "{answer}");
    }
    assert_eq!(listener.status("CONNECT HOST HTTP/1.1\r\nHost: HOST").await, "404");
}

#[tokio::test]
async fn a_panic_is_one_answer_without_its_reason() {
    let listener = Listener::open().await;
    let answer = listener.ask("GET /panic HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(!answer.contains("secret"), "{answer}");
    assert!(answer.contains("\r\nx-request-id: "), "{answer}");
    assert_eq!(listener.status(GET).await, "200");
}
