//! The score of an authorization request (RFC 6749 §4.1, OpenID Connect Core §3.1).
//!
//! `begin` reads it, `resume` takes it up again after each page, and both end in an answer to the client, in a
//! page for the person, or in an error that is shown because nothing can be sent.

pub mod checks;
mod interaction;
mod issuance;
mod referee;
mod refusal;
pub mod request;
mod request_object;
pub mod response;
mod session_state;
mod target;

use std::sync::Arc;
use std::time::Duration;

use interaction::Next;
pub use interaction::{Page, agreement, must_prove_again};
use issuance::Issuance;
use refusal::Refused;
pub use request_object::ClientHosts;
pub use response::Response;

use crate::clock::Timestamp;
use crate::events::{self, Event};
use crate::id::Id;
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::client_id_url;
use crate::protocol::error::{SentCode, SentError, ShownError};
use crate::protocol::parameters::Parameters;
use crate::protocol::redirect_uri;
use crate::protocol::resource::Resources;
use crate::registration::discovery::{self, Discovery};
use crate::revocation::{self, Ending};
use crate::secret::Fingerprint;
use crate::sign_in::hashing::Hashing;
use crate::store::authorizations::{self, Pending, Step};
use crate::store::clients::Client;
use crate::store::consents::{self, Consent};
use crate::store::resources::Api;
use crate::store::sessions::Session;
use crate::store::users::User;
use crate::store::{self, Store};
use crate::tokens::Issuer;

/// How long a person may take from the first page to the last one.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

pub struct Authorizations<'a> {
    pub store: &'a Store,
    pub issuer: &'a Issuer,
    pub discovery: &'a Discovery,
    pub hashing: &'a Hashing,
}

/// Who is at the browser.
pub struct Visitor {
    pub browser: Fingerprint,
    pub session: Option<(Session, User)>,
    /// What the browser's scripts can tell sessions apart by, if that is on.
    pub browser_state: Option<String>,
}

/// Whether the browser's cookies came along. A cross-site POST carries none (SameSite=Lax), so it is taken up
/// again by a GET.
pub enum Arrival<'a> {
    Known(&'a Visitor),
    CrossSite,
}

impl<'a> Arrival<'a> {
    fn visitor(&self) -> Option<&'a Visitor> {
        match self {
            Arrival::Known(visitor) => Some(visitor),
            Arrival::CrossSite => None,
        }
    }
}

#[derive(Debug)]
pub enum Outcome {
    /// Back to the client.
    Answer(Response),
    /// On to a page.
    Continue(Id<Pending>, Page),
    /// A refusal that takes nobody anywhere before they want to go there.
    Detain(Arc<Client>, Response),
}

#[derive(Debug)]
pub enum Failure {
    /// With the name of the client, where it is known.
    Shown(ShownError, Option<String>),
    /// What the developer of a client that nobody registered has to do, and where the client is if that is sure.
    Unusable {
        client: Option<String>,
        why: String,
    },
    Outage(store::Error),
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Failure::Outage(error)
    }
}

impl From<ShownError> for Failure {
    fn from(error: ShownError) -> Self {
        Failure::Shown(error, None)
    }
}

