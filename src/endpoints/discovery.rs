//! Discovery (OpenID Connect Discovery §3, RFC 8414): what is on, from the same enums that the code uses.

use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use serde::Serialize;

use super::{
    END_SESSION_PATH, authorize, check_session, introspection, jwks, registration, revocation, token,
    userinfo,
};
use crate::config::Config;
use crate::protocol::algorithm::{Algorithm, ClientAlgorithm, RequestObjectAlgorithm};
use crate::protocol::authorization_request::Prompt;
use crate::protocol::client_metadata::{AuthMethod, SubjectType};
use crate::protocol::grant_type::GrantType;
use crate::protocol::response_type::{ResponseMode, ResponseType};
use crate::protocol::scope::STANDARD_SCOPES;
use crate::sign_in::assurance::Assurance;
use crate::tokens::claims::Catalogue;

pub const OPENID_PATH: &str = "/.well-known/openid-configuration";
pub const OAUTH_PATH: &str = "/.well-known/oauth-authorization-server";

#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    end_session_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    client_id_metadata_document_supported: bool,
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    frontchannel_logout_supported: bool,
    frontchannel_logout_session_supported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_session_iframe: Option<String>,
    scopes_supported: Vec<&'a str>,
    response_types_supported: Vec<&'static str>,
    response_modes_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    code_challenge_methods_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    introspection_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    subject_types_supported: Vec<&'static str>,
    id_token_signing_alg_values_supported: Vec<&'static str>,
    userinfo_signing_alg_values_supported: Vec<&'static str>,
    acr_values_supported: Vec<&'static str>,
    claim_types_supported: [&'static str; 1],
    claims_supported: Vec<&'a str>,
    prompt_values_supported: Vec<&'static str>,
    ui_locales_supported: [&'static str; 2],
    authorization_response_iss_parameter_supported: bool,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    require_request_uri_registration: bool,
    request_object_signing_alg_values_supported: Vec<&'static str>,
}

/// Shows the document, which is made once.
pub fn show<S: Clone + Send + Sync + 'static>(config: &Config) -> MethodRouter<S> {
    let document = document(config);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    get(async move || (headers, document).into_response())
}

fn document(config: &Config) -> Bytes {
    let at = |path: &str| format!("{}{path}", config.issuer.url.base());
    let methods = || AuthMethod::ALL.into_iter();
    let names = |methods: &mut dyn Iterator<Item = AuthMethod>| methods.map(AuthMethod::as_str).collect();
    let assertions = || ClientAlgorithm::ALL.map(ClientAlgorithm::as_str).to_vec();
    let catalogue = Catalogue::of(&config.issuer.scopes);
    let custom = config.issuer.scopes.keys().map(String::as_str);
    let metadata = Metadata {
        issuer: config.issuer.url.as_str(),
        authorization_endpoint: at(authorize::PATH),
        token_endpoint: at(token::PATH),
        userinfo_endpoint: at(userinfo::PATH),
        jwks_uri: at(jwks::PATH),
        introspection_endpoint: at(introspection::PATH),
        revocation_endpoint: at(revocation::PATH),
        end_session_endpoint: at(END_SESSION_PATH),
        registration_endpoint: config.registration.is_on().then(|| at(registration::PATH)),
        client_id_metadata_document_supported: config.registration.client_id_metadata_documents,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        frontchannel_logout_supported: config.sign_in.frontchannel_logout,
        frontchannel_logout_session_supported: config.sign_in.frontchannel_logout,
        check_session_iframe: config.sign_in.session_management.then(|| at(check_session::PATH)),
        scopes_supported: STANDARD_SCOPES.into_iter().chain(custom).collect(),
        response_types_supported: ResponseType::ALL.map(ResponseType::as_str).to_vec(),
        response_modes_supported: ResponseMode::ALL.map(ResponseMode::as_str).to_vec(),
        grant_types_supported: GrantType::ALL.map(GrantType::as_str).to_vec(),
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: names(&mut methods()),
        token_endpoint_auth_signing_alg_values_supported: assertions(),
        introspection_endpoint_auth_methods_supported: names(
            &mut methods().filter(|method| !method.is_public()),
        ),
        introspection_endpoint_auth_signing_alg_values_supported: assertions(),
        introspection_signing_alg_values_supported: Algorithm::ALL.map(Algorithm::as_str).to_vec(),
        revocation_endpoint_auth_methods_supported: names(&mut methods()),
        revocation_endpoint_auth_signing_alg_values_supported: assertions(),
        subject_types_supported: SubjectType::ALL.map(SubjectType::as_str).to_vec(),
        id_token_signing_alg_values_supported: Algorithm::ALL.map(Algorithm::as_str).to_vec(),
        userinfo_signing_alg_values_supported: Algorithm::ALL.map(Algorithm::as_str).to_vec(),
        acr_values_supported: Assurance::ALL.map(Assurance::acr).to_vec(),
        claim_types_supported: ["normal"],
        claims_supported: ["sub", "auth_time", "acr", "amr", "sid"]
            .into_iter()
            .chain(catalogue.names())
            .collect(),
        prompt_values_supported: Prompt::ALL.map(Prompt::as_str).to_vec(),
        ui_locales_supported: ["en", "ko"],
        authorization_response_iss_parameter_supported: true,
        claims_parameter_supported: true,
        request_parameter_supported: true,
        request_uri_parameter_supported: true,
        require_request_uri_registration: true,
        request_object_signing_alg_values_supported: RequestObjectAlgorithm::names().collect(),
    };
    Bytes::from(serde_json::to_vec(&metadata).expect("metadata is text and lists of text"))
}
