//! Nobody keeps a connection for nothing: silent, slow, stuck and idle ones are given up.

use std::time::{Duration, Instant};

use gatepass::http::limits::Limits;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;

use super::listener::{Listener, answer, hasty, rest};

const GET: &str = "GET /hello HTTP/1.1\r\nHost: HOST\r\n\r\n";

/// Milliseconds until the listener closes, and what it said.
async fn until_closed(socket: &mut tokio::net::TcpStream) -> (u128, String) {
    let began = Instant::now();
    let said = rest(socket).await;
    (began.elapsed().as_millis(), said)
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let listener = Listener::open().await;
    let mut socket = listener.connect().await;
    let (took, said) = until_closed(&mut socket).await;
    assert!((250..5000).contains(&took), "{took}");
    assert_eq!(said, "");
}

#[tokio::test]
async fn half_a_head_is_not_waited_for() {
    let listener = Listener::open().await;
    for half in ["G", "PRI", "GET /hello HTTP/1.1\r\nHost: HOST\r\nX: "] {
        let mut socket = listener.say(half).await;
        let (took, said) = until_closed(&mut socket).await;
        assert!(took < 5000, "{half}: {took}");
        assert!(!said.contains("200"), "{half}: {said}");
    }
}

#[tokio::test]
async fn a_head_that_drips_is_not_waited_for() {
    let listener = Listener::open().await;
    let mut socket = listener.connect().await;
    let began = Instant::now();
    for byte in GET.bytes().cycle() {
        if socket.write_all(&[byte]).await.is_err() || began.elapsed() > Duration::from_secs(3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = began.elapsed().as_millis();
    assert!((250..2900).contains(&took), "{took}");
}

#[tokio::test]
async fn a_body_that_stops_or_drips_is_a_timeout() {
    let listener = Listener::open().await;
    let head = "POST /form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 100\r\n\r\na=";
    let mut socket = listener.say(head).await;
    let (took, said) = until_closed(&mut socket).await;
    assert!((250..5000).contains(&took), "{took}");
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert!(said.ends_with("the request body came too slowly"), "{said}");

    let mut socket = listener.say(head).await;
    let began = Instant::now();
    while socket.write_all(b"b").await.is_ok() && began.elapsed() < Duration::from_secs(3) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() < Duration::from_millis(2900));
}

#[tokio::test]
async fn a_connection_idles_longer_than_a_head_may_take() {
    let listener = Listener::open().await;
    let mut socket = listener.say(GET).await;
    assert!(answer(&mut socket).await.ends_with("hello"));
    // Three times the time for a head.
    tokio::time::sleep(Duration::from_millis(900)).await;
    let get = GET.replace("HOST", &listener.address.to_string());
    socket.write_all(get.as_bytes()).await.unwrap();
    assert!(answer(&mut socket).await.ends_with("hello"));
    // A second head gets no more time than the first.
    socket.write_all(b"GET").await.unwrap();
    let (took, _) = until_closed(&mut socket).await;
    assert!((250..1100).contains(&took), "{took}");

    let mut socket = listener.say(GET).await;
    assert!(answer(&mut socket).await.ends_with("hello"));
    let (took, _) = until_closed(&mut socket).await;
    assert!((1100..5000).contains(&took), "{took}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_an_error_that_may_be_retried() {
    let listener = Listener::open().await;
    let said = listener.ask("GET /stuck HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(said.contains("\r\nretry-after: 5\r\n"), "{said}");
}

#[tokio::test]
async fn who_does_not_take_the_answer_loses_it() {
    let listener = Listener::open().await;
    let mut large = listener.say("GET /large HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    let mut stream = listener.say("GET /stream HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(700 + 1200 + 600)).await;
    for socket in [&mut large, &mut stream] {
        let said = rest(socket).await;
        assert!(said.starts_with("HTTP/1.1 200 "));
        assert!(said.len() < 8 << 20, "{}", said.len());
    }
}

/// RFC 9113 §10.5: a window that stays shut holds an answer, and with it the connection.
#[tokio::test]
async fn a_shut_window_is_not_waited_for() {
    let listener = Listener::open().await;
    let (mut asker, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1024)
        .handshake(TokioIo::new(listener.connect().await))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get(format!("http://{}/stream", listener.address));
    let answer = asker.send_request(request.body(String::new()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let began = Instant::now();
    let _ = tokio::time::timeout(Duration::from_secs(8), connection).await.expect("it is closed");
    assert!(began.elapsed() > Duration::from_millis(700));
    drop(answer);
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row() {
    let listener = Listener::open().await;
    let last = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let said = listener.ask(GET.repeat(50) + &last).await;
    assert_eq!(said.matches("hello").count(), 51);
}

#[tokio::test]
async fn the_longest_idle_connection_gives_way_to_a_new_one() {
    let limits = Limits { connections: 2, idle: Duration::from_secs(60), ..hasty() };
    let listener = Listener::with(limits, &[], None).await;
    let mut first = listener.say(GET).await;
    answer(&mut first).await;
    let mut second = listener.say(GET).await;
    answer(&mut second).await;
    let mut third = listener.say(GET).await;
    assert!(answer(&mut third).await.ends_with("hello"));
    assert_eq!(rest(&mut first).await, "");
    let get = GET.replace("HOST", &listener.address.to_string());
    second.write_all(get.as_bytes()).await.unwrap();
    assert!(answer(&mut second).await.ends_with("hello"));
}

#[tokio::test]
async fn silent_and_slow_connections_give_way_before_their_time() {
    let patient = Duration::from_secs(60);
    let limits = Limits { connections: 2, first_byte: patient, head: patient, ..hasty() };
    let listener = Listener::with(limits, &[], None).await;
    let mut silent = listener.connect().await;
    let mut slow = listener.say("GET /hel").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    for given_up in [&mut silent, &mut slow] {
        let mut socket = listener.say(GET).await;
        assert!(answer(&mut socket).await.ends_with("hello"));
        assert_eq!(rest(given_up).await, "");
        std::mem::forget(socket);
    }
}

#[tokio::test]
async fn a_busy_connection_gives_way_to_nobody() {
    let limits = Limits { connections: 1, ..hasty() };
    let listener = Listener::with(limits, &[], None).await;
    let mut busy = listener.say("GET /slow HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut waiting = listener.say(GET).await;
    assert!(rest(&mut busy).await.starts_with("HTTP/1.1 200 "));
    assert!(answer(&mut waiting).await.ends_with("hello"));
    // Nobody wants its place: what the one before was asked for is not asked of it.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let get = GET.replace("HOST", &listener.address.to_string());
    waiting.write_all(get.as_bytes()).await.unwrap();
    assert!(answer(&mut waiting).await.ends_with("hello"));
}

#[tokio::test]
async fn a_crowd_at_the_door_waits_until_it_is_let_in() {
    let listener = gatepass::http::server::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let crowd = futures_util::future::join_all((0..500).map(|_| tokio::net::TcpStream::connect(address)));
    let crowd = tokio::time::timeout(Duration::from_secs(8), crowd).await.expect("there is room for all");
    assert!(crowd.iter().all(Result::is_ok));
}

#[tokio::test]
async fn an_endless_answer_goes_on_beyond_every_patience() {
    let listener = Listener::open().await;
    let mut socket = listener.say("GET /beats HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    let began = Instant::now();
    let mut heard = Vec::new();
    // Longer than an answer and an idle connection may take together.
    while began.elapsed() < Duration::from_millis(3000) {
        let mut buffer = [0; 256];
        let count = tokio::io::AsyncReadExt::read(&mut socket, &mut buffer).await.unwrap();
        assert_ne!(count, 0, "the stream goes on");
        heard.extend_from_slice(&buffer[..count]);
    }
    assert!(String::from_utf8(heard).unwrap().matches("beat").count() > 8);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_of_an_endless_answer_is_given_up() {
    let listener = Listener::open().await;
    let mut socket = listener.say("GET /flood HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    // The buffers of both sides are full by then.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let (took, said) = until_closed(&mut socket).await;
    assert!(took < 5000, "{took}");
    assert!(said.starts_with("HTTP/1.1 200 "), "something was said");
}
