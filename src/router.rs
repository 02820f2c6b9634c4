//! Every door on one axum Router, readable as a list, and the layers around them.

use axum::Router;
use axum::extract::Extension;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::config::Config;
use crate::endpoints::{
    authorize, check_session, discovery, introspection, jwks, registration, revocation, revocation_feed,
    status_list, token, userinfo,
};
use crate::http::cors;
use crate::http::forwarded::Proxies;
use crate::http::front::Front;
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::http::request::Hosts;
use crate::pages;

/// The doors of the public listener.
pub fn public(app: &App, metrics: Metrics, limits: Limits) -> Router {
    let issuer = &app.config.issuer.url;
    let look = pages::look(&app.config);
    let doors = Router::new()
        .route(
            authorize::PATH,
            get(authorize::begin)
                .post(authorize::begin_by_post)
                .head(async || authorize::not_by_head("GET,POST")),
        )
        .route(authorize::RESUME_PATH, get(authorize::resume).head(async || authorize::not_by_head("GET")))
        .route(introspection::PATH, post(introspection::introspect))
        .route(revocation_feed::PATH, get(revocation_feed::follow))
        .route(revocation_feed::RECEIPTS_PATH, post(revocation_feed::acknowledge))
        .merge(cors::open(for_any_origin(&app.config)))
        .merge(pages::routes(look.clone()));
    let doors = match app.config.sign_in.session_management {
        true => doors.route(check_session::PATH, get(check_session::show)),
        false => doors,
    };

    let below_path = match issuer.path() {
        "" => doors,
        path => Router::new()
            .nest(path, doors)
            // RFC 8414 §3: for an issuer with a path the well-known part is inserted before it.
            .merge(cors::open(discovered(path))),
    };
    let routes =
        below_path.fallback(pages::not_found).layer(Extension(discovery::Document::new(&app.config)));
    let front = Front {
        clock: app.clock.clone(),
        proxies: Proxies::of(&app.config.server),
        hosts: Hosts::of(issuer),
        limits,
        metrics,
    };
    // Around everything: what the plumbing refuses becomes a page too.
    let dressed = front.before(routes).with_state(app.clone()).layer(from_fn_with_state(look, pages::dress));
    match issuer.is_https() {
        true => dressed.layer(SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, TWO_YEARS)),
        false => dressed,
    }
}

/// What apps that live in a browser need.
fn for_any_origin(config: &Config) -> Router<App> {
    Router::new()
        .route(token::PATH, post(token::exchange))
        .route(revocation::PATH, post(revocation::revoke))
        .route(userinfo::PATH, get(userinfo::get).post(userinfo::post))
        .route(jwks::PATH, get(jwks::show))
        .route(status_list::PATH, get(status_list::show))
        .merge(discovered(""))
        .merge(registration_of_clients(config))
}

fn discovered(path: &str) -> Router<App> {
    Router::new()
        .route(&format!("{}{path}", discovery::OPENID_PATH), get(discovery::show))
        .route(&format!("{}{path}", discovery::OAUTH_PATH), get(discovery::show))
}

fn registration_of_clients(config: &Config) -> Router<App> {
    if !config.registration.is_on() {
        return Router::new();
    }
    let one = get(registration::read).put(registration::replace).delete(registration::remove);
    Router::new()
        .route(registration::PATH, post(registration::register))
        .route(registration::CLIENT_PATH, one)
}

/// RFC 6797 §6.1
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000");
