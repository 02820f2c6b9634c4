//! The flags that describe a client, and what they make of its metadata (RFC 7591 §2).

use serde_json::{Map, Value};

use crate::cli::input::Source;
use crate::cli::output::Refusal;
use crate::protocol::algorithm::{Algorithm, RequestObjectAlgorithm};
use crate::protocol::client_metadata::{
    AccessTokenFormat, AuthMethod, ClientMetadata, ConsentPolicy, PkceDuty, Profile, SubjectType,
};
use crate::protocol::grant_type::GrantType;
use crate::protocol::response_type::ResponseType;
use crate::protocol::scope::Scope;
use crate::registration;

#[derive(clap::Args)]
pub(in crate::cli) struct Flags {
    /// A JSON object with metadata of RFC 7591; flags count more, and null takes a member back to its default. - reads
    /// it from standard input
    #[arg(long, value_name = "FILE|-")]
    pub(super) metadata: Option<Source>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Where it takes its answers; repeat it for more. On a loopback address any port will do
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// Where it may send people after they signed out; repeat it for more
    #[arg(long, value_name = "URI")]
    post_logout_redirect_uri: Vec<String>,
    /// Where it hears of sign-outs from this server
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// Where it hears of them through the person's browser
    #[arg(long, value_name = "URI")]
    frontchannel_logout_uri: Option<String>,
    /// It cannot keep a secret: an app on a device or in a browser
    #[arg(long, conflicts_with = "auth_method")]
    public: bool,
    /// How it proves itself: client_secret_basic, client_secret_post, client_secret_jwt or private_key_jwt
    #[arg(long, value_name = "METHOD", value_parser = auth_method)]
    auth_method: Option<AuthMethod>,
    /// A JSON file with its public keys, for private_key_jwt: a JWK Set
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<Source>,
    /// Where it publishes its public keys instead
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
    /// Where its request objects may lie; repeat it for more
    #[arg(long, value_name = "URI")]
    request_uri: Vec<String>,
    /// What its request objects are signed with: RS256, PS256, ES256, EdDSA, HS256 or none. Without it: any key of its own
    #[arg(long, value_name = "ALGORITHM", value_parser = request_object)]
    request_object_alg: Option<RequestObjectAlgorithm>,
    /// It asks only by signed request objects
    #[arg(long)]
    require_signed_request_object: bool,
    /// authorization_code, refresh_token or client_credentials; repeat it for more
    #[arg(long, value_name = "TYPE", value_parser = grant_type)]
    grant_type: Vec<GrantType>,
    /// What comes back from the authorization endpoint, like "code id_token"; repeat it for more. Without it: code
    #[arg(long, value_name = "TYPES", value_parser = response_type)]
    response_type: Vec<ResponseType>,
    /// default (strict), or oidc-compat (also the implicit and hybrid flows, and no PKCE for confidential clients)
    #[arg(long, value_parser = profile)]
    profile: Option<Profile>,
    /// What it may ask for, between spaces
    #[arg(long)]
    scope: Option<Scope>,
    /// How its access tokens look: jwt (an API verifies them by itself) or opaque (it asks)
    #[arg(long, value_name = "FORMAT", value_parser = access_token)]
    access_token: Option<AccessTokenFormat>,
    /// Its access tokens name a Token Status List, for APIs that follow no feed
    #[arg(long)]
    status_list: bool,
    /// Its users' identifiers are its own: no app at another host has the same ones (OpenID Connect Core section 8.1)
    #[arg(long)]
    pairwise: bool,
    /// A JSON document with the redirect URIs of all apps that shall have the same ones
    #[arg(long, value_name = "URI", requires = "pairwise")]
    sector_identifier_uri: Option<String>,
    /// What its ID Tokens are signed with: RS256, ES256 or EdDSA
    #[arg(long, value_name = "ALGORITHM")]
    id_token_alg: Option<Algorithm>,
    /// What UserInfo signs its answers with: RS256, ES256 or EdDSA. Without it they are plain JSON
    #[arg(long, value_name = "ALGORITHM")]
    userinfo_alg: Option<Algorithm>,
    /// An API that its access tokens are for; repeat it for more
    #[arg(long, value_name = "URI")]
    audience: Vec<String>,
    /// It is an API, known by this identifier, and may ask about tokens that are for it; repeat it for more
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// It need not use PKCE: for confidential OpenID Connect clients that cannot
    #[arg(long)]
    no_pkce: bool,
    /// It is the operator's own: people are not asked for their consent
    #[arg(long)]
    trusted: bool,
    /// Its home page
    #[arg(long, value_name = "URI")]
    client_uri: Option<String>,
    /// Its picture
    #[arg(long, value_name = "URI")]
    logo_uri: Option<String>,
    /// Its privacy policy
    #[arg(long, value_name = "URI")]
    policy_uri: Option<String>,
    /// Its terms of service
    #[arg(long, value_name = "URI")]
    tos_uri: Option<String>,
}

