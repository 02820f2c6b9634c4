//! `gatepass client token`: lets clients register themselves where `registration.mode` asks for a token (RFC 7591 §3).

use std::time::Duration;

use serde_json::json;

use crate::cli::output::{Answer, Refusal, facts};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::config::registration::Admission;
use crate::events::{self, Event};
use crate::secret::Secret;
use crate::store::Store;
use crate::store::initial_access_tokens::{self, InitialAccessToken};

#[derive(clap::Args)]
pub(in crate::cli) struct Options {
    /// How many clients it lets in
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    uses: u32,
    /// How long it is good for
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=3650))]
    days: u64,
}

pub(super) async fn make(
    options: &Options,
    store: &Store,
    config: &Config,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let secret = Secret::new();
    let token = InitialAccessToken {
        token: secret.fingerprint(),
        uses_left: options.uses,
        expires_at: now.plus(Duration::from_secs(options.days * 24 * 3600)),
    };
    let (uses, expires_at) = (token.uses_left, token.expires_at);
    store
        .write((token, now), |tx, (token, now)| {
            Box::pin(async move {
                initial_access_tokens::insert(tx, token).await?;
                let made =
                    Event::InitialAccessTokenMade { uses: token.uses_left, expires_at: token.expires_at };
                events::record(tx, &made, *now).await
            })
        })
        .await?;
    let mut text = facts(&[
        ("token", secret.reveal().to_owned()),
        ("uses", uses.to_string()),
        ("expires_at", expires_at.to_string()),
    ]);
    text += "\nThe token is shown this once: a client sends it as a Bearer token when it registers.\n";
    if config.registration.mode != Admission::Token {
        text +=
            "It is asked for where registration.mode is \"token\", which this configuration does not say.\n";
    }
    let json = json!({ "token": secret.reveal(), "uses": uses, "expires_at": expires_at.to_string() });
    Ok(Answer::new(text, json))
}
