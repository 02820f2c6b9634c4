//! A second opinion on every exchange: oxide-auth's state machines of RFC 6749 §4.1.3, §6 and §4.4, which do no
//! I/O of their own. They see a normalized view, after client authentication and our stricter checks; an
//! objection means that one of the two is wrong, and then nothing is issued.

use std::borrow::Cow;

use oxide_auth::code_grant::{accesstoken, client_credentials, refresh};
use oxide_auth::primitives::grant::{Extensions, Grant as Judged};
use oxide_auth::primitives::registrar::{BoundClient, PreGrant, RegisteredUrl};
use url::Url;

use super::Exchange;
use crate::clock::Timestamp;
use crate::protocol::error::DirectError;
use crate::protocol::grant_type::GrantType;
use crate::protocol::scope::Scope;
use crate::store::grants::Grant;
use crate::tokens::authorization_code::AuthorizationCode;

const OBJECTION: DirectError = DirectError::InvalidGrant("the request does not fit what was granted");

/// A grant that knows no redirect URI, or a client that needs none, shows this one.
const NO_REDIRECT_URI: &str = "https://redirect.invalid/";

/// What the machines may see of a request. Identifiers stand for secrets: those were judged before.
struct View<'a> {
    grant_type: GrantType,
    client_id: &'a str,
    code: Cow<'a, str>,
    redirect_uri: &'a str,
    scope: Option<&'a str>,
}

impl accesstoken::Request for View<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.code))
    }

    fn authorization(&self) -> accesstoken::Authorization<'_> {
        accesstoken::Authorization::Username(Cow::Borrowed(self.client_id))
    }

    fn client_id(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.redirect_uri))
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.grant_type.as_str()))
    }

    fn extension(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

impl refresh::Request for View<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn refresh_token(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.code))
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        self.scope.map(Cow::Borrowed)
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.grant_type.as_str()))
    }

    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        Some((Cow::Borrowed(self.client_id), Cow::Borrowed(b"")))
    }

    fn extension(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

impl client_credentials::Request for View<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn authorization(&self) -> Option<(Cow<'_, str>, Cow<'_, [u8]>)> {
        Some((Cow::Borrowed(self.client_id), Cow::Borrowed(b"")))
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        self.scope.map(Cow::Borrowed)
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.grant_type.as_str()))
    }

    fn extension(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

fn judged(
    client_id: &str,
    scope: &Scope,
    redirect_uri: &str,
    until: Timestamp,
) -> Result<Judged, DirectError> {
    Ok(Judged {
        owner_id: String::new(),
        client_id: client_id.to_owned(),
        scope: scope.to_string().parse().map_err(|_| OBJECTION)?,
        redirect_uri: redirect_uri.parse().map_err(|_| OBJECTION)?,
        until: until.to_utc(),
        extensions: Extensions::new(),
    })
}

/// The machine judges `until` against the machine's own clock; ours has judged against `now`, so it is shown a
/// moment that lies ahead exactly if ours says so.
fn as_seen(exchange: &Exchange<'_>, ends: Timestamp) -> Timestamp {
    use crate::clock::{Clock, SystemClock};
    let machine = SystemClock.now();
    Timestamp::from_millis(machine.millis().saturating_add(ends.millis() - exchange.now.millis()))
}

pub(super) fn judge_code(exchange: &Exchange<'_>, code: &AuthorizationCode) -> Result<(), DirectError> {
    use accesstoken::{AccessToken, Input, Output};
    // A code of the past goes on to the redemption, which knows a replay from a latecomer.
    if code.expires_at <= exchange.now {
        return Ok(());
    }
    let view = View {
        grant_type: GrantType::AuthorizationCode,
        client_id: &exchange.client.id,
        code: Cow::Owned(code.grant_id.to_string()),
        redirect_uri: code.redirect_uri.as_str(),
        scope: None,
    };
    let mut machine = AccessToken::new(&view);
    let mut input = Input::None;
    for _ in 0..5 {
        input = match machine.advance(input) {
            Output::Authenticate { client, .. } if client == exchange.client.id => Input::Authenticated,
            Output::Recover { .. } => {
                let until = as_seen(exchange, code.expires_at);
                let grant = judged(&code.client_id, &code.scope, code.redirect_uri.as_str(), until)?;
                Input::Recovered(Some(Box::new(grant)))
            }
            Output::Extend { .. } => Input::Extended { access_extensions: Extensions::new() },
            Output::Issue { grant } if grant.client_id == exchange.client.id => return Ok(()),
            _ => return Err(OBJECTION),
        };
    }
    Err(OBJECTION)
}

pub(super) fn judge_refresh(exchange: &Exchange<'_>, grant: &Grant) -> Result<(), DirectError> {
    use refresh::{Input, Output, Refresh};
    let view = View {
        grant_type: GrantType::RefreshToken,
        client_id: &exchange.client.id,
        code: Cow::Owned(grant.id.to_string()),
        redirect_uri: NO_REDIRECT_URI,
        scope: exchange.parameters.get("scope"),
    };
    let mut machine = Refresh::new(&view);
    let mut input = Input::None;
    for _ in 0..4 {
        input = match machine.advance(input) {
            Output::Unauthenticated { client, .. } if client == exchange.client.id => {
                Input::Authenticated { scope: refresh::Request::scope(&view) }
            }
            Output::RecoverRefresh { .. } => {
                let until = as_seen(exchange, grant.expires_at);
                let grant = judged(&grant.client_id, &grant.scope, NO_REDIRECT_URI, until)?;
                Input::Recovered { scope: refresh::Request::scope(&view), grant: Some(Box::new(grant)) }
            }
            Output::Refresh { grant, .. } if grant.client_id == exchange.client.id => return Ok(()),
            _ => return Err(OBJECTION),
        };
    }
    Err(OBJECTION)
}

pub(super) fn judge_client_credentials(exchange: &Exchange<'_>, scope: &Scope) -> Result<(), DirectError> {
    use client_credentials::{ClientCredentials, Input, Output};
    let text = scope.to_string();
    let view = View {
        grant_type: GrantType::ClientCredentials,
        client_id: &exchange.client.id,
        code: Cow::Borrowed(""),
        redirect_uri: NO_REDIRECT_URI,
        scope: Some(&text),
    };
    let nowhere: Url = NO_REDIRECT_URI.parse().map_err(|_| OBJECTION)?;
    let redirect_uri = RegisteredUrl::Semantic(nowhere);
    let mut machine = ClientCredentials::new(&view);
    let mut input = Input::None;
    for _ in 0..5 {
        input = match machine.advance(input) {
            Output::Authenticate { client, .. } if client == exchange.client.id => Input::Authenticated,
            Output::Binding { client_id } if client_id == exchange.client.id => Input::Bound {
                bound_client: BoundClient {
                    client_id: Cow::Owned(exchange.client.id.clone()),
                    redirect_uri: Cow::Owned(redirect_uri.clone()),
                },
            },
            Output::Extend => Input::Extended { extensions: Extensions::new() },
            Output::Negotiate { scope, .. } => Input::Negotiated {
                pre_grant: PreGrant {
                    client_id: exchange.client.id.clone(),
                    redirect_uri: redirect_uri.clone(),
                    scope: scope.ok_or(OBJECTION)?,
                },
            },
            Output::Ok { pre_grant, .. } if pre_grant.client_id == exchange.client.id => return Ok(()),
            _ => return Err(OBJECTION),
        };
    }
    Err(OBJECTION)
}
