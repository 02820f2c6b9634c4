//! `gatepass user`: who may sign in.

mod new_password;

use serde_json::{Map, Value, json};

use self::new_password::NewPassword;
use super::Everywhere;
use super::input::Source;
use super::open;
use super::output::{Answer, Refusal, facts, table};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::events::{self, Event, Reason};
use crate::id::Id;
use crate::revocation;
use crate::store::users::{self, Status, User, Username};
use crate::store::{Error, Store, consents, credentials, grants, sessions};
use crate::tokens::claims::Catalogue;
use crate::tokens::subject_of;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Add a user, asking for the password unless it comes another way
    Add {
        /// The name to sign in with
        username: String,
        #[command(flatten)]
        password: NewPassword,
        /// A JSON object with claims of OpenID Connect Core section 5.1 or of `issuer.scopes`, like {"name": "…",
        /// "email": "…"}; - reads it from standard input
        #[arg(long, value_name = "FILE|-")]
        claims: Option<Source>,
    },
    /// List users in the order of their names
    List {
        /// Only those whose names come after this one
        #[arg(long, value_name = "USERNAME")]
        after: Option<String>,
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
        limit: u64,
    },
    /// Show a user, with the sessions and apps that are alive
    Show {
        #[command(flatten)]
        who: Who,
    },
    /// Give a user a new password and end everything that the old one opened
    SetPassword {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        password: NewPassword,
    },
    /// Replace all claims of a user by those of a JSON object
    SetClaims {
        #[command(flatten)]
        who: Who,
        #[arg(value_name = "FILE|-")]
        claims: Source,
        /// Only those that the object names; null takes one away
        #[arg(long)]
        merge: bool,
    },
    /// Keep a user out and end every session and app of theirs
    Disable {
        #[command(flatten)]
        who: Who,
    },
    /// Let a user in again
    Enable {
        #[command(flatten)]
        who: Who,
    },
    /// End everything of a user and forget them; their subject identifier is never given again
    Remove {
        #[command(flatten)]
        who: Who,
    },
}

#[derive(clap::Args)]
pub(super) struct Who {
    /// The name to sign in with, or the subject identifier
    #[arg(value_name = "USERNAME")]
    user: String,
}

pub(super) async fn run(
    command: Command,
    everywhere: &Everywhere,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let config = open::config(everywhere)?;
    let store = open::store(&config).await?;
    let answer = match command {
        Command::Add { username, password, claims } => {
            add(&config, &store, &username, &password, claims.as_ref(), now).await
        }
        Command::List { after, limit } => list(&store, after.as_deref(), limit).await,
        Command::Show { who } => show(&config, &store, &open::user(&store, &who.user).await?, now).await,
        Command::SetPassword { who, password } => {
            set_password(&config, &store, open::user(&store, &who.user).await?, &password, now).await
        }
        Command::SetClaims { who, claims, merge } => {
            let user = open::user(&store, &who.user).await?;
            let claims = match merge {
                true => merged(&user.claims, claims.object()?),
                false => claims.object()?,
            };
            set_claims(&config, &store, user, claims, now).await
        }
        Command::Disable { who } => disable(&store, open::user(&store, &who.user).await?, now).await,
        Command::Enable { who } => enable(&store, open::user(&store, &who.user).await?, now).await,
        Command::Remove { who } => remove(&store, open::user(&store, &who.user).await?, now).await,
    };
    open::reach_servers(&store).await;
    answer
}

