//! `gatepass audit`: what happened.

use serde_json::{Value, json};

use super::Everywhere;
use super::open;
use super::output::{Answer, Refusal, table};
use crate::id::Id;
use crate::store::audit::{self, Entry};
use crate::store::users::User;
use crate::tokens::subject_of;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List what happened, the newest first
    List {
        /// Only what concerns this user (name, or subject identifier, also of a removed user)
        #[arg(long, value_name = "USERNAME")]
        user: Option<String>,
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
}

pub(super) async fn run(command: Command, everywhere: &Everywhere) -> Result<Answer, Refusal> {
    let Command::List { user, limit } = command;
    let store = open::store(&open::config(everywhere)?).await?;
    let user: Option<Id<User>> = match user {
        None => None,
        Some(text) => match (open::user(&store, &text).await, text.parse()) {
            (Ok(user), _) => Some(user.id),
            // The trail of a removed user stays.
            (Err(_), Ok(id)) => Some(id),
            (Err(refusal), Err(_)) => return Err(refusal),
        },
    };
    let entries = audit::list(store.read(), user, limit).await?;
    let rows = entries.iter().map(|entry| {
        [
            entry.at.to_string(),
            entry.event.clone(),
            entry.user_id.map(subject_of).unwrap_or_default(),
            entry.client_id.clone().unwrap_or_default(),
            entry.detail.to_string(),
        ]
    });
    let text = table(["TIME", "EVENT", "USER", "CLIENT", "DETAIL"], rows);
    Ok(Answer::new(text, entries.iter().map(document).collect()))
}

fn document(entry: &Entry) -> Value {
    json!({
        "at": entry.at.to_string(),
        "event": entry.event,
        "sub": entry.user_id.map(subject_of),
        "client_id": entry.client_id,
        "detail": entry.detail,
    })
}
