//! The account page: who one is, one's password, one's devices, one's apps. Each section posts to its own file.

mod apps;
mod confirmation;
mod devices;
mod notice;
mod password;
mod profile;

use axum::Router;
use axum::extract::State;
use axum::http::header::REFRESH;
use axum::response::Response;
use axum::routing::{get, post};

use self::confirmation::Progress;
use self::notice::Done;
use super::caller::Caller;
use super::name::Name;
use super::view::{self, Confirmation, Notice, PasswordRefusal, Profile};
use super::{ACCOUNT, LOGIN};
use crate::app::App;
use crate::http::form::{QueryForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::session::{Tie, outage};
use crate::store::sessions::Session;
use crate::store::users::User;

pub fn routes() -> Router<App> {
    Router::new()
        .route(ACCOUNT, get(show))
        .route("/account/profile", get(back).post(profile::save))
        .route("/account/password", get(back).post(password::change))
        .route("/account/devices/end-others", post(devices::end_others))
        .route("/account/devices/{id}/end", post(devices::end))
        .route("/account/apps/{client_id}/remove", post(apps::remove))
}

/// Whoever was told of a mistake there and loads the tab again.
async fn back(caller: Caller) -> Response {
    caller.to(ACCOUNT)
}

async fn show(
    State(app): State<App>,
    caller: Caller,
    query: Result<QueryForm, Unreadable>,
) -> Result<Response, Problem> {
    let QueryForm(query) = query?;
    let Some((session, user)) = caller.member() else { return Ok(caller.to(LOGIN)) };
    let letter = query.get("done").unwrap_or_default();
    let Some((done, number)) = Done::read(letter, &app.issuer.master, session, caller.now) else {
        return page(&app, &caller, session, user, Said::default()).await;
    };
    let notice = Some(done.notice(&app.store, user.id).await.map_err(outage)?);
    let Some(number) = number else {
        return page(&app, &caller, session, user, Said { notice, ..Said::default() }).await;
    };
    let looks = query.get("look").and_then(|look| look.parse().ok()).unwrap_or_default();
    let progress = Progress { number, looks, again: caller.path(&notice::place(letter)) };
    let confirmation = progress.see(&app.store, caller.now).await.map_err(outage)?;
    let said = Said { notice, confirmation, ..Said::default() };
    let refresh = said.confirmation.as_ref().and_then(|confirmation| progress.refresh(confirmation));
    let mut response = page(&app, &caller, session, user, said).await?;
    if let Some(refresh) = refresh {
        response.headers_mut().insert(REFRESH, refresh);
    }
    Ok(response)
}

/// What the page says besides what is stored.
#[derive(Default)]
struct Said {
    notice: Option<Notice>,
    /// Who has heard of what was just ended.
    confirmation: Option<Confirmation>,
    /// What was just typed, with what is wrong about it.
    profile: Option<Profile>,
    password_refusal: Option<PasswordRefusal>,
}

async fn page(
    app: &App,
    caller: &Caller,
    session: &Session,
    user: &User,
    said: Said,
) -> Result<Response, Problem> {
    let sessions = devices::list(app, session, caller.now).await.map_err(outage)?;
    let apps = apps::list(&app.store, user.id, caller.now).await.map_err(outage)?;
    let frame = caller.frame(None);
    Ok(caller.see(&view::Account {
        frame,
        csrf: &caller.visit.csrf(Tie::Session),
        now: caller.now,
        user: called(user),
        username: user.username.as_str(),
        notice: said.notice,
        confirmation: said.confirmation,
        profile: said.profile.unwrap_or_else(|| profile::stored(user)),
        password_length: app.sign_in.policy.minimum_characters,
        password_refusal: said.password_refusal,
        sessions,
        apps: apps.iter().map(|agreed| agreed.view(&app.config.issuer.scopes, &frame)).collect(),
    }))
}

/// What the user likes to be called.
fn called(user: &User) -> Name {
    let names = ["name", "given_name", "nickname"].iter();
    let mut names = names.filter_map(|claim| user.claims.get(*claim)?.as_str()).map(Name::new);
    names.find(|name| !name.is_empty()).unwrap_or_else(|| Name::new(user.username.as_str()))
}
