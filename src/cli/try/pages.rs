//! The demonstration's pages: what it shows, and what one can do there.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde_json::Value;

use super::api::Api;
use super::party::{AuthorizationResponse, Party, Tokens};
use super::trace::{Seen, Trace};
use super::visits::{Notice, SignedIn, Visit, Visits};
use crate::http::page::{self, Nonce, Page, Policy};
use crate::pages::assets::Assets;

pub(super) struct Demonstration {
    pub(super) party: Party,
    /// `None`: it tries a server that has set up no API for it.
    pub(super) api: Option<Api>,
    pub(super) visits: Visits,
    pub(super) assets: Assets,
}

type Shared = State<Arc<Demonstration>>;

pub(super) fn router(demonstration: Arc<Demonstration>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/sign-in", get(sign_in))
        .route("/callback", get(callback))
        .route("/userinfo", post(user_info))
        .route("/refresh", post(refresh))
        .route("/basket", post(fill))
        .route("/calls", post(begin_calls))
        .route("/trace", get(trace))
        .route("/backchannel-logout", post(end_from_the_server))
        .route("/sign-out", post(sign_out))
        .route("/try.css", get(style))
        .route("/assets/{name}", get(asset))
        .with_state(demonstration)
}

#[derive(Template)]
#[template(path = "try.html")]
struct TryPage<'a> {
    demonstration: &'a Demonstration,
    signed_in: Option<&'a SignedIn>,
    failure: Option<String>,
    /// The server has ended the session behind this visit.
    was_ended: bool,
}

#[derive(Template)]
#[template(path = "try_trace.html")]
struct TracePage<'a> {
    demonstration: &'a Demonstration,
    seen: Seen,
    was_ended: bool,
    nonce: Nonce,
}

impl Page for TracePage<'_> {
    fn policy(&self) -> Policy {
        Policy::default().running(&self.nonce).fetching()
    }
}

impl TryPage<'_> {
    fn panels(&self, tokens: &Tokens) -> Vec<(&'static str, &'static str, String)> {
        let shown = |claims: Option<Value>| claims.map(|claims| format!("{claims:#}"));
        let opaque = || "An opaque token: only the server knows what it stands for.".to_owned();
        let user_info = self.signed_in.and_then(|signed_in| signed_in.user_info.clone());
        let mut panels = vec![
            ("id-token", "ID Token", shown(tokens.id_token_claims()).unwrap_or_default()),
            ("access-token", "Access token", shown(tokens.access_token_claims()).unwrap_or_else(opaque)),
        ];
        panels.extend(shown(user_info).map(|claims| ("user-info", "UserInfo", claims)));
        panels
    }
}

impl Page for TryPage<'_> {
    fn status(&self) -> StatusCode {
        if self.failure.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK }
    }

    fn policy(&self) -> Policy {
        // The way out leads through a form of ours to the server.
        Policy::default().ending_at(self.demonstration.party.issuer_url())
    }
}

async fn index(State(demonstration): Shared, headers: HeaderMap) -> Response {
    let signed_in = cookie(&headers).and_then(|cookie| demonstration.visits.signed_in(cookie));
    let was_ended = cookie(&headers).is_some_and(|cookie| demonstration.visits.was_ended(cookie));
    let signed_in = signed_in.as_deref();
    page::answer(&TryPage { demonstration: &demonstration, signed_in, failure: None, was_ended })
}

async fn sign_in(State(demonstration): Shared) -> Response {
    match demonstration.party.begin().await {
        Ok((url, attempt)) => {
            let cookie = demonstration.visits.begin(Visit::SigningIn(attempt));
            (set_cookie(&cookie), Redirect::to(url.as_str())).into_response()
        }
        Err(error) => failed(&demonstration, &error),
    }
}

async fn callback(
    State(demonstration): Shared,
    headers: HeaderMap,
    Query(response): Query<AuthorizationResponse>,
) -> Response {
    let visit = cookie(&headers).and_then(|cookie| demonstration.visits.end(cookie));
    let Some(Visit::SigningIn(attempt)) = visit else {
        return failed(
            &demonstration,
            &anyhow::anyhow!("this browser has no sign-in under way: begin again"),
        );
    };
    match demonstration.party.finish(attempt, response).await {
        Ok(tokens) => {
            let notice =
                Notice::Good("Signed in. The ID Token is genuine and was made for this sign-in.".to_owned());
            let tokens = Arc::new(tokens);
            let signed_in = SignedIn { tokens, user_info: None, notice, basket: Vec::new(), trace: None };
            // A new cookie: whoever knew the one of before the sign-in gains nothing.
            let cookie = demonstration.visits.begin(Visit::SignedIn(Arc::new(signed_in)));
            (set_cookie(&cookie), Redirect::to("/")).into_response()
        }
        Err(error) => failed(&demonstration, &error),
    }
}

