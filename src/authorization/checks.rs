//! The checks on an authorization request, in the order in which a developer is told of them.
//!
//! | check | error |
//! |---|---|
//! | `request_object` | invalid_request |
//! | `unsupported_parameters` | registration_not_supported |
//! | `response_type` | invalid_request, unsupported_response_type, unauthorized_client |
//! | `response_mode` | invalid_request |
//! | `scope` | invalid_scope |
//! | `resources` | invalid_target |
//! | `nonce` | invalid_request |
//! | `code_challenge` | invalid_request |
//! | `prompt` | invalid_request |
//! | `max_age` | invalid_request |
//! | `claims` | invalid_request |
//! | `hinted_subject` | invalid_request |
//! | `short_enough` | invalid_request |

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::protocol::authorization_request::{AuthorizationRequest, Prompt, RedirectUri};
use crate::protocol::claims_request::ClaimsRequest;
use crate::protocol::client_metadata::PkceDuty;
use crate::protocol::error::{SentCode, SentError};
use crate::protocol::grant_type::GrantType;
use crate::protocol::parameters::Parameters;
use crate::protocol::pkce::CodeChallenge;
use crate::protocol::resource::Resources;
use crate::protocol::response_type::{ResponseMode, ResponseType};
use crate::protocol::scope::Scope;
use crate::store::clients::Client;
use crate::tokens::{Issuer, id_token};

/// A request that is being read.
pub(super) struct Draft<'a> {
    pub client: &'a Client,
    pub parameters: &'a Parameters,
    pub origin: Origin,
    pub issuer: &'a Issuer,
    pub now: Timestamp,
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Query,
    RequestObject,
}

type Checked<T> = Result<T, SentError>;

const fn invalid<T>(description: &'static str) -> Checked<T> {
    Err(SentError::new(SentCode::InvalidRequest, description))
}

pub(super) fn all(
    draft: &Draft<'_>,
    redirect_uri: RedirectUri,
    mode: ResponseMode,
) -> Checked<AuthorizationRequest> {
    request_object(draft)?;
    unsupported_parameters(draft)?;
    let response_type = response_type(draft)?;
    response_mode(draft, response_type)?;
    let scope = scope(draft, response_type)?;
    let resources = resources(draft)?;
    nonce(draft, response_type)?;
    let code_challenge = code_challenge(draft, response_type, &scope)?;
    let prompt = prompt(draft)?;
    let max_age = max_age(draft)?;
    let claims = claims(draft)?;
    let hinted_subject = hinted_subject(draft)?;
    short_enough(draft)?;
    let text = |name| draft.parameters.get(name).map(str::to_owned);
    Ok(AuthorizationRequest {
        client_id: draft.client.id.clone(),
        redirect_uri,
        response_type,
        response_mode: mode,
        scope,
        resources,
        state: text("state"),
        nonce: text("nonce"),
        code_challenge,
        prompt,
        max_age,
        login_hint: text("login_hint"),
        hinted_subject,
        ui_locales: text("ui_locales"),
        acr_values: draft
            .parameters
            .get("acr_values")
            .map(|values| values.split(' ').take(10).map(str::to_owned).collect())
            .unwrap_or_default(),
        claims,
    })
}

/// OpenID Connect Core §7.2.1: what is not supported is said to be so.
fn unsupported_parameters(draft: &Draft<'_>) -> Checked<()> {
    match draft.parameters.get("registration") {
        Some(_) => Err(SentError::new(
            SentCode::RegistrationNotSupported,
            "this server does not support this parameter",
        )),
        None => Ok(()),
    }
}

/// RFC 9101 §10.5: such a client is not asked for by a query that anybody can write.
fn request_object(draft: &Draft<'_>) -> Checked<()> {
    if draft.origin == Origin::Query && draft.client.metadata.require_signed_request_object {
        return invalid("this client must send its request as a signed request object");
    }
    Ok(())
}

fn response_type(draft: &Draft<'_>) -> Checked<ResponseType> {
    let Some(text) = draft.parameters.get("response_type") else {
        return invalid("response_type is missing");
    };
    let unsupported =
        SentError::new(SentCode::UnsupportedResponseType, "this response_type is not supported");
    let response_type = ResponseType::parse(text).ok_or(unsupported)?;
    let client = draft.client;
    if !client.metadata.response_types.contains(&response_type) {
        return Err(SentError::new(
            SentCode::UnauthorizedClient,
            "this client is not registered for this response_type",
        ));
    }
    Ok(response_type)
}

fn response_mode(draft: &Draft<'_>, response_type: ResponseType) -> Checked<()> {
    match draft.parameters.get("response_mode") {
        Some(text) if ResponseMode::parse(text).is_none() => {
            invalid("this response_mode is not supported: use query, fragment or form_post")
        }
        // Multiple Response Types §3: tokens must not stand in a query.
        Some("query") if response_type.default_mode() == ResponseMode::Fragment => {
            invalid("this response_type does not go with response_mode=query")
        }
        _ => Ok(()),
    }
}

