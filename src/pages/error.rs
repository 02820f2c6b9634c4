//! Dressing: what went wrong below becomes a page, if a person will read it.

use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::caller;
use super::view::{ErrorPage, FormPostPage, Frame, Leaving, Look};
use crate::http::answer::Refusal;
use crate::http::departure::Departure;
use crate::http::form_post::FormPost;
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::request::X_REQUEST_ID;
use crate::protocol::error::ShownError;

/// Where people come by their browsers, whatever those accept.
const FOR_PEOPLE: &[&str] = &["/authorize", "/login", "/consent", "/logout", "/account"];

/// The fallback of all routes.
pub async fn not_found() -> Problem {
    ShownError::NotFound.into()
}

/// Around everything, also around what gives requests their ids.
pub async fn dress(look: &Look, request: Request, answer: impl AsyncFnOnce(Request) -> Response) -> Response {
    let is_for_people = is_for_people(look.below_base(request.uri().path()));
    let language = (is_for_people || accepts_html(request.headers()))
        .then(|| caller::language(request.uri().query(), request.headers()));
    let response = answer(request).await;
    let Some(language) = language else { return response };
    let frame = look.frame(language);
    if let Some(departure) = response.extensions().get::<Departure>().cloned() {
        return dressed(response, page::answer(&Leaving::new(frame, &departure)));
    }
    if let Some(form) = response.extensions().get::<FormPost>().cloned() {
        return dressed(response, page::answer(&FormPostPage::new(frame, &form)));
    }
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => Some(problem.clone()),
        None => is_for_people.then(|| plumbing_problem(&response)).flatten(),
    };
    match problem {
        Some(problem) => show(response, frame, &problem),
        None => response,
    }
}

/// What the plumbing or the routes answered by themselves.
fn plumbing_problem(response: &Response) -> Option<Problem> {
    let error = match response.extensions().get::<Refusal>() {
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => ShownError::MethodNotAllowed,
        // It names the right address; a page would look for its stylesheets at the wrong one.
        None | Some(Refusal::Misdirected { .. }) => return None,
        Some(Refusal::Malformed) => ShownError::MalformedRequest,
        Some(Refusal::TargetTooLong | Refusal::HeadersTooLarge | Refusal::BodyTooLarge) => {
            ShownError::TooLarge
        }
        Some(Refusal::EncodedBody | Refusal::MediaType) => ShownError::UnsupportedMediaType,
        Some(Refusal::BodyTooSlow | Refusal::TooSlow) => ShownError::Unavailable,
        Some(Refusal::Internal) => ShownError::Internal,
    };
    Some(error.into())
}

fn show(response: Response, frame: Frame<'_>, problem: &Problem) -> Response {
    let request_id = response.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
    let request_id = request_id.unwrap_or_default().to_owned();
    let status = response.status();
    let mut dressed = dressed(response, page::answer(&ErrorPage { frame, problem, request_id: &request_id }));
    *dressed.status_mut() = status;
    dressed
}

/// Keeps what else the answer says: its cookies, `Allow`, `Retry-After`, the request id.
fn dressed(answer: Response, page: Response) -> Response {
    let (mut answer, _) = answer.into_parts();
    let (page, body) = page.into_parts();
    answer.headers.remove(CONTENT_LENGTH);
    answer.headers.extend(page.headers);
    Response::from_parts(answer, body)
}

fn is_for_people(path: &str) -> bool {
    FOR_PEOPLE
        .iter()
        .any(|place| path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|text| text.contains("text/html")))
}
