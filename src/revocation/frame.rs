//! The feed's events on the wire (Server-Sent Events, WHATWG HTML §9.2.6). Times are NumericDates (RFC 7519 §2).

use bytes::Bytes;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::store::revocations::{Dead, Number, Revocation};

/// Milliseconds after which a follower that was cut off comes back.
const RETRY: u32 = 1000;

#[derive(Serialize)]
struct Told<'a> {
    at: f64,
    forget_at: i64,
    #[serde(flatten)]
    dead: &'a Dead,
}

#[derive(Serialize)]
struct Moment {
    at: f64,
}

#[derive(Serialize)]
struct Hello<'a> {
    issuer: &'a str,
    at: f64,
}

/// The first event: whose feed this is, and what time it is there. Who expected another issuer leaves.
pub(super) fn hello(issuer: &str, now: Timestamp) -> Bytes {
    let hello = event("hello", None, &Hello { issuer, at: seconds(now) });
    format!("retry: {RETRY}\n{hello}").into()
}

/// The follower's position is unknown here: what follows is for a newcomer.
pub(super) fn reset(now: Timestamp) -> Bytes {
    event("reset", None, &Moment { at: seconds(now) }).into()
}

pub(super) fn revocation(revocation: &Revocation) -> Bytes {
    let told = Told {
        at: seconds(revocation.at),
        // Never too early.
        forget_at: revocation.forget_at.millis().div_euclid(1000) + 1,
        dead: &revocation.dead,
    };
    event("revocation", Some(revocation.number), &told).into()
}

/// Everything that had ended before `at` has been told.
pub(super) fn current(number: Number, at: Timestamp) -> Bytes {
    event("current", Some(number), &Moment { at: seconds(at) }).into()
}

/// The same again, and nothing has ended since.
pub(super) fn heartbeat(number: Number, at: Timestamp) -> Bytes {
    event("heartbeat", Some(number), &Moment { at: seconds(at) }).into()
}

fn event(name: &str, number: Option<Number>, data: &impl Serialize) -> String {
    // JSON text has no line breaks, which would end the field.
    let data = serde_json::to_string(data).expect("events have text as names of members");
    let id = number.map(|number| format!("id: {number}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}

fn seconds(time: Timestamp) -> f64 {
    time.millis() as f64 / 1000.0
}
