//! The database, what is sealed in it, and whether its rows make sense.

use std::time::{Duration, UNIX_EPOCH};

use super::finding::Finding;
use crate::app::Installation;
use crate::cli::open;
use crate::cli::output::Refusal;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::keys::KeyRing;
use crate::protocol::algorithm::Algorithm;
use crate::store::{Address, Store, audit, invariants, keys};

const DATABASE: &str = "database";
const MIGRATIONS: &str = "migrations";
const SEALING_KEY: &str = "sealing key";
const KEYS: &str = "signing keys";
const CLOCK: &str = "clock";
const ROWS: &str = "rows";

/// Each step needs the ones before it.
pub(super) async fn examine(config: &Config, check: bool, now: Timestamp, findings: &mut Vec<Finding>) {
    let store = match reach(config).await {
        Ok(store) => store,
        Err(refusal) => return findings.push(Finding::failed(DATABASE, refusal.message)),
    };
    let kind = if config.database.url.is_sqlite() { "SQLite" } else { "PostgreSQL" };
    findings.push(Finding::ok(DATABASE, format!("{kind} answers")));
    let steps = async {
        if !migrations(&store, findings).await? {
            return Ok(());
        }
        sealed(config, &store, now, findings).await?;
        findings.push(clock(config, &store, now).await?);
        if check {
            rows(&store, findings).await?;
        }
        Ok(())
    };
    let done: Result<(), Refusal> = steps.await;
    if let Err(refusal) = done {
        findings.push(Finding::failed(DATABASE, refusal.message));
    }
}

async fn reach(config: &Config) -> Result<Store, Refusal> {
    let store = open::existing_store(config).await?;
    store.ping().await?;
    Ok(store)
}

async fn migrations(store: &Store, findings: &mut Vec<Finding>) -> Result<bool, Refusal> {
    let all = store.migrations().await?;
    let missing: Vec<&str> =
        all.iter().filter(|migration| !migration.applied).map(|migration| migration.name.as_str()).collect();
    findings.push(match missing.is_empty() {
        true => Finding::ok(MIGRATIONS, format!("all {} are applied", all.len())),
        false => {
            let says = format!("not applied: {}; run `gatepass migrate up`", missing.join(", "));
            Finding::failed(MIGRATIONS, says)
        }
    });
    Ok(missing.is_empty())
}

/// What only the sealing key opens.
async fn sealed(
    config: &Config,
    store: &Store,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> Result<(), Refusal> {
    if !Installation::is_set_up(store).await? {
        let says = "nothing is sealed yet: the first start of the server does that";
        findings.push(Finding::warning(SEALING_KEY, says));
        return Ok(());
    }
    let installation = match Installation::unseal(config, store.clone()).await {
        Ok(installation) => installation,
        Err(error) => {
            findings.push(Finding::failed(SEALING_KEY, error.to_string()));
            return Ok(());
        }
    };
    findings.push(Finding::ok(SEALING_KEY, "it opens the master secret"));
    let stored = keys::list(store.read()).await?;
    findings.push(match KeyRing::load(&stored, &installation.sealing, None, now) {
        Err(error) => Finding::failed(KEYS, error.to_string()),
        Ok(ring) => {
            let missing: Vec<&str> = Algorithm::ALL
                .into_iter()
                .filter(|algorithm| ring.signing_key(*algorithm, now).is_none())
                .map(Algorithm::as_str)
                .collect();
            match missing.is_empty() {
                true => Finding::ok(KEYS, "each algorithm has one"),
                false => {
                    let says =
                        format!("none for {}: the next start of the server makes it", missing.join(", "));
                    Finding::failed(KEYS, says)
                }
            }
        }
    });
    Ok(())
}

/// How far clocks may lie apart without an effect on what expires.
const TOLERABLE: Duration = Duration::from_secs(5);
/// 2026-01-01: before this release was made.
const RELEASED: Timestamp = Timestamp::from_secs(1_767_225_600);

async fn clock(config: &Config, store: &Store, now: Timestamp) -> Result<Finding, Refusal> {
    let newest_event = audit::list(store.read(), None, 1).await?.pop().map(|entry| entry.at);
    let newest = newest_event.max(written_at(config)).filter(|newest| newest.since(now) > TOLERABLE);
    Ok(match (store.clock().await?, newest) {
        _ if now < RELEASED => {
            Finding::failed(CLOCK, format!("{now} cannot be: this release is younger; set the clock"))
        }
        (_, Some(newest)) => {
            let says = format!("it is {now}, but the database was written at {newest}: set the clock");
            Finding::failed(CLOCK, says)
        }
        (Some(there), None) if there.since(now).max(now.since(there)) > TOLERABLE => {
            let says = format!("it is {now} here and {there} at the database: synchronize the clocks");
            Finding::failed(CLOCK, says)
        }
        _ => Finding::ok(CLOCK, format!("it is {now}")),
    })
}

/// What the file system says of the last change.
fn written_at(config: &Config) -> Option<Timestamp> {
    let Ok(Address::Sqlite(path)) = config.database.url.reveal().parse() else { return None };
    let since = path.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_secs(0).plus(since))
}

async fn rows(store: &Store, findings: &mut Vec<Finding>) -> Result<(), Refusal> {
    for found in invariants::check(store).await? {
        findings.push(match found.breaches {
            0 => Finding::ok(ROWS, found.sentence),
            breaches => {
                let says = format!(
                    "not true: {} (rows: {breaches}); keep a copy of the database and report it",
                    found.sentence
                );
                Finding::failed(ROWS, says)
            }
        });
    }
    findings.push(match store.integrity().await? {
        Ok(()) => Finding::ok(DATABASE, "its files are sound"),
        Err(damage) => Finding::failed(
            DATABASE,
            format!("its files are damaged ({damage}): take the newest good backup"),
        ),
    });
    Ok(())
}
