//! 100,000 live entries: what they cost at the start and in memory.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Api, FakeIssuer, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_endings_are_told_in_seconds_and_refused() {
    let issuer = FakeIssuer::start().await;
    let forget_at = now() as u64 + 600;
    issuer.now(|settings| {
        let entry = |n: u64| (n, json!({ "at": now(), "forget_at": forget_at, "sid": [uuid(n)] }));
        settings.entries = (1..=100_000).map(entry).collect();
        settings.head = 100_000;
    });
    let before = resident();
    let start = Instant::now();
    let api = Api::starting(&issuer, |builder| builder).await;
    tokio::time::timeout(Duration::from_secs(60), api.guard.current()).await.unwrap();
    let took = start.elapsed();
    println!(
        "100,000 entries: current after {took:?}, {} KB more resident (the issuer's part included)",
        resident().saturating_sub(before)
    );
    assert_eq!(api.guard.status().entries, 100_000);
    assert_eq!(api.call("/", &issuer.token(json!({ "sid": uuid(77_777) }))).await, StatusCode::UNAUTHORIZED);
    assert_eq!(api.call("/", &issuer.token(json!({ "sid": uuid(100_001) }))).await, StatusCode::OK);
}

#[tokio::test]
async fn a_token_that_was_seen_costs_a_fraction_of_a_new_one() {
    let issuer = FakeIssuer::start().await;
    let token = issuer.token(json!({}));
    let mut costs = Vec::new();
    for remembered in [10_000, 0] {
        let api = Api::starting(&issuer, |builder| builder.remember_verified_tokens(remembered)).await;
        api.guard.verify(&token).await.unwrap();
        let start = Instant::now();
        for _ in 0..2_000 {
            api.guard.verify(&token).await.unwrap();
        }
        costs.push(start.elapsed() / 2_000);
    }
    println!("a verification (ES256): {:?} when the token was seen, {:?} when not", costs[0], costs[1]);
    assert!(costs[0] < costs[1]);
}

/// As long as the server's identifiers are.
fn uuid(n: u64) -> String {
    format!("019aa000-0000-7000-8000-{n:012}")
}

/// In KB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
