//! Grants that are dead before their absolute end: those that were ended, and those whose refresh token has rested for
//! too long. Apps that authorize anew at each visit leave one behind every time.
//!
//! No index leads to them: one over `rotated_at` would be written by every refresh, one over `ended_at` by every ending.
//! Instead each grant is looked at once a day, in the hour of the day in which its absolute end lies: a short stretch of
//! the index for each day that is still to come.

use std::time::Duration;

use super::{AFTERLIFE, BATCH, BREATH};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::store::{Error, Store, dead_grants, leases};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Once an hour on one node. Shorter than the hour by less than the time between two tries, so that no hour is left out.
const LEASE: Duration = Duration::from_secs(3600 - 30);
/// Read at once, outside a transaction.
const FOUND: u64 = 20 * BATCH;

/// Removes this hour's share of what was ended a day ago, or has rested for a day longer than `idle`, unless that was
/// done already. Returns how many rows are gone.
pub async fn prune(store: &Store, idle: Duration, now: Timestamp) -> Result<u64, Error> {
    let lease = (now.plus(LEASE), now);
    let ours = store
        .write(lease, |tx, (until, now)| {
            // Nobody prolongs it, the same node neither.
            Box::pin(leases::take(tx, "resting", Id::new(), *until, *now))
        })
        .await?;
    let Some(latest) = dead_grants::latest_end(store.read()).await?.filter(|_| ours) else { return Ok(0) };
    let ended = now.minus(AFTERLIFE);
    let rested = ended.minus(idle);
    let mut start = Timestamp::from_secs(now.secs() - now.secs().rem_euclid(HOUR.as_secs() as i64));
    let mut gone = 0;
    while start <= latest {
        loop {
            let ends = start..start.plus(HOUR);
            let dead = dead_grants::find_dead(store.read(), ends, (ended, rested), FOUND).await?;
            for some in dead.chunks(BATCH as usize) {
                gone +=
                    store.write(some.to_vec(), |tx, some| Box::pin(dead_grants::remove(tx, some))).await?;
                tokio::time::sleep(BREATH).await;
            }
            if (dead.len() as u64) < FOUND {
                break;
            }
        }
        start = start.plus(DAY);
    }
    metrics::counter!("gatepass_pruned_rows_total").increment(gone);
    Ok(gone)
}
