//! The authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

use axum::extract::{Path, State};
use axum::http::header::ALLOW;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::authorization::{Arrival as From, ClientHosts, Outcome};
use crate::clock::Timestamp;
use crate::http::authorization::{answer, failure};
use crate::http::form::{BodyForm, QueryForm, Unreadable};
use crate::http::problem::Problem;
use crate::http::request::Arrival;
use crate::http::session::Visit;
use crate::protocol::error::ShownError;
use crate::protocol::parameters::Parameters;

pub const PATH: &str = "/authorize";
pub const RESUME_PATH: &str = "/authorize/{id}";

/// A request by GET: the browser's cookies came along.
pub async fn begin(
    State(app): State<App>,
    arrival: Arrival,
    visit: Visit,
    query: Result<QueryForm, Unreadable>,
) -> Result<Response, Problem> {
    let QueryForm(parameters) = query?;
    let visitor = visit.visitor();
    let outcome = begun(&app, &parameters, From::Known(&visitor), arrival.now).await?;
    Ok(visit.mark(answer(outcome, app.config.issuer.url.path())))
}

/// A request by POST: it may come from the client's own page, without our cookies, and is taken up again by a GET.
pub async fn begin_by_post(
    State(app): State<App>,
    arrival: Arrival,
    query: Result<QueryForm, Unreadable>,
    body: Result<BodyForm, Unreadable>,
) -> Result<Response, Problem> {
    let QueryForm(query) = query?;
    let BodyForm(body) = body?;
    // A parameter that stands in both stands twice: neither overrides the other.
    let parameters = body.and(query);
    let outcome = begun(&app, &parameters, From::CrossSite, arrival.now).await?;
    Ok(answer(outcome, app.config.issuer.url.path()))
}

async fn begun(
    app: &App,
    parameters: &Parameters,
    from: From<'_>,
    now: Timestamp,
) -> Result<Outcome, Problem> {
    let acts = app.authorizations();
    let hosts = ClientHosts { keys: &app.client_auth.remote, outbound: &app.outbound };
    acts.begin(&hosts, parameters, from, now).await.map_err(failure)
}

/// After each page.
pub async fn resume(
    State(app): State<App>,
    Path(id): Path<String>,
    arrival: Arrival,
    visit: Visit,
) -> Result<Response, Problem> {
    let id = id.parse().map_err(|_| Problem::from(ShownError::UnknownAuthorization))?;
    let acts = app.authorizations();
    let outcome = acts.resume(id, &visit.visitor(), arrival.now).await.map_err(failure)?;
    Ok(visit.mark(answer(outcome, app.config.issuer.url.path())))
}

/// HEAD would begin an authorization that nobody goes on with. A 405 names what goes (RFC 9110 §15.5.6).
pub fn not_by_head(allowed: &'static str) -> Response {
    ([(ALLOW, allowed)], Problem::from(ShownError::MethodNotAllowed)).into_response()
}
