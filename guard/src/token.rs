//! A verified access token and what it says (RFC 9068 §2.2).

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::clock::Millis;
use crate::jwt::text;
use crate::refusal::InvalidToken;

/// The claims of an access token that this guard has verified. It is cheap to clone, and stands in the extensions of
/// every request that a [`GuardLayer`](crate::GuardLayer) lets through.
#[derive(Clone)]
pub struct Token(Arc<Claims>);

struct Claims {
    issuer: String,
    subject: String,
    client_id: String,
    audience: Vec<String>,
    scope: Vec<String>,
    jti: String,
    session_id: Option<String>,
    grant_id: Option<String>,
    issued_at: u64,
    expires_at: u64,
    not_before: Option<u64>,
    all: Map<String, Value>,
}

impl Token {
    /// Errors: a claim that RFC 9068 requires is missing, or one has the wrong form.
    pub(crate) fn read(claims: Map<String, Value>) -> Result<Self, InvalidToken> {
        let required = |name| text(&claims, name)?.filter(|it| !it.is_empty()).ok_or(InvalidToken::Malformed);
        Ok(Token(Arc::new(Claims {
            issuer: required("iss")?,
            subject: required("sub")?,
            client_id: required("client_id")?,
            audience: audience(claims.get("aud"))?,
            scope: text(&claims, "scope")?.unwrap_or_default().split(' ').map(str::to_owned).collect(),
            jti: required("jti")?,
            session_id: text(&claims, "sid")?,
            grant_id: text(&claims, "grant_id")?,
            issued_at: seconds(&claims, "iat")?.ok_or(InvalidToken::Malformed)?,
            expires_at: seconds(&claims, "exp")?.ok_or(InvalidToken::Malformed)?,
            not_before: seconds(&claims, "nbf")?,
            all: claims,
        })))
    }

    /// `sub`: the person, or the client itself when it speaks for nobody.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    pub fn audience(&self) -> &[String] {
        &self.0.audience
    }

    pub fn scope(&self) -> impl Iterator<Item = &str> {
        self.0.scope.iter().map(String::as_str).filter(|token| !token.is_empty())
    }

    /// Whether one scope token was granted, compared exactly (RFC 6749 §3.3).
    pub fn has_scope(&self, wanted: &str) -> bool {
        self.scope().any(|token| token == wanted)
    }

    pub fn jti(&self) -> &str {
        &self.0.jti
    }

    /// `sid`: the browser session that it was born of.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session_id.as_deref()
    }

    /// `grant_id`: the grant that it was born of; `None` when the client speaks for itself.
    pub fn grant_id(&self) -> Option<&str> {
        self.0.grant_id.as_deref()
    }

    /// Seconds since 1970.
    pub fn issued_at(&self) -> u64 {
        self.0.issued_at
    }

    /// Seconds since 1970.
    pub fn expires_at(&self) -> u64 {
        self.0.expires_at
    }

    pub(crate) fn not_before(&self) -> Millis {
        Millis::from_secs(self.0.not_before.unwrap_or(0).max(self.0.issued_at))
    }

    /// Any claim by its name.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.0.all.get(name)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} of {})", self.0.jti, self.0.client_id)
    }
}

/// RFC 7519 §4.1.3: one audience stands alone, several in an array.
fn audience(claim: Option<&Value>) -> Result<Vec<String>, InvalidToken> {
    let one = |value: &Value| value.as_str().map(str::to_owned).ok_or(InvalidToken::Malformed);
    match claim {
        Some(Value::Array(several)) => several.iter().map(one).collect(),
        Some(value) => Ok(vec![one(value)?]),
        None => Err(InvalidToken::Malformed),
    }
}

/// A whole number of seconds ≥ 0. A string, a fraction or `null` is an error and never "absent": a library that took
/// it so let such tokens live for ever (CVE-2026-25537).
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, InvalidToken> {
    let number = |value: &Value| value.as_u64().ok_or(InvalidToken::Malformed);
    claims.get(name).map(number).transpose()
}
