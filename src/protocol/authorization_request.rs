//! An authorization request that was understood (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1): what is saved
//! while a person signs in, and nothing else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::claims_request::ClaimsRequest;
use super::pkce::CodeChallenge;
use super::resource::Resources;
use super::response_type::{ResponseMode, ResponseType};
use super::scope::Scope;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    pub client_id: String,
    pub redirect_uri: RedirectUri,
    pub response_type: ResponseType,
    pub response_mode: ResponseMode,
    pub scope: Scope,
    /// The APIs that the access token shall be for (RFC 8707 §2).
    #[serde(default, skip_serializing_if = "Resources::is_empty")]
    pub resources: Resources,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub prompt: BTreeSet<Prompt>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The subject of a genuine `id_token_hint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hinted_subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_locales: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    #[serde(default, skip_serializing_if = "ClaimsRequest::is_empty")]
    pub claims: ClaimsRequest,
}

impl AuthorizationRequest {
    /// The levels of assurance that are asked for, in whichever way, best first.
    pub fn wanted_acr(&self) -> impl Iterator<Item = &str> {
        let by_claim = self.claims.acr.iter().flat_map(|acr| &acr.values);
        by_claim.chain(&self.acr_values).map(String::as_str)
    }
}

/// Where the answer goes, and whether the request itself said so: then the token request must say it too
/// (RFC 6749 §4.1.3: "if the redirect_uri parameter was included in the authorization request").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", content = "uri", rename_all = "snake_case")]
pub enum RedirectUri {
    Request(String),
    Registration(String),
}

impl RedirectUri {
    pub fn as_str(&self) -> &str {
        match self {
            RedirectUri::Request(uri) | RedirectUri::Registration(uri) => uri,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    None,
    Login,
    Consent,
    SelectAccount,
}

impl Prompt {
    pub const ALL: [Prompt; 4] = [Prompt::None, Prompt::Login, Prompt::Consent, Prompt::SelectAccount];

    pub const fn as_str(self) -> &'static str {
        match self {
            Prompt::None => "none",
            Prompt::Login => "login",
            Prompt::Consent => "consent",
            Prompt::SelectAccount => "select_account",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Prompt::ALL.into_iter().find(|prompt| prompt.as_str() == text)
    }
}
