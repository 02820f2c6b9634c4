//! A Redis that hangs, dies, is not there yet, is somebody else, or talks nonsense: requests go on, and wait once.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::machine;
use crate::support::redis::{Line, comes_to, line};
use crate::support::{Redis, World};

/// A whole sign-in, a refresh and its end, on one node.
async fn everything_works(world: &World, node: &World) {
    let shop = world.client(&format!("shop-{}", gatepass::id::Id::<World>::new()), |_| {}).await.at(node);
    let mut browser = world.browser().at(node);
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let refreshed = shop.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    let access_token = refreshed.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(shop.userinfo(&access_token).await.status, 200);
    assert_eq!(shop.introspect(&access_token).await["active"], true);
    assert_eq!(machine(&shop).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_delays_nobody_but_the_first() {
    let Some(redis) = Redis::start().await else { return };
    let world = World::on_sqlite(&[]).await;
    world.user("alice").await;
    let node = redis.node_of(&world).await;
    let mut shops = Vec::new();
    for number in 0..20 {
        shops.push(world.client(&format!("shop{number}"), |_| {}).await.at(&node));
    }
    redis.hangs();
    let began = Instant::now();
    assert_eq!(machine(&shops[0]).await.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(100), "it was waited for");
    assert_eq!(line(&node), Line::Down);
    let began = Instant::now();
    for shop in &shops[1..] {
        assert_eq!(machine(shop).await.status, 200);
    }
    assert!(began.elapsed() < Duration::from_millis(1900), "{:?}: each has waited", began.elapsed());
    everything_works(&world, &node).await;
    // Its kernel still takes connections, which is not enough.
    sleep(Duration::from_millis(1600)).await;
    assert_eq!(line(&node), Line::Down);
    redis.wakes();
    comes_to(&node, Line::Up).await;
    everything_works(&world, &node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_dies_is_missed_by_nobody_and_found_again() {
    let Some(mut redis) = Redis::start().await else { return };
    let world = World::on_sqlite(&[]).await;
    world.user("alice").await;
    let node = redis.node_of(&world).await;
    redis.dies();
    everything_works(&world, &node).await;
    comes_to(&node, Line::Down).await;
    redis.rises().await;
    comes_to(&node, Line::Up).await;
    everything_works(&world, &node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_starts_without_its_redis_and_takes_it_when_it_comes() {
    let Some(mut redis) = Redis::start().await else { return };
    redis.dies();
    let world = World::on_sqlite(&[("database.cache", &redis.url())]).await;
    world.user("alice").await;
    everything_works(&world, &world).await;
    assert_eq!(line(&world), Line::Down);
    redis.rises().await;
    comes_to(&world, Line::Up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_does_not_let_us_in_is_left_alone() {
    let Some(redis) = Redis::start_with(&["--requirepass", "another"]).await else { return };
    for url in [redis.url(), redis.url().replace("//", "//:hunter2@")] {
        let world = World::on_sqlite(&[("database.cache", &url)]).await;
        world.user("alice").await;
        sleep(Duration::from_millis(700)).await;
        assert_eq!(line(&world), Line::Down);
        everything_works(&world, &world).await;
        assert!(!format!("{:?}", world.app.config.database).contains("hunter2"));
    }
    let right = redis.url().replace("//", "//:another@");
    let world = World::on_sqlite(&[("database.cache", &right)]).await;
    comes_to(&world, Line::Up).await;
}

/// Writing fails, reading does not: it is full, or it is a replica.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_keeps_nothing_is_none() {
    let Some(redis) = Redis::start().await else { return };
    let world = World::on_sqlite(&[]).await;
    world.user("alice").await;
    let node = redis.node_of(&world).await;
    let _: redis::Value = redis.says(&[b"REPLICAOF", b"127.0.0.1", b"1"]).await;
    everything_works(&world, &node).await;
    comes_to(&node, Line::Down).await;
    sleep(Duration::from_millis(700)).await;
    assert_eq!(line(&node), Line::Down);
    let _: redis::Value = redis.says(&[b"REPLICAOF", b"NO", b"ONE"]).await;
    comes_to(&node, Line::Up).await;
}

/// Something that is no Redis answers every request with `answer`.
async fn impostor(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                while stream.read(&mut asked).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_answers_in_the_place_of_redis_breaks_nothing() {
    let nonsense: [&'static [u8]; 10] = [
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"+OK\r\n",
        b"$-1\r\n",
        b"$2000000000\r\nx",
        b"*2000000000\r\n",
        b"*1\r\n*1\r\n*1\r\n*1\r\n",
        b"$-7\r\n:x\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\xff\xfe\0\0\0\0\0",
        b"",
    ];
    for answer in nonsense {
        let url = impostor(answer).await;
        let world = World::on_sqlite(&[("database.cache", &url)]).await;
        world.user("alice").await;
        everything_works(&world, &world).await;
        sleep(Duration::from_millis(100)).await;
        assert_eq!(line(&world), Line::Down, "{}", String::from_utf8_lossy(answer));
    }
}
