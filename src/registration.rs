//! From metadata to a client: the rules that every way of registering shares (RFC 7591 §2, RFC 8252, RFC 9700 §2.1).

pub mod discovery;
pub mod document;
pub mod dynamic;
mod keys;
mod metadata_document;
pub mod sector;

pub use self::keys::{Renewal, Secrets};

use url::{Host, Url};

use crate::clock::Timestamp;
use crate::events::{self, Event};
use crate::id::Id;
use crate::protocol::client_metadata::{
    ApplicationType, AuthMethod, ClientMetadata, ConsentPolicy, PkceDuty, Profile,
};
use crate::protocol::grant_type::GrantType;
use crate::protocol::redirect_uri::{self, LONGEST};
use crate::protocol::resource;
use crate::protocol::response_type::ResponseType;
use crate::protocol::scope::Scope;
use crate::revocation;
use crate::secret::{RootKey, Secret};
use crate::store::clients::{self, Client, Origin, Standing, Status, seal_secret};
use crate::store::users::User;
use crate::store::{self, Store, Transaction, consents, registrations};

/// What is wrong with a registration; `error` is the code of RFC 7591 §3.2.2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("{uri}: {why}")]
    RedirectUri { uri: String, why: &'static str },
    #[error("{member}: {why}")]
    Metadata { member: &'static str, why: &'static str },
    #[error("software_statement: this server takes none; leave it out")]
    SoftwareStatement,
}

impl Invalid {
    pub const fn error(&self) -> &'static str {
        match self {
            Invalid::RedirectUri { .. } => "invalid_redirect_uri",
            Invalid::Metadata { .. } => "invalid_client_metadata",
            Invalid::SoftwareStatement => "unapproved_software_statement",
        }
    }

    const fn member(&self) -> Option<&'static str> {
        match self {
            Invalid::Metadata { member, .. } => Some(member),
            Invalid::RedirectUri { .. } | Invalid::SoftwareStatement => None,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Everything that is wrong, at once.
    #[error("{}", .0.iter().map(Invalid::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Invalid>),
    #[error("a client with this client_id exists already")]
    Exists,
    #[error(transparent)]
    Store(store::Error),
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Exists => Refusal::Exists,
            error => Refusal::Store(error),
        }
    }
}

/// What a client may ask for when its registration does not say.
pub fn default_scope() -> Scope {
    crate::protocol::scope::STANDARD_SCOPES.join(" ").parse().unwrap_or_default()
}

/// A client as it is registered, with the secret that is shown once.
pub struct Registered {
    pub client: Client,
    pub secret: Option<Secret>,
}

/// Who the new client is: named by the server, or by the operator.
pub struct Identity {
    pub client_id: Option<String>,
    /// An operator may bring a secret along; otherwise 256 random bits are made.
    pub secret: Option<Secret>,
    /// Seals the secret of a client that signs with it (client_secret_jwt); no other registration needs it.
    pub master: Option<RootKey>,
}

/// Writes a new client.
pub async fn register(
    store: &Store,
    identity: Identity,
    metadata: ClientMetadata,
    now: Timestamp,
) -> Result<Registered, Refusal> {
    let registered = prepare(identity, metadata, now)?;
    store
        .write((registered.client.clone(), now), |tx, (client, now)| Box::pin(add(tx, client, *now)))
        .await?;
    Ok(registered)
}

async fn add(tx: &Transaction, client: &Client, now: Timestamp) -> Result<(), store::Error> {
    clients::insert(tx, client).await?;
    events::record(tx, &Event::ClientAdded { client: client.id.clone() }, now).await
}

/// Ends everything of a client and forgets it.
pub async fn remove(tx: &Transaction, client_id: &str, now: Timestamp) -> Result<(), store::Error> {
    clients::remove(tx, client_id).await?;
    registrations::remove(tx, client_id).await?;
    // A later client of the same name inherits nothing.
    consents::remove_all_for(tx, client_id).await?;
    events::record(tx, &Event::ClientRemoved { client: client_id.to_owned() }, now).await?;
    revocation::end_client(tx, client_id, now).await?;
    Ok(())
}

