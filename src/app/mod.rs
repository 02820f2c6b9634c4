//! The parts that one running server is made of. Handlers ask for parts, never for the whole.

pub mod background;
mod installation;
mod sealing_key;

use std::sync::Arc;

use axum::extract::FromRef;

pub use installation::{Installation, StartError, open_store};

use crate::authorization::Authorizations;
use crate::cache::Cache;
use crate::client_auth::ClientAuth;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Mode};
use crate::jobs::deliver::Delivery;
use crate::keys::remote::RemoteKeys;
use crate::keys::{CurrentKeys, KeyRing};
use crate::outbound::{self, Outbound, Reach};
use crate::protocol::client_id_url::Loopback;
use crate::protocol::scope::{STANDARD_SCOPES, Scope};
use crate::registration::discovery::{Discovery, Documents};
use crate::registration::dynamic::Bounds;
use crate::revocation::feed::Feed;
use crate::revocation::receipts::Receipts;
use crate::sign_in::attempt::SignIn;
use crate::sign_in::hashing::{HashParameters, Hashing};
use crate::sign_in::password::PasswordPolicy;
use crate::store::attempts::Budget;
use crate::store::sessions::IdleLimits;
use crate::store::{Store, keys, revocations};
use crate::tokens::access_token::Verified;
use crate::tokens::claims::Catalogue;
use crate::tokens::status_list::StatusLists;
use crate::tokens::{Issuer, Lifetimes};

#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What every handler's state leads to. It is behind one pointer because it is cloned for each request.
pub struct Parts {
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub store: Store,
    pub issuer: Arc<Issuer>,
    pub sign_in: Arc<SignIn>,
    pub client_auth: Arc<ClientAuth>,
    pub feed: Arc<Feed>,
    pub receipts: Arc<Receipts>,
    pub discovery: Arc<Discovery>,
    pub status_lists: Arc<StatusLists>,
    pub installation: Arc<Installation>,
    /// To what strangers name.
    pub outbound: Outbound,
    /// To where the outbox goes, which a developer may have on their own machine.
    pub deliveries: Outbound,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Sign-ins that may wait for a hash; more are asked to come back.
const WAITING_FOR_A_HASH: u32 = 256;

impl App {
    /// Migrates and unseals the database, makes the keys that are missing, and puts the parts together.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<App, StartError> {
        let installation = Installation::open(&config).await?;
        if let Some(url) = &config.database.cache {
            let master = installation.master.clone();
            installation.store.share(Cache::open(url.address(), master, clock.clone()));
        }
        let now = clock.now();
        let ring = installation.key_ring(None, now).await?;
        let token_life = config.issuer.access_token_lifetime();
        installation
            .store
            .write(token_life, |tx, life| Box::pin(revocations::announce_token_life(tx, *life)))
            .await?;
        let outbound = Outbound::except(&config.outbound)?;
        let deliveries = match config.mode {
            Mode::Development => Outbound::new(Reach::Anywhere)?,
            Mode::Production | Mode::Command => outbound.clone(),
        };
        let discovery = discovery(&config, installation.store.clone(), outbound.clone())?;
        Ok(App::assemble(config, clock, installation, ring, discovery, outbound, deliveries))
    }

    fn assemble(
        config: Config,
        clock: Arc<dyn Clock>,
        installation: Installation,
        ring: KeyRing,
        discovery: Discovery,
        outbound: Outbound,
        deliveries: Outbound,
    ) -> App {
        let store = installation.store.clone();
        let issuer = Issuer {
            url: config.issuer.url.as_str().to_owned(),
            keys: CurrentKeys::new(ring),
            master: installation.master.clone(),
            lifetimes: lifetimes(&config),
            claims: Catalogue::of(&config.issuer.scopes),
            verified: Verified::default(),
        };
        let client_auth = ClientAuth {
            store: store.clone(),
            issuer: issuer.url.clone(),
            base: config.issuer.url.base().to_owned(),
            master: installation.master.clone(),
            remote: RemoteKeys::new(outbound.clone()),
        };
        let issuer = Arc::new(issuer);
        App(Arc::new(Parts {
            client_auth: Arc::new(client_auth),
            discovery: Arc::new(discovery),
            sign_in: Arc::new(sign_in(&config, store.clone())),
            feed: Arc::new(Feed::new(issuer.url.clone(), store.clone(), clock.clone())),
            receipts: Arc::new(Receipts::new(store.clone())),
            status_lists: Arc::new(StatusLists::new(store.clone(), issuer.clone())),
            issuer,
            installation: Arc::new(installation),
            config: Arc::new(config),
            clock,
            store,
            outbound,
            deliveries,
        }))
    }

