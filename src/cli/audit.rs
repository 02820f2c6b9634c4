//! `gatepass audit`: what happened, and where it goes when there is too much of it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveTime};
use serde_json::{Value, json};

use super::Everywhere;
use super::open;
use super::output::{Answer, Refusal, table};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::id::Id;
use crate::store::Store;
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
    /// Write what happened before a day into a new file, one JSON object a line, the oldest first
    Export {
        #[arg(long, value_name = "DATE", value_parser = day)]
        before: Timestamp,
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
    /// Remove what happened before a day; nothing else ever removes it
    Prune {
        /// Its first moment in UTC counts, as with `export`
        #[arg(long, value_name = "DATE", value_parser = day)]
        before: Timestamp,
    },
}

/// Entries that are read, or removed, at once.
const PAGE: u64 = 500;

/// The first moment of a day, in UTC.
fn day(text: &str) -> Result<Timestamp, String> {
    let date: NaiveDate = text.parse().map_err(|_| "write a day like 2026-10-01".to_owned())?;
    Ok(Timestamp::from_millis(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis()))
}

pub(super) async fn run(command: Command, everywhere: &Everywhere) -> Result<Answer, Refusal> {
    let store = open::store(&open::config(everywhere)?).await?;
    match command {
        Command::List { user, limit } => list(&store, user, limit).await,
        Command::Export { before, to } => {
            let failed =
                |error| Refusal::new("output", format!("{} cannot be written: {error}", to.display()));
            let mut file = new_file(&to).map_err(failed)?;
            let mut exported = 0;
            let mut last = None;
            loop {
                let page = audit::list_before(store.read(), before, last, PAGE).await?;
                let Some(newest) = page.last() else { break };
                last = Some((newest.at, newest.id));
                exported += page.len();
                page.iter().try_for_each(|entry| writeln!(file, "{}", document(entry))).map_err(failed)?;
            }
            // Whoever prunes next has it on disk.
            file.into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|file| file.sync_all())
                .map_err(failed)?;
            Ok(Answer::new(
                format!("{exported} entries are in {}", to.display()),
                json!({ "exported": exported }),
            ))
        }
        Command::Prune { before } => {
            if before > SystemClock.now() {
                return Err(Refusal::usage("--before lies ahead: what has not happened cannot be removed"));
            }
            let removed = prune(&store, before).await?;
            Ok(Answer::new(format!("{removed} entries are gone"), json!({ "removed": removed })))
        }
    }
}

/// People's addresses stand in it.
fn new_file(path: &Path) -> io::Result<BufWriter<File>> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).map(BufWriter::new)
}

async fn prune(store: &Store, before: Timestamp) -> Result<u64, Refusal> {
    let mut removed = 0;
    loop {
        let batch =
            store.write(before, |tx, before| Box::pin(audit::remove_before(tx, *before, PAGE))).await?;
        removed += batch;
        if batch < PAGE {
            return Ok(removed);
        }
    }
}

async fn list(store: &Store, user: Option<String>, limit: u64) -> Result<Answer, Refusal> {
    let user: Option<Id<User>> = match user {
        None => None,
        Some(text) => match (open::user(store, &text).await, text.parse()) {
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
