//! `gatepass session`: where people are signed in.

use serde_json::{Value, json};

use super::Everywhere;
use super::open;
use super::output::{Answer, Refusal, table};
use crate::clock::Timestamp;
use crate::events::Reason;
use crate::id::Id;
use crate::revocation::{self, Reach};
use crate::store::Store;
use crate::store::sessions::{self, Persistence, Session};
use crate::store::users::User;
use crate::tokens::{sid_of, subject_of};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the sessions that are alive, the most recently used first
    List {
        /// Only those of this user (name or subject identifier)
        #[arg(long, value_name = "USERNAME")]
        user: Option<String>,
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
    /// End one session, or all of a user, and every app that was signed in to there
    #[command(group = clap::ArgGroup::new("which").required(true).args(["id", "user"]))]
    End {
        /// The identifier that `session list` shows
        id: Option<String>,
        /// The user whose sessions end (name or subject identifier)
        #[arg(long, value_name = "USERNAME", requires = "all")]
        user: Option<String>,
        /// All of them
        #[arg(long, requires = "user")]
        all: bool,
    },
}

pub(super) async fn run(
    command: Command,
    everywhere: &Everywhere,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let config = open::config(everywhere)?;
    let store = open::store(&config).await?;
    let limits = open::idle_limits(&config);
    let answer = match command {
        Command::List { user: None, limit } => {
            let found = sessions::list_live_of_all(store.read(), &limits, limit, now).await?;
            Ok(listed(found))
        }
        Command::List { user: Some(user), limit } => {
            let user = open::user(&store, &user).await?;
            let mut found = sessions::list_live(store.read(), user.id, &limits, now).await?;
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(listed(found.into_iter().map(|session| (session, user.clone())).collect()))
        }
        Command::End { user: Some(user), .. } => {
            let user = open::user(&store, &user).await?;
            end_all(&store, &user, now).await
        }
        Command::End { id, .. } => end(&store, id.as_deref().unwrap_or_default(), now).await,
    };
    open::reach_servers(&store).await;
    answer
}

fn listed(found: Vec<(Session, User)>) -> Answer {
    let rows = found.iter().map(|(session, user)| {
        [
            sid_of(session.id),
            user.username.as_str().to_owned(),
            session.auth_time.to_string(),
            session.last_seen_at.to_string(),
            session.address.clone(),
            session.user_agent.chars().take(60).collect(),
        ]
    });
    let text = table(["SESSION", "USER", "SIGNED IN", "LAST SEEN", "ADDRESS", "BROWSER"], rows);
    Answer::new(text, found.iter().map(|(session, user)| document(session, user)).collect())
}

fn document(session: &Session, user: &User) -> Value {
    json!({
        "sid": sid_of(session.id),
        "sub": subject_of(user.id),
        "username": user.username,
        "amr": session.amr,
        "auth_time": session.auth_time.to_string(),
        "last_seen_at": session.last_seen_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "kept": session.persistence == Persistence::Kept,
        "address": session.address,
        "user_agent": session.user_agent,
    })
}

async fn end(store: &Store, text: &str, now: Timestamp) -> Result<Answer, Refusal> {
    let unknown = || {
        let message = format!("no session {text:?} is alive: `gatepass session list` shows those that are");
        Refusal::new("not_found", message)
    };
    let id: Id<Session> = text.parse().map_err(|_| unknown())?;
    let session = sessions::find(store.read(), id).await?.ok_or_else(unknown)?;
    let ended = store
        .write((session.user_id, id, now), |tx, (user, session, now)| {
            let reach = Reach::Everything;
            Box::pin(revocation::end_session(tx, *user, *session, reach, Reason::Operator, *now))
        })
        .await?;
    if ended.is_nothing() {
        return Err(unknown());
    }
    let text = format!("The session {text} and every app that was signed in to there were ended.");
    Ok(Answer::new(text, json!({ "sid": sid_of(id), "ended": true })))
}

async fn end_all(store: &Store, user: &User, now: Timestamp) -> Result<Answer, Refusal> {
    store
        .write((user.id, now), |tx, (user, now)| {
            Box::pin(revocation::end_user(tx, *user, Reason::Operator, *now))
        })
        .await?;
    let text = format!("Every session and app of {} was ended.", user.username.as_str());
    Ok(Answer::new(text, json!({ "sub": subject_of(user.id), "ended": true })))
}
