//! Every door on one axum Router, readable as a list, and the layers around them.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::response::Response;
use axum::routing::{get, post};
use tower::service_fn;

use crate::app::App;
use crate::config::Config;
use crate::endpoints::{
    authorize, check_session, discovery, introspection, jwks, registration, revocation, revocation_feed,
    status_list, token, userinfo,
};
use crate::http::cors;
use crate::http::forwarded::Proxies;
use crate::http::front::{Front, Reception};
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::http::request::Hosts;
use crate::http::server::Doors;
use crate::pages;
use crate::pages::view::Look;

/// The doors of the public listener.
pub fn public(app: &App, metrics: Metrics, limits: Limits) -> impl Doors {
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
            .merge(cors::open(discovered(path, &app.config))),
    };
    let front = Front {
        clock: app.clock.clone(),
        proxies: Proxies::of(&app.config.server),
        hosts: Hosts::of(issuer),
        limits,
        metrics,
    };
    let reception = front.before(below_path.fallback(pages::not_found).with_state(app.clone()));
    let house = Arc::new(House { look, reception, is_https: issuer.is_https() });
    service_fn(move |request| {
        let house = house.clone();
        // Boxed, or every connection would keep the room of a request that it does not have.
        async move { Ok(Box::pin(house.answer(request)).await) }
    })
}

/// The routes and everything that is around them.
struct House {
    look: Arc<Look>,
    reception: Reception,
    is_https: bool,
}

impl House {
    /// What the plumbing refuses becomes a page too.
    async fn answer(&self, request: Request) -> Response {
        let answered = async |request| self.reception.answer(request).await;
        let mut response = pages::dress(&self.look, request, answered).await;
        if self.is_https {
            response.headers_mut().insert(STRICT_TRANSPORT_SECURITY, TWO_YEARS);
        }
        response
    }
}

/// What apps that live in a browser need.
fn for_any_origin(config: &Config) -> Router<App> {
    Router::new()
        .route(token::PATH, post(token::exchange))
        .route(revocation::PATH, post(revocation::revoke))
        .route(userinfo::PATH, get(userinfo::get).post(userinfo::post))
        .route(jwks::PATH, jwks::show(config))
        .route(status_list::PATH, get(status_list::show))
        .merge(discovered("", config))
        .merge(registration_of_clients(config))
}

fn discovered(path: &str, config: &Config) -> Router<App> {
    let shown = discovery::show(config);
    Router::new()
        .route(&format!("{}{path}", discovery::OPENID_PATH), shown.clone())
        .route(&format!("{}{path}", discovery::OAUTH_PATH), shown)
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
