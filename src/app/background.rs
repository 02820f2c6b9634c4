//! What a running server does by itself, until its end. (The outbox has an end of its own: `jobs/deliver.rs`.)

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::App;
use crate::id::Id;
use crate::jobs;
use crate::store::{self, leases::Node};

/// How often the keys are read again: a rotation or an emergency reaches every node within this.
const KEYS_EVERY: Duration = Duration::from_secs(3);
const PRUNE_EVERY: Duration = Duration::from_secs(60);
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Runs until it is dropped.
pub async fn run(app: App) {
    tokio::join!(keep_keys(&app), prune(&app), tidy(&app), app.feed.run());
}

async fn keep_keys(app: &App) {
    let mut ticks = every(KEYS_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = app.refresh_keys(app.clock.now()).await {
            tracing::warn!(%error, "the signing keys could not be read again; the known ones go on");
        }
    }
}

async fn prune(app: &App) {
    let node = Id::new();
    let mut ticks = every(PRUNE_EVERY);
    loop {
        ticks.tick().await;
        match remove_dead(app, node).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "removed what was dead"),
            Err(error) => tracing::warn!(%error, "could not remove what is dead; trying again later"),
        }
    }
}

async fn remove_dead(app: &App, node: Id<Node>) -> Result<u64, store::Error> {
    let (unused, idle) = (app.config.registration.unused(), app.config.issuer.refresh_idle());
    let gone = jobs::prune(&app.store, node, unused, app.clock.now()).await?;
    Ok(gone + jobs::resting::prune(&app.store, idle, app.clock.now()).await?)
}

async fn tidy(app: &App) {
    let mut ticks = every(TIDY_EVERY);
    loop {
        ticks.tick().await;
        app.sign_in.hashing.release_idle_memory();
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
