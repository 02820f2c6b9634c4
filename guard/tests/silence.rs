//! What each route does while the feed is silent.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Api, FakeIssuer, Line, until};

const OK: StatusCode = StatusCode::OK;
const UNKNOWN: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
const ENDED: StatusCode = StatusCode::UNAUTHORIZED;

#[tokio::test]
async fn each_route_does_what_it_chose_and_nothing_is_missed_when_the_feed_is_back() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let (token, other) = (issuer.token(json!({ "sid": "device" })), issuer.token(json!({ "sid": "before" })));
    issuer.ends(json!({ "sid": ["before"] }));
    api.until("/", &other, ENDED).await;

    issuer.now(|settings| settings.line = Line::Cut);
    assert_eq!(api.call("/", &token).await, OK, "a moment of silence is none");
    api.until("/", &token, UNKNOWN).await;
    issuer.ends(json!({ "sid": ["device"] }));
    assert_eq!(api.call("/trusting", &token).await, OK);
    assert_eq!(api.call("/asking", &token).await, OK, "the server says that it is active");
    // What was ended before the cut stays so, whatever a route chose.
    for path in ["/", "/trusting", "/asking"] {
        assert_eq!(api.call(path, &other).await, ENDED, "{path}");
    }
    let refused = api.answer("/", &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(
        (&refused.headers()["retry-after"], refused.headers().get("www-authenticate")),
        (&"2".parse().unwrap(), None)
    );

    issuer.now(|settings| settings.line = Line::Open);
    for path in ["/", "/trusting", "/asking"] {
        api.until(path, &token, ENDED).await;
    }
    let positions = issuer.seen().positions;
    assert_eq!((positions[0], positions.last().unwrap()), (None, &Some(1)));
}

#[tokio::test]
async fn until_the_feed_is_current_for_the_first_time_it_is_silent() {
    let issuer = FakeIssuer::start().await;
    issuer.ends(json!({ "sid": ["device"] }));
    issuer.now(|settings| settings.line = Line::Frozen);
    let api = Api::starting(&issuer, |builder| builder).await;
    let token = issuer.token(json!({ "sid": "device" }));
    assert_eq!(api.call("/", &token).await, UNKNOWN);
    assert_eq!(api.guard.feed_age(), None);
    issuer.now(|settings| settings.line = Line::Open);
    api.until("/", &token, ENDED).await;
}

#[tokio::test]
async fn a_line_that_is_dead_but_open_is_given_up() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let feeds = issuer.seen().feeds;
    issuer.now(|settings| settings.line = Line::Frozen);
    until(|| issuer.seen().feeds >= feeds + 2).await;
    issuer.now(|settings| settings.line = Line::Open);
    api.until("/", &issuer.token(json!({})), OK).await;
}

#[tokio::test]
async fn introspection_ends_a_token_within_bounds() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let token = issuer.token(json!({}));
    for _ in 0..100 {
        assert_eq!(api.call("/asking", &token).await, OK);
    }
    assert_eq!(issuer.seen().introspections, 0, "nobody is asked while the feed speaks");

    issuer.now(|settings| settings.line = Line::Cut);
    api.until("/", &token, UNKNOWN).await;
    issuer.now(|settings| settings.active = Some(false));
    api.until("/asking", &token, ENDED).await;
    let asked = issuer.seen().introspections;
    for _ in 0..100 {
        assert_eq!(api.call("/asking", &token).await, ENDED);
    }
    assert!(issuer.seen().introspections <= asked + 2, "the answer is believed for a second");

    issuer.now(|settings| settings.active = None);
    let others: Vec<String> = (0..50).map(|_| issuer.token(json!({}))).collect();
    let asked = issuer.seen().introspections;
    for other in &others {
        assert_eq!(api.call("/asking", other).await, UNKNOWN);
    }
    assert!(issuer.seen().introspections <= asked + 3, "a server that is down is left in peace");
}

#[tokio::test]
async fn a_recording_of_the_feed_is_no_word_of_the_server() {
    let issuer = FakeIssuer::start().await;
    let api = Api::behind(&issuer).await;
    let token = issuer.token(json!({}));
    // The line lives and the heart beats, but what it says lies behind us.
    for clock in [-40.0, 40.0] {
        issuer.now(|settings| settings.clock = clock);
        api.until("/", &token, UNKNOWN).await;
        issuer.now(|settings| settings.clock = 0.0);
        api.until("/", &token, OK).await;
    }
    // Time that goes backwards, by less than that.
    issuer.now(|settings| settings.clock = -20.0);
    let start = Instant::now();
    api.until("/", &token, UNKNOWN).await;
    assert!(start.elapsed() < Duration::from_secs(2));
}