fn scope(draft: &Draft<'_>, response_type: ResponseType) -> Checked<Scope> {
    let refused = |description| SentError::new(SentCode::InvalidScope, description);
    let allowed = &draft.client.metadata.scope;
    let scope = match draft.parameters.get("scope") {
        Some(text) => {
            text.parse::<Scope>().map_err(|_| refused("scope has a character that is not allowed there"))?
        }
        // RFC 6749 §3.3: "a pre-defined default value". Signing in is never a default.
        None => allowed.without("openid").without("offline_access"),
    };
    if !scope.is_within(allowed) {
        return Err(refused("this client is not registered for all of this scope"));
    }
    if response_type.has_id_token() && !scope.is_openid() {
        return Err(refused("an ID Token needs the scope openid"));
    }
    // Core §11 lets it be ignored where nothing could come of it.
    Ok(if draft.client.may_use(GrantType::RefreshToken) { scope } else { scope.without("offline_access") })
}

/// Only their form; whether an API is known here is looked up afterwards.
fn resources(draft: &Draft<'_>) -> Checked<Resources> {
    let malformed = "each resource, 10 at most, must be an absolute URI without a fragment";
    let asked = Resources::asked(draft.parameters.all("resource"));
    asked.map_err(|_| SentError::new(SentCode::InvalidTarget, malformed))
}

/// Core §3.2.2.1 and §3.3.2.11: without it an ID Token from another sign-in could be slipped in.
fn nonce(draft: &Draft<'_>, response_type: ResponseType) -> Checked<()> {
    match draft.parameters.get("nonce") {
        None if response_type.has_id_token() => invalid("nonce is missing: this response_type needs one"),
        _ => Ok(()),
    }
}

fn code_challenge(
    draft: &Draft<'_>,
    response_type: ResponseType,
    scope: &Scope,
) -> Checked<Option<CodeChallenge>> {
    let challenge = draft.parameters.get("code_challenge");
    // RFC 7636 §4.3: a missing method means "plain", which gives the verifier to whoever reads the request.
    match (challenge, draft.parameters.get("code_challenge_method")) {
        (Some(challenge), Some("S256")) => match CodeChallenge::try_from(challenge.to_owned()) {
            Ok(challenge) => Ok(Some(challenge)),
            Err(_) => invalid("code_challenge must be 43 characters of base64url"),
        },
        (Some(_), _) => invalid("code_challenge_method must be S256"),
        (None, Some(_)) => invalid("code_challenge_method stands without a code_challenge"),
        (None, None) if !response_type.has_code() || is_excused_from_pkce(draft.client, scope) => Ok(None),
        (None, None) => invalid("code_challenge is missing: this client must use PKCE with S256"),
    }
}

/// RFC 9700 §2.1.1: never a public client, and others only under OpenID Connect.
fn is_excused_from_pkce(client: &Client, scope: &Scope) -> bool {
    client.metadata.pkce_duty() == PkceDuty::Optional && scope.is_openid()
}

fn prompt(draft: &Draft<'_>) -> Checked<BTreeSet<Prompt>> {
    let Some(text) = draft.parameters.get("prompt") else { return Ok(BTreeSet::new()) };
    let parsed: Option<BTreeSet<Prompt>> = text.split(' ').map(Prompt::parse).collect();
    let Some(prompt) = parsed else {
        return invalid("prompt must be of none, login, consent and select_account");
    };
    // Core §3.1.2.1: "If this parameter contains none with any other value, an error is returned."
    if prompt.contains(&Prompt::None) && prompt.len() > 1 {
        return invalid("prompt=none stands alone");
    }
    Ok(prompt)
}

fn max_age(draft: &Draft<'_>) -> Checked<Option<u64>> {
    let Some(text) = draft.parameters.get("max_age") else { return Ok(None) };
    match text.parse() {
        Ok(seconds) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(seconds)),
        _ => invalid("max_age must be a number of seconds"),
    }
}

fn claims(draft: &Draft<'_>) -> Checked<ClaimsRequest> {
    let Some(text) = draft.parameters.get("claims") else { return Ok(ClaimsRequest::default()) };
    let malformed = "claims is not a JSON object of OpenID Connect Core section 5.5";
    ClaimsRequest::parse(text, |name| draft.issuer.claims.is_known(name)).or(invalid(malformed))
}

fn hinted_subject(draft: &Draft<'_>) -> Checked<Option<String>> {
    let Some(hint) = draft.parameters.get("id_token_hint") else { return Ok(None) };
    match id_token::read_hint(draft.issuer, hint, draft.now) {
        Some(hint) => Ok(Some(hint.subject)),
        None => invalid("id_token_hint is not an ID Token of this server"),
    }
}

/// What is kept while a person signs in has a bound.
fn short_enough(draft: &Draft<'_>) -> Checked<()> {
    let long = ["state", "nonce", "login_hint", "ui_locales", "acr_values"]
        .iter()
        .any(|name| draft.parameters.get(name).is_some_and(|value| value.len() > 2048));
    if long { invalid("state, nonce and the hints have at most 2048 bytes each") } else { Ok(()) }
}
