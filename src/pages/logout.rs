//! Signing out, asked for by an app or by the person (OpenID Connect RP-Initiated Logout §2).

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use url::Url;
use url::form_urlencoded::Serializer;

use super::LOGOUT;
use super::caller::Caller;
use super::name::Name;
use super::view::{LoggedOut, LogoutConfirm, SigningOut};
use crate::app::App;
use crate::http::authorization::see_other;
use crate::http::form::{BodyForm, QueryForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::session::{Tie, outage};
use crate::logout::{self, Decision, Duty, Failure, Then};
use crate::protocol::parameters::Parameters;
use crate::store::users::User;

/// What a request may say (RP-Initiated Logout §2), as far as it is judged again after the question.
const JUDGED: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

pub async fn ask(
    State(app): State<App>,
    method: Method,
    caller: Caller,
    query: Result<QueryForm, Unreadable>,
) -> Result<Response, Problem> {
    let QueryForm(parameters) = query?;
    let mut decision = decide(&app, &caller, &parameters).await?;
    if method == Method::HEAD {
        decision.duty = Duty::Ask;
    }
    act(&app, &caller, &parameters, decision).await
}

pub async fn ask_by_post(
    State(app): State<App>,
    caller: Caller,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let BodyForm(parameters) = form?;
    let decision = decide(&app, &caller, &parameters).await?;
    if !caller.visit.is_known() {
        // An app's own page sent it, and such a POST carries no cookies (SameSite=Lax); a GET does. A cookie set now
        // would take the place of the one that was held back.
        let mut query = Serializer::new(String::new());
        query.extend_pairs(sent(&parameters));
        query.extend_pairs(parameters.get("ui_locales").map(|locales| ("ui_locales", locales)));
        return Ok(see_other(&caller.path(&format!("{LOGOUT}?{}", query.finish()))));
    }
    act(&app, &caller, &parameters, decision).await
}

/// The person was asked, and agrees.
pub async fn confirm(
    State(app): State<App>,
    caller: Caller,
    form: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let Some((.., form)) = caller.accept_of_member(form)? else { return Ok(caller.to(LOGOUT)) };
    let decision = decide(&app, &caller, &form).await?;
    sign_out(&app, &caller, decision.then).await
}

async fn decide(app: &App, caller: &Caller, parameters: &Parameters) -> Result<Decision, Problem> {
    let session = caller.visit.session.as_ref().map(|(session, _)| session);
    logout::decide(&app.store, &app.issuer, parameters, session, caller.now).await.map_err(|failure| {
        match failure {
            Failure::Shown(error, client) => Problem::of_client(error, client),
            Failure::Outage(error) => outage(error),
        }
    })
}

async fn act(
    app: &App,
    caller: &Caller,
    parameters: &Parameters,
    decision: Decision,
) -> Result<Response, Problem> {
    match (decision.duty, &caller.visit.session) {
        (Duty::SignOut, _) => sign_out(app, caller, decision.then).await,
        (Duty::Ask, Some((_, user))) => Ok(question(caller, parameters, &decision, user)),
        (Duty::Ask, None) => Ok(caller.see(&LoggedOut { frame: caller.frame(parameters.get("ui_locales")) })),
    }
}

fn question(caller: &Caller, parameters: &Parameters, decision: &Decision, user: &User) -> Response {
    // What nothing proves is not taken along.
    let parameters_again = match decision.client {
        Some(_) => sent(parameters),
        None => Vec::new(),
    };
    let return_to = match &decision.then {
        Then::Redirect(uri) => Url::parse(uri).ok(),
        Then::SignedOutPage => None,
    };
    caller.see(&LogoutConfirm {
        frame: caller.frame(parameters.get("ui_locales")),
        csrf: &caller.visit.csrf(Tie::Session),
        user: Name::new(user.username.as_str()),
        client: decision.client.as_ref().map(|client| Name::new(client.name())),
        parameters: &parameters_again,
        return_to: return_to.as_ref(),
    })
}

fn sent(parameters: &Parameters) -> Vec<(&'static str, &str)> {
    JUDGED.into_iter().filter_map(|name| Some((name, parameters.get(name)?))).collect()
}

async fn sign_out(app: &App, caller: &Caller, then: Then) -> Result<Response, Problem> {
    let mut frames = Vec::new();
    if let Some((session, _)) = &caller.visit.session {
        if app.config.sign_in.frontchannel_logout {
            frames = logout::frames(&app.store, &app.issuer, session).await.map_err(outage)?;
        }
        logout::sign_out(&app.store, session, caller.now).await.map_err(outage)?;
    }
    let target = match then {
        Then::Redirect(uri) => uri,
        // Without the parameters, which the browser would keep in its history.
        Then::SignedOutPage => caller.path(LOGOUT),
    };
    let onward = match frames.is_empty() {
        true => caller.visit.mark(see_other(&target)),
        false => caller.see(&SigningOut { frame: caller.frame(None), frames: &frames, target: &target }),
    };
    Ok(caller.visit.signed_out(onward))
}