/// A new client that is not written yet.
fn prepare(identity: Identity, metadata: ClientMetadata, now: Timestamp) -> Result<Registered, Refusal> {
    let mut wrong = check(&metadata);
    let client_id = identity.client_id.unwrap_or_else(|| Id::<Client>::new().uuid().to_string());
    wrong.extend(check_client_id(&client_id));
    wrong.extend(identity.secret.as_ref().and_then(check_secret));
    if identity.master.is_none() {
        wrong.extend(keys::check_sealing(&metadata, None));
    }
    if !wrong.is_empty() {
        return Err(Refusal::Invalid(wrong));
    }
    let method = metadata.token_endpoint_auth_method;
    let secret = method.has_secret().then(|| identity.secret.unwrap_or_default());
    let signs_with_it = secret.as_ref().filter(|_| method == AuthMethod::ClientSecretJwt);
    let sealed_secret =
        signs_with_it.zip(identity.master).map(|(secret, master)| seal_secret(&master, &client_id, secret));
    let client = Client {
        id: client_id,
        metadata,
        secret: secret.as_ref().map(Secret::fingerprint),
        sealed_secret,
        status: Status::Active,
        standing: Standing::Verified,
        origin: Origin::Registration,
        created_at: now,
        updated_at: now,
    };
    Ok(Registered { client, secret })
}

/// Writes a changed client. Its metadata is checked as a new one's would be.
pub async fn change(store: &Store, client: Client, now: Timestamp) -> Result<Client, Refusal> {
    let mut wrong = check(&client.metadata);
    wrong.extend(keys::check_sealing(&client.metadata, client.sealed_secret.as_deref()));
    if !wrong.is_empty() {
        return Err(Refusal::Invalid(wrong));
    }
    let client = Client { updated_at: now, ..client };
    store
        .write((client.clone(), now), |tx, (client, now)| {
            Box::pin(async move {
                clients::update(tx, client).await?;
                events::record(tx, &Event::ClientChanged { client: client.id.clone() }, *now).await?;
                if client.status == Status::Disabled(*now) {
                    revocation::end_client(tx, &client.id, *now).await?;
                }
                Ok(())
            })
        })
        .await?;
    store.forget_client(&client.id);
    Ok(client)
}

/// Everything that is wrong with `metadata`.
pub fn check(metadata: &ClientMetadata) -> Vec<Invalid> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, member, why| {
        if !holds {
            wrong.push(Invalid::Metadata { member, why });
        }
    };
    let is_public = metadata.token_endpoint_auth_method.is_public();
    let uses = |grant_type| metadata.grant_types.contains(&grant_type);

    must(!metadata.grant_types.is_empty(), "grant_types", "at least one is needed");
    must(
        !(is_public && uses(GrantType::ClientCredentials)),
        "grant_types",
        "a public client cannot use client_credentials (RFC 6749 section 4.4)",
    );
    must(
        uses(GrantType::AuthorizationCode) || !uses(GrantType::RefreshToken),
        "grant_types",
        "refresh_token needs authorization_code",
    );
    let answers = &metadata.response_types;
    let through_browser = |answer: &ResponseType| answer.has_id_token() || answer.has_access_token();
    must(
        answers.iter().any(|answer| answer.has_code()) == uses(GrantType::AuthorizationCode),
        "response_types",
        "code goes with the grant type authorization_code, and only with it (RFC 7591 section 2.1)",
    );
    must(
        answers.iter().any(through_browser) == uses(GrantType::Implicit),
        "response_types",
        "id_token and token go with the grant type implicit, and only with it (RFC 7591 section 2.1)",
    );
    must(
        metadata.profile == Profile::OidcCompat || !uses(GrantType::Implicit),
        "response_types",
        "tokens through the browser are for clients of the profile oidc-compat (RFC 9700 section 2.1.2)",
    );
    must(
        !metadata.redirect_uris.is_empty() || answers.is_empty(),
        "redirect_uris",
        "a client that people sign in to needs at least one",
    );
    must(metadata.redirect_uris.len() <= MOST, "redirect_uris", "at most 50");
    must(metadata.post_logout_redirect_uris.len() <= MOST, "post_logout_redirect_uris", "at most 50");
    must(
        !(is_public && metadata.pkce == PkceDuty::Optional),
        "pkce",
        "a public client always uses PKCE (RFC 9700 section 2.1.1)",
    );
    must(
        !(is_public && metadata.consent == ConsentPolicy::Implied),
        "consent",
        "people are always asked about a public client (RFC 8252 section 8.6)",
    );
    must(
        metadata.client_name.as_deref().is_none_or(is_name),
        "client_name",
        "1 to 100 characters, none of them a control character",
    );
    keys::check(metadata, &mut must);
    sector::check(metadata, &mut must);
    for (member, uri) in [
        ("client_uri", &metadata.client_uri),
        ("logo_uri", &metadata.logo_uri),
        ("policy_uri", &metadata.policy_uri),
        ("tos_uri", &metadata.tos_uri),
        ("initiate_login_uri", &metadata.initiate_login_uri),
    ] {
        must(uri.as_deref().is_none_or(is_web_page), member, "an https URL of at most 2048 bytes");
    }
    for (member, texts) in
        [("contacts", &metadata.contacts), ("default_acr_values", &metadata.default_acr_values)]
    {
        let all = texts.len() <= 10 && texts.iter().all(|text| is_name(text));
        must(all, member, "at most 10, each of 1 to 100 characters, none of them a control character");
    }
    must(
        metadata.backchannel_logout_uri.as_deref().is_none_or(is_callable),
        "backchannel_logout_uri",
        "an https URL without a fragment, or http on a loopback address (Back-Channel Logout section 2.2)",
    );
    must(
        metadata.frontchannel_logout_uri.as_deref().is_none_or(|uri| {
            is_callable(uri)
                && metadata.redirect_uris.iter().any(|own| redirect_uri::is_same_origin(uri, own))
        }),
        "frontchannel_logout_uri",
        "an https URL, or http on a loopback address, at the origin of a redirect URI (Front-Channel Logout section 2)",
    );
    for (member, identifiers) in [("audience", &metadata.audience), ("resources", &metadata.resources)] {
        let all = identifiers.len() <= resource::MOST
            && identifiers.iter().all(|identifier| resource::is_identifier(identifier));
        must(all, member, "at most 10 absolute URIs without a fragment (RFC 8707 section 2)");
    }
    // Registration §2, application_type: "Web Clients using the OAuth Implicit Grant Type MUST only register URLs
    // using the https scheme as redirect_uris; they MUST NOT use localhost as the hostname."
    must(
        metadata.application_type == ApplicationType::Native
            || !uses(GrantType::Implicit)
            || metadata.redirect_uris.iter().all(|uri| is_on_the_web(uri)),
        "redirect_uris",
        "a web client of the implicit or hybrid flow has https URIs that are not on localhost",
    );
    // Beyond that their number has been complained about.
    let uris = metadata.redirect_uris.iter().chain(&metadata.post_logout_redirect_uris).take(2 * MOST);
    wrong.extend(uris.filter_map(|uri| {
        let why = redirect_uri::fault(uri, is_public)?;
        let shown = uri.chars().filter(|c| !c.is_control()).take(200).collect();
        Some(Invalid::RedirectUri { uri: shown, why })
    }));
    wrong
}

