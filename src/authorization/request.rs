//! Reading an authorization request. Above one line an error is shown on a page, below it is sent to the client:
//! two types, so that neither can be mistaken for the other.

use std::borrow::Cow;
use std::sync::Arc;

use super::checks::{self, Draft, Origin};
use super::request_object::{ClientHosts, Unfolding};
use super::response::Target;
use super::{Authorizations, Failure, referee, target};
use crate::clock::Timestamp;
use crate::protocol::authorization_request::{AuthorizationRequest, RedirectUri};
use crate::protocol::client_metadata::Profile;
use crate::protocol::error::{SentCode, SentError, ShownError};
use crate::protocol::parameters::Parameters;
use crate::protocol::redirect_uri;
use crate::protocol::response_type::{ResponseMode, ResponseType};
use crate::store::clients::Client;

pub(super) enum Reading {
    Understood(Arc<Client>, Box<AuthorizationRequest>),
    Refused(Arc<Client>, Target, SentError),
}

pub(super) async fn read(
    parts: &Authorizations<'_>,
    hosts: &ClientHosts<'_>,
    query: &Parameters,
    now: Timestamp,
) -> Result<Reading, Failure> {
    // Whom a request is from and where its answer goes must be beyond doubt.
    for decisive in ["client_id", "redirect_uri", "request", "request_uri"] {
        if query.stands_twice(decisive) {
            return Err(ShownError::MalformedRequest.into());
        }
    }
    let client_id = query.get("client_id").ok_or(ShownError::UnknownClient)?;
    let client = parts.client(client_id, now).await?;
    let shown = |error| Failure::Shown(error, Some(client.name().to_owned()));
    let unfolding = Unfolding { issuer: parts.issuer, hosts, client: &client, now };
    let (parameters, origin) = match unfolding.unfold(query).await {
        Ok(Some(inside)) => (Cow::Owned(inside), Origin::RequestObject),
        Ok(None) => (Cow::Borrowed(query), Origin::Query),
        Err(flaw) => {
            tracing::info!(client = client.id, why = flaw.sent().description, "a request object is refused");
            // Under RFC 9101 nothing outside the object counts, not even where the error would go.
            return match (client.metadata.profile, query.get("redirect_uri")) {
                (Profile::OidcCompat, Some(sent))
                    if redirect_uri::is_registered(sent, &client.metadata.redirect_uris) =>
                {
                    Ok(Reading::Refused(client.clone(), answer_to(sent, query), flaw.sent()))
                }
                (Profile::OidcCompat | Profile::Default, _) => Err(shown(flaw.shown())),
            };
        }
    };
    let parameters = parameters.as_ref();
    let redirect_uri = match (parameters.get("redirect_uri"), client.metadata.redirect_uris.as_slice()) {
        (Some(sent), registered) if redirect_uri::is_registered(sent, registered) => {
            RedirectUri::Request(sent.to_owned())
        }
        (Some(_), _) => return Err(shown(ShownError::UnregisteredRedirectUri)),
        // OpenID Connect Core §3.1.2.1 makes it REQUIRED; RFC 6749 §3.1.2.3 lets the only registered one stand in.
        (None, [only]) if !asks_for_openid(parameters) => RedirectUri::Registration(only.clone()),
        (None, _) => return Err(shown(ShownError::MissingRedirectUri)),
    };

    // ---- The redirect URI is proven: from here on errors are sent. ----

    let target = answer_to(redirect_uri.as_str(), parameters);
    if [query, parameters].iter().any(|all| all.repeated().is_some()) {
        let twice = SentError::new(SentCode::InvalidRequest, "a parameter stands more than once");
        return Ok(Reading::Refused(client, target, twice));
    }
    let draft = Draft { client: &client, parameters, origin, issuer: parts.issuer, now };
    let understood = checks::all(&draft, redirect_uri, target.mode).and_then(|request| {
        referee::judge(&request)?;
        Ok(request)
    });
    let understood = match understood {
        Ok(request) => target::known(parts.store, &client, &request.resources, parts.discovery.loopback())
            .await?
            .map(|resources| AuthorizationRequest { resources, ..request }),
        Err(error) => Err(error),
    };
    Ok(match understood {
        Ok(request) => Reading::Understood(client, Box::new(request)),
        Err(error) => Reading::Refused(client, target, error),
    })
}

fn answer_to(redirect_uri: &str, parameters: &Parameters) -> Target {
    Target {
        redirect_uri: redirect_uri.to_owned(),
        mode: response_mode(parameters),
        // Of two states neither is echoed: `get` knows only what stands once.
        state: parameters.get("state").map(str::to_owned),
    }
}

/// Where an answer stands, an error too: a client that waits for a fragment does not read the query.
fn response_mode(parameters: &Parameters) -> ResponseMode {
    let response_type = parameters.get("response_type").and_then(ResponseType::parse);
    let by_default = response_type.map_or(ResponseMode::Query, ResponseType::default_mode);
    match parameters.get("response_mode").and_then(ResponseMode::parse) {
        Some(ResponseMode::Query) | None => by_default,
        Some(mode) => mode,
    }
}

fn asks_for_openid(parameters: &Parameters) -> bool {
    parameters.get("scope").is_some_and(|scope| scope.split(' ').any(|token| token == "openid"))
}
