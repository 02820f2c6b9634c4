//! `gatepass feed`: how far the APIs are that follow the revocations.

use serde_json::{Value, json};

use super::Everywhere;
use super::open;
use super::output::{Answer, Refusal, table};
use crate::clock::Timestamp;
use crate::store::followers::{self, Follower};
use crate::store::revocations;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the running processes of APIs, and how far each lags behind
    Followers,
}

/// One process, and what it has not applied yet.
struct Lag {
    follower: Follower,
    entries: i64,
    /// Milliseconds since the oldest of these.
    millis: u128,
}

pub(super) async fn run(
    command: Command,
    everywhere: &Everywhere,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let Command::Followers = command;
    let store = open::store(&open::config(everywhere)?).await?;
    let newest = revocations::newest(store.read()).await?;
    let mut lags = Vec::new();
    for follower in followers::live(store.read(), now).await? {
        let oldest = revocations::after(store.read(), follower.applied, 1).await?;
        lags.push(Lag {
            entries: (newest - follower.applied).max(0),
            millis: oldest.first().map_or(0, |oldest| now.since(oldest.at).as_millis()),
            follower,
        });
    }
    let rows = lags.iter().map(|lag| {
        [
            lag.follower.client_id.clone(),
            lag.follower.instance.clone(),
            lag.follower.applied.to_string(),
            lag.entries.to_string(),
            format!("{} ms", lag.millis),
            lag.follower.since.to_string(),
            lag.follower.seen_at.to_string(),
        ]
    });
    let columns = ["CLIENT", "INSTANCE", "APPLIED", "BEHIND", "FOR", "SINCE", "LAST SEEN"];
    let text = format!("The newest ending is number {newest}.\n{}", table(columns, rows));
    Ok(Answer::new(
        text,
        json!({ "newest": newest, "followers": lags.iter().map(document).collect::<Value>() }),
    ))
}

fn document(lag: &Lag) -> Value {
    json!({
        "client_id": lag.follower.client_id,
        "instance": lag.follower.instance,
        "applied": lag.follower.applied,
        "behind": lag.entries,
        "lag_ms": lag.millis as u64,
        "since": lag.follower.since.to_string(),
        "seen_at": lag.follower.seen_at.to_string(),
    })
}
