//! Request objects: a request that the client has signed, sent along or kept at a URI of its own (RFC 9101, OpenID
//! Connect Core §6).
//!
//! What may stand outside is the profile's to say. `default` is RFC 9101: the object is signed, says who made it, for
//! whom and until when, and nothing outside of it counts. `oidc-compat` is Core §6: what stands inside wins, the rest
//! may stand outside, and an object that nobody has signed is worth as much as the query that such a client may send
//! instead.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::keys::client_jwt::{ClientJwt, Kind, read_unsigned};
use crate::keys::remote::RemoteKeys;
use crate::keys::{Refusal, Verified};
use crate::outbound::Outbound;
use crate::protocol::algorithm::{ClientAlgorithm, RequestObjectAlgorithm};
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{SentCode, SentError, ShownError};
use crate::protocol::parameters::Parameters;
use crate::store::clients::Client;
use crate::tokens::Issuer;

/// An object that lives longer is good for whoever finds it.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// What clients keep on hosts of their own.
pub struct ClientHosts<'a> {
    pub keys: &'a RemoteKeys,
    pub outbound: &'a Outbound,
}

/// A request object that is being read.
pub(super) struct Unfolding<'a> {
    pub issuer: &'a Issuer,
    pub hosts: &'a ClientHosts<'a>,
    pub client: &'a Client,
    pub now: Timestamp,
}

/// Why a request object does not count, in words for the developer of the client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flaw {
    Twofold,
    Uri(&'static str),
    Object(&'static str),
}

impl Flaw {
    pub fn sent(self) -> SentError {
        match self {
            Flaw::Twofold => {
                SentError::new(SentCode::InvalidRequest, "request and request_uri exclude each other")
            }
            Flaw::Uri(why) => SentError::new(SentCode::InvalidRequestUri, why),
            Flaw::Object(why) => SentError::new(SentCode::InvalidRequestObject, why),
        }
    }

    pub fn shown(self) -> ShownError {
        match self {
            Flaw::Twofold => ShownError::MalformedRequest,
            Flaw::Uri(_) => ShownError::InvalidRequestUri,
            Flaw::Object(_) => ShownError::InvalidRequestObject,
        }
    }
}

impl From<Refusal> for Flaw {
    fn from(refusal: Refusal) -> Self {
        Flaw::Object(match refusal {
            Refusal::Malformed | Refusal::Extension => "the request object is not a well-formed JWT",
            Refusal::Key => "the request object is signed with a key that the client has not registered",
            Refusal::NoKeys => "the client has no keys, or they cannot be fetched from its jwks_uri",
            Refusal::Algorithm => "the request object is not signed as the client registered",
            Refusal::Type => "the request object says that it is another kind of token",
            Refusal::Signature => "the signature of the request object is wrong",
            Refusal::Expired => "the request object has expired",
            Refusal::NotYetValid => "the request object is not valid yet",
        })
    }
}

type Claims = Map<String, Value>;

impl Unfolding<'_> {
    /// The parameters that count, if `query` brings a request object or says where one is.
    pub async fn unfold(&self, query: &Parameters) -> Result<Option<Parameters>, Flaw> {
        let object = match (query.get("request"), query.get("request_uri")) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => return Err(Flaw::Twofold),
            (Some(object), None) => Cow::Borrowed(object),
            (None, Some(uri)) => Cow::Owned(self.fetch(uri).await?),
        };
        let verified = self.verify(&object).await?;
        self.check(&verified, query)?;
        let inside = parameters(verified.claims)?;
        Ok(Some(match self.client.metadata.profile {
            // RFC 9101 §6.3: "The authorization server MUST only use the parameters in the Request Object, even if the
            // same parameter is provided in the query parameter."
            Profile::Default => inside,
            // Core §6.1: "the values in the Request Object supersede those passed using the OAuth 2.0 request syntax".
            Profile::OidcCompat => inside.before(query).without(&["request", "request_uri"]),
        }))
    }

    /// Only from where the client registered: a URI that anybody may choose would make us knock on any door.
    async fn fetch(&self, uri: &str) -> Result<String, Flaw> {
        if !self.client.metadata.request_uris.iter().any(|own| own == uri) {
            return Err(Flaw::Uri("request_uri is not one of those that the client registered"));
        }
        // Core §6.2: the fragment tells versions apart; it is compared, and never sent.
        let place = uri.split('#').next().unwrap_or_default();
        let found = self.hosts.outbound.jwt(place).await.map_err(|failure| {
            tracing::warn!(client = self.client.id, place, %failure, "a request object could not be fetched");
            Flaw::Uri("there is no request object to be had from request_uri")
        })?;
        let text = String::from_utf8(found).map_err(|_| Refusal::Malformed)?;
        Ok(text.trim_ascii().to_owned())
    }

    async fn verify(&self, object: &str) -> Result<Verified<Claims>, Flaw> {
        let metadata = &self.client.metadata;
        let may_be_unsigned =
            metadata.profile == Profile::OidcCompat && !metadata.require_signed_request_object;
        let is_unsigned = object.ends_with('.');
        let registered = match metadata.request_object_signing_alg {
            Some(RequestObjectAlgorithm::Signed(algorithm)) => Some(algorithm),
            None if !(is_unsigned && may_be_unsigned) => None,
            Some(RequestObjectAlgorithm::Unsigned) if !may_be_unsigned => {
                return Err(Refusal::Algorithm.into());
            }
            None | Some(RequestObjectAlgorithm::Unsigned) => {
                return Ok(read_unsigned(object, Kind::RequestObject, self.now)?);
            }
        };
        if is_unsigned {
            return Err(Refusal::Algorithm.into());
        }
        let jwt = ClientJwt::parse(object, Kind::RequestObject)?;
        if registered == Some(ClientAlgorithm::HS256) {
            let secret = self.client.open_secret(&self.issuer.master).ok_or(Refusal::NoKeys)?;
            return Ok(jwt.verify_by_secret(&secret, self.now)?);
        }
        let allowed = registered.as_ref().map_or(&ClientAlgorithm::ASYMMETRIC[..], std::slice::from_ref);
        Ok(self.hosts.keys.verify(self.client, &jwt, allowed, self.now).await?)
    }

    /// RFC 9101 §4 and §6.3, Core §6.1.
    fn check(&self, object: &Verified<Claims>, query: &Parameters) -> Result<(), Flaw> {
        let claims = &object.claims;
        let own = Value::from(self.client.id.as_str());
        let is_strict = self.client.metadata.profile == Profile::Default;
        let holds = |member: &str, is_right: &dyn Fn(&Value) -> bool| match claims.get(member) {
            Some(value) => is_right(value),
            None => !is_strict,
        };
        let must = |holds: bool, why| if holds { Ok(()) } else { Err(Flaw::Object(why)) };
        // "request and request_uri parameters MUST NOT be included in Request Objects."
        let is_nested = claims.contains_key("request") || claims.contains_key("request_uri");
        must(!is_nested, "a request object holds no other request object")?;
        // RFC 9101 §10.8: a client signs its assertions with the same keys, and those have its name here.
        must(claims.get("sub") != Some(&own), "sub is the client: that is a client assertion")?;
        must(
            holds("client_id", &|named| *named == own),
            "client_id in the request object is not the one outside",
        )?;
        must(holds("iss", &|maker| *maker == own), "iss must be the client_id")?;
        let issuer = Value::from(self.issuer.url.as_str());
        let is_to_us = |aud: &Value| match aud {
            Value::Array(all) => all.contains(&issuer),
            one => *one == issuer,
        };
        must(holds("aud", &is_to_us), "aud must be this issuer, or contain it")?;
        let start = claims.get("nbf").and_then(Value::as_i64).map(Timestamp::from_secs).or(object.issued_at);
        let latest = start.unwrap_or(self.now).plus(LONGEST_LIFE);
        let is_short = object.expires_at.is_some_and(|end| end <= latest);
        must(is_short || !is_strict, "exp is missing, or more than an hour after nbf or iat")?;
        // Core §6.1: "The values for these parameters MUST match those in the Request Object, if present." Under RFC
        // 9101 what stands outside is not even read.
        let outside = query.get("response_type").map(Value::from);
        let agrees = match (claims.get("response_type"), outside) {
            (Some(inside), Some(outside)) => is_strict || *inside == outside,
            _ => true,
        };
        must(agrees, "response_type in the request object is not the one outside")
    }
}

