//! What runs by itself: removing what is dead, in small batches, on one node at a time.

pub mod deliver;
pub mod resting;

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Timestamp;
use crate::id::Id;
use crate::store::leases::{self, Node};
use crate::store::{
    Error, Store, attempts, authorizations, followers, initial_access_tokens, keys, outbox, replay,
    revocations, revoked_tokens, sessions, unused,
};

/// Rows that one transaction removes: few enough that nobody waits for it.
const BATCH: u64 = 500;
/// Between two batches, so that requests come in between.
const BREATH: Duration = Duration::from_millis(20);
const LEASE: Duration = Duration::from_secs(120);
/// The rest is for the next sweep, which prolongs the lease: no other node begins while one still sweeps.
const LONGEST_SWEEP: Duration = Duration::from_secs(60);
/// How long a dead row stays: long enough to say "expired" rather than "unknown", and to know a replayed code.
const AFTERLIFE: Duration = Duration::from_secs(24 * 3600);

const CLOCKS_APART: Duration = Duration::from_secs(300);

/// How much longer the log of deliveries stays: a week in all.
const LOG_LIFE: Duration = Duration::from_secs(6 * 24 * 3600);

/// What is removed, and when it is dead.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Authorizations,
    Sessions,
    RevokedTokens,
    Attempts,
    Keys,
    InitialAccessTokens,
    UnusedClients,
    UnusedDocuments,
    Outbox,
    Replay,
    Revocations,
    Followers,
}

impl Kind {
    const ALL: [Kind; 12] = [
        Kind::Authorizations,
        Kind::Sessions,
        Kind::RevokedTokens,
        Kind::Attempts,
        Kind::Keys,
        Kind::InitialAccessTokens,
        Kind::UnusedClients,
        Kind::UnusedDocuments,
        Kind::Outbox,
        Kind::Replay,
        Kind::Revocations,
        Kind::Followers,
    ];
}

/// Removes what has been dead for long enough, and clients that registered themselves `unused` ago for nobody, if this
/// node holds the lease. Returns how many rows are gone.
pub async fn prune(store: &Store, node: Id<Node>, unused: Duration, now: Timestamp) -> Result<u64, Error> {
    let until = now.plus(LEASE);
    let ours = store
        .write((node, until, now), |tx, (node, until, now)| {
            Box::pin(leases::take(tx, "prune", *node, *until, *now))
        })
        .await?;
    if !ours {
        return Ok(0);
    }
    let began = Instant::now();
    let mut gone = 0;
    for kind in Kind::ALL {
        let before = match kind {
            Kind::UnusedClients | Kind::UnusedDocuments => now.minus(unused),
            // One row for each assertion, and an expired one is refused anyway: what is left is the difference between
            // the clocks of two nodes.
            Kind::Replay => now.minus(CLOCKS_APART),
            // For so long another node may still tell of it, and the account page of who has confirmed it.
            Kind::Revocations => now.minus(CLOCKS_APART),
            _ => now.minus(AFTERLIFE),
        };
        loop {
            let batch = store
                .write((kind, before), |tx, (kind, before)| {
                    Box::pin(async move {
                        match kind {
                            Kind::Authorizations => authorizations::remove_expired(tx, *before, BATCH).await,
                            Kind::Sessions => sessions::remove_expired(tx, *before, BATCH).await,
                            Kind::RevokedTokens => revoked_tokens::remove_expired(tx, *before, BATCH).await,
                            Kind::Attempts => attempts::remove_expired(tx, *before, BATCH).await,
                            Kind::Outbox => outbox::remove_settled(tx, before.minus(LOG_LIFE), BATCH).await,
                            Kind::Keys => keys::remove_expired(tx, *before).await,
                            Kind::InitialAccessTokens => {
                                initial_access_tokens::remove_expired(tx, *before, BATCH).await
                            }
                            Kind::UnusedClients => unused::remove_registered(tx, *before, BATCH).await,
                            Kind::UnusedDocuments => unused::remove_discovered(tx, *before, BATCH).await,
                            Kind::Replay => replay::remove_expired(tx, *before, BATCH).await,
                            Kind::Revocations => revocations::remove_forgotten(tx, *before, BATCH).await,
                            Kind::Followers => followers::remove_gone(tx, *before).await,
                        }
                    })
                })
                .await?;
            gone += batch;
            if batch < BATCH || began.elapsed() > LONGEST_SWEEP {
                break;
            }
            tokio::time::sleep(BREATH).await;
        }
    }
    metrics::counter!("gatepass_pruned_rows_total").increment(gone);
    Ok(gone)
}
