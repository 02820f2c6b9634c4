//! A server ends in time, whatever its clients do, and drops nothing that is under way.

use std::time::{Duration, Instant};

use gatepass::http::limits::Limits;
use gatepass::http::shutdown::{Drain, Stage};
use tokio::net::TcpStream;

use super::listener::{Listener, answer, rest};

const GET: &str = "GET /hello HTTP/1.1\r\nHost: HOST\r\n\r\n";

fn drain(notice: u64, total: u64) -> Drain {
    Drain { notice: Duration::from_millis(notice), total: Duration::from_millis(total) }
}

#[tokio::test]
async fn idle_and_half_sent_connections_do_not_hold_the_server() {
    // With the patience that we run with: the end must not depend on it.
    let listener = Listener::with(Limits::default(), &[], None).await;
    let mut sockets = Vec::new();
    for number in 0..240 {
        let mut socket = match number % 4 {
            0 => listener.connect().await,
            1 => listener.say("GET /hello HTTP/1.1\r\nHost: HO").await,
            _ => listener.say(GET).await,
        };
        if number % 4 > 1 {
            answer(&mut socket).await;
        }
        if number % 4 == 2 {
            tokio::io::AsyncWriteExt::write_all(&mut socket, b"GET /").await.unwrap();
        }
        sockets.push(socket);
    }
    let began = Instant::now();
    listener.end(drain(100, 1400)).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    for mut socket in sockets {
        assert_eq!(rest(&mut socket).await, "");
    }
}

#[tokio::test]
async fn the_server_returns_when_the_last_connection_is_closed() {
    let listener = Listener::with(Limits::default(), &[], None).await;
    let mut idle = listener.say(GET).await;
    answer(&mut idle).await;
    let _half = listener.say("GET /hel").await;
    let began = Instant::now();
    let shutdown = listener.shutdown.clone();
    tokio::spawn(async move { shutdown.end(drain(0, 60_000)).await });
    listener.serving.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_request_under_way_is_finished() {
    let listener = Listener::open().await;
    let mut slow = listener.say("GET /slow HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    listener.end(drain(0, 900)).await;
    let said = rest(&mut slow).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off() {
    let limits = Limits { request: Duration::from_secs(60), ..Limits::default() };
    let listener = Listener::with(limits, &[], None).await;
    let mut stuck = listener.say("GET /stuck HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    let mut body = listener
        .say(
            "POST /form HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 9\r\n\r\na",
        )
        .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    listener.end(drain(100, 600)).await;
    let took = began.elapsed().as_millis();
    assert!((550..5000).contains(&took), "{took}");
    assert_eq!(rest(&mut stuck).await, "");
    assert_eq!(rest(&mut body).await, "");
}

#[tokio::test]
async fn an_endless_answer_ends_properly_when_the_server_drains() {
    let listener = Listener::open().await;
    let mut follower = listener.say("GET /beats HTTP/1.1\r\nHost: HOST\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    let shutdown = listener.shutdown.clone();
    tokio::spawn(async move { shutdown.end(drain(0, 60_000)).await });
    let said = rest(&mut follower).await;
    assert!(said.contains("beat"), "{said}");
    // The last chunk (RFC 9112 §7.1): nothing was cut off.
    assert!(said.ends_with("\r\n0\r\n\r\n"), "{said}");
    listener.serving.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn it_says_so_then_serves_a_while_then_closes_the_door() {
    let listener = Listener::open().await;
    let address = listener.address;
    let mut kept = listener.say(GET).await;
    let said = answer(&mut kept).await;
    assert!(!said.contains("connection: close"), "{said}");

    let shutdown = listener.shutdown.clone();
    let ending = tokio::spawn(async move { shutdown.end(drain(1000, 1500)).await });
    listener.shutdown.reached(Stage::NotReady).await;
    assert!(!listener.shutdown.is_ready());
    let said = listener.ask(GET).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    assert!(said.contains("\r\nconnection: close\r\n"), "{said}");

    listener.serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    ending.await.unwrap();
}