async fn add(
    config: &Config,
    store: &Store,
    username: &str,
    password: &NewPassword,
    from: Option<&Source>,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    if from.is_some_and(Source::is_standard_input) && password.reads_standard_input() {
        return Err(Refusal::usage(
            "standard input holds either the password or the claims: name a file for the other",
        ));
    }
    let claims = from.map(Source::object).transpose()?.unwrap_or_default();
    let mut wrong = complaints(config, &claims);
    let username = Username::parse(username).map_err(|error| wrong.insert(0, format!("username: {error}")));
    let (Ok(username), []) = (username, wrong.as_slice()) else {
        return Err(Refusal::new("invalid_user", wrong.join("\n")));
    };
    // Before somebody thinks of a password for nothing.
    if users::find_by_username(store.read(), &username).await?.is_some() {
        return Err(exists(&username));
    }
    let verifier = password.verifier(config, &username, &claims).await?;
    let user =
        User { id: Id::new(), username, claims, status: Status::Active, created_at: now, updated_at: now };
    let added = store
        .write((user.clone(), verifier, now), |tx, (user, verifier, now)| {
            Box::pin(async move {
                users::insert(tx, user).await?;
                credentials::set(tx, user.id, credentials::Kind::Password, verifier, *now).await?;
                events::record(tx, &Event::UserAdded { user: user.id }, *now).await
            })
        })
        .await;
    match added {
        Ok(()) => Ok(said(&user, "can sign in")),
        Err(Error::Exists) => Err(exists(&user.username)),
        Err(error) => Err(error.into()),
    }
}

fn exists(username: &Username) -> Refusal {
    Refusal::new("exists", format!("a user {:?} exists already", username.as_str()))
}

async fn list(store: &Store, after: Option<&str>, limit: u64) -> Result<Answer, Refusal> {
    let after = after.map(Username::parse).transpose();
    let after = after.map_err(|error| Refusal::usage(format!("--after: {error}")))?;
    let found = users::list(store.read(), after.as_ref(), limit).await?;
    let rows = found.iter().map(|user| {
        let name = user.claims.get("name").and_then(Value::as_str).unwrap_or_default();
        [user.username.as_str().to_owned(), name.to_owned(), status(user).to_owned(), subject_of(user.id)]
    });
    let text = table(["USERNAME", "NAME", "STATUS", "SUBJECT"], rows);
    Ok(Answer::new(text, found.iter().map(document).collect()))
}

