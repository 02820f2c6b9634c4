//! Every door on one axum Router, readable as a list, and the layers around them.

use axum::Router;
use axum::extract::Extension;
use axum::http::HeaderValue;
use axum::http::header::STRICT_TRANSPORT_SECURITY;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::App;
use crate::endpoints::{authorize, discovery, introspection, jwks, revocation, token, userinfo};
use crate::http::forwarded::Proxies;
use crate::http::front::Front;
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::http::problem::Problem;
use crate::http::request::Hosts;
use crate::pages;
use crate::protocol::error::ShownError;

/// The doors of the public listener.
pub fn public(app: &App, metrics: Metrics, limits: Limits) -> Router {
    let issuer = &app.config.issuer.url;
    let doors = Router::new()
        .route(
            authorize::PATH,
            get(authorize::begin).post(authorize::begin_by_post).head(authorize::not_by_head),
        )
        .route(authorize::RESUME_PATH, get(authorize::resume).head(authorize::not_by_head))
        .route(token::PATH, post(token::exchange))
        .route(introspection::PATH, post(introspection::introspect))
        .route(revocation::PATH, post(revocation::revoke))
        .route(userinfo::PATH, get(userinfo::get).post(userinfo::post))
        .route(jwks::PATH, get(jwks::show))
        .route(discovery::OPENID_PATH, get(discovery::show))
        .route(discovery::OAUTH_PATH, get(discovery::show))
        .merge(pages::routes(app));

    let below_path = match issuer.path() {
        "" => doors,
        path => Router::new()
            .nest(path, doors)
            // RFC 8414 §3: for an issuer with a path the well-known part is inserted before it.
            .route(&format!("{}{path}", discovery::OPENID_PATH), get(discovery::show))
            .route(&format!("{}{path}", discovery::OAUTH_PATH), get(discovery::show)),
    };
    let routes = below_path
        .fallback(async || Problem::from(ShownError::NotFound).into_response())
        .method_not_allowed_fallback(async || Problem::from(ShownError::MethodNotAllowed).into_response())
        .layer(Extension(discovery::Document::new(&app.config)))
        .layer(pages::dressing(app));
    let routes = match issuer.is_https() {
        true => routes.layer(SetResponseHeaderLayer::overriding(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        )),
        false => routes,
    };
    let front = Front {
        clock: app.clock.clone(),
        proxies: Proxies {
            networks: app.config.server.trusted_proxies.clone(),
            header: app.config.server.proxy_header,
        },
        hosts: Hosts::of(issuer),
        limits,
        metrics,
    };
    front.before(routes).with_state(app.clone())
}
