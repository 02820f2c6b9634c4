//! `[database]`: where the rows lie.

use std::fmt;

use url::Url;

use super::kind::Kind;
use super::section::section;
use crate::cache;
use crate::secret::Secret;

section! {
    /// Where users, sessions, grants and keys lie.
    Database as "database" {
        /// sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. Without it: gatepass.db in the data folder.
        url: DatabaseUrl as in "postgres://gatepass@localhost/gatepass";
        /// Connections to the database at most.
        max_connections: u32 = 16, within 1..=1000;
        /// A Redis that several nodes share, to spare the database: redis://:PASSWORD@HOST:6379 or rediss://… (TLS). It
        /// decides nothing and may be empty, away or flushed at any time.
        cache: Option<CacheUrl> as in "redis://localhost:6379";
    }
}

/// The address of the database. It may hold a password, so it is not printed.
#[derive(Clone)]
pub struct DatabaseUrl(Secret);

impl DatabaseUrl {
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    pub fn is_sqlite(&self) -> bool {
        self.reveal().starts_with("sqlite:")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_sqlite() { "sqlite:…" } else { "postgres:…" })
    }
}

impl Kind for DatabaseUrl {
    const RIGHT: &'static str = "write \"sqlite:PATH\" or \"postgres://USER:PASSWORD@HOST/NAME\"";
    const SECRET: bool = true;

    fn from_text(text: &str) -> Option<Self> {
        let sqlite = text.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty());
        let postgres = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
        (sqlite || postgres).then(|| DatabaseUrl(Secret::claimed(text)))
    }

    fn discloses(text: &str) -> bool {
        Url::parse(text).is_ok_and(|url| {
            url.password().is_some()
                || url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case("password"))
        })
    }
}

/// The address of the cache. It may hold a password, so it is not printed.
#[derive(Clone, Debug)]
pub struct CacheUrl(cache::Address);

impl CacheUrl {
    pub fn address(&self) -> &cache::Address {
        &self.0
    }
}

impl Kind for CacheUrl {
    const RIGHT: &'static str = "write \"redis://:PASSWORD@HOST:PORT\", or \"rediss://…\" for TLS";
    const SECRET: bool = true;

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().map(CacheUrl)
    }

    fn discloses(text: &str) -> bool {
        Url::parse(text).is_ok_and(|url| url.password().is_some())
    }
}