fn auth_method(text: &str) -> Result<AuthMethod, String> {
    let known = AuthMethod::parse(text).filter(|method| !method.is_public());
    known.ok_or_else(|| {
        "use client_secret_basic, client_secret_post, client_secret_jwt or private_key_jwt, or --public"
            .to_owned()
    })
}

fn request_object(text: &str) -> Result<RequestObjectAlgorithm, String> {
    let names: Vec<_> = RequestObjectAlgorithm::names().collect();
    RequestObjectAlgorithm::parse(text).ok_or_else(|| format!("use {}", names.join(", ")))
}

fn grant_type(text: &str) -> Result<GrantType, String> {
    GrantType::parse(text).ok_or_else(|| format!("use {}", GrantType::ALL.map(GrantType::as_str).join(", ")))
}

fn response_type(text: &str) -> Result<ResponseType, String> {
    ResponseType::parse(text)
        .ok_or_else(|| format!("use {}", ResponseType::ALL.map(ResponseType::as_str).join(", ")))
}

fn profile(text: &str) -> Result<Profile, String> {
    Profile::parse(text).ok_or_else(|| format!("use {}", Profile::ALL.map(Profile::as_str).join(" or ")))
}

fn access_token(text: &str) -> Result<AccessTokenFormat, String> {
    match text {
        "jwt" => Ok(AccessTokenFormat::Jwt),
        "opaque" => Ok(AccessTokenFormat::Opaque),
        _ => Err("use jwt or opaque".to_owned()),
    }
}

impl Flags {
    /// The metadata of a new client.
    pub(super) fn describe(&self) -> Result<ClientMetadata, Refusal> {
        let (mut metadata, document) = self.apply(ClientMetadata::default())?;
        let people = metadata.grant_types.contains(&GrantType::AuthorizationCode);
        if people && self.scope.is_none() && !document.contains_key("scope") {
            metadata.scope = registration::default_scope();
        }
        Ok(metadata)
    }

    /// The metadata of a client after what the flags say was changed.
    pub(super) fn change(&self, metadata: ClientMetadata) -> Result<ClientMetadata, Refusal> {
        self.apply(metadata).map(|(metadata, _)| metadata)
    }

