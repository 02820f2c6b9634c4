//! Signing in by password, for an app or for one's own account.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use url::Url;

use super::caller::Caller;
use super::{ACCOUNT, LOGIN, consent, view};
use crate::app::App;
use crate::authorization::must_prove_again;
use crate::http::authorization::failure;
use crate::http::form::{BodyForm, QueryForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::session::{Tie, outage};
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::error::ShownError;
use crate::protocol::parameters::Parameters;
use crate::secret::Secret;
use crate::sign_in::attempt::{Answer, Attempt, Unproven};
use crate::store::authorizations::Pending;
use crate::store::clients::Client;
use crate::store::sessions::Persistence;

/// The authorization request that a sign-in is for.
struct Waiting {
    pending: Pending,
    client: Arc<Client>,
}

/// What stands in the form when it is shown.
#[derive(Default)]
struct Entered<'a> {
    username: &'a str,
    remember: bool,
    refusal: Option<view::Refusal>,
}

pub async fn show(
    State(app): State<App>,
    caller: Caller,
    query: Result<QueryForm, Unreadable>,
) -> Result<Response, Problem> {
    let QueryForm(query) = query?;
    let waiting = Waiting::named_in(&query, &app, &caller).await?;
    if waiting.is_none() && caller.visit.session.is_some() {
        return Ok(caller.to(ACCOUNT));
    }
    Ok(page(&caller, waiting.as_ref(), Entered::default()))
}

pub async fn submit(
    State(app): State<App>,
    caller: Caller,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let form = caller.accept(form, Tie::Browser)?;
    let waiting = Waiting::named_in(&form, &app, &caller).await?;
    let authorization = waiting.as_ref().map(|waiting| waiting.pending.id);
    if form.get("action") == Some("cancel") {
        let Some(id) = authorization else { return Ok(caller.to(LOGIN)) };
        return consent::deny(&app, &caller, id).await;
    }

    let username = form.get("username").unwrap_or_default();
    let remember = form.get("remember").is_some();
    let attempt = Attempt {
        username: username.to_owned(),
        // Spaces count, also at the ends.
        password: Secret::claimed(form.get("password").unwrap_or_default()),
        place: caller.place(),
        persistence: if remember { Persistence::Kept } else { Persistence::Window },
        current: caller.visit.session.as_ref().map(|(session, _)| session.clone()),
        authorization,
    };
    let refusal = match app.sign_in.with_password(attempt, caller.now).await.map_err(outage)? {
        Answer::SignedIn { secret, session } => {
            let onward = match authorization {
                Some(id) => caller.to(&format!("/authorize/{id}")),
                None => caller.to(ACCOUNT),
            };
            return Ok(caller.visit.signed_in(onward, &secret, &session));
        }
        Answer::Unproven(Unproven::Busy) => {
            return Err(ShownError::Unavailable.into());
        }
        Answer::Unproven(Unproven::Wrong) => view::Refusal::WrongCredentials,
        Answer::Unproven(Unproven::Wait(wait)) => view::Refusal::Throttled { wait },
    };
    Ok(page(&caller, waiting.as_ref(), Entered { username, remember, refusal: Some(refusal) }))
}

impl Waiting {
    async fn named_in(parameters: &Parameters, app: &App, caller: &Caller) -> Result<Option<Self>, Problem> {
        let Some(id) = parameters.get("authorization") else { return Ok(None) };
        let id = id.parse().map_err(|_| ShownError::UnknownAuthorization)?;
        let acts = app.authorizations();
        let opened = acts.open(id, caller.visit.browser(), caller.now).await;
        let (pending, client) = opened.map_err(failure)?;
        Ok(Some(Waiting { pending, client }))
    }

    fn request(&self) -> &AuthorizationRequest {
        &self.pending.request
    }
}

fn page(caller: &Caller, waiting: Option<&Waiting>, entered: Entered<'_>) -> Response {
    let request = waiting.map(Waiting::request);
    let again = waiting.zip(caller.visit.session.as_ref()).filter(|(waiting, (session, _))| {
        must_prove_again(&waiting.client, &waiting.pending, session, caller.now)
    });
    let expected = request
        .and_then(|request| request.login_hint.as_deref())
        .or(again.map(|(_, (_, user))| user.username.as_str()));
    let client = waiting.map(|waiting| view::Client::of(&waiting.client));
    let authorization = waiting.map(|waiting| waiting.pending.id.to_string());
    let redirect_uri = request.and_then(|request| Url::parse(request.redirect_uri.as_str()).ok());
    caller.see(&view::SignIn {
        frame: caller.frame(request.and_then(|request| request.ui_locales.as_deref())),
        csrf: &caller.visit.csrf(Tie::Browser),
        authorization: authorization.as_deref(),
        client: client.as_ref(),
        redirect_uri: redirect_uri.as_ref(),
        occasion: if again.is_some() { view::Occasion::Again } else { view::Occasion::Fresh },
        username: if entered.refusal.is_some() { entered.username } else { expected.unwrap_or_default() },
        remember: entered.remember,
        refusal: entered.refusal,
    })
}