async fn user_info(State(demonstration): Shared, headers: HeaderMap) -> Response {
    let cookie = cookie(&headers).unwrap_or_default();
    if let Some(before) = demonstration.visits.signed_in(cookie) {
        let after = match demonstration.party.user_info(&before.tokens).await {
            Ok(claims) => SignedIn {
                user_info: Some(claims),
                notice: Notice::Good("UserInfo has answered.".to_owned()),
                ..SignedIn::clone(&before)
            },
            Err(error) => refused(&before, &error),
        };
        demonstration.visits.change(cookie, after);
    }
    Redirect::to("/").into_response()
}

async fn refresh(State(demonstration): Shared, headers: HeaderMap) -> Response {
    let cookie = cookie(&headers).unwrap_or_default();
    if let Some(before) = demonstration.visits.signed_in(cookie) {
        let after = match demonstration.party.refresh(&before.tokens).await {
            Ok(tokens) => SignedIn {
                tokens: Arc::new(tokens),
                notice: Notice::Good("The tokens are new; the old refresh token is used up.".to_owned()),
                ..SignedIn::clone(&before)
            },
            Err(error) => refused(&before, &error),
        };
        demonstration.visits.change(cookie, after);
    }
    Redirect::to("/").into_response()
}

/// What the shop sells.
const GOODS: [&str; 3] = ["Tea", "A teapot", "A very good book"];

async fn fill(State(demonstration): Shared, headers: HeaderMap) -> Response {
    let cookie = cookie(&headers).unwrap_or_default();
    if let Some(before) = demonstration.visits.signed_in(cookie) {
        let mut after = SignedIn::clone(&before);
        after.basket.extend(GOODS.get(before.basket.len() % GOODS.len()));
        after.notice =
            Notice::Good("It is in your basket, which this shop keeps in its own session.".to_owned());
        // More than anybody carries.
        after.basket.truncate(12);
        demonstration.visits.change(cookie, after);
    }
    Redirect::to("/").into_response()
}

async fn begin_calls(State(demonstration): Shared, headers: HeaderMap) -> Response {
    let cookie = cookie(&headers).unwrap_or_default();
    let visit = demonstration.visits.signed_in(cookie);
    let (Some(before), Some(api)) = (visit, &demonstration.api) else {
        return Redirect::to("/").into_response();
    };
    if before.trace.as_ref().is_none_or(|trace| trace.seen().is_over) {
        let trace = Some(Trace::begin(api.clone(), before.tokens.access_token().to_owned()));
        demonstration.visits.change(cookie, SignedIn { trace, ..SignedIn::clone(&before) });
    }
    Redirect::to("/trace").into_response()
}

async fn trace(State(demonstration): Shared, headers: HeaderMap) -> Response {
    let cookie = cookie(&headers).unwrap_or_default();
    let Some(trace) = demonstration.visits.trace(cookie) else {
        return Redirect::to("/").into_response();
    };
    let was_ended = demonstration.visits.was_ended(cookie);
    let (seen, nonce) = (trace.seen(), Nonce::new());
    page::answer(&TracePage { demonstration: &demonstration, seen, was_ended, nonce })
}

#[derive(serde::Deserialize)]
struct LogoutForm {
    logout_token: String,
}

/// OpenID Connect Back-Channel Logout §2.8.
async fn end_from_the_server(State(demonstration): Shared, Form(form): Form<LogoutForm>) -> Response {
    let status = match demonstration.party.ended_session(&form.logout_token).await {
        Ok(session) => {
            demonstration.visits.end_all_of(&session);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    };
    (status, [(CACHE_CONTROL, "no-store")]).into_response()
}

fn refused(before: &SignedIn, error: &anyhow::Error) -> SignedIn {
    let notice = Notice::Bad(format!("The server refused: {error:#}"));
    SignedIn { notice, user_info: None, ..before.clone() }
}

async fn sign_out(State(demonstration): Shared, headers: HeaderMap) -> Response {
    let cookie = cookie(&headers).unwrap_or_default();
    let Some(signed_in) = demonstration.visits.signed_in(cookie) else {
        return Redirect::to("/").into_response();
    };
    demonstration.visits.end(cookie);
    match demonstration.party.sign_out(&signed_in.tokens).await {
        Ok(url) => Redirect::to(url.as_str()).into_response(),
        Err(error) => failed(&demonstration, &error),
    }
}

fn failed(demonstration: &Demonstration, error: &anyhow::Error) -> Response {
    let failure = Some(format!("{error:#}"));
    page::answer(&TryPage { demonstration, signed_in: None, failure, was_ended: false })
}

async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("try.css")).into_response()
}

async fn asset(State(demonstration): Shared, Path(name): Path<String>) -> Response {
    demonstration.assets.answer(&name).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

const NAME: &str = "gatepass-try";

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split("; ")).find_map(|pair| pair.strip_prefix(NAME)?.strip_prefix('='))
}

fn set_cookie(value: &str) -> [(axum::http::HeaderName, String); 1] {
    [(SET_COOKIE, format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Lax"))]
}
