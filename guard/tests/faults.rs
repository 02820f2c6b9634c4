//! Feeds that are cut, forged, replayed, restored from a backup, or nobody's business.

use std::time::Duration;

use axum::http::StatusCode;
use gatepass_guard::{BuildError, Connection, Guard};
use serde_json::json;

use crate::support::{AUDIENCE, Api, FakeIssuer, Line, now, until};

const OK: StatusCode = StatusCode::OK;
const ENDED: StatusCode = StatusCode::UNAUTHORIZED;
const UNKNOWN: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

#[tokio::test]
async fn an_api_that_restarts_is_told_everything_that_lives() {
    let issuer = FakeIssuer::start().await;
    let token = issuer.token(json!({ "sid": "device" }));
    issuer.ends(json!({ "sid": ["device"] }));
    for _ in 0..2 {
        let api = Api::behind(&issuer).await;
        assert_eq!(api.call("/", &token).await, ENDED);
    }
    assert_eq!(issuer.seen().positions, [None, None]);
}

#[tokio::test]
async fn a_restored_server_begins_anew_and_gives_nobody_back() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let (before, after) = (issuer.token(json!({ "sid": "before" })), issuer.token(json!({ "sid": "after" })));
    issuer.ends(json!({ "sid": ["x"] }));
    issuer.ends(json!({ "sid": ["before"] }));
    api.until("/", &before, ENDED).await;
    // The backup knew the first entry only; its next one has a number that this API has seen.
    issuer.now(|settings| {
        settings.entries.clear();
        settings.head = 0;
        settings.line = Line::Cut;
    });
    until(|| matches!(api.guard.status().connection, Connection::Lost(_))).await;
    issuer.now(|settings| settings.line = Line::Open);
    issuer.ends(json!({ "sid": ["after"] }));
    api.until("/", &after, ENDED).await;
    assert_eq!(api.call("/", &before).await, ENDED);
}

#[tokio::test]
async fn after_a_reset_nothing_is_fresh_until_the_server_says_so() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let words = format!(
        "event: hello\ndata: {{\"issuer\":\"{}\",\"at\":{at}}}\n\nevent: reset\ndata: {{\"at\":{at}}}\n\n",
        issuer.url,
        at = now()
    );
    issuer.now(|settings| {
        settings.script = Some(words);
        settings.line = Line::Cut;
    });
    until(|| matches!(api.guard.status().connection, Connection::Lost(_))).await;
    issuer.now(|settings| settings.line = Line::Open);
    until(|| api.guard.feed_age().is_none()).await;
    assert_eq!(api.call("/", &issuer.token(json!({}))).await, UNKNOWN);
}

#[tokio::test]
async fn a_feed_of_another_issuer_is_not_believed() {
    let issuer = FakeIssuer::start().await;
    let token = issuer.token(json!({ "sid": "device" }));
    let (at, forget_at) = (now(), now() as u64 + 600);
    let forged = format!(
        "event: hello\ndata: {{\"issuer\":\"https://evil.example\",\"at\":{at}}}\n\nid: 1\nevent: revocation\ndata: {{\"sid\":[\"device\"],\"forget_at\":{forget_at}}}\n\nid: 1\nevent: current\ndata: {{\"at\":{at}}}\n\n"
    );
    // Nor one that does not say whose it is.
    let nameless = forged.split_once("\n\n").unwrap().1.to_owned();
    for (script, expected) in [(forged, Some(Connection::OtherIssuer)), (nameless, None)] {
        issuer.now(|settings| settings.script = Some(script));
        let api = Api::starting(&issuer, |builder| builder).await;
        until(|| {
            issuer.seen().feeds > 0
                && matches!(api.guard.status().connection, Connection::OtherIssuer | Connection::Lost(_))
        })
        .await;
        if let Some(expected) = expected {
            assert_eq!(api.guard.status().connection, expected);
        }
        assert_eq!((api.guard.status().entries, api.guard.feed_age()), (0, None));
        assert_eq!(api.call("/trusting", &token).await, OK);
        assert_eq!(api.call("/", &token).await, UNKNOWN);
    }
}

