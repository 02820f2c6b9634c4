//! Clients that nobody registered: their metadata stands at the URL that is their identifier
//! (draft-ietf-oauth-client-id-metadata-document-02 §5).
//!
//! Until somebody agrees to such a client it lives in this node's memory; from then on it is a row like any other, so
//! that its tokens, its agreements and its removal are those of every client, on every node.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::Semaphore;

use super::{Invalid, metadata_document, sector};
use crate::clock::Timestamp;
use crate::events::{self, Event};
use crate::outbound::{self, Outbound};
use crate::protocol::client_id_url::{self, Loopback};
use crate::protocol::client_metadata::ClientMetadata;
use crate::protocol::scope::Scope;
use crate::store::clients::{self, Client, Origin, Standing, Status};
use crate::store::{self, Store, Transaction};

/// §5.2: the server "MAY define its own upper and/or lower bounds on an acceptable cache lifetime".
const SHORTEST: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// A document that cannot be used is not remembered as such (§5.2), but its host is left in peace for so long.
const PAUSE: Duration = Duration::from_secs(5);
/// Bytes of documents that are remembered in all.
const ROOM: u64 = 16 * 1024 * 1024;
/// Documents that are fetched from one host in a minute: strangers must not send us against somebody.
const VISITS: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);
/// Documents that are fetched at once.
const SEATS: usize = 256;

/// Whether clients are looked for at their identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documents {
    Ignored,
    Read(Loopback),
}

#[derive(Debug)]
pub enum Failure {
    /// What is wrong with the client's URL.
    Malformed(&'static str),
    /// What is wrong with its document, for its developer.
    Unusable(String),
    /// Too many are fetched just now.
    Busy,
    Store(store::Error),
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Failure::Store(error)
    }
}

/// Finds clients, registered or not.
pub struct Discovery {
    store: Store,
    outbound: Outbound,
    documents: Documents,
    /// What such a client may ask for.
    scope: Scope,
    places: Cache<String, Arc<Place>>,
    hosts: Cache<String, Arc<Mutex<(Timestamp, u32)>>>,
    seats: Semaphore,
}

#[derive(Default)]
struct Place {
    memory: Mutex<Option<Memory>>,
    /// Held by who fetches; the others wait and then share what it found.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Memory {
    found: Result<Arc<ClientMetadata>, String>,
    until: Timestamp,
}

impl Discovery {
    pub fn new(store: Store, outbound: Outbound, documents: Documents, scope: Scope) -> Self {
        // The largest document, and what surrounds it.
        let weight = u32::try_from(metadata_document::LARGEST).unwrap_or(u32::MAX);
        Discovery {
            store,
            outbound,
            documents,
            scope,
            places: Cache::builder()
                .max_capacity(ROOM)
                .weigher(move |_, _| weight)
                .time_to_live(LONGEST)
                .build(),
            hosts: Cache::builder().max_capacity(10_000).time_to_live(MINUTE).build(),
            seats: Semaphore::new(SEATS),
        }
    }

    /// Whether what a developer runs on this machine counts.
    pub fn loopback(&self) -> Loopback {
        match self.documents {
            Documents::Read(loopback) => loopback,
            Documents::Ignored => Loopback::Refused,
        }
    }

    /// The client of this identifier, for the endpoints to which people come. At the others only those are known to
    /// which somebody has agreed.
    pub async fn find(&self, client_id: &str, now: Timestamp) -> Result<Option<Arc<Client>>, Failure> {
        let kept = self.store.client(client_id).await?;
        if let Some(client) = &kept
            && (client.origin == Origin::Registration || !client.is_active())
        {
            return Ok(kept);
        }
        let Documents::Read(loopback) = self.documents else { return Ok(None) };
        if !client_id_url::is_url(client_id) {
            return Ok(None);
        }
        if let Some(fault) = client_id_url::fault(client_id, loopback) {
            return Err(Failure::Malformed(fault));
        }
        let metadata = self.metadata(client_id, now).await?;
        match kept {
            Some(client) if client.metadata == *metadata => Ok(Some(client)),
            Some(client) => self.follow(&client, &metadata, now).await.map(Some),
            None => Ok(Some(Arc::new(Client {
                id: client_id.to_owned(),
                metadata: ClientMetadata::clone(&metadata),
                secret: None,
                sealed_secret: None,
                status: Status::Active,
                standing: Standing::Unverified,
                origin: Origin::Document,
                created_at: now,
                updated_at: now,
            }))),
        }
    }

