//! The database of one installation, opened and unsealed: what the server and the command line share.

use std::io;
use std::path::PathBuf;

use super::sealing_key;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::keys::{KeyRing, LoadError, rotation};
use crate::outbound;
use crate::secret::{Purpose, RootKey};
use crate::store::{self, Address, Store, installation, keys};

pub struct Installation {
    pub store: Store,
    /// Opens what is sealed in the database. The operator keeps it.
    pub sealing: RootKey,
    /// From it the keys of codes, refresh tokens and forms are derived.
    pub master: RootKey,
}

/// Why a server cannot start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot make the data folder {}: {error}", .path.display())]
    Folder { path: PathBuf, error: io::Error },
    #[error("cannot use {}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} can be read by others: run chmod 600 on it", .path.display())]
    Readable { path: PathBuf },
    #[error("{} holds no sealing key: put the one from your backup there", .path.display())]
    NotASealingKey { path: PathBuf },
    #[error(
        "this database was set up with a sealing key that is not here: configure keys.sealing_key, or put \
         sealing.key back into the data folder"
    )]
    MissingSealingKey,
    #[error(
        "the sealing key does not open this database: start with the sealing key that it was set up with"
    )]
    WrongSealingKey,
    #[error("database.url: {0}")]
    Address(String),
    #[error("the database cannot be used: {}", sources(.0))]
    Store(#[from] store::Error),
    #[error("cannot send requests to others: {0}")]
    Outbound(#[from] outbound::Failure),
    #[error(transparent)]
    Keys(#[from] LoadError),
}

/// An error and what it came of, in one line.
fn sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

const MASTER_SECRET: &str = "master_secret";

/// The database as the configuration names it, not migrated and not unsealed.
pub async fn open_store(config: &Config) -> Result<Store, StartError> {
    let address: Address = config
        .database
        .url
        .reveal()
        .parse()
        .map_err(|error: store::NotAnAddress| StartError::Address(error.to_string()))?;
    if let Address::Sqlite(path) = &address {
        sealing_key::make_data_folder(&config.server.data_dir)?;
        sealing_key::make_private(path)?;
    }
    Ok(Store::open(&address, config.database.max_connections).await?)
}

impl Installation {
    /// Opens, migrates and unseals. A wrong sealing key is found out here, before anything is served.
    pub async fn open(config: &Config) -> Result<Installation, StartError> {
        let store = open_store(config).await?;
        store.migrate().await?;
        Installation::unseal(config, store).await
    }

    /// Whether somebody has set up this database: until then it has nothing that a sealing key could open.
    pub async fn is_set_up(store: &Store) -> Result<bool, StartError> {
        Ok(installation::find(store.read(), MASTER_SECRET).await?.is_some())
    }

    pub async fn unseal(config: &Config, store: Store) -> Result<Installation, StartError> {
        let name = MASTER_SECRET.as_bytes();
        let known = installation::find(store.read(), MASTER_SECRET).await?;
        let (sealing, sealed) = match (sealing_key::find(config)?, known) {
            (Some(sealing), Some(sealed)) => (sealing, sealed),
            (None, Some(_)) => return Err(StartError::MissingSealingKey),
            (found, None) => {
                let sealing = match found {
                    Some(sealing) => sealing,
                    None => {
                        sealing_key::make_data_folder(&config.server.data_dir)?;
                        sealing_key::make(&config.server.sealing_key_file())?
                    }
                };
                let fresh = sealing.seal(Purpose::MasterSecret, name, RootKey::new().reveal());
                let decided = store
                    .write(fresh, |tx, fresh| Box::pin(installation::decide(tx, MASTER_SECRET, fresh)))
                    .await?;
                (sealing, decided)
            }
        };
        let master = sealing
            .open(Purpose::MasterSecret, name, &sealed)
            .and_then(|bytes| bytes.try_into().ok())
            .map(RootKey::from_bytes)
            .ok_or(StartError::WrongSealingKey)?;
        Ok(Installation { store, sealing, master })
    }

    /// The signing keys, made first where an algorithm has none.
    pub async fn key_ring(&self, known: Option<&KeyRing>, now: Timestamp) -> Result<KeyRing, StartError> {
        let mut rows = keys::list(self.store.read()).await?;
        let sealing = self.sealing.clone();
        let existing = rows.clone();
        // An RSA key takes its time, which the runtime's threads do not have.
        let missing = tokio::task::spawn_blocking(move || rotation::first(&existing, now, &sealing)).await;
        let missing = missing.map_err(|_| store::Error::Overloaded)?;
        if !missing.is_empty() {
            self.store
                .write(missing, |tx, missing| {
                    Box::pin(async move {
                        for key in missing {
                            keys::insert(tx, key).await?;
                        }
                        Ok(())
                    })
                })
                .await?;
            rows = keys::list(self.store.read()).await?;
        }
        Ok(KeyRing::load(&rows, &self.sealing, known, now)?)
    }
}
