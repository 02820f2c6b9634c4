//! Clients that register themselves and look after it (RFC 7591 §3, RFC 7592 §2).

use std::time::Duration;

use super::document::{self, Document};
use super::{Identity, Invalid, Refusal, Registered, Renewal, Secrets, sector};
use crate::clock::Timestamp;
use crate::events::{self, Event};
use crate::outbound::Outbound;
use crate::protocol::client_metadata::{ClientMetadata, Profile};
use crate::protocol::grant_type::GrantType;
use crate::protocol::scope::Scope;
use crate::secret::{Fingerprint, RootKey, Secret};
use crate::store::attempts::{self, Allowance, Budget};
use crate::store::clients::{self, Client, Standing};
use crate::store::registrations::{self, Registration};
use crate::store::{self, Store, Transaction, initial_access_tokens};

/// What a stranger's client can become.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub profile: Profile,
    /// The scopes that this server knows. Others mean something to an API, whose operator gives them out.
    pub scope: Scope,
    /// Seals the secrets that clients sign with.
    pub master: RootKey,
    /// Reads sector identifiers.
    pub outbound: Outbound,
}

/// Why somebody may register a client.
#[derive(Clone, Copy, Debug)]
pub enum Admittance {
    /// Everybody may, so often from one address.
    Address(Fingerprint, Budget),
    /// One use of an initial access token.
    Token(Fingerprint),
}

/// A client, and what its developer has to keep.
pub struct Kept {
    pub client: Client,
    /// If there is a new one.
    pub secret: Option<Secret>,
    /// Reads, changes and removes the registration.
    pub access_token: Secret,
}

#[derive(Debug, thiserror::Error)]
pub enum Denied {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The token is unknown, used up or expired, or it is another client's.
    #[error("the token does not allow this")]
    Token,
    /// Too many from one address, until so much time has passed.
    #[error("too many clients were registered from this address")]
    TooMany(Duration),
}

impl From<store::Error> for Denied {
    fn from(error: store::Error) -> Self {
        Denied::Refused(Refusal::Store(error))
    }
}

impl From<Vec<Invalid>> for Denied {
    fn from(wrong: Vec<Invalid>) -> Self {
        Denied::Refused(Refusal::Invalid(wrong))
    }
}

pub async fn register(
    store: &Store,
    bounds: &Bounds,
    admittance: Admittance,
    document: &Document,
    now: Timestamp,
) -> Result<Kept, Denied> {
    let base = ClientMetadata { profile: bounds.profile, ..ClientMetadata::default() };
    let (metadata, wrong) = read(document, &base, &bounds.scope);
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    if metadata.sector_identifier_uri.is_some() {
        // Strangers make us fetch no more often than they may register.
        if let Admittance::Address(..) = admittance {
            store
                .write((admittance, now), |tx, (admittance, now)| Box::pin(admittance.take(tx, *now)))
                .await??;
        }
        sector::prove(&bounds.outbound, None, &metadata).await.map_err(|invalid| vec![invalid])?;
    }
    let identity = Identity { client_id: None, secret: None, master: Some(bounds.master.clone()) };
    let Registered { client, secret } = super::prepare(identity, metadata, now)?;
    let client = Client { standing: Standing::Unverified, ..client };
    let access_token = Secret::new();
    let registration = Registration {
        client_id: client.id.clone(),
        access_token: access_token.fingerprint(),
        registered_at: now,
    };
    store
        .write(
            (client.clone(), registration, admittance, now),
            |tx, (client, registration, admittance, now)| {
                Box::pin(async move {
                    if let Err(denied) = admittance.take(tx, *now).await? {
                        return Ok(Err(denied));
                    }
                    super::add(tx, client, *now).await?;
                    registrations::insert(tx, registration).await?;
                    Ok(Ok(()))
                })
            },
        )
        .await??;
    Ok(Kept { client, secret, access_token })
}

impl Admittance {
    async fn take(self, tx: &Transaction, now: Timestamp) -> Result<Result<(), Denied>, store::Error> {
        Ok(match self {
            Admittance::Address(key, budget) => match attempts::take(tx, key, budget, now).await? {
                Allowance::Granted => Ok(()),
                Allowance::Exhausted(wait) => Err(Denied::TooMany(wait)),
            },
            Admittance::Token(token) => match initial_access_tokens::take(tx, token, now).await? {
                true => Ok(()),
                false => Err(Denied::Token),
            },
        })
    }
}

/// The client whose registration `token` manages.
pub async fn find(store: &Store, client_id: &str, token: &Secret) -> Result<Client, Denied> {
    let registration = registrations::find(store.read(), client_id).await?.ok_or(Denied::Token)?;
    if !registration.access_token.matches(&token.fingerprint()) {
        return Err(Denied::Token);
    }
    let client = clients::find(store.read(), client_id).await?;
    client.filter(Client::is_active).ok_or(Denied::Token)
}

