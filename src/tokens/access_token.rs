//! Access tokens: signed for APIs that verify by themselves (RFC 9068), or sealed for nobody but us.

use std::borrow::Cow;
use std::sync::Arc;

use moka::sync::Cache;
use serde::{Deserialize, Serialize};

use super::status_list::Status;
use super::{Issuer, NoSigningKey, Order};
use crate::clock::Timestamp;
use crate::id::Id;
use crate::keys::jws::Type;
use crate::keys::{Expiry, KeyRing};
use crate::protocol::algorithm::Algorithm;
use crate::protocol::client_metadata::AccessTokenFormat;
use crate::protocol::scope::Scope;
use crate::secret::{self, Fingerprint, Purpose};
use crate::store::grants::Grant;
use crate::store::lineages::Line;
use crate::store::revoked_tokens::Jti;
use crate::store::sessions::Session;

/// RFC 9068 §2.2, and our lineage: `sid` and `grant_id`.
#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    iss: Cow<'a, str>,
    sub: Cow<'a, str>,
    aud: Audience<'a>,
    exp: i64,
    iat: i64,
    jti: Jti,
    client_id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    scope: Cow<'a, Scope>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Id<Session>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant_id: Option<Id<Grant>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

/// RFC 7519 §4.1.3: one audience stands alone, several in an array.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(Cow<'a, str>),
    Several(Vec<Cow<'a, str>>),
}

/// A genuine access token that has not expired. Whether it was ended only the store knows.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub jti: Jti,
    /// As its client was told.
    pub subject: String,
    pub client_id: String,
    pub audience: Vec<String>,
    pub scope: Scope,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    pub auth_time: Option<Timestamp>,
    pub session_id: Option<Id<Session>>,
    /// `None`: the client speaks for itself.
    pub grant_id: Option<Id<Grant>>,
}

const OPAQUE_PREFIX: &str = "at_";

pub(super) fn mint(
    issuer: &Issuer,
    ring: &KeyRing,
    order: &Order<'_>,
    now: Timestamp,
) -> Result<String, NoSigningKey> {
    let grant = order.subject.grant();
    let claims = Claims {
        iss: Cow::Borrowed(&issuer.url),
        sub: match grant {
            Some(grant) => Cow::Owned(issuer.subject_for(order.client, grant.user_id)),
            None => Cow::Borrowed(&order.client.id),
        },
        aud: audience(issuer, order),
        exp: now.plus(issuer.lifetimes.access_token).secs(),
        iat: now.secs(),
        jti: Id::new(),
        client_id: Cow::Borrowed(&order.client.id),
        scope: Cow::Borrowed(order.scope),
        auth_time: grant.map(|grant| grant.auth_time.secs()),
        sid: grant.map(|grant| grant.session_id),
        grant_id: grant.map(|grant| grant.id),
        status: grant.and_then(|grant| grant.status_index).map(|index| Status::at(issuer, index)),
    };
    match order.client.metadata.access_token_format {
        AccessTokenFormat::Jwt => {
            let key = ring.signing_key(Algorithm::ES256, now).ok_or(NoSigningKey)?;
            Ok(key.sign(Type::AccessToken, &claims))
        }
        AccessTokenFormat::Opaque => {
            let letter = serde_json::to_vec(&claims).expect("claims are JSON objects with text as names");
            let sealed = issuer.master.seal(Purpose::OpaqueAccessToken, b"", &letter);
            Ok(format!("{OPAQUE_PREFIX}{}", secret::base64url(&sealed)))
        }
    }
}

/// The APIs that were asked for or else those of the client, and this server where it is asked for UserInfo or nobody
/// else is.
fn audience<'a>(issuer: &'a Issuer, order: &'a Order<'_>) -> Audience<'a> {
    let mut apis: Vec<&str> = order.resources.iter().collect();
    if apis.is_empty() {
        apis = order.client.metadata.audience.iter().map(String::as_str).collect();
    }
    let ourselves = (apis.is_empty() || order.scope.is_openid()).then_some(issuer.url.as_str());
    let mut all: Vec<Cow<'a, str>> = ourselves.into_iter().chain(apis).map(Cow::from).collect();
    match all.len() {
        1 => Audience::One(all.remove(0)),
        _ => Audience::Several(all),
    }
}

impl AccessToken {
    /// What it descends from.
    pub fn line(&self) -> Line<'_> {
        Line {
            jti: self.jti,
            grant_id: self.grant_id,
            session_id: self.session_id,
            client_id: &self.client_id,
            issued_at: self.issued_at,
        }
    }
}

/// Signed tokens that were verified, by their fingerprints: verifying costs more than all the rest of an
/// introspection, and what a signature said stays true while its key is published.
pub struct Verified(Cache<Fingerprint, Arc<Signed>>);

struct Signed {
    kid: String,
    token: Arc<AccessToken>,
}

const REMEMBERED: u64 = 10_000;

impl Default for Verified {
    fn default() -> Self {
        Verified(Cache::new(REMEMBERED))
    }
}

/// Reads a token that this server has issued. `None` for anything else, and for what has expired.
pub fn read(issuer: &Issuer, token: &str, now: Timestamp) -> Option<Arc<AccessToken>> {
    let token = match token.strip_prefix(OPAQUE_PREFIX) {
        Some(sealed) => open(issuer, sealed)?,
        None => verify(issuer, token, now)?,
    };
    (now < token.expires_at).then_some(token)
}

fn open(issuer: &Issuer, sealed: &str) -> Option<Arc<AccessToken>> {
    let letter = issuer.master.open(Purpose::OpaqueAccessToken, b"", &secret::from_base64url(sealed)?)?;
    of_claims(issuer, serde_json::from_slice(&letter).ok()?)
}

fn verify(issuer: &Issuer, token: &str, now: Timestamp) -> Option<Arc<AccessToken>> {
    let ring = issuer.ring();
    let fingerprint = Fingerprint::of(token.as_bytes());
    if let Some(signed) = issuer.verified.0.get(&fingerprint)
        && ring.verification_key(&signed.kid, now).is_some()
    {
        return Some(signed.token.clone());
    }
    let claims = ring.verify::<Claims<'static>>(token, Type::AccessToken, Expiry::Enforced, now).ok()?.claims;
    let kid = ring.key_of(token, now)?.kid().to_owned();
    let token = of_claims(issuer, claims)?;
    issuer.verified.0.insert(fingerprint, Arc::new(Signed { kid, token: token.clone() }));
    Some(token)
}

fn of_claims(issuer: &Issuer, claims: Claims<'static>) -> Option<Arc<AccessToken>> {
    let token = AccessToken {
        jti: claims.jti,
        subject: claims.sub.into_owned(),
        client_id: claims.client_id.into_owned(),
        audience: match claims.aud {
            Audience::One(one) => vec![one.into_owned()],
            Audience::Several(several) => several.into_iter().map(Cow::into_owned).collect(),
        },
        scope: claims.scope.into_owned(),
        issued_at: Timestamp::from_secs(claims.iat),
        expires_at: Timestamp::from_secs(claims.exp),
        auth_time: claims.auth_time.map(Timestamp::from_secs),
        session_id: claims.sid,
        grant_id: claims.grant_id,
    };
    (claims.iss == issuer.url).then(|| Arc::new(token))
}
