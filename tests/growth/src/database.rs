//! A store of its own for one run: a file that goes with it, or a new database on the PostgreSQL that is named.

use std::path::PathBuf;

use anyhow::Context;
use gatepass::clock::Timestamp;
use gatepass::id::Id;
use gatepass::registration::{self, Identity};
use gatepass::store::credentials::{self, Kind};
use gatepass::store::users::{self, Status, User, Username};
use gatepass::store::{Address, Store, revocations};
use sea_orm::{ConnectionTrait, Database};

use crate::act::ACCESS_TOKEN;
use crate::population::App;

/// As a hash of Argon2id stands in the row.
const VERIFIER: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$\
                        RdescudvJCsgt3ub+b+dWRWJTmaaJObGRdescudvJCs";

pub enum Scratch {
    File(PathBuf),
    Postgres { server: String, name: String, url: String },
}

impl Scratch {
    /// On the PostgreSQL server whose databases `server` may make and drop, or in a file.
    pub async fn make(server: Option<&str>) -> anyhow::Result<Scratch> {
        let name = format!("gatepass_growth_{}", std::process::id());
        let Some(server) = server else {
            return Ok(Scratch::File(
                std::env::temp_dir().join(format!("{name}_{}.db", Id::<Scratch>::new())),
            ));
        };
        let mut url: url::Url = server.parse().context("--postgres is not a URL")?;
        administer(server, &format!("CREATE DATABASE {name}")).await?;
        url.set_path(&name);
        Ok(Scratch::Postgres { server: server.to_owned(), name, url: url.into() })
    }

    pub async fn open(&self) -> anyhow::Result<Store> {
        let address = match self {
            Scratch::File(path) => Address::Sqlite(path.clone()),
            Scratch::Postgres { url, .. } => Address::Postgres(url.clone()),
        };
        let store = Store::open(&address, 4).await?;
        store.migrate().await?;
        Ok(store)
    }

    pub async fn remove(self) -> anyhow::Result<()> {
        match self {
            Scratch::File(path) => {
                for suffix in ["", "-wal", "-shm"] {
                    let file = format!("{}{suffix}", path.display());
                    // SQLite takes the journal away by itself when it is closed in peace.
                    if std::fs::exists(&file)? {
                        std::fs::remove_file(file)?;
                    }
                }
                Ok(())
            }
            Scratch::Postgres { server, name, .. } => {
                administer(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await
            }
        }
    }
}

async fn administer(server: &str, command: &str) -> anyhow::Result<()> {
    let admin = Database::connect(server).await?;
    admin.execute_unprepared(command).await?;
    Ok(admin.close().await?)
}

pub async fn add_users(
    store: &Store,
    many: usize,
    now: Timestamp,
) -> anyhow::Result<Vec<(Id<User>, String)>> {
    let mut users = Vec::with_capacity(many);
    for number in 0..many {
        let name = format!("person.{number:07}@example.com");
        let claims = serde_json::json!({
            "name": format!("Person {number:07}"), "given_name": "Person", "family_name": format!("{number:07}"),
            "email": name, "email_verified": true,
        });
        users.push(User {
            id: Id::new(),
            username: Username::parse(&name)?,
            claims: claims.as_object().cloned().unwrap_or_default(),
            status: Status::Active,
            created_at: now,
            updated_at: now,
        });
    }
    for some in users.chunks(500) {
        store.write((some.to_vec(), now), |tx, (some, now)| Box::pin(add_some(tx, some, *now))).await?;
    }
    Ok(users.into_iter().map(|user| (user.id, user.username.as_str().to_owned())).collect())
}

async fn add_some(
    tx: &gatepass::store::Transaction,
    some: &[User],
    now: Timestamp,
) -> Result<(), gatepass::store::Error> {
    for user in some {
        users::insert(tx, user).await?;
        credentials::set(tx, user.id, Kind::Password, VERIFIER, now).await?;
    }
    Ok(())
}

pub async fn add_apps(store: &Store, apps: &[App], now: Timestamp) -> anyhow::Result<()> {
    for app in apps {
        let identity = Identity { client_id: Some(app.client_id.clone()), secret: None, master: None };
        registration::register(store, identity, app.metadata(), now).await?;
    }
    let announced = store.write((), |tx, ()| Box::pin(revocations::announce_token_life(tx, ACCESS_TOKEN)));
    Ok(announced.await?)
}