async fn show(config: &Config, store: &Store, user: &User, now: Timestamp) -> Result<Answer, Refusal> {
    let limits = open::idle_limits(config);
    let sessions = sessions::list_live(store.read(), user.id, &limits, now).await?;
    let mut apps: Vec<String> = grants::list_live(store.read(), user.id, now)
        .await?
        .into_iter()
        .map(|grant| grant.client_id)
        .collect();
    apps.sort();
    apps.dedup();
    let mut lines = vec![
        ("username", user.username.as_str().to_owned()),
        ("subject", subject_of(user.id)),
        ("status", status(user).to_owned()),
        ("created", user.created_at.to_string()),
        ("changed", user.updated_at.to_string()),
        ("sessions", sessions.len().to_string()),
        ("apps", apps.join(", ")),
    ];
    lines.extend(user.claims.iter().map(|(name, value)| {
        (name.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }));
    let mut json = document(user);
    json["sessions"] = sessions.iter().map(|session| session.id.to_string()).collect();
    json["apps"] = apps.iter().map(String::as_str).collect();
    Ok(Answer::new(facts(&lines), json))
}

async fn set_password(
    config: &Config,
    store: &Store,
    user: User,
    password: &NewPassword,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let verifier = password.verifier(config, &user.username, &user.claims).await?;
    store
        .write((user.id, verifier, now), |tx, (user, verifier, now)| {
            Box::pin(async move {
                credentials::set(tx, *user, credentials::Kind::Password, verifier, *now).await?;
                events::record(tx, &Event::PasswordChanged { user: *user }, *now).await?;
                // Whoever knew the old password may have signed in with it.
                revocation::end_user(tx, *user, Reason::PasswordChanged, *now).await
            })
        })
        .await?;
    Ok(said(&user, "has a new password; every session and app of this user was ended"))
}

fn merged(before: &Map<String, Value>, named: Map<String, Value>) -> Map<String, Value> {
    let mut claims = before.clone();
    for (name, value) in named {
        match value {
            Value::Null => claims.remove(&name),
            value => claims.insert(name, value),
        };
    }
    claims
}

async fn set_claims(
    config: &Config,
    store: &Store,
    user: User,
    claims: Map<String, Value>,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let wrong = complaints(config, &claims);
    if !wrong.is_empty() {
        return Err(Refusal::new("invalid_user", wrong.join("\n")));
    }
    let user = User { claims, updated_at: now, ..user };
    store
        .write((user.clone(), now), |tx, (user, now)| {
            Box::pin(async move {
                users::set_claims(tx, user.id, &user.claims, *now).await?;
                events::record(tx, &Event::ProfileChanged { user: user.id }, *now).await
            })
        })
        .await?;
    Ok(said(&user, "has new claims"))
}

async fn disable(store: &Store, user: User, now: Timestamp) -> Result<Answer, Refusal> {
    if !user.is_active() {
        return Ok(said(&user, "was disabled already"));
    }
    store
        .write((user.id, now), |tx, (user, now)| {
            Box::pin(async move {
                // First of all, so that a sign-in that is under way sees it or is seen by the ending.
                users::set_status(tx, *user, Status::Disabled(*now)).await?;
                events::record(tx, &Event::UserDisabled { user: *user }, *now).await?;
                revocation::end_user(tx, *user, Reason::UserDisabled, *now).await
            })
        })
        .await?;
    let user = User { status: Status::Disabled(now), ..user };
    Ok(said(&user, "is disabled; every session and app of this user was ended"))
}

async fn enable(store: &Store, user: User, now: Timestamp) -> Result<Answer, Refusal> {
    if user.is_active() {
        return Ok(said(&user, "was enabled already"));
    }
    store
        .write((user.id, now), |tx, (user, now)| {
            Box::pin(async move {
                users::set_status(tx, *user, Status::Active).await?;
                events::record(tx, &Event::UserEnabled { user: *user }, *now).await
            })
        })
        .await?;
    Ok(said(&User { status: Status::Active, ..user }, "can sign in again"))
}

async fn remove(store: &Store, user: User, now: Timestamp) -> Result<Answer, Refusal> {
    store
        .write((user.id, now), |tx, (user, now)| {
            Box::pin(async move {
                users::set_status(tx, *user, Status::Disabled(*now)).await?;
                revocation::end_user(tx, *user, Reason::UserDisabled, *now).await?;
                grants::remove_all_of(tx, *user).await?;
                consents::remove_all_of(tx, *user).await?;
                sessions::remove_all_of(tx, *user).await?;
                credentials::remove_all(tx, *user).await?;
                users::remove(tx, *user).await?;
                events::record(tx, &Event::UserRemoved { user: *user }, *now).await
            })
        })
        .await?;
    let text = format!("{} is removed, and everything of this user was ended.", user.username.as_str());
    Ok(Answer::new(text, json!({ "sub": subject_of(user.id), "removed": true })))
}

/// Everything that is wrong with `claims`.
fn complaints(config: &Config, claims: &Map<String, Value>) -> Vec<String> {
    let catalogue = Catalogue::of(&config.issuer.scopes);
    let wrong = claims.iter().filter_map(|(name, value)| catalogue.check(name, value).err());
    wrong.map(|error| error.to_string()).collect()
}

fn said(user: &User, what: &str) -> Answer {
    Answer::new(format!("{} {what}.", user.username.as_str()), document(user))
}

fn status(user: &User) -> &'static str {
    if user.is_active() { "active" } else { "disabled" }
}

fn document(user: &User) -> Value {
    json!({
        "sub": subject_of(user.id),
        "username": user.username,
        "status": status(user),
        "created_at": user.created_at.to_string(),
        "updated_at": user.updated_at.to_string(),
        "claims": user.claims,
    })
}
