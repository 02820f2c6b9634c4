//! Which APIs a request may be for (RFC 8707 §2): those that a client of ours serves, and those that the operator wrote
//! down for the client that asks.

use url::Url;

use crate::protocol::client_id_url::Loopback;
use crate::protocol::error::{SentCode, SentError};
use crate::protocol::redirect_uri;
use crate::protocol::resource::{self, Resources};
use crate::store::clients::Client;
use crate::store::resources::Api;
use crate::store::{self, Store};

/// What is known of the APIs among `asked`. A developer's own ones, on this machine, need nobody to know them.
pub(super) async fn apis(
    store: &Store,
    client: &Client,
    asked: &Resources,
    loopback: Loopback,
) -> Result<Vec<Api>, store::Error> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut apis = store.apis(asked).await?;
    if loopback == Loopback::Allowed {
        let is_unknown =
            |own: &&str| apis.iter().all(|api| resource::key(&api.identifier) != resource::key(own));
        let own: Vec<&str> = asked.iter().filter(|one| is_on_this_machine(one)).filter(is_unknown).collect();
        apis.extend(own.into_iter().map(Api::unnamed));
    }
    let is_new = |own: &&String| apis.iter().all(|api| resource::key(&api.identifier) != resource::key(own));
    let own: Resources = client.metadata.audience.iter().filter(is_new).collect();
    let is_asked = |own: &&str| asked.iter().any(|one| resource::key(one) == resource::key(own));
    apis.extend(own.iter().filter(is_asked).map(Api::unnamed));
    Ok(apis)
}

fn is_on_this_machine(identifier: &str) -> bool {
    Url::parse(identifier).is_ok_and(|url| url.scheme() == "http" && redirect_uri::is_loopback(&url))
}

/// What is asked for, as the APIs themselves write it.
pub(super) async fn known(
    store: &Store,
    client: &Client,
    asked: &Resources,
    loopback: Loopback,
) -> Result<Result<Resources, SentError>, store::Error> {
    let known: Resources =
        apis(store, client, asked, loopback).await?.iter().map(|api| &api.identifier).collect();
    let unknown = "no API that is known here has this resource identifier";
    Ok(asked.among(&known).ok_or(SentError::new(SentCode::InvalidTarget, unknown)))
}
