//! Who asks for a page: their visit, their language, and where they are.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;

use super::language::Language;
use super::view::{Frame, Look};
use crate::app::App;
use crate::authorization::Outcome;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::http::authorization::{answer, see_other};
use crate::http::form::{self, BodyForm, Unreadable};
use crate::http::forwarded::subscriber;
use crate::http::page::{self, Page};
use crate::http::problem::Problem;
use crate::http::request::Arrival;
use crate::http::session::{Tie, Visit};
use crate::protocol::error::ShownError;
use crate::protocol::parameters::Parameters;
use crate::sign_in::attempt::Place;
use crate::store::sessions::Session;
use crate::store::users::User;

/// In characters. Browsers say what they are in less.
const LONGEST_USER_AGENT: usize = 400;

/// Somebody at a browser who asks for a page.
pub struct Caller {
    pub visit: Visit,
    pub now: Timestamp,
    config: Arc<Config>,
    look: Arc<Look>,
    headers: HeaderMap,
    address: IpAddr,
    wish: Option<String>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let visit = Visit::from_request_parts(parts, app).await?;
        let (arrival, look) = (parts.extensions.get::<Arrival>(), parts.extensions.get::<Arc<Look>>());
        let (Some(arrival), Some(look)) = (arrival, look) else { return Err(ShownError::Internal.into()) };
        Ok(Caller {
            visit,
            now: arrival.now,
            address: arrival.client,
            look: look.clone(),
            config: app.config.clone(),
            headers: parts.headers.clone(),
            wish: wish(parts.uri.query()),
        })
    }
}

/// `ui_locales` of a query (OIDC Core §3.1.2.1), which every page takes.
fn wish(query: Option<&str>) -> Option<String> {
    form::parse(query?.as_bytes()).ok()?.get("ui_locales").map(str::to_owned)
}

/// The language of an answer to a request of which only this is known.
pub(super) fn language(query: Option<&str>, headers: &HeaderMap) -> Language {
    Language::choose(wish(query).as_deref(), text(headers, ACCEPT_LANGUAGE))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

impl Caller {
    /// With the wish of the client that sent the person here, if one did.
    pub fn frame(&self, ui_locales: Option<&str>) -> Frame<'_> {
        let wishes: Vec<&str> = self.wish.as_deref().into_iter().chain(ui_locales).collect();
        let wishes = (!wishes.is_empty()).then(|| wishes.join(" "));
        self.look.frame(Language::choose(wishes.as_deref(), text(&self.headers, ACCEPT_LANGUAGE)))
    }

    /// The parameters of a form that came from our own page in this browser (RFC 9700 §4.7).
    pub fn accept(&self, form: Result<BodyForm, Unreadable>, tie: Tie) -> Result<Parameters, Problem> {
        let BodyForm(form) = form?;
        self.visit.check_form(&self.headers, &form, &self.config.issuer.url.origin(), tie)?;
        match form.repeated() {
            None => Ok(form),
            Some(_) => Err(ShownError::MalformedRequest.into()),
        }
    }

    /// Who is signed in.
    pub fn member(&self) -> Option<(&Session, &User)> {
        self.visit.session.as_ref().map(|(session, user)| (session, user))
    }

    /// The same for a form of somebody who is signed in. `None`: nobody is any more.
    pub fn accept_of_member(
        &self,
        form: Result<BodyForm, Unreadable>,
    ) -> Result<Option<(&Session, &User, Parameters)>, Problem> {
        let accepted = self.accept(form, Tie::Session);
        let Some((session, user)) = self.member() else {
            return match accepted {
                Err(problem) if problem.error != ShownError::SessionChanged => Err(problem),
                _ => Ok(None),
            };
        };
        Ok(Some((session, user, accepted?)))
    }

    pub fn place(&self) -> Place {
        let said = self.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let printable = said.iter().flat_map(|said| said.chars()).filter(|c| !c.is_control());
        Place {
            browser: self.visit.browser(),
            user_agent: printable.take(LONGEST_USER_AGENT).collect(),
            address: self.address.to_string(),
            network: subscriber(self.address).to_string(),
        }
    }

    /// A page for this browser, which keeps it apart from others by a cookie.
    pub fn see(&self, page: &impl Page) -> Response {
        self.visit.mark(page::answer(page))
    }

    /// On to another page of ours.
    pub fn to(&self, path: &str) -> Response {
        self.visit.mark(see_other(&self.path(path)))
    }

    /// On to wherever an authorization request goes next.
    pub fn follow(&self, outcome: Outcome) -> Response {
        self.visit.mark(answer(outcome, self.base()))
    }

    /// A path of ours, below that of the issuer.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    fn base(&self) -> &str {
        self.config.issuer.url.path()
    }
}