#[tokio::test]
async fn a_number_that_is_missing_is_asked_for_again() {
    let issuer = FakeIssuer::start().await;
    let token = issuer.token(json!({ "sid": "skipped" }));
    // A node that tells number 2 before number 1 has reached it.
    let words = format!(
        "event: hello\ndata: {{\"issuer\":\"{}\",\"at\":{at}}}\n\nid: 0\nevent: current\ndata: {{\"at\":{at}}}\n\nid: 2\nevent: revocation\ndata: {{\"sid\":[\"b\"],\"forget_at\":99999999999}}\n\n",
        issuer.url,
        at = now()
    );
    issuer.now(|settings| settings.script = Some(words));
    let api = Api::starting(&issuer, |builder| builder).await;
    until(|| issuer.seen().feeds >= 2).await;
    assert_eq!((api.guard.status().applied, issuer.seen().positions[1]), (0, Some(0)));
    issuer.ends(json!({ "sid": ["skipped"] }));
    issuer.ends(json!({ "sid": ["b"] }));
    issuer.now(|settings| settings.script = None);
    api.until("/", &token, ENDED).await;
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_neither_skipped_nor_confirmed() {
    let issuer = FakeIssuer::start().await;
    let hello = format!("event: hello\ndata: {{\"issuer\":\"{}\",\"at\":{}}}\n\n", issuer.url, now());
    for data in [
        "{",
        "{}",
        r#"{"sid":["a"]}"#,
        r#"{"sid":"a","forget_at":99999999999}"#,
        r#"{"forget_at":99999999999}"#,
    ] {
        let script = format!(
            "{hello}id: 1\nevent: revocation\ndata: {data}\n\nid: 1\nevent: current\ndata: {{\"at\":{}}}\n\n",
            now()
        );
        issuer.now(|settings| settings.script = Some(script));
        let api = Api::starting(&issuer, |builder| builder).await;
        until(|| matches!(api.guard.status().connection, Connection::Lost(_))).await;
        assert_eq!((api.guard.status().applied, api.guard.feed_age()), (0, None), "{data}");
    }
    assert!(issuer.seen().receipts.is_empty());
}

#[tokio::test]
async fn more_entries_than_there_is_room_for_are_silence() {
    let issuer = FakeIssuer::start().await;
    for n in 0..50 {
        issuer.ends(json!({ "sid": [format!("a{n}"), format!("b{n}")] }));
    }
    let api = Api::starting(&issuer, |builder| builder.most_entries(99)).await;
    until(|| issuer.seen().feeds >= 2).await;
    assert_eq!(api.guard.feed_age(), None);
    assert!(api.guard.status().entries <= 99);
    assert_eq!(api.call("/", &issuer.token(json!({}))).await, UNKNOWN);
}

#[tokio::test]
async fn a_stranger_is_told_that_the_credential_is_wrong() {
    let issuer = FakeIssuer::start().await;
    let api = Api::starting(&issuer, |builder| builder.credential("orders-api", "guess")).await;
    until(|| api.guard.status().connection == Connection::CredentialRefused).await;
    assert_eq!(api.call("/", &issuer.token(json!({}))).await, UNKNOWN);
}

#[tokio::test]
async fn the_credential_follows_no_redirect() {
    let issuer = FakeIssuer::start().await;
    issuer.now(|settings| settings.redirect = true);
    let api = Api::starting(&issuer, |builder| builder).await;
    until(|| matches!(api.guard.status().connection, Connection::Lost(_))).await;
    assert_eq!(issuer.seen().feeds, 1);
}

#[tokio::test]
async fn a_server_that_calls_itself_otherwise_is_not_taken() {
    let issuer = FakeIssuer::start().await;
    issuer.now(|settings| settings.name = format!("{}/", settings.name));
    let built = Guard::builder(&issuer.url, AUDIENCE).build().await;
    assert!(matches!(built.map(drop), Err(BuildError::OtherIssuer(_))));
    for unsafe_issuer in [
        "http://id.example",
        "ftp://127.0.0.1",
        "https://id.example/?a",
        "id.example",
        "http://127.evil.example",
    ] {
        let built = Guard::builder(unsafe_issuer, AUDIENCE).build().await;
        assert!(matches!(built.map(drop), Err(BuildError::Issuer)), "{unsafe_issuer}");
    }
}

#[tokio::test]
async fn a_guard_that_is_dropped_leaves_the_feed() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let feeds = issuer.seen().feeds;
    drop(api);
    issuer.now(|settings| settings.line = Line::Cut);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(issuer.seen().feeds, feeds);
}
