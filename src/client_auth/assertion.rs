//! A JWT that says who the client is: private_key_jwt and client_secret_jwt (RFC 7523 §2.2 and §3, OIDC Core §9).

use std::time::Duration;

use serde::Deserialize;

use super::{ClientAuth, Failure, Presented};
use crate::clock::Timestamp;
use crate::keys::client_jwt::{ClientJwt, Kind};
use crate::keys::{Refusal, Verified};
use crate::protocol::algorithm::ClientAlgorithm;
use crate::protocol::client_metadata::{AuthMethod, Profile};
use crate::secret::Fingerprint;
use crate::store::clients::Client;
use crate::store::{self, replay};

/// RFC 7523 §2.2
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion that lives longer is remembered longer, and is good for whoever finds it.
const LONGEST_LIFE: Duration = Duration::from_secs(600);
/// Bytes of a `jti`.
const LONGEST_JTI: usize = 256;

/// An assertion whose shape is known, and the client that it names.
pub(super) struct Assertion<'a> {
    pub(super) client_id: String,
    jwt: ClientJwt<'a>,
}

#[derive(Deserialize)]
struct Subject {
    sub: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Why an assertion is not believed: for the log, because the client learns only `invalid_client`.
#[derive(Debug, thiserror::Error)]
enum Doubt {
    #[error(transparent)]
    Jwt(#[from] Refusal),
    #[error("the client's secret cannot be unsealed")]
    Secret,
    #[error("iss and sub are not both the client_id")]
    Client,
    #[error("aud is not this server as its profile wants it")]
    Audience,
    #[error("exp is missing or more than 10 minutes ahead")]
    Life,
    #[error("jti is empty or longer than 256 bytes")]
    Identifier,
    #[error("it was used before")]
    Replayed,
}

impl<'a> Assertion<'a> {
    pub(super) fn read(assertion: &'a str) -> Option<Self> {
        let jwt = ClientJwt::parse(assertion, Kind::Assertion).ok()?;
        let Subject { sub } = jwt.claimed()?;
        Some(Assertion { client_id: sub, jwt })
    }

    /// Whether this is a genuine, fresh assertion of `client`, to us, seen for the first time on any node.
    pub(super) async fn proves(
        &self,
        auth: &ClientAuth,
        client: &Client,
        presented: &Presented<'_>,
    ) -> Result<bool, Failure> {
        let now = presented.now;
        let doubt = match self.verified(auth, client, now).await.and_then(|verified| {
            let expires_at = check(&verified, auth, client, presented)?;
            Ok((verified.claims.jti, expires_at))
        }) {
            Ok((jti, expires_at)) => match is_first(auth, client, &jti, expires_at).await? {
                true => return Ok(true),
                false => Doubt::Replayed,
            },
            Err(doubt) => doubt,
        };
        tracing::info!(client = client.id, %doubt, "a client assertion is refused");
        Ok(false)
    }

    async fn verified(
        &self,
        auth: &ClientAuth,
        client: &Client,
        now: Timestamp,
    ) -> Result<Verified<Claims>, Doubt> {
        let metadata = &client.metadata;
        let method = metadata.token_endpoint_auth_method;
        let registered = metadata.token_endpoint_auth_signing_alg.as_ref().map(std::slice::from_ref);
        let allowed: &[ClientAlgorithm] = registered.unwrap_or(method.signing_algorithms());
        if method == AuthMethod::ClientSecretJwt {
            let secret = client.open_secret(&auth.master).ok_or(Doubt::Secret)?;
            return Ok(self.jwt.verify_by_secret(&secret, now)?);
        }
        Ok(auth.remote.verify(client, &self.jwt, allowed, now).await?)
    }
}

/// RFC 7523 §3. Returns until when the assertion must be remembered.
fn check(
    verified: &Verified<Claims>,
    auth: &ClientAuth,
    client: &Client,
    presented: &Presented<'_>,
) -> Result<Timestamp, Doubt> {
    let claims = &verified.claims;
    // "For client authentication, the subject MUST be the "client_id" of the OAuth client", and so must its issuer.
    if claims.iss != client.id || claims.sub != client.id {
        return Err(Doubt::Client);
    }
    let is_endpoint = |own: &String| {
        let path = own.strip_prefix(auth.base.as_str());
        path.is_some_and(|path| presented.endpoints.contains(&path))
    };
    let is_to_us = match (client.metadata.profile, &claims.aud) {
        // The issuer and nothing beside it: an assertion that a hostile server asked for under the URL of our token
        // endpoint is worth nothing here (draft-ietf-oauth-rfc7523bis).
        (Profile::Default, Audience::One(own)) => *own == auth.issuer,
        (Profile::Default, Audience::Many(all)) => *all == [auth.issuer.as_str()],
        (Profile::OidcCompat, Audience::One(own)) => *own == auth.issuer || is_endpoint(own),
        (Profile::OidcCompat, Audience::Many(all)) => {
            all.iter().any(|own| *own == auth.issuer || is_endpoint(own))
        }
    };
    if !is_to_us {
        return Err(Doubt::Audience);
    }
    if !(1..=LONGEST_JTI).contains(&claims.jti.len()) {
        return Err(Doubt::Identifier);
    }
    let latest = presented.now.plus(LONGEST_LIFE);
    verified.expires_at.filter(|expires_at| *expires_at <= latest).ok_or(Doubt::Life)
}

/// The row decides between nodes; neither part of its key can hold the NUL between them.
async fn is_first(
    auth: &ClientAuth,
    client: &Client,
    jti: &str,
    expires_at: Timestamp,
) -> Result<bool, store::Error> {
    let key = Fingerprint::of(format!("client assertion\0{}\0{jti}", client.id).as_bytes());
    auth.store
        .write((key, expires_at), |tx, (key, expires_at)| Box::pin(replay::is_first(tx, *key, *expires_at)))
        .await
}