    /// Returns the document too, for who has to know what it said.
    fn apply(&self, base: ClientMetadata) -> Result<(ClientMetadata, Map<String, Value>), Refusal> {
        let document = self.metadata.as_ref().map(Source::object).transpose()?.unwrap_or_default();
        let mut metadata = overlay(base, &document)?;
        let one = |member: &mut Option<String>, flag: &Option<String>| {
            if flag.is_some() {
                member.clone_from(flag);
            }
        };
        let many = |member: &mut Vec<String>, flag: &Vec<String>| {
            if !flag.is_empty() {
                member.clone_from(flag);
            }
        };
        one(&mut metadata.client_name, &self.name);
        one(&mut metadata.client_uri, &self.client_uri);
        one(&mut metadata.logo_uri, &self.logo_uri);
        one(&mut metadata.policy_uri, &self.policy_uri);
        one(&mut metadata.tos_uri, &self.tos_uri);
        one(&mut metadata.sector_identifier_uri, &self.sector_identifier_uri);
        one(&mut metadata.backchannel_logout_uri, &self.backchannel_logout_uri);
        one(&mut metadata.frontchannel_logout_uri, &self.frontchannel_logout_uri);
        many(&mut metadata.redirect_uris, &self.redirect_uri);
        many(&mut metadata.post_logout_redirect_uris, &self.post_logout_redirect_uri);
        many(&mut metadata.request_uris, &self.request_uri);
        many(&mut metadata.audience, &self.audience);
        many(&mut metadata.resources, &self.resource);
        if !self.grant_type.is_empty() {
            metadata.grant_types = self.grant_type.iter().copied().collect();
        }
        self.match_response_types(&mut metadata, &document);
        metadata.profile = self.profile.unwrap_or(metadata.profile);
        if self.public {
            metadata.token_endpoint_auth_method = AuthMethod::None;
        }
        metadata.token_endpoint_auth_method = self.auth_method.unwrap_or(metadata.token_endpoint_auth_method);
        if let Some(file) = &self.jwks_file {
            let jwks = serde_json::from_value(Value::Object(file.object()?))
                .map_err(|error| Refusal::new("invalid_client_metadata", format!("jwks: {error}")))?;
            (metadata.jwks, metadata.jwks_uri) = (Some(jwks), None);
        }
        if let Some(uri) = &self.jwks_uri {
            (metadata.jwks, metadata.jwks_uri) = (None, Some(uri.clone()));
        }
        metadata.request_object_signing_alg = self.request_object_alg.or(metadata.request_object_signing_alg);
        metadata.require_signed_request_object |= self.require_signed_request_object;
        metadata.scope = self.scope.clone().unwrap_or(metadata.scope);
        metadata.access_token_format = self.access_token.unwrap_or(metadata.access_token_format);
        metadata.id_token_signed_response_alg =
            self.id_token_alg.unwrap_or(metadata.id_token_signed_response_alg);
        metadata.userinfo_signed_response_alg = self.userinfo_alg.or(metadata.userinfo_signed_response_alg);
        metadata.status_list |= self.status_list;
        if self.pairwise {
            metadata.subject_type = SubjectType::Pairwise;
        }
        if self.no_pkce {
            metadata.pkce = PkceDuty::Optional;
        }
        if self.trusted {
            metadata.consent = ConsentPolicy::Implied;
        }
        Ok((metadata, document))
    }

    /// RFC 7591 §2.1: response types and grant types go together. Whichever was not said follows from the other.
    fn match_response_types(&self, metadata: &mut ClientMetadata, document: &Map<String, Value>) {
        if !self.response_type.is_empty() {
            metadata.response_types.clone_from(&self.response_type);
        }
        let answers_said = !self.response_type.is_empty() || document.contains_key("response_types");
        let grants_said = !self.grant_type.is_empty() || document.contains_key("grant_types");
        if answers_said && !grants_said {
            let any = |wanted: fn(ResponseType) -> bool| {
                metadata.response_types.iter().any(|response_type| wanted(*response_type))
            };
            let through_browser = any(|one| one.has_id_token() || one.has_access_token());
            let needed = [
                (any(ResponseType::has_code), GrantType::AuthorizationCode),
                (any(ResponseType::has_code), GrantType::RefreshToken),
                (through_browser, GrantType::Implicit),
            ];
            metadata.grant_types = needed
                .into_iter()
                .filter_map(|(is_needed, grant_type)| is_needed.then_some(grant_type))
                .collect();
        } else if grants_said && !answers_said {
            let code = metadata.grant_types.contains(&GrantType::AuthorizationCode);
            metadata.response_types = code.then_some(ResponseType::Code).into_iter().collect();
        }
    }
}

/// Lays the members of `document` over `base`, or says what is wrong with each of them.
fn overlay(base: ClientMetadata, document: &Map<String, Value>) -> Result<ClientMetadata, Refusal> {
    let invalid = |message| Refusal::new("invalid_client_metadata", message);
    let wrong: Vec<String> = document
        .iter()
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(name, value)| {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            let error = serde_json::from_value::<ClientMetadata>(Value::Object(alone)).err()?;
            Some(format!("{name}: {error}"))
        })
        .collect();
    if !wrong.is_empty() {
        return Err(invalid(wrong.join("\n")));
    }
    let Ok(Value::Object(mut whole)) = serde_json::to_value(base) else {
        return Err(invalid("the metadata cannot be written as JSON".to_owned()));
    };
    for (name, value) in document {
        match value {
            Value::Null => whole.remove(name),
            value => whole.insert(name.clone(), value.clone()),
        };
    }
    serde_json::from_value(Value::Object(whole)).map_err(|error| invalid(error.to_string()))
}
