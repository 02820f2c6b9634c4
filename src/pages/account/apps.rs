//! One's apps: every client that was allowed something or still holds something.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;

use super::notice::Done;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::scopes::Scopes;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::session::outage;
use crate::id::Id;
use crate::pages::LOGIN;
use crate::pages::caller::Caller;
use crate::pages::name::Name;
use crate::pages::view::{self, Asked, AskedScope, Frame};
use crate::protocol::error::ShownError;
use crate::protocol::resource::Resources;
use crate::protocol::scope::Scope;
use crate::store::resources::Api;
use crate::store::users::User;
use crate::store::{Error, Store, clients, consents, grants};

/// What a client may do for a user: what was agreed, and what was granted without asking.
pub(super) struct Agreed {
    client_id: String,
    name: Name,
    since: Timestamp,
    scope: Scope,
    apis: Vec<Api>,
}

/// The latest first.
pub(super) async fn list(store: &Store, user: Id<User>, now: Timestamp) -> Result<Vec<Agreed>, Error> {
    let consents = consents::list(store.read(), user).await?;
    let grants = grants::list_live(store.read(), user, now).await?;
    let agreed = consents.into_iter().map(|one| (one.client_id, one.scope, one.resources, one.created_at));
    let granted = grants.into_iter().map(|one| {
        let since = one.coded_at();
        (one.client_id, one.scope, one.resources, since)
    });
    let mut apps: BTreeMap<String, (Scope, Resources, Timestamp)> = BTreeMap::new();
    let mut resources = Resources::default();
    for (client_id, scope, called, since) in agreed.chain(granted) {
        resources = resources.union(&called);
        let app = apps.entry(client_id).or_insert_with(|| (Scope::default(), Resources::default(), since));
        *app = (app.0.union(&scope), app.1.union(&called), app.2.min(since));
    }
    let served = if resources.is_empty() { Vec::new() } else { store.apis(&resources).await? };
    // Nobody here may know the API any more.
    let api = |identifier: &str| {
        let served = served.iter().find(|api| api.identifier == identifier).cloned();
        served.unwrap_or_else(|| Api::unnamed(identifier))
    };
    let ids: Vec<&str> = apps.keys().map(String::as_str).collect();
    let clients = clients::find_many(store.read(), &ids).await?;
    let names: BTreeMap<&str, &str> =
        clients.iter().map(|client| (client.id.as_str(), client.name())).collect();
    let mut agreed: Vec<Agreed> = apps
        .into_iter()
        .map(|(client_id, (scope, called, since))| {
            let name = Name::new(names.get(client_id.as_str()).copied().unwrap_or(&client_id));
            Agreed { client_id, name, since, scope, apis: called.iter().map(api).collect() }
        })
        .collect();
    agreed.sort_by_key(|app| std::cmp::Reverse(app.since));
    Ok(agreed)
}

impl Agreed {
    pub(super) fn view<'a>(&'a self, described: &'a Scopes, frame: &Frame<'_>) -> view::App<'a> {
        view::App {
            client_id: &self.client_id,
            name: self.name.clone(),
            since: self.since,
            can: AskedScope::all(&self.scope, described, frame)
                .into_iter()
                .map(Asked::Scope)
                .chain(self.apis.iter().map(Asked::api))
                .collect(),
        }
    }
}

pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(client_id): Path<String>,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let Some((session, user, _)) = caller.accept_of_member(form)? else {
        return Ok(caller.to(LOGIN));
    };
    // No client is called otherwise, and PostgreSQL answers a NUL with an error.
    if !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ShownError::NotFound.into());
    }
    let acts = app.authorizations();
    let ending = acts.withdraw(user.id, &client_id, caller.now).await.map_err(outage)?;
    if ending.is_nothing() {
        return Err(ShownError::NotFound.into());
    }
    Ok(Done::AppRemoved(client_id).tell_with(ending, &caller, &app.issuer.master, session))
}
