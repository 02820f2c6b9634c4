//! Agreeing to what an app asks for (OpenID Connect Core §3.1.2.4). All that the page shows is ours: of the request
//! it takes the identifier and nothing else.

use axum::extract::{Path, State};
use axum::response::Response;
use url::Url;

use super::caller::Caller;
use super::name::Name;
use super::view::{self, Asked, AskedScope};
use crate::app::App;
use crate::authorization::agreement;
use crate::http::authorization::failure;
use crate::http::form::{BodyForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::session::{Tie, outage};
use crate::id::Id;
use crate::protocol::error::ShownError;
use crate::protocol::resource::Resources;
use crate::store::authorizations::Pending;
use crate::store::consents;

pub const PATH: &str = "/consent/{id}";

pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = read(&id)?;
    let acts = app.authorizations();
    let opened = acts.open(id, caller.visit.browser(), caller.now).await;
    let (pending, client) = opened.map_err(failure)?;
    let Some((session, user)) = caller.member() else { return Ok(sign_in_first(&caller, id)) };
    if pending.session_id.is_some_and(|bound| bound != session.id) {
        return Err(Problem::of_client(ShownError::SessionChanged, Some(client.name().to_owned())));
    }
    let redirect_uri = Url::parse(pending.request.redirect_uri.as_str());
    let redirect_uri = redirect_uri.map_err(|_| ShownError::UnregisteredRedirectUri)?;

    let consent = consents::find(app.store.read(), user.id, &client.id).await.map_err(outage)?;
    let (scope, resources) = consent.map(|before| (before.scope, before.resources)).unwrap_or_default();
    let frame = caller.frame(pending.request.ui_locales.as_deref());
    let wanted = agreement(&app.issuer, &pending.request);
    let apis = acts.apis(&client, &pending.request.resources).await.map_err(outage)?;
    let scopes = AskedScope::all(&wanted, &app.config.issuer.scopes, &frame).into_iter();
    let scopes = scopes.map(|one| (scope.contains(one.token), Asked::Scope(one)));
    let apis = apis
        .iter()
        .map(|api| (Resources::from_iter([&api.identifier]).is_within(&resources), Asked::api(api)));
    let (already, asked): (Vec<_>, Vec<_>) = scopes.chain(apis).partition(|(is_agreed, _)| *is_agreed);
    let [already, asked] =
        [already, asked].map(|all| all.into_iter().map(|(_, one)| one).collect::<Vec<_>>());
    // The client wants to hear it again, or somebody could pretend to be it: then everything is asked.
    let (already, asked) = if asked.is_empty() { (asked, already) } else { (already, asked) };
    Ok(caller.see(&view::Consent {
        frame,
        csrf: &caller.visit.csrf(Tie::Session),
        authorization: &id.to_string(),
        client: &view::Client::of(&client),
        redirect_uri: &redirect_uri,
        user: Name::new(user.username.as_str()),
        asked,
        already,
    }))
}

pub async fn submit(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let id = read(&id)?;
    let Some((.., form)) = caller.accept_of_member(form)? else { return Ok(sign_in_first(&caller, id)) };
    match form.get("action") {
        Some("allow") => {
            let acts = app.authorizations();
            acts.consent(id, &caller.visit.visitor(), caller.now).await.map_err(failure)?;
            Ok(caller.to(&format!("/authorize/{id}")))
        }
        Some("deny") => deny(&app, &caller, id).await,
        _ => Err(ShownError::MalformedRequest.into()),
    }
}

/// The person does not want to.
pub(super) async fn deny(app: &App, caller: &Caller, id: Id<Pending>) -> Result<Response, Problem> {
    let acts = app.authorizations();
    let outcome = acts.deny(id, &caller.visit.visitor(), caller.now).await.map_err(failure)?;
    Ok(caller.follow(outcome))
}

fn read(id: &str) -> Result<Id<Pending>, Problem> {
    id.parse().map_err(|_| ShownError::UnknownAuthorization.into())
}

fn sign_in_first(caller: &Caller, id: Id<Pending>) -> Response {
    caller.to(&format!("/login?authorization={id}"))
}
