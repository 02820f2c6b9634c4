//! Why a request is not let through, and the answer that says so (RFC 6750 §3).

use std::fmt;
use std::time::Duration;

use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// What is wrong with a token. All of it is `invalid_token` to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidToken {
    /// It is no JWT, or its header or claims have not the form of RFC 9068.
    Malformed,
    /// `alg` is none that is accepted, or not that of the key.
    Algorithm,
    /// `typ` is not `at+jwt`.
    Type,
    /// No published key has its `kid`.
    UnknownKey,
    Signature,
    Issuer,
    Audience,
    Expired,
    NotYetValid,
    /// It may only be used by the holder of a key (`cnf`), and this guard takes bearers only.
    Bound,
    /// The feed, or introspection, says that it has been ended.
    Ended,
}

impl InvalidToken {
    const fn description(self) -> &'static str {
        match self {
            InvalidToken::Malformed => "the token is malformed",
            InvalidToken::Algorithm => "the algorithm of the token is not accepted",
            InvalidToken::Type => "the token is no access token",
            InvalidToken::UnknownKey => "the key of the token is unknown",
            InvalidToken::Signature => "the signature of the token is wrong",
            InvalidToken::Issuer => "the token comes from another issuer",
            InvalidToken::Audience => "the token is for another audience",
            InvalidToken::Expired => "the token has expired",
            InvalidToken::NotYetValid => "the token is not valid yet",
            InvalidToken::Bound => "the token is bound to a key",
            InvalidToken::Ended => "the token has been ended",
        }
    }
}

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

/// Why a request is not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401 without an error code: "If the request lacks any authentication information … the resource server SHOULD
    /// NOT include an error code" (RFC 6750 §3.1).
    NoToken,
    /// 400 `invalid_request`
    InvalidRequest(&'static str),
    /// 401 `invalid_token`
    InvalidToken(InvalidToken),
    /// 403 `insufficient_scope`: what the route asks for, between spaces.
    InsufficientScope(String),
    /// 503 with `Retry-After`: the token may be good, but nobody knows whether it has been ended.
    Unknown(Duration),
}

impl From<InvalidToken> for Refusal {
    fn from(why: InvalidToken) -> Self {
        Refusal::InvalidToken(why)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NoToken => f.write_str("there is no access token"),
            Refusal::InvalidRequest(why) => f.write_str(why),
            Refusal::InvalidToken(why) => why.fmt(f),
            Refusal::InsufficientScope(scope) => write!(f, "the token has not the scope {scope}"),
            Refusal::Unknown(_) => f.write_str("the revocation feed is silent"),
        }
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Refusal::NoToken | Refusal::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            Refusal::InvalidRequest(_) => StatusCode::BAD_REQUEST,
            Refusal::InsufficientScope(_) => StatusCode::FORBIDDEN,
            Refusal::Unknown(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The answer without a body: everything stands in its headers. `resource_metadata` is the URL of the metadata
    /// document (RFC 9728 §5.1).
    pub fn response<B: Default>(&self, resource_metadata: Option<&str>) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Refusal::Unknown(retry_after) = self {
            headers.insert(RETRY_AFTER, retry_after.as_secs().max(1).into());
            return response;
        }
        if let Ok(challenge) = HeaderValue::try_from(self.challenge(resource_metadata)) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn challenge(&self, resource_metadata: Option<&str>) -> String {
        let mut parameters = Vec::new();
        let mut say = |name: &str, value: &str| parameters.push(format!("{name}=\"{}\"", quoted(value)));
        match self {
            Refusal::NoToken | Refusal::Unknown(_) => {}
            Refusal::InvalidRequest(_) => say("error", "invalid_request"),
            Refusal::InvalidToken(_) => say("error", "invalid_token"),
            Refusal::InsufficientScope(scope) => {
                say("error", "insufficient_scope");
                say("scope", scope);
            }
        }
        if !matches!(self, Refusal::NoToken | Refusal::InsufficientScope(_)) {
            say("error_description", &self.to_string());
        }
        if let Some(url) = resource_metadata {
            say("resource_metadata", url);
        }
        format!("Bearer {}", parameters.join(", ")).trim_end().to_owned()
    }
}

/// A quoted-string (RFC 9110 §5.6.4) cannot be broken out of.
fn quoted(value: &str) -> String {
    value
        .chars()
        .filter(|c| matches!(c, ' '..='~'))
        .flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c]))
        .collect()
}
