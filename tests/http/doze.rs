//! A connection that is silent between two requests gives its buffers back, and nobody can tell.

use std::time::Duration;

use gatepass::http::limits::Limits;
use gatepass::http::shutdown::Drain;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::listener::{Listener, answer, hasty, rest};

const GET: &str = "GET /hello HTTP/1.1\r\nHost: HOST\r\n\r\n";

async fn open(doze: u64) -> Listener {
    let limits = Limits { doze: Duration::from_millis(doze), ..hasty() };
    Listener::with(limits, &[], None).await
}

/// Every moment around the one at which it falls asleep, with the request in one piece and in two.
#[tokio::test]
async fn a_request_of_any_moment_is_answered() {
    let listener = open(20).await;
    let get = GET.replace("HOST", &listener.address.to_string());
    let (head, tail) = get.split_at(9);
    let mut askers = Vec::new();
    for number in 0..200 {
        let (mut socket, get, head, tail) =
            (listener.connect().await, get.clone(), head.to_owned(), tail.to_owned());
        let pause = Duration::from_micros(18_000 + number * 20);
        askers.push(tokio::spawn(async move {
            for round in 0..10 {
                if round % 2 == 0 {
                    socket.write_all(get.as_bytes()).await.unwrap();
                } else {
                    socket.write_all(head.as_bytes()).await.unwrap();
                    sleep(pause).await;
                    socket.write_all(tail.as_bytes()).await.unwrap();
                }
                assert!(answer(&mut socket).await.ends_with("hello"));
                sleep(pause).await;
            }
        }));
    }
    for asker in askers {
        asker.await.unwrap();
    }
}

#[tokio::test]
async fn half_a_head_that_came_with_the_request_before_is_kept() {
    let listener = open(20).await;
    let get = GET.replace("HOST", &listener.address.to_string());
    let (head, tail) = get.split_at(9);
    let mut socket = listener.say(format!("{get}{head}")).await;
    assert!(answer(&mut socket).await.ends_with("hello"));
    sleep(Duration::from_millis(200)).await;
    socket.write_all(tail.as_bytes()).await.unwrap();
    assert!(answer(&mut socket).await.ends_with("hello"));
}

/// The time for a head begins when the connection is seen to be silent, not 1.2 seconds later.
#[tokio::test]
async fn half_a_head_that_came_with_the_request_before_is_not_waited_for() {
    let listener = open(20).await;
    let mut socket = listener.say(format!("{GET}GET /hel")).await;
    assert!(answer(&mut socket).await.ends_with("hello"));
    let began = std::time::Instant::now();
    assert_eq!(rest(&mut socket).await, "");
    let took = began.elapsed().as_millis();
    assert!((250..1100).contains(&took), "{took}");
}

/// RFC 9112 §6: what follows a head is its body, however long the answer has been given.
#[tokio::test]
async fn a_body_that_nobody_read_does_not_become_a_request() {
    let listener = open(20).await;
    let head = "POST /hello HTTP/1.1\r\nHost: HOST\r\nContent-Length: 100\r\n\r\n";
    let mut socket = listener.say(head).await;
    assert!(answer(&mut socket).await.starts_with("HTTP/1.1 405 "));
    sleep(Duration::from_millis(200)).await;
    let body = GET.replace("HOST", &listener.address.to_string()) + &"x".repeat(100);
    let _ = socket.write_all(&body.as_bytes()[..100]).await;
    assert_eq!(rest(&mut socket).await, "");
}

#[tokio::test]
async fn an_answer_that_waits_for_its_reader_is_not_cut() {
    let listener = open(20).await;
    let mut socket = listener.say("GET /large HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    sleep(Duration::from_millis(500)).await;
    let said = answer_of(&mut socket, 8 << 20).await;
    assert!(said.ends_with(b"xxx"));
    let get = GET.replace("HOST", &listener.address.to_string());
    socket.write_all(get.as_bytes()).await.unwrap();
    assert!(answer(&mut socket).await.ends_with("hello"));
}

/// A head, and a body of so many bytes.
async fn answer_of(socket: &mut tokio::net::TcpStream, bytes: usize) -> Vec<u8> {
    let mut heard = Vec::new();
    let head = |heard: &[u8]| heard.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
    while head(&heard).is_none_or(|head| heard.len() < head + bytes) {
        let mut buffer = vec![0; 1 << 16];
        let count = socket.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the answer was cut after {} bytes", heard.len());
        heard.extend_from_slice(&buffer[..count]);
    }
    heard
}

#[tokio::test]
async fn a_dozing_connection_does_not_hold_the_server() {
    // With the patience that we run with, but for this: the end must not depend on it.
    let limits = Limits { doze: Duration::from_millis(20), ..Limits::default() };
    let listener = Listener::with(limits, &[], None).await;
    let mut socket = listener.say(GET).await;
    assert!(answer(&mut socket).await.ends_with("hello"));
    sleep(Duration::from_millis(200)).await;
    let began = std::time::Instant::now();
    let shutdown = listener.shutdown.clone();
    tokio::spawn(async move { shutdown.end(Drain::without_notice(Duration::from_secs(60))).await });
    listener.serving.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(rest(&mut socket).await, "");
}
