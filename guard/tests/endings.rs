//! What the feed ends, at each height of the line.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Api, FakeIssuer, now, until};

const OK: StatusCode = StatusCode::OK;
const ENDED: StatusCode = StatusCode::UNAUTHORIZED;

#[tokio::test]
async fn every_height_of_the_cut_refuses_what_is_below_and_nothing_else() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let claims = |n: u32| json!({ "jti": format!("t{n}"), "grant_id": format!("g{n}"), "sid": format!("s{n}"), "sub": format!("u{n}"), "client_id": format!("c{n}") });
    let cuts = [
        json!({ "jti": ["t0"] }),
        json!({ "grant_id": ["g1"] }),
        json!({ "sid": ["s2", "s7"] }),
        json!({ "sub": ["u3"] }),
        json!({ "client_id": ["c4"] }),
    ];
    let tokens: Vec<String> = (0..6).map(|n| issuer.token(claims(n))).collect();
    for (n, cut) in cuts.into_iter().enumerate() {
        assert_eq!(api.call("/", &tokens[n]).await, OK);
        issuer.ends(cut);
        let took = api.until("/", &tokens[n], ENDED).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    assert_eq!(api.call("/", &tokens[5]).await, OK);
    assert_eq!(api.guard.calls_to_server().introspections, 0);
}

#[tokio::test]
async fn a_name_of_one_kind_ends_nothing_of_another() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let token =
        issuer.token(json!({ "jti": "x1", "grant_id": "x2", "sid": "x3", "sub": "x4", "client_id": "x5" }));
    let last = issuer.ends(json!({ "jti": ["x2", "x3"], "grant_id": ["x1", "x5"], "sid": ["x4"], "sub": ["x3"], "client_id": ["x4"] }));
    until(|| api.guard.status().applied >= last).await;
    assert_eq!(api.call("/", &token).await, OK);
}

#[tokio::test]
async fn issued_before_spares_what_is_issued_later() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let start = now() as u64;
    let early = issuer.token(json!({ "iat": start - 5, "client_id": "printer" }));
    let late = issuer.token(json!({ "iat": start, "client_id": "printer" }));
    issuer.ends(json!({ "client_id": ["printer"], "issued_before": start }));
    api.until("/", &early, ENDED).await;
    assert_eq!(api.call("/", &late).await, OK);
}

#[tokio::test]
async fn what_can_be_forgotten_is_forgotten() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    // Nothing that has expired, leeway included, is kept: not even when it is told.
    issuer.ends(json!({ "sid": ["old"], "forget_at": now() as u64 - 1 }));
    let last = issuer.ends(json!({ "sid": ["new"] }));
    until(|| api.guard.status().applied >= last).await;
    assert_eq!(api.guard.status().entries, 1);
}

#[tokio::test]
async fn the_newest_number_is_confirmed_after_it_is_refused() {
    let issuer = FakeIssuer::start().await;
    let api = Api::starting(&issuer, |builder| builder.instance("kitchen-1")).await;
    api.guard.current().await;
    let mut last = 0;
    for n in 0..500 {
        last = issuer.ends(json!({ "sid": [n.to_string()] }));
    }
    until(|| issuer.seen().receipts.last().is_some_and(|(_, applied)| *applied == last)).await;
    let receipts = issuer.seen().receipts;
    assert!(receipts.iter().all(|(instance, _)| instance == "kitchen-1"));
    assert!(receipts.windows(2).all(|pair| pair[0].1 < pair[1].1));
    // A flood is not answered by one.
    assert!(receipts.len() < 100, "{}", receipts.len());
}

#[tokio::test]
async fn a_receipt_that_was_lost_is_sent_again() {
    let issuer = FakeIssuer::start().await;
    issuer.now(|settings| settings.receipts_work = false);
    let api = Api::behind(&issuer).await;
    let number = issuer.ends(json!({ "sid": ["a"] }));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(api.guard.status().confirmed.is_none());
    issuer.now(|settings| settings.receipts_work = true);
    until(|| issuer.seen().receipts.last().is_some_and(|(_, applied)| *applied == number)).await;
    until(|| api.guard.status().confirmed == Some(number)).await;
    assert!(api.guard.calls_to_server().receipts >= 2);
}
