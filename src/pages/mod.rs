//! The pages for people: one file a page; their words in `text`, their data in `view`.

pub mod accent;
mod account;
pub mod assets;
mod caller;
mod consent;
mod error;
pub mod language;
mod logout;
pub mod name;
mod sign_in;
pub mod text;
pub mod user_agent;
pub mod view;

use std::sync::Arc;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};

use self::caller::Caller;
pub use self::error::{dress, not_found};
use self::view::Look;
use crate::app::App;
use crate::config::Config;
use crate::http::problem::Problem;
use crate::protocol::error::ShownError;

const ACCOUNT: &str = "/account";
const LOGIN: &str = "/login";
const LOGOUT: &str = "/logout";

/// How the pages of this installation look.
pub fn look(config: &Config) -> Arc<Look> {
    Arc::new(Look::new(&config.brand, config.issuer.url.path()))
}

/// Every page, below the path of the issuer.
pub fn routes(look: Arc<Look>) -> Router<App> {
    Router::new()
        .route(LOGIN, get(sign_in::show).post(sign_in::submit))
        .route(consent::PATH, get(consent::show).post(consent::submit))
        .route(LOGOUT, get(logout::ask).post(logout::ask_by_post))
        .route("/logout/confirm", post(logout::confirm))
        .merge(account::routes())
        .route("/", get(home))
        .route("/assets/{name}", get(asset))
        .layer(Extension(look))
}

async fn home(caller: Caller) -> Response {
    caller.to(ACCOUNT)
}

async fn asset(Extension(look): Extension<Arc<Look>>, Path(name): Path<String>) -> Response {
    look.assets().answer(&name).unwrap_or_else(|| Problem::from(ShownError::NotFound).into_response())
}
