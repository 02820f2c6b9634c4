//! `gatepass outbox`: what was sent to clients, and what became of it.

use serde_json::{Value, json};

use super::Everywhere;
use super::open;
use super::output::{Answer, Refusal, table};
use crate::store::outbox::{self, Letter, State};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the deliveries of the last week, and what still waits, the newest first
    List {
        /// Only those to this client
        #[arg(long, value_name = "CLIENT_ID")]
        client: Option<String>,
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
}

pub(super) async fn run(command: Command, everywhere: &Everywhere) -> Result<Answer, Refusal> {
    let Command::List { client, limit } = command;
    let store = open::store(&open::config(everywhere)?).await?;
    let letters = outbox::list(store.read(), client.as_deref(), limit).await?;
    let rows = letters.iter().map(|letter| {
        let (state, at) = state(letter);
        [
            letter.created_at.to_string(),
            letter.message.kind().to_owned(),
            letter.client_id.clone(),
            format!("{state} {at}"),
            letter.attempts.to_string(),
            letter.last_outcome.clone().unwrap_or_default(),
            letter.target.clone(),
        ]
    });
    let text = table(["POSTED", "KIND", "CLIENT", "STATE", "ATTEMPTS", "LAST OUTCOME", "TO"], rows);
    Ok(Answer::new(text, letters.iter().map(document).collect()))
}

/// Its name, and since when; or until when.
fn state(letter: &Letter) -> (&'static str, String) {
    match letter.state {
        State::Waiting(at) => ("waiting until", at.to_string()),
        State::Delivered(at) => ("delivered", at.to_string()),
        State::GivenUp(at) => ("given up", at.to_string()),
    }
}

fn document(letter: &Letter) -> Value {
    let (waiting, delivered, given_up) = match letter.state {
        State::Waiting(at) => (Some(at.to_string()), None, None),
        State::Delivered(at) => (None, Some(at.to_string()), None),
        State::GivenUp(at) => (None, None, Some(at.to_string())),
    };
    json!({
        "id": letter.id,
        "posted_at": letter.created_at.to_string(),
        "kind": letter.message.kind(),
        "client_id": letter.client_id,
        "uri": letter.target,
        "attempts": letter.attempts,
        "next_attempt_at": waiting,
        "delivered_at": delivered,
        "given_up_at": given_up,
        "last_outcome": letter.last_outcome,
    })
}
