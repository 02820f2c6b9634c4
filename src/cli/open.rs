//! Opening what commands work on: the database of an installation that is there already. A running server sees what
//! they change: a database lock keeps writers apart, and no server remembers anything for longer than seconds.

use super::Everywhere;
use super::output::Refusal;
use crate::app::{self, Installation};
use crate::config::{Config, Mode};
use crate::outbound::Outbound;
use crate::revocation::feed;
use crate::store::sessions::IdleLimits;
use crate::store::users::{self, User, Username};
use crate::store::{Address, Store};

pub(super) fn config(everywhere: &Everywhere) -> Result<Config, Refusal> {
    Ok(Config::load(&everywhere.sources(), Mode::Command)?)
}

/// A migrated database. Nothing is made here: a mistyped folder must not become an empty installation.
pub(super) async fn store(config: &Config) -> Result<Store, Refusal> {
    let store = existing_store(config).await?;
    if store.migrations().await?.iter().any(|migration| !migration.applied) {
        let message =
            "the database lacks migrations of this release: run `gatepass migrate up`, or start the server";
        return Err(Refusal::new("not_migrated", message));
    }
    Ok(store)
}

pub(super) async fn installation(config: &Config) -> Result<Installation, Refusal> {
    let store = store(config).await?;
    Ok(Installation::unseal(config, store).await?)
}

/// A database that exists, migrated or not.
pub(super) async fn existing_store(config: &Config) -> Result<Store, Refusal> {
    if let Ok(Address::Sqlite(path)) = config.database.url.reveal().parse()
        && !path.exists()
    {
        let message = format!(
            "there is no database at {}: name the data folder with --data-dir, or make a database with \
             `gatepass serve --dev` or `gatepass migrate up`",
            path.display()
        );
        return Err(Refusal::new("no_database", message));
    }
    Ok(app::open_store(config).await?)
}

/// Returns when every running server has read what this command has ended, so that it is over when we say so.
pub(super) async fn reach_servers(store: &Store) {
    if !store.endings().are_none() {
        tokio::time::sleep(feed::LOOK_EVERY + feed::LOOK_EVERY / 2).await;
    }
}

/// A user by their name, or by the subject identifier that logs and tokens speak of.
pub(super) async fn user(store: &Store, text: &str) -> Result<User, Refusal> {
    let by_name = match Username::parse(text) {
        Ok(name) => users::find_by_username(store.read(), &name).await?,
        Err(_) => None,
    };
    let found = match (by_name, text.parse()) {
        (None, Ok(id)) => users::find(store.read(), id).await?,
        (found, _) => found,
    };
    found.ok_or_else(|| {
        Refusal::new("not_found", format!("there is no user {text:?}: `gatepass user list` shows all"))
    })
}

/// The way to what clients name.
pub(super) fn outbound(config: &Config) -> Result<Outbound, Refusal> {
    Ok(Outbound::except(&config.outbound).map_err(anyhow::Error::from)?)
}

pub(super) fn idle_limits(config: &Config) -> IdleLimits {
    IdleLimits { window: config.sign_in.session_idle(), kept: config.sign_in.remember_idle() }
}