/// Puts `document` in the place of what is registered. Its token is worth nothing from then on: of many that change
/// one client at once, one wins.
pub async fn replace(
    store: &Store,
    bounds: &Bounds,
    client: Client,
    token: &Secret,
    document: &Document,
    now: Timestamp,
) -> Result<Kept, Denied> {
    let (metadata, wrong) = read(document, &client.metadata, &bounds.scope);
    let moved = sector::check_move(&client.metadata, &metadata);
    let wrong: Vec<Invalid> = misnamed(document, &client).into_iter().chain(wrong).chain(moved).collect();
    if !wrong.is_empty() {
        return Err(wrong.into());
    }
    let proven = sector::prove(&bounds.outbound, Some(&client.metadata), &metadata).await;
    proven.map_err(|invalid| vec![invalid])?;
    let method = metadata.token_endpoint_auth_method;
    let Secrets { fresh, secret, sealed_secret } =
        Secrets::of(&client, method, Renewal::IfMissing, Some(&bounds.master));
    // Whoever looked at it has not seen this.
    let standing = Standing::Unverified;
    let client = Client { metadata, secret, sealed_secret, standing, updated_at: now, ..client };
    let next = Secret::new();
    let tokens = (token.fingerprint(), next.fingerprint());
    let changed = store
        .write((client.clone(), tokens, now), |tx, (client, (current, next), now)| {
            Box::pin(async move {
                if !registrations::rotate(tx, &client.id, *current, *next).await? {
                    return Ok(false);
                }
                clients::update(tx, client).await?;
                events::record(tx, &Event::ClientChanged { client: client.id.clone() }, *now).await?;
                Ok(true)
            })
        })
        .await?;
    if !changed {
        return Err(Denied::Token);
    }
    store.forget_client(&client.id);
    Ok(Kept { client, secret: fresh, access_token: next })
}

/// Ends everything of the client and forgets it.
pub async fn remove(store: &Store, client: Client, token: &Secret, now: Timestamp) -> Result<(), Denied> {
    let removed = store
        .write((client.id.clone(), token.fingerprint(), now), |tx, (id, token, now)| {
            Box::pin(async move {
                let is_ours = registrations::give_up(tx, id, *token).await?;
                if is_ours {
                    super::remove(tx, id, *now).await?;
                }
                Ok(is_ours)
            })
        })
        .await?;
    store.forget_client(&client.id);
    if removed { Ok(()) } else { Err(Denied::Token) }
}

/// The metadata that `document` makes, and everything that is wrong with it.
pub(super) fn read(
    document: &Document,
    base: &ClientMetadata,
    known: &Scope,
) -> (ClientMetadata, Vec<Invalid>) {
    let (mut metadata, mut wrong) = document::read(document, base);
    // Nobody agrees to such tokens, so nobody but the operator can say who may have them.
    if metadata.grant_types.contains(&GrantType::ClientCredentials) {
        let why = "client_credentials is for clients that the operator registers";
        wrong.push(Invalid::Metadata { member: "grant_types", why });
    }
    // RFC 7591 §2: the server may "replace any of the client's requested metadata values"; the answer says by what.
    metadata.scope = match metadata.scope.is_empty() {
        true => known.clone(),
        false => metadata.scope.intersection(known),
    };
    // What could not be read was left out, which is no second mistake.
    let members: Vec<&str> = wrong.iter().filter_map(Invalid::member).collect();
    let more = super::check(&metadata);
    let more: Vec<Invalid> =
        more.into_iter().filter(|one| one.member().is_none_or(|member| !members.contains(&member))).collect();
    wrong.extend(more);
    (metadata, wrong)
}

/// RFC 7592 §2.2: the request "MUST include its "client_id" field … and it MUST be the same", its `client_secret` must
/// match if it is there, and what the server alone says must not.
fn misnamed(document: &Document, client: &Client) -> Vec<Invalid> {
    let text = |member| document.get(member).and_then(serde_json::Value::as_str);
    let is_own_secret = |claimed: &str| {
        client.secret.is_some_and(|kept| kept.matches(&Secret::claimed(claimed).fingerprint()))
    };
    let mut wrong = Vec::new();
    let mut must = |holds: bool, member, why| {
        if !holds {
            wrong.push(Invalid::Metadata { member, why });
        }
    };
    must(text("client_id") == Some(client.id.as_str()), "client_id", "it must be the client's own");
    must(
        !document.contains_key("client_secret") || text("client_secret").is_some_and(is_own_secret),
        "client_secret",
        "it must be the client's own, or not be there",
    );
    for member in [
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
    ] {
        must(!document.contains_key(member), member, "only the server says this");
    }
    wrong
}
