//! Letters in Redis: until when they hold, and for whom.

use std::sync::Arc;
use std::time::Duration;

use gatepass::cache::{Address, Cache, Shelf};
use gatepass::clock::{Clock, ShiftedClock, Timestamp};
use gatepass::http::metrics::Metrics;
use gatepass::secret::RootKey;
use tokio::time::sleep;

use crate::support::Redis;

/// The cache of one node, and its clock.
async fn node(redis: &Redis, master: &RootKey) -> (Cache, Arc<ShiftedClock>) {
    let address: Address = redis.url().parse().unwrap();
    let clock = Arc::new(ShiftedClock::default());
    let cache = Cache::open(&address, master.clone(), clock.clone());
    while cache.is_away() {
        sleep(Duration::from_millis(10)).await;
    }
    (cache, clock)
}

async fn told(cache: &Cache, name: &str) -> Option<String> {
    cache.get::<String>(Shelf::Client, name.as_bytes()).await.map(|found| found.value)
}

fn life(from: Timestamp) -> (Timestamp, Timestamp) {
    (from, from.plus(Shelf::Client.longest()))
}

/// Puts it down and waits until it lies there.
async fn put(cache: &Cache, name: &str, value: &str, life: (Timestamp, Timestamp)) {
    cache.put(Shelf::Client, name.as_bytes(), value, life);
    sleep(Duration::from_millis(100)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_holds_three_seconds_from_the_time_before_its_row_was_read() {
    let Some(redis) = Redis::start().await else { return };
    let master = RootKey::new();
    let (cache, clock) = node(&redis, &master).await;
    let read_at = clock.now();
    clock.advance(Duration::from_secs(1));
    put(&cache, "shop", "old", life(read_at)).await;
    let copy = redis.copy().await;
    let found = cache.get::<String>(Shelf::Client, b"shop").await.unwrap();
    assert!(found.value == "old" && found.holds <= Duration::from_secs(2), "{found:?}");
    clock.advance(Duration::from_secs(2));
    redis.goes_back_to(&copy).await;
    assert_eq!(told(&cache, "shop").await, None);
    // So slow a reader puts nothing down at all.
    redis.is_flushed().await;
    put(&cache, "shop", "old", life(read_at)).await;
    assert_eq!(told(&cache, "shop").await, None);
    assert!(redis.copy().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_writer_does_not_replace_a_change() {
    let Some(redis) = Redis::start().await else { return };
    let (cache, clock) = node(&redis, &RootKey::new()).await;
    put(&cache, "shop", "before", life(clock.now())).await;
    cache.forget(Shelf::Client, b"shop");
    sleep(Duration::from_millis(100)).await;
    put(&cache, "shop", "before", life(clock.now())).await;
    assert_eq!(told(&cache, "shop").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_opens_only_where_it_was_put_and_only_for_its_installation() {
    let Some(redis) = Redis::start().await else { return };
    let master = RootKey::new();
    let (cache, clock) = node(&redis, &master).await;
    put(&cache, "shop", "a shop", life(clock.now())).await;
    let [(place_of_shop, of_shop)]: [_; 1] = redis.copy().await.try_into().unwrap();
    put(&cache, "bank", "a bank", life(clock.now())).await;
    let place_of_bank =
        redis.copy().await.into_iter().map(|(key, _)| key).find(|key| *key != place_of_shop).unwrap();
    redis.goes_back_to(&[(place_of_bank, of_shop.clone())]).await;
    assert_eq!(told(&cache, "bank").await, None);
    assert_eq!(told(&cache, "shop").await.as_deref(), Some("a shop"));
    // On another shelf the same name is another place.
    assert_eq!(cache.get::<String>(Shelf::Refusal, b"shop").await, None);
    for bit in 0..8 {
        let mut bent = of_shop.clone();
        *bent.last_mut().unwrap() ^= 1 << bit;
        redis.goes_back_to(&[(place_of_shop.clone(), bent)]).await;
        assert_eq!(told(&cache, "shop").await, None);
    }
    redis.goes_back_to(&[(place_of_shop, of_shop)]).await;
    let (stranger, _) = node(&redis, &RootKey::new()).await;
    assert_eq!(told(&stranger, "shop").await, None);
    let (neighbour, _) = node(&redis, &master).await;
    assert_eq!(told(&neighbour, "shop").await.as_deref(), Some("a shop"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_clock_makes_a_letter_live_longer() {
    let Some(redis) = Redis::start().await else { return };
    let master = RootKey::new();
    let (cache, clock) = node(&redis, &master).await;
    let (ahead, clock_ahead) = node(&redis, &master).await;
    clock_ahead.advance(Duration::from_secs(10));
    put(&ahead, "shop", "of tomorrow", life(clock_ahead.now())).await;
    assert_eq!(told(&cache, "shop").await, None);
    redis.is_flushed().await;
    // Whoever wrote it, nothing holds for an hour.
    let hour = (clock.now(), clock.now().plus(Duration::from_secs(3600)));
    put(&cache, "shop", "for an hour", hour).await;
    assert_eq!(told(&cache, "shop").await, None);
    for (key, _) in redis.copy().await {
        let rest: i64 = redis.says(&[b"PTTL", key.as_bytes()]).await;
        assert!((0..=3000).contains(&rest), "{rest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_misses_and_failures_are_counted() {
    let metrics = Metrics::install();
    let Some(mut redis) = Redis::start().await else { return };
    let (cache, clock) = node(&redis, &RootKey::new()).await;
    assert_eq!(told(&cache, "shop").await, None);
    put(&cache, "shop", "a shop", life(clock.now())).await;
    assert!(told(&cache, "shop").await.is_some());
    redis.dies();
    for _ in 0..2 {
        assert_eq!(told(&cache, "shop").await, None);
    }
    let figures = metrics.render();
    for result in ["hit", "miss", "failure", "skipped"] {
        let line = format!("gatepass_cache_reads_total{{shelf=\"client\",result=\"{result}\"}}");
        assert!(figures.contains(&line), "{line}");
    }
    assert!(
        figures.contains("gatepass_cache_failures_total") && figures.contains("gatepass_cache_connected")
    );
}
