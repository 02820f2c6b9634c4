//! What is registered of a client (RFC 7591 §2, OpenID Connect Registration §2), plus this server's own settings.

use std::collections::BTreeSet;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::algorithm::{Algorithm, ClientAlgorithm, RequestObjectAlgorithm};
use super::grant_type::GrantType;
use super::resource::Resources;
use super::response_type::ResponseType;
use super::scope::Scope;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    pub application_type: ApplicationType,
    /// How to reach the people behind it, for the operator.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    /// Where its request objects may lie, each as a whole, with its fragment (Registration §2).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<String>,
    /// What its request objects are signed with, and no other. Without it: any key of its own; and under
    /// [`Profile::OidcCompat`] they may be unsigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<RequestObjectAlgorithm>,
    /// It asks only by signed request objects (RFC 9101 §10.5).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_signed_request_object: bool,
    /// Where somebody else may start a sign-in to it (Core §4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Where it hears of sign-outs from us (Back-Channel Logout §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_logout_session_required: bool,
    /// Where it hears of them from the browser (Front-Channel Logout §2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frontchannel_logout_session_required: bool,
    pub grant_types: BTreeSet<GrantType>,
    pub response_types: Vec<ResponseType>,
    pub token_endpoint_auth_method: AuthMethod,
    /// Without it: every algorithm that fits the method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<ClientAlgorithm>,
    /// Its public keys, as a JWK Set (RFC 7517 §5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Jwks>,
    /// Where it publishes them instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// What the client may ask for.
    pub scope: Scope,
    pub subject_type: SubjectType,
    /// A document that lists the redirect URIs of all who share pairwise subjects with it (Core §8.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    pub id_token_signed_response_alg: Algorithm,
    /// Registration §2: without it UserInfo answers with JSON, and so it does with `none`.
    #[serde(deserialize_with = "unless_none", skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// Of an API that asks for introspection as a JWT (RFC 9701 §6).
    pub introspection_signed_response_alg: Algorithm,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u64>,
    /// Every ID Token says it, asked or not.
    pub require_auth_time: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,

    pub profile: Profile,
    /// How access tokens for this client look.
    pub access_token_format: AccessTokenFormat,
    /// Its access tokens name their place in a Token Status List (draft-ietf-oauth-status-list-21 §6).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub status_list: bool,
    /// `aud` of its access tokens; empty means this server itself.
    pub audience: Vec<String>,
    /// The resource identifiers (RFC 8707 §2) that this client serves as an API: it may introspect tokens for them.
    pub resources: Vec<String>,
    pub pkce: PkceDuty,
    pub consent: ConsentPolicy,
}

impl Default for ClientMetadata {
    fn default() -> Self {
        ClientMetadata {
            client_name: None,
            application_type: ApplicationType::Web,
            contacts: Vec::new(),
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            request_uris: Vec::new(),
            request_object_signing_alg: None,
            require_signed_request_object: false,
            initiate_login_uri: None,
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            frontchannel_logout_uri: None,
            frontchannel_logout_session_required: false,
            grant_types: BTreeSet::from([GrantType::AuthorizationCode, GrantType::RefreshToken]),
            response_types: vec![ResponseType::Code],
            token_endpoint_auth_method: AuthMethod::ClientSecretBasic,
            token_endpoint_auth_signing_alg: None,
            jwks: None,
            jwks_uri: None,
            scope: Scope::default(),
            subject_type: SubjectType::Public,
            sector_identifier_uri: None,
            // Registration §2: "The default, if omitted, is RS256."
            id_token_signed_response_alg: Algorithm::RS256,
            userinfo_signed_response_alg: None,
            // RFC 9701 §6: "The default, if omitted, is RS256."
            introspection_signed_response_alg: Algorithm::RS256,
            default_max_age: None,
            require_auth_time: false,
            default_acr_values: Vec::new(),
            profile: Profile::Default,
            access_token_format: AccessTokenFormat::Jwt,
            status_list: false,
            audience: Vec::new(),
            resources: Vec::new(),
            pkce: PkceDuty::Required,
            consent: ConsentPolicy::Asked,
        }
    }
}

fn unless_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Algorithm>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "none" => Ok(None),
        text => text.parse().map(Some).map_err(D::Error::custom),
    }
}

/// Registration §2, `application_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationType {
    Web,
    Native,
}

/// Core §8: whom a subject identifier is the same for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectType {
    /// Everybody.
    Public,
    /// The apps of one sector: apps of two sectors cannot tell that they know the same person.
    Pairwise,
}

impl SubjectType {
    pub const ALL: [SubjectType; 2] = [SubjectType::Public, SubjectType::Pairwise];