    /// What acts on authorization requests.
    pub fn authorizations(&self) -> Authorizations<'_> {
        Authorizations {
            store: &self.store,
            issuer: &self.issuer,
            discovery: &self.discovery,
            hashing: &self.sign_in.hashing,
        }
    }

    /// What carries the outbox to others.
    pub fn delivery(&self) -> Delivery {
        Delivery {
            store: self.store.clone(),
            issuer: self.issuer.clone(),
            outbound: self.deliveries.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Reads the keys again: another node, or the command line, may have rotated them.
    pub async fn refresh_keys(&self, now: Timestamp) -> Result<(), StartError> {
        let known = self.issuer.ring();
        let rows = keys::list(self.store.read()).await?;
        self.issuer.keys.replace(KeyRing::load(&rows, &self.installation.sealing, Some(&known), now)?);
        Ok(())
    }
}

fn discovery(config: &Config, store: Store, outbound: Outbound) -> Result<Discovery, outbound::Failure> {
    let (documents, outbound) = match (config.registration.client_id_metadata_documents, config.mode) {
        (false, _) => (Documents::Ignored, outbound),
        (true, Mode::Development) => (Documents::Read(Loopback::Allowed), outbound.and_loopback()?),
        (true, Mode::Production | Mode::Command) => (Documents::Read(Loopback::Refused), outbound),
    };
    Ok(Discovery::new(store, outbound, documents, known_scope(config)))
}

fn lifetimes(config: &Config) -> Lifetimes {
    Lifetimes {
        code: config.issuer.code_lifetime(),
        access_token: config.issuer.access_token_lifetime(),
        id_token: config.issuer.id_token_lifetime(),
        refresh_idle: config.issuer.refresh_idle(),
        refresh_absolute: config.issuer.refresh_absolute(),
        refresh_grace: config.issuer.refresh_grace(),
        session_idle: idle(config),
    }
}

/// The hashing that the configuration asks for; the configuration's own rules have checked the parameters.
pub fn hashing(config: &Config) -> Hashing {
    let parameters = HashParameters {
        memory_kib: config.sign_in.argon2_memory_kib,
        passes: config.sign_in.argon2_iterations,
        lanes: config.sign_in.argon2_parallelism,
    };
    let permits = u32::try_from(config.sign_in.permits()).unwrap_or(u32::MAX);
    Hashing::new(parameters, permits, WAITING_FOR_A_HASH)
        .or_else(|_| Hashing::new(HashParameters::default(), permits, WAITING_FOR_A_HASH))
        .expect("the default parameters are usable")
}

pub fn password_policy(config: &Config) -> PasswordPolicy {
    PasswordPolicy { minimum_characters: config.sign_in.password_min_length, ..PasswordPolicy::default() }
}

fn idle(config: &Config) -> IdleLimits {
    IdleLimits { window: config.sign_in.session_idle(), kept: config.sign_in.remember_idle() }
}

fn sign_in(config: &Config, store: Store) -> SignIn {
    SignIn {
        store,
        hashing: hashing(config),
        policy: password_policy(config),
        account: Budget { tries: config.sign_in.account_attempts, window: config.sign_in.account_window() },
        address: Budget {
            tries: config.sign_in.address_attempts,
            window: std::time::Duration::from_secs(60),
        },
        idle: idle(config),
        absolute: config.sign_in.session_absolute(),
    }
}

impl FromRef<App> for Store {
    fn from_ref(app: &App) -> Self {
        app.store.clone()
    }
}

/// The scopes that this server knows.
fn known_scope(config: &Config) -> Scope {
    let custom = config.issuer.scopes.keys().map(String::as_str);
    let known: Vec<&str> = STANDARD_SCOPES.into_iter().chain(custom).collect();
    known.join(" ").parse().unwrap_or_default()
}

/// What strangers may register.
impl FromRef<App> for Bounds {
    fn from_ref(app: &App) -> Self {
        Bounds {
            profile: app.config.registration.profile,
            scope: known_scope(&app.config),
            master: app.installation.master.clone(),
            outbound: app.outbound.clone(),
        }
    }
}

impl FromRef<App> for Arc<Issuer> {
    fn from_ref(app: &App) -> Self {
        app.issuer.clone()
    }
}

impl FromRef<App> for Arc<SignIn> {
    fn from_ref(app: &App) -> Self {
        app.sign_in.clone()
    }
}

impl FromRef<App> for Arc<ClientAuth> {
    fn from_ref(app: &App) -> Self {
        app.client_auth.clone()
    }
}

impl FromRef<App> for Arc<Feed> {
    fn from_ref(app: &App) -> Self {
        app.feed.clone()
    }
}

impl FromRef<App> for Arc<Receipts> {
    fn from_ref(app: &App) -> Self {
        app.receipts.clone()
    }
}

impl FromRef<App> for Arc<StatusLists> {
    fn from_ref(app: &App) -> Self {
        app.status_lists.clone()
    }
}

impl FromRef<App> for Arc<Config> {
    fn from_ref(app: &App) -> Self {
        app.config.clone()
    }
}
