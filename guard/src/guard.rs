//! The guard of one API: what it verifies tokens with, and what it knows of endings.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::builder::Builder;
use crate::cache::{Cache, Fingerprint, fingerprint};
use crate::calls::Calls;
use crate::clock::{self, LEEWAY, Millis};
use crate::feed::{Feed, Status};
use crate::introspection::{Answer, Introspection};
use crate::json;
use crate::jwks::{Fetched, Jwks};
use crate::jwt::Compact;
use crate::layer::GuardLayer;
use crate::metadata::ResourceMetadata;
use crate::refusal::InvalidToken;
use crate::server::Server;
use crate::token::Token;

/// Verifies access tokens for one audience and follows the revocation feed. Cheap to clone; the feed is left when the
/// last clone is gone.
#[derive(Clone)]
pub struct Guard(Arc<Parts>);

pub(crate) struct Parts {
    pub server: Arc<Server>,
    pub audience: String,
    pub jwks: Jwks,
    pub verified: Cache<Token>,
    pub feed: Arc<Feed>,
    pub introspection: Introspection,
    pub metadata: ResourceMetadata,
    pub tasks: Vec<JoinHandle<()>>,
}

impl Drop for Parts {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Guard {
    /// `issuer` is the server's URL as it calls itself, compared byte by byte; `audience` the identifier of this API,
    /// one of the `resources` of its client.
    pub fn builder(issuer: impl Into<String>, audience: impl Into<String>) -> Builder {
        Builder::new(issuer.into(), audience.into())
    }

    pub(crate) fn of(parts: Arc<Parts>) -> Self {
        Guard(parts)
    }

    /// The layer for a route. Without further words it asks for a good token and refuses while the feed is silent.
    pub fn layer(&self) -> GuardLayer {
        GuardLayer::new(self.clone())
    }

    /// Verifies a token and looks whether it has been ended, as far as the feed has told. How fresh that is, and what
    /// the token may do, is for the caller to judge: [`GuardLayer`] does.
    pub async fn verify(&self, text: &str) -> Result<Token, InvalidToken> {
        let now = clock::now();
        let fingerprint = fingerprint(text);
        let token = match self.0.verified.find(&fingerprint) {
            Some(token) => token,
            None => {
                let token = self.verify_signature(text).await?;
                self.check_claims(&token)?;
                self.0.verified.keep(fingerprint, token.clone());
                token
            }
        };
        check_times(&token, now)?;
        match self.0.feed.has_ended(&token) {
            true => Err(InvalidToken::Ended),
            false => Ok(token),
        }
    }

    async fn verify_signature(&self, text: &str) -> Result<Token, InvalidToken> {
        let compact = Compact::parse(text)?;
        // RFC 9068 §4: "reject tokens carrying any other value".
        let is_access_token =
            |typ: &str| typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt");
        if !compact.typ.as_deref().is_some_and(is_access_token) {
            return Err(InvalidToken::Type);
        }
        let held = self.0.jwks.snapshot();
        match held.keys().verify(&compact) {
            Err(InvalidToken::UnknownKey) => {
                if self.0.jwks.refresh(&self.0.server, &held).await == Fetched::Unchanged {
                    return Err(InvalidToken::UnknownKey);
                }
                self.0.verified.clear();
                self.0.jwks.snapshot().keys().verify(&compact)?;
            }
            verified => verified?,
        }
        Token::read(json::object(&compact.payload).ok_or(InvalidToken::Malformed)?)
    }

    /// What cannot change while the token lives.
    fn check_claims(&self, token: &Token) -> Result<(), InvalidToken> {
        if token.issuer() != self.0.server.issuer {
            return Err(InvalidToken::Issuer);
        }
        if !token.audience().contains(&self.0.audience) {
            return Err(InvalidToken::Audience);
        }
        // RFC 9449 §7.1, RFC 8705 §3: a thief of such a token must not get by with it as a bearer.
        if token.claim("cnf").is_some() {
            return Err(InvalidToken::Bound);
        }
        Ok(())
    }

    pub(crate) async fn introspect(&self, text: &str) -> Answer {
        let fingerprint: Fingerprint = fingerprint(text);
        self.0.introspection.ask(&self.0.server, text, fingerprint).await
    }

    /// Whether the feed has ended a token that was verified before: for streams and sockets that outlive their request.
    pub fn has_ended(&self, token: &Token) -> bool {
        self.0.feed.has_ended(token)
    }

    /// How long ago the server last said that everything had been told. `None`: not since the start.
    pub fn feed_age(&self) -> Option<Duration> {
        self.0.feed.age()
    }

    pub fn status(&self) -> Status {
        self.0.feed.status()
    }

    /// Returns once the feed is current for the first time. Put a time limit around it.
    pub async fn current(&self) {
        self.0.feed.current().await;
    }

    /// How often this process has called the server.
    pub fn calls_to_server(&self) -> Calls {
        self.0.server.calls.read()
    }

    /// The metadata of this API (RFC 9728) as a service for [`Guard::metadata_path`].
    pub fn metadata(&self) -> ResourceMetadata {
        self.0.metadata.clone()
    }

    /// Where the metadata belongs on the host of the API: `/.well-known/oauth-protected-resource` and the audience's path.
    pub fn metadata_path(&self) -> &str {
        self.0.metadata.path()
    }

    pub(crate) fn metadata_url(&self) -> Option<&str> {
        self.0.metadata.url()
    }
}

/// RFC 7519 §4.1.4, §4.1.5, each with [`LEEWAY`].
fn check_times(token: &Token, now: Millis) -> Result<(), InvalidToken> {
    if now >= Millis::from_secs(token.expires_at()).plus(LEEWAY) {
        return Err(InvalidToken::Expired);
    }
    if now.plus(LEEWAY) < token.not_before() {
        return Err(InvalidToken::NotYetValid);
    }
    Ok(())
}

/// Looks every hour whether keys were withdrawn: a token of such a key is refused from then on.
pub(crate) async fn follow_keys(parts: std::sync::Weak<Parts>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(parts) = parts.upgrade() else { return };
        let held = parts.jwks.snapshot();
        if parts.jwks.refresh(&parts.server, &held).await == Fetched::Changed {
            parts.verified.clear();
        }
    }
}