    pub const fn as_str(self) -> &'static str {
        match self {
            SubjectType::Public => "public",
            SubjectType::Pairwise => "pairwise",
        }
    }
}

/// A JWK Set whose keys are not read yet (RFC 7517 §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    pub keys: Vec<Map<String, Value>>,
}

/// How a client authenticates (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    None,
    ClientSecretBasic,
    ClientSecretPost,
    /// RFC 7523 §2.2, signed with a key that nobody else has.
    PrivateKeyJwt,
    /// The same, signed with the secret (OIDC Core §9).
    ClientSecretJwt,
}

impl AuthMethod {
    pub const ALL: [AuthMethod; 5] = [
        AuthMethod::None,
        AuthMethod::ClientSecretBasic,
        AuthMethod::ClientSecretPost,
        AuthMethod::PrivateKeyJwt,
        AuthMethod::ClientSecretJwt,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            AuthMethod::None => "none",
            AuthMethod::ClientSecretBasic => "client_secret_basic",
            AuthMethod::ClientSecretPost => "client_secret_post",
            AuthMethod::PrivateKeyJwt => "private_key_jwt",
            AuthMethod::ClientSecretJwt => "client_secret_jwt",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        AuthMethod::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// A public client (RFC 6749 §2.1) cannot keep a secret.
    pub const fn is_public(self) -> bool {
        matches!(self, AuthMethod::None)
    }

    pub const fn has_secret(self) -> bool {
        match self {
            AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost | AuthMethod::ClientSecretJwt => {
                true
            }
            AuthMethod::None | AuthMethod::PrivateKeyJwt => false,
        }
    }

    /// What its assertions may be signed with; empty for a method without assertions.
    pub const fn signing_algorithms(self) -> &'static [ClientAlgorithm] {
        match self {
            AuthMethod::PrivateKeyJwt => &ClientAlgorithm::ASYMMETRIC,
            AuthMethod::ClientSecretJwt => &[ClientAlgorithm::HS256],
            AuthMethod::None | AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost => &[],
        }
    }
}

/// Demands that exclude each other, bundled under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// What RFC 9700 asks for: the code flow only, with PKCE.
    Default,
    /// What OpenID Connect Core allows: also tokens through the browser, and confidential clients without PKCE.
    OidcCompat,
}

impl Profile {
    pub const ALL: [Profile; 2] = [Profile::Default, Profile::OidcCompat];

    pub const fn as_str(self) -> &'static str {
        match self {
            Profile::Default => "default",
            Profile::OidcCompat => "oidc-compat",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Profile::ALL.into_iter().find(|profile| profile.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// RFC 9068: verified without asking us.
    Jwt,
    /// Says nothing to anybody; introspection tells (RFC 7662).
    Opaque,
}

/// Whether a client must prove itself by PKCE. Only a confidential client of OpenID Connect may go without
/// (RFC 9700 §2.1.1), where its `nonce` does the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PkceDuty {
    Required,
    Optional,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentPolicy {
    Asked,
    /// The operator's own app: nobody is asked. Never for public clients (RFC 8252 §8.6).
    Implied,
}

impl ClientMetadata {
    /// Its own setting, or that of its profile. A public client never goes without (RFC 9700 §2.1.1).
    pub fn pkce_duty(&self) -> PkceDuty {
        match (self.token_endpoint_auth_method.is_public(), self.profile, self.pkce) {
            (true, _, _) | (false, Profile::Default, PkceDuty::Required) => PkceDuty::Required,
            (false, Profile::OidcCompat, _) | (false, _, PkceDuty::Optional) => PkceDuty::Optional,
        }
    }

    /// Core §8.1: the host of `sector_identifier_uri`, or the one host that all redirect URIs share. `None`: there is
    /// none.
    pub fn sector(&self) -> Option<String> {
        let host = |uri: &String| Url::parse(uri).ok()?.host_str().map(str::to_owned);
        if let Some(uri) = &self.sector_identifier_uri {
            return host(uri);
        }
        let mut hosts = self.redirect_uris.iter().map(host);
        let first = hosts.next()??;
        hosts.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }

    /// Whether people are asked before the client may call `resources`: the operator's own app calls without asking
    /// what the operator registered for it, and nothing else.
    pub fn consent_to(&self, resources: &Resources) -> ConsentPolicy {
        match resources.is_within(&self.audience.iter().collect()) {
            true => self.consent,
            false => ConsentPolicy::Asked,
        }
    }

    /// A public client that any app on the device can pretend to be, because it answers on a loopback address or
    /// a private-use scheme (RFC 8252 §7 and §8.6).
    pub fn is_impersonable(&self) -> bool {
        self.token_endpoint_auth_method.is_public()
            && !self.redirect_uris.iter().all(|uri| uri.starts_with("https://"))
    }
}
