//! A database of its own for each test.

use std::io::Write;
use std::sync::Once;

use sea_orm::{ConnectionTrait, Database};

/// The URL of a PostgreSQL server whose databases tests may make and drop.
const POSTGRES: &str = "TEST_POSTGRES_URL";

/// A database on the PostgreSQL server of this run. It stays if its test fails.
pub struct Postgres {
    pub url: String,
    server: String,
    name: String,
}

impl Postgres {
    pub async fn remove(self) {
        let Postgres { server, name, .. } = self;
        administer(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

/// A new, empty one. `None`: there is no such server, and that is said.
pub async fn postgres() -> Option<Postgres> {
    let Ok(server) = std::env::var(POSTGRES) else {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            // Straight to the terminal: the harness would keep it to itself.
            let left_out = "\nleft out: everything on PostgreSQL, because TEST_POSTGRES_URL is not set; \
                            ./tests/all runs it\n";
            let _ = std::io::stderr().write_all(left_out.as_bytes());
        });
        return None;
    };
    let name = format!("gatepass_{}", uuid::Uuid::new_v4().simple());
    administer(&server, &format!("CREATE DATABASE {name}")).await;
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);
    Some(Postgres { url: url.into(), server, name })
}

async fn administer(server: &str, command: &str) {
    let admin = Database::connect(server).await.expect("the PostgreSQL server of the tests answers");
    admin.execute_unprepared(command).await.unwrap();
    admin.close().await.unwrap();
}