/// RFC 7519 §4.1: what an object says as a JWT.
const JWT_CLAIMS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// What is understood here, and thus must have the form that it has in a query.
const TEXTS: [&str; 17] = [
    "acr_values",
    "claims",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "registration",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "ui_locales",
];

/// RFC 9101 §4: "Parameter names and string values MUST be included as JSON strings", numbers as numbers; Core §6.1 has
/// `claims` as an object, RFC 8707 §2 several `resource` in an array. What is not understood is ignored, in any form.
fn parameters(claims: Claims) -> Result<Parameters, Flaw> {
    let mut pairs = Vec::new();
    for (name, value) in claims {
        if JWT_CLAIMS.contains(&name.as_str()) {
            continue;
        }
        match (name.as_str(), value) {
            (_, Value::String(text)) => pairs.push((name, text)),
            ("max_age", Value::Number(seconds)) => pairs.push((name, seconds.to_string())),
            ("claims" | "registration", Value::Object(object)) => {
                pairs.push((name, Value::Object(object).to_string()));
            }
            ("resource", Value::Array(all)) => {
                for one in all {
                    let Value::String(uri) = one else {
                        return Err(Flaw::Object("resource must be a string, or an array of strings"));
                    };
                    pairs.push(("resource".to_owned(), uri));
                }
            }
            (known, _) if TEXTS.contains(&known) => {
                return Err(Flaw::Object("a parameter in the request object is not of its JSON type"));
            }
            _ => {}
        }
    }
    Ok(pairs.into_iter().collect())
}
