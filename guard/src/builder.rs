//! What a guard has to be told, and its start.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Certificate;

use crate::algorithm::Algorithm;
use crate::cache::Cache;
use crate::feed::{self, Feed};
use crate::guard::{Guard, Parts, follow_keys};
use crate::introspection::Introspection;
use crate::jwks::Jwks;
use crate::metadata::ResourceMetadata;
use crate::server::{BuildError, Credential, Server};

/// Three heartbeats.
const SILENCE: Duration = Duration::from_secs(6);
const KEYS_EVERY: Duration = Duration::from_secs(3600);

/// Settings of a [`Guard`].
#[must_use]
pub struct Builder {
    issuer: String,
    audience: String,
    credential: Credential,
    instance: Option<String>,
    algorithms: Vec<Algorithm>,
    scopes: Vec<String>,
    authorities: Vec<Vec<u8>>,
    verified_tokens: usize,
    most_entries: usize,
    silence: Duration,
    keys_every: Duration,
}

impl Builder {
    pub(crate) fn new(issuer: String, audience: String) -> Self {
        Builder {
            issuer,
            audience,
            credential: Credential { client_id: String::new(), secret: String::new() },
            instance: None,
            algorithms: Algorithm::ALL.to_vec(),
            scopes: Vec::new(),
            authorities: Vec::new(),
            verified_tokens: 10_000,
            most_entries: 1_000_000,
            silence: SILENCE,
            keys_every: KEYS_EVERY,
        }
    }

    /// The confidential client that this API is at the server: `gatepass client add --resource AUDIENCE`.
    pub fn credential(mut self, client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.credential = Credential { client_id: client_id.into(), secret: secret.into() };
        self
    }

    /// The name of this process in receipts, 1 to 64 of `[A-Za-z0-9._~-]`. A random one unless said otherwise.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Accept only these. All of [`Algorithm::ALL`] unless said otherwise.
    pub fn algorithms(mut self, accepted: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = accepted.into_iter().collect();
        self
    }

    /// `scopes_supported` of the metadata (RFC 9728 §2).
    pub fn scopes_supported(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// A certificate authority to trust beside the system's, as PEM.
    pub fn certificate_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(pem.into());
        self
    }

    /// How many verified tokens to remember, so that their signatures need not be verified again; 0 for none. 10,000
    /// unless said otherwise, about 15 MB when they are all in use.
    pub fn remember_verified_tokens(mut self, most: usize) -> Self {
        self.verified_tokens = most;
        self
    }

    /// How many ended identifiers to keep; with more the feed counts as silent. 1,000,000 unless said otherwise.
    pub fn most_entries(mut self, most: usize) -> Self {
        self.most_entries = most;
        self
    }

    /// When a connection to the feed that says nothing is given up and made anew: 6 seconds unless said otherwise.
    pub fn give_up_connection_after(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// How often the keys are fetched although none is missing: every hour unless said otherwise.
    pub fn fetch_keys_every(mut self, interval: Duration) -> Self {
        self.keys_every = interval;
        self
    }

    /// Reads the server's metadata and keys, and begins to follow its feed in the background of the tokio runtime that
    /// it is called on. Errors: one of them cannot be had; a feed that cannot is only silent.
    pub async fn build(self) -> Result<Guard, BuildError> {
        let authority = |pem: &Vec<u8>| Certificate::from_pem_bundle(pem);
        let authorities: Result<Vec<_>, _> = self.authorities.iter().map(authority).collect();
        let authorities = authorities.map_err(|_| BuildError::Unreadable("certificate authority"))?;
        let authorities = authorities.into_iter().flatten().collect();
        let server = Arc::new(Server::discover(self.issuer, self.credential, authorities).await?);
        let jwks = Jwks::fetch(&server, self.algorithms).await?;
        let feed = Arc::new(Feed::new(self.most_entries));
        let instance = self.instance.unwrap_or_else(random_name);
        let metadata = ResourceMetadata::new(&self.audience, &server.issuer, &self.scopes);
        let followed = feed::follow(server.clone(), feed.clone(), instance.clone(), self.silence);
        let confirmed = feed::send_receipts(server.clone(), feed.clone(), instance);
        let parts = Arc::new_cyclic(|weak| Parts {
            audience: self.audience,
            jwks,
            verified: Cache::new(self.verified_tokens),
            introspection: Introspection::new(),
            metadata,
            tasks: vec![
                tokio::spawn(followed),
                tokio::spawn(confirmed),
                tokio::spawn(follow_keys(weak.clone(), self.keys_every)),
            ],
            server,
            feed,
        });
        Ok(Guard::of(parts))
    }
}

fn random_name() -> String {
    let mut random = [0; 12];
    // Without random bytes the name only tells less.
    let _ = rand::fill(&mut random);
    URL_SAFE_NO_PAD.encode(random)
}
