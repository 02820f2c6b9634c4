//! Grants that are dead: those that were ended, those past their absolute end, and those whose refresh token has rested
//! for too long. Apps that authorize anew at each visit leave one behind every time.
//!
//! No index leads to them: one over `rotated_at` would be written by every refresh, one over `ended_at` by every ending.
//! Instead each grant is looked at once a day, in the hour of the day in which its code was made, which its identifier
//! says: a short stretch of the primary key for each day.

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

/// Removes this hour's share of what was over a day ago, or has rested for a day longer than `idle`, unless that was
/// done already. Returns how many grants are gone.
pub async fn prune(store: &Store, idle: Duration, now: Timestamp) -> Result<u64, Error> {
    let lease = (now.plus(LEASE), now);
    let ours = store
        .write(lease, |tx, (until, now)| {
            // Nobody prolongs it, the same node neither.
            Box::pin(leases::take(tx, "resting", Id::new(), *until, *now))
        })
        .await?;
    if !ours {
        return Ok(0);
    }
    store.write((), |tx, ()| Box::pin(dead_grants::remove_terms(tx, FOUND))).await?;
    let Some((first, last)) = dead_grants::first_and_last(store.read()).await? else { return Ok(0) };
    let over = now.minus(AFTERLIFE);
    let rested = over.minus(idle);
    let midnight = first.secs() - first.secs().rem_euclid(DAY.as_secs() as i64);
    let into_the_day = now.secs().rem_euclid(DAY.as_secs() as i64);
    let mut start = Timestamp::from_secs(midnight + into_the_day - into_the_day % HOUR.as_secs() as i64);
    let mut gone = 0;
    while start <= last {
        loop {
            let coded = start..start.plus(HOUR);
            let dead = dead_grants::find_dead(store.read(), coded, (over, rested), FOUND).await?;
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
