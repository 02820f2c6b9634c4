//! `gatepass key`: what tokens are signed with. A running server follows within seconds.

use std::time::Duration;

use serde_json::{Value, json};

use super::Everywhere;
use super::open;
use super::output::{Answer, Refusal, table};
use crate::app::Installation;
use crate::clock::Timestamp;
use crate::events::{self, Event};
use crate::keys::rotation::{self, Overlap, Rotation};
use crate::protocol::algorithm::Algorithm;
use crate::store::keys::{self, KeyState, StoredKey};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the keys: announced, then signing, then retired
    List,
    /// Announce new keys, which begin to sign after keys.announce_minutes
    Rotate {
        /// ES256, RS256 or EdDSA; without any, each
        #[arg(value_name = "ALGORITHM")]
        algorithms: Vec<Algorithm>,
    },
    /// End a key that somebody else may know, at once: whatever it signed is refused from now on
    Retire {
        // One in 64 begins like a flag.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

pub(super) async fn run(
    command: Command,
    everywhere: &Everywhere,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let config = open::config(everywhere)?;
    match command {
        Command::List => {
            let store = open::store(&config).await?;
            Ok(listed(&keys::list(store.read()).await?, now))
        }
        Command::Rotate { algorithms } => {
            let overlap =
                Overlap { announce: config.keys.announce(), longest_token: config.keys.retain(), skew: SKEW };
            let installation = open::installation(&config).await?;
            let algorithms = if algorithms.is_empty() { Algorithm::ALL.to_vec() } else { algorithms };
            rotate(&installation, &algorithms, &overlap, now).await
        }
        Command::Retire { kid } => retire(&open::installation(&config).await?, &kid, now).await,
    }
}

/// How far the clocks of nodes and of APIs may lie apart.
const SKEW: Duration = Duration::from_secs(60);

async fn rotate(
    installation: &Installation,
    algorithms: &[Algorithm],
    overlap: &Overlap,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    for algorithm in algorithms {
        let rows = keys::list(installation.store.read()).await?;
        let rotation = rotation::rotate(&rows, *algorithm, now, overlap, &installation.sealing);
        write(installation, rotation, *algorithm, now).await?;
    }
    Ok(listed(&keys::list(installation.store.read()).await?, now))
}

async fn retire(installation: &Installation, kid: &str, now: Timestamp) -> Result<Answer, Refusal> {
    let rows = keys::list(installation.store.read()).await?;
    let rotation = rotation::retire_at_once(&rows, kid, now, &installation.sealing);
    let known = rows.iter().find(|row| row.kid == kid);
    let (Some(rotation), Some(known)) = (rotation, known) else {
        return Err(Refusal::new(
            "not_found",
            format!("there is no key {kid:?}: `gatepass key list` shows all"),
        ));
    };
    write(installation, rotation, known.algorithm, now).await?;
    Ok(listed(&keys::list(installation.store.read()).await?, now))
}

async fn write(
    installation: &Installation,
    rotation: Rotation,
    algorithm: Algorithm,
    now: Timestamp,
) -> Result<(), Refusal> {
    let written = installation
        .store
        .write((rotation, algorithm, now), |tx, (rotation, algorithm, now)| {
            Box::pin(async move {
                if !rotation.write(tx).await? {
                    return Ok(false);
                }
                if let Some(ended) = &rotation.retire {
                    let event = Event::KeyRetired { algorithm: *algorithm, kid: ended.kid.clone() };
                    events::record(tx, &event, *now).await?;
                }
                if let Some(new) = &rotation.insert {
                    let event = Event::KeyRotated { algorithm: *algorithm, kid: new.kid.clone() };
                    events::record(tx, &event, *now).await?;
                }
                Ok(true)
            })
        })
        .await?;
    if written {
        return Ok(());
    }
    let message = format!("somebody else has just rotated the {algorithm} key: look at `gatepass key list`");
    Err(Refusal::new("rotated_meanwhile", message))
}

fn listed(found: &[StoredKey], now: Timestamp) -> Answer {
    let rows = found.iter().map(|key| {
        let (state, until) = match key.state(now) {
            KeyState::Announced { signing_from } => ("announced", format!("signs from {signing_from}")),
            KeyState::Signing => match key.retired_at {
                Some(retired_at) => ("signing", format!("retires at {retired_at}")),
                None => ("signing", format!("since {}", key.signing_from)),
            },
            KeyState::Retired { removed_after } => ("retired", format!("verifies until {removed_after}")),
            KeyState::Removed => ("removed", String::new()),
        };
        [key.algorithm.to_string(), state.to_owned(), until, key.kid.clone()]
    });
    let text = table(["ALGORITHM", "STATE", "", "KID"], rows);
    Answer::new(text, found.iter().map(|key| document(key, now)).collect())
}

fn document(key: &StoredKey, now: Timestamp) -> Value {
    let state = match key.state(now) {
        KeyState::Announced { .. } => "announced",
        KeyState::Signing => "signing",
        KeyState::Retired { .. } => "retired",
        KeyState::Removed => "removed",
    };
    json!({
        "kid": key.kid,
        "alg": key.algorithm,
        "state": state,
        "announced_at": key.announced_at.to_string(),
        "signing_from": key.signing_from.to_string(),
        "retired_at": key.retired_at.map(|time| time.to_string()),
        "removed_after": key.removed_after.map(|time| time.to_string()),
    })
}