    /// §8.4: what the document says has changed since it was kept.
    async fn follow(
        &self,
        client: &Client,
        metadata: &ClientMetadata,
        now: Timestamp,
    ) -> Result<Arc<Client>, Failure> {
        if let Some(moved) = sector::check_move(&client.metadata, metadata) {
            return Err(Failure::Unusable(in_ascii(&[moved])));
        }
        self.store
            .write((client.id.clone(), metadata.clone(), now), |tx, (id, metadata, now)| {
                Box::pin(async move {
                    clients::follow(tx, id, metadata, *now).await?;
                    events::record(tx, &Event::ClientChanged { client: id.clone() }, *now).await
                })
            })
            .await?;
        self.store.forget_client(&client.id);
        Ok(Arc::new(Client { metadata: metadata.clone(), updated_at: now, ..client.clone() }))
    }

    async fn metadata(&self, client_id: &str, now: Timestamp) -> Result<Arc<ClientMetadata>, Failure> {
        let place = self.places.get_with(client_id.to_owned(), Arc::default);
        if let Some(found) = place.remembered(now) {
            return found.map_err(Failure::Unusable);
        }
        let _turn = place.fetching.lock().await;
        if let Some(found) = place.remembered(now) {
            return found.map_err(Failure::Unusable);
        }
        if !self.may_visit(client_id_url::authority(client_id), now) {
            return Err(Failure::Busy);
        }
        let Ok(_seat) = self.seats.try_acquire() else { return Err(Failure::Busy) };
        let memory = match self.fetch(client_id).await {
            Ok((metadata, fresh_for)) => {
                let span = fresh_for.unwrap_or(SHORTEST).clamp(SHORTEST, LONGEST);
                Memory { found: Ok(Arc::new(metadata)), until: now.plus(span) }
            }
            Err(why) => {
                tracing::info!(client_id, why, "a client's metadata document cannot be used");
                Memory { found: Err(why), until: now.plus(PAUSE) }
            }
        };
        place.remember(memory.clone());
        memory.found.map_err(Failure::Unusable)
    }

    async fn fetch(&self, client_id: &str) -> Result<(ClientMetadata, Option<Duration>), String> {
        let document = self.outbound.dated_document(client_id).await;
        let document = document.map_err(|failure| {
            tracing::warn!(client_id, %failure, "a client's metadata document could not be fetched");
            self.excuse(&failure)
        })?;
        if document.body.len() > metadata_document::LARGEST {
            return Err("the document is larger than 5 KB".to_owned());
        }
        let metadata = metadata_document::read(client_id, &document.body, &self.scope);
        let metadata = metadata.map_err(|wrong| in_ascii(&wrong))?;
        let proven = sector::prove(&self.outbound, None, &metadata).await;
        proven.map_err(|wrong| in_ascii(&[wrong]))?;
        Ok((metadata, document.fresh_for))
    }

    /// What strangers may know about a fetch that failed. How our network looks they must not learn from us, unless
    /// it is a developer's own machine.
    fn excuse(&self, failure: &outbound::Failure) -> String {
        use outbound::Failure;
        let what = match failure {
            Failure::Scheme | Failure::Port | Failure::Status(_) | Failure::NotJson | Failure::TooLarge => {
                failure.to_string()
            }
            _ if self.documents == Documents::Read(Loopback::Allowed) => failure.to_string(),
            _ => "its host does not answer as a public https server does".to_owned(),
        };
        let what = format!("the document could not be fetched: {what}");
        what.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).take(300).collect()
    }

    fn may_visit(&self, host: &str, now: Timestamp) -> bool {
        let visits = self.hosts.get_with(host.to_ascii_lowercase(), || Arc::new(Mutex::new((now, 0))));
        let mut visits = visits.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= visits.0.plus(MINUTE) {
            *visits = (now, 0);
        }
        visits.1 = visits.1.saturating_add(1);
        visits.1 <= VISITS
    }
}

impl Place {
    fn remembered(&self, now: Timestamp) -> Option<Result<Arc<ClientMetadata>, String>> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.as_ref().filter(|memory| now < memory.until).map(|memory| memory.found.clone())
    }

    fn remember(&self, memory: Memory) {
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Some(memory);
    }
}

/// Keeps a client to which somebody agrees, if it is not kept yet.
pub async fn keep(tx: &Transaction, client: &Client, now: Timestamp) -> Result<(), store::Error> {
    if client.origin == Origin::Document && clients::keep(tx, client).await? {
        events::record(tx, &Event::ClientAdded { client: client.id.clone() }, now).await?;
    }
    Ok(())
}

/// What the client sent may stand in it, so that it is bounded and in ASCII.
fn in_ascii(wrong: &[Invalid]) -> String {
    let whole = wrong.iter().map(Invalid::to_string).collect::<Vec<_>>().join("; ");
    whole.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).take(1000).collect()
}