const MOST: usize = 50;

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= 100 && !name.chars().any(char::is_control)
}

fn is_web_page(uri: &str) -> bool {
    uri.len() <= LONGEST
        && redirect_uri::is_plain(uri)
        && Url::parse(uri).is_ok_and(|url| url.scheme() == "https")
}

fn is_on_the_web(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| url.scheme() == "https" && url.host() != Some(Host::Domain("localhost")))
}

fn is_callable(uri: &str) -> bool {
    redirect_uri::fault(uri, false).is_none()
}

fn check_client_id(client_id: &str) -> Option<Invalid> {
    let is_text =
        (1..=200).contains(&client_id.len()) && client_id.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_text {
        let why = "1 to 200 printable ASCII characters without spaces";
        return Some(Invalid::Metadata { member: "client_id", why });
    }
    // RFC 9068 §5: the subject of a client's own token must not be mistaken for a person's.
    client_id.parse::<Id<User>>().is_ok().then_some(Invalid::Metadata {
        member: "client_id",
        why: "it has the form of a user's subject identifier",
    })
}

/// Fingerprints protect random secrets only: whatever a person makes up must be long.
fn check_secret(secret: &Secret) -> Option<Invalid> {
    let is_long = (32..=512).contains(&secret.reveal().len())
        && secret.reveal().bytes().all(|byte| byte.is_ascii_graphic());
    (!is_long).then_some(Invalid::Metadata {
        member: "client_secret",
        why: "32 to 512 printable ASCII characters; leave it out to have one made",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_complaint_is_made_at_once() {
        let metadata = ClientMetadata {
            logo_uri: Some("javascript:alert(1)".to_owned()),
            redirect_uris: vec!["http://app.example/cb".to_owned()],
            client_name: Some("\u{1}".to_owned()),
            ..ClientMetadata::default()
        };
        let errors: Vec<_> = check(&metadata).iter().map(Invalid::error).collect();
        assert_eq!(errors, ["invalid_client_metadata", "invalid_client_metadata", "invalid_redirect_uri"]);
    }
}