impl Authorizations<'_> {
    /// Takes a request from the client, by way of the browser.
    pub async fn begin(
        &self,
        hosts: &ClientHosts<'_>,
        parameters: &Parameters,
        arrival: Arrival<'_>,
        now: Timestamp,
    ) -> Result<Outcome, Failure> {
        let (client, request) = match request::read(self, hosts, parameters, now).await? {
            request::Reading::Understood(client, request) => (client, *request),
            request::Reading::Refused(client, target, error) => {
                return self.refuse(&client, Refused::Unread(target), error, arrival.visitor()).await;
            }
        };
        let mut pending = Pending {
            id: Id::new(),
            request,
            browser: None,
            session_id: None,
            signed_in_at: None,
            consented_at: None,
            completed_at: None,
            expires_at: now.plus(PATIENCE),
        };
        let page = match arrival {
            Arrival::CrossSite => Page::Resume,
            Arrival::Known(visitor) => {
                pending.browser = Some(visitor.browser);
                match self.next(&client, &pending, visitor, now).await? {
                    Next::Page(page) => page,
                    Next::Refuse(error) => {
                        let refused = Refused::Read(&pending.request);
                        return self.refuse(&client, refused, error, Some(visitor)).await;
                    }
                    Next::Issue => return self.issue(&client, &pending.request, visitor, now).await,
                }
            }
        };
        // Nobody shall type a password for nothing. Those who have begun come first.
        if page == Page::SignIn && self.hashing.is_crowded() {
            return Err(ShownError::Unavailable.into());
        }
        let id = pending.id;
        self.store.write_once(pending, |tx, pending| Box::pin(authorizations::insert(tx, pending))).await?;
        Ok(Outcome::Continue(id, page))
    }

    /// Takes a request up again. Only one caller gets the answer for the client.
    pub async fn resume(
        &self,
        id: Id<Pending>,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Outcome, Failure> {
        let (pending, client) = self.open(id, visitor.browser, now).await?;
        match self.next(&client, &pending, visitor, now).await? {
            Next::Page(page) => Ok(Outcome::Continue(id, page)),
            Next::Refuse(error) => {
                self.finish(id, now).await?;
                self.refuse(&client, Refused::Read(&pending.request), error, Some(visitor)).await
            }
            Next::Issue => {
                self.finish(id, now).await?;
                self.issue(&client, &pending.request, visitor, now).await
            }
        }
    }

    /// The person does not want to: `access_denied`.
    pub async fn deny(&self, id: Id<Pending>, visitor: &Visitor, now: Timestamp) -> Result<Outcome, Failure> {
        let (pending, client) = self.open(id, visitor.browser, now).await?;
        let denied = SentError::new(SentCode::AccessDenied, "the person did not allow it");
        self.finish(id, now).await?;
        self.refuse(&client, Refused::Read(&pending.request), denied, Some(visitor)).await
    }

    /// The person agrees to what the request asks for.
    pub async fn consent(&self, id: Id<Pending>, visitor: &Visitor, now: Timestamp) -> Result<(), Failure> {
        let (pending, client) = self.open(id, visitor.browser, now).await?;
        let Some((session, user)) = &visitor.session else {
            return Err(ShownError::SessionChanged.into());
        };
        // SE-16: somebody else signed in in another tab after this page was made.
        if pending.session_id.is_some_and(|bound| bound != session.id) {
            return Err(ShownError::SessionChanged.into());
        }
        let agreed = (agreement(self.issuer, &pending.request), pending, client, session.id, user.id, now);
        let noted = self
            .store
            .write(agreed, |tx, (agreed, pending, client, session, user, now)| {
                Box::pin(async move {
                    if !authorizations::note(tx, pending.id, Step::Consented, *session, *now).await? {
                        return Ok(false);
                    }
                    discovery::keep(tx, client, *now).await?;
                    let before = consents::find(tx, *user, &client.id).await?;
                    let scope = match &before {
                        Some(before) => before.scope.union(agreed),
                        None => agreed.clone(),
                    };
                    let resources = match &before {
                        Some(before) => before.resources.union(&pending.request.resources),
                        None => pending.request.resources.clone(),
                    };
                    let consent = Consent {
                        user_id: *user,
                        client_id: client.id.clone(),
                        scope,
                        resources,
                        created_at: before.map_or(*now, |before| before.created_at),
                        updated_at: *now,
                    };
                    consents::give(tx, &consent).await?;
                    let event = Event::ConsentGiven {
                        user: *user,
                        client: client.id.clone(),
                        scope: agreed.to_string(),
                    };
                    events::record(tx, &event, *now).await?;
                    Ok(true)
                })
            })
            .await?;
        if noted { Ok(()) } else { Err(ShownError::CompletedAuthorization.into()) }
    }

    /// The person takes back all that was agreed with a client.
    pub async fn withdraw(
        &self,
        user: Id<User>,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Ending, store::Error> {
        let withdrawn = (user, client_id.to_owned(), now);
        let ended = self
            .store
            .write(withdrawn, |tx, (user, client, now)| {
                Box::pin(revocation::end_app(tx, *user, client, *now))
            })
            .await?;
        self.store.posted().notify_one();
        Ok(ended)
    }

    /// A request that waits, for the browser that began it.
    pub async fn open(
        &self,
        id: Id<Pending>,
        browser: Fingerprint,
        now: Timestamp,
    ) -> Result<(Pending, Arc<Client>), Failure> {
        let pending = authorizations::find(self.store.read(), id).await?;
        let mut pending = pending.ok_or(ShownError::UnknownAuthorization)?;
        if pending.completed_at.is_some() {
            return Err(ShownError::CompletedAuthorization.into());
        }
        if now >= pending.expires_at {
            return Err(ShownError::ExpiredAuthorization.into());
        }
        match pending.browser {
            Some(own) if own.matches(&browser) => {}
            Some(_) => return Err(ShownError::OtherBrowser.into()),
            None => {
                let binding = (id, browser);
                let bound = self
                    .store
                    .write_once(binding, |tx, (id, browser)| {
                        Box::pin(authorizations::bind(tx, *id, *browser))
                    })
                    .await?;
                if !bound {
                    return Err(ShownError::OtherBrowser.into());
                }
                pending.browser = Some(browser);
            }
        }
        // PJ-11: the client may have changed since the request came in.
        let client = self.client(&pending.request.client_id, now).await?;
        if !redirect_uri::is_registered(pending.request.redirect_uri.as_str(), &client.metadata.redirect_uris)
        {
            return Err(Failure::Shown(ShownError::UnregisteredRedirectUri, Some(client.name().to_owned())));
        }
        Ok((pending, client))
    }

    /// What is known of the APIs that a client asks for.
    pub async fn apis(&self, client: &Client, asked: &Resources) -> Result<Vec<Api>, store::Error> {
        target::apis(self.store, client, asked, self.discovery.loopback()).await
    }

    /// The client that a request names.
    async fn client(&self, client_id: &str, now: Timestamp) -> Result<Arc<Client>, Failure> {
        let found = self.discovery.find(client_id, now).await.map_err(|failure| match failure {
            discovery::Failure::Malformed(why) => Failure::Unusable { client: None, why: why.to_owned() },
            discovery::Failure::Unusable(why) => {
                Failure::Unusable { client: Some(client_id_url::authority(client_id).to_owned()), why }
            }
            discovery::Failure::Busy => ShownError::Unavailable.into(),
            discovery::Failure::Store(error) => error.into(),
        })?;
        Ok(found.filter(|client| client.is_active()).ok_or(ShownError::UnknownClient)?)
    }

    /// Only one caller gets past this: the one that answers the client.
    async fn finish(&self, id: Id<Pending>, now: Timestamp) -> Result<(), Failure> {
        let completing = (id, now);
        let won = self
            .store
            .write_once(completing, |tx, (id, now)| Box::pin(authorizations::complete(tx, *id, *now)))
            .await?;
        if won { Ok(()) } else { Err(ShownError::CompletedAuthorization.into()) }
    }

    async fn issue(
        &self,
        client: &Client,
        request: &AuthorizationRequest,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Outcome, Failure> {
        let Some((session, user)) = &visitor.session else {
            return Err(ShownError::SessionChanged.into());
        };
        let issuance =
            Issuance { store: self.store, issuer: self.issuer, client, request, session, user, now };
        let mut response = issuance.answer().await?;
        if let Some(browser_state) = &visitor.browser_state {
            session_state::tell(&mut response, request, browser_state);
        }
        Ok(Outcome::Answer(response))
    }

    async fn next(
        &self,
        client: &Client,
        pending: &Pending,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Next, Failure> {
        let consent = match &visitor.session {
            Some((_, user)) => consents::find(self.store.read(), user.id, &client.id).await?,
            None => None,
        };
        Ok(interaction::next(self.issuer, client, pending, visitor, consent.as_ref(), now))
    }
}
