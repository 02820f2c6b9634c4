//! Who is at the browser: two cookies, and the token that ties a form to them (RFC 6265bis §4.1.3, RFC 9700 §4.7).
//!
//! The session cookie says who is signed in. The browser cookie outlives sessions: it ties an authorization
//! request to the browser that began it, and a form to a visitor who is not signed in yet.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::{COOKIE, ORIGIN, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::problem::Problem;
use super::request::Arrival;
use crate::authorization::Visitor;
use crate::config::Config;
use crate::protocol::error::ShownError;
use crate::protocol::parameters::Parameters;
use crate::secret::{self, Fingerprint, Purpose, Secret};
use crate::sign_in::attempt::SignIn;
use crate::store::sessions::{self, Persistence, Session};
use crate::store::users::User;
use crate::store::{self, Store};
use crate::tokens::Issuer;

/// A session's `last_seen_at` is written at most so often: a page costs no write.
const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Browsers keep no cookie longer.
const BROWSER_COOKIE_LIFE: Duration = Duration::from_secs(400 * 24 * 3600);
const MOST_COOKIES: usize = 64;

/// A visit of a browser: what its cookies prove.
pub struct Visit {
    browser: Secret,
    is_new: bool,
    pub session: Option<(Session, User)>,
    names: &'static Names,
    issuer: Arc<Issuer>,
    /// For apps that ask in the browser; `None` where they may not.
    state: Option<BrowserState>,
}

/// The "OP browser state" of Session Management §3.2: another one after each sign-in and sign-out, worth nothing else.
struct BrowserState {
    value: String,
    is_new: bool,
}

/// What a form belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// To this browser, whoever is signed in there: signing in changes just that, and two tabs may do it.
    Browser,
    /// To this browser and this session: another session's form is not ours.
    Session,
}

/// `__Host-` makes browsers refuse the cookie unless it is Secure, host-only and for the whole host, which plain
/// http on loopback cannot have.
struct Names {
    session: &'static str,
    browser: &'static str,
    attributes: &'static str,
    state_attributes: &'static str,
}

const SECURE: Names = Names {
    session: "__Host-gatepass-session",
    browser: "__Host-gatepass-browser",
    attributes: "; Path=/; Secure; HttpOnly; SameSite=Lax",
    state_attributes: "; Path=/; Secure; SameSite=None",
};
const LOOPBACK: Names = Names {
    session: "gatepass-session",
    browser: "gatepass-browser",
    attributes: "; Path=/; HttpOnly; SameSite=Lax",
    // SameSite=None needs Secure; apps on this machine are the same site.
    state_attributes: "; Path=/; SameSite=Lax",
};

/// `check_session.html` looks for this name.
const BROWSER_STATE: &str = "gatepass-browser-state";

fn random_state() -> String {
    Secret::new().reveal().to_owned()
}

impl<S> FromRequestParts<S> for Visit
where
    S: Send + Sync,
    Store: FromRef<S>,
    Arc<Issuer>: FromRef<S>,
    Arc<SignIn>: FromRef<S>,
    Arc<Config>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let arrival = Arrival::from_request_parts(parts, state).await;
        let now = arrival.map_err(|_| Problem::from(ShownError::Internal))?.now;
        let (store, sign_in) = (Store::from_ref(state), Arc::<SignIn>::from_ref(state));
        let names = match Arc::<Config>::from_ref(state).issuer.url.is_https() {
            true => &SECURE,
            false => &LOOPBACK,
        };
        let sent = secret_named(&parts.headers, names.browser);
        let is_new = sent.is_none();
        let session = match secret_named(&parts.headers, names.session) {
            Some(secret) => sessions::find_live(store.read(), secret.fingerprint(), &sign_in.idle, now)
                .await
                .map_err(outage)?,
            None => None,
        };
        if let Some((session, _)) = &session
            && now.since(session.last_seen_at) >= SEEN_EVERY
        {
            let seen = (session.id, now);
            // Nobody waits for it, and nobody minds if it is lost.
            tokio::spawn(async move {
                store.write(seen, |tx, (id, now)| Box::pin(sessions::touch(tx, *id, *now))).await
            });
        }
        let browser_state = Arc::<Config>::from_ref(state).sign_in.session_management.then(|| {
            let sent = secret_named(&parts.headers, BROWSER_STATE).map(|sent| sent.reveal().to_owned());
            BrowserState { is_new: sent.is_none(), value: sent.unwrap_or_else(random_state) }
        });
        let issuer = FromRef::from_ref(state);
        Ok(Visit { browser: sent.unwrap_or_default(), is_new, session, names, issuer, state: browser_state })
    }
}

/// The store did not answer: nothing was decided and nothing ended.
pub fn outage(error: store::Error) -> Problem {
    tracing::error!(error = %causes(&error), "the store failed");
    Problem::from(ShownError::Unavailable).retry_after(Duration::from_secs(2))
}

/// An error and what it came of. What the database says of itself belongs into the log, never into an answer.
pub fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The value of the one cookie of exactly this name, if it has the form of our secrets. Two of them prove nothing.
fn secret_named(headers: &HeaderMap, name: &str) -> Option<Secret> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|header| header.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).take(MOST_COOKIES);
    let mut values = pairs.filter_map(|pair| pair.trim_matches(' ').strip_prefix(name)?.strip_prefix('='));
    match (values.next(), values.next()) {
        (Some(value), None) if value.len() == 43 && secret::from_base64url(value).is_some() => {
            Some(Secret::claimed(value))
        }
        _ => None,
    }
}

impl Visit {
    pub fn visitor(&self) -> Visitor {
        let browser_state = self.state.as_ref().map(|state| state.value.clone());
        Visitor { browser: self.browser(), session: self.session.clone(), browser_state }
    }

    pub fn browser(&self) -> Fingerprint {
        self.browser.fingerprint()
    }

    /// Whether the browser sent a cookie of ours. A new one, or one that another site made POST, sends none.
    pub fn is_known(&self) -> bool {
        !self.is_new || self.session.is_some()
    }

    /// Stands in every form. A session's forms outlive a renewal of its secret: another tab may cause one.
    pub fn csrf(&self, tie: Tie) -> String {
        let session = self.session.as_ref().filter(|_| tie == Tie::Session);
        let session = session.map(|(session, _)| session.id.uuid().into_bytes());
        let session = session.as_ref().map_or(&[][..], |id| &id[..]);
        secret::base64url(&self.issuer.master.mac(Purpose::Csrf, self.browser().as_bytes(), session))
    }

    /// Whether a form came from our own page in this browser.
    pub fn check_form(
        &self,
        headers: &HeaderMap,
        form: &Parameters,
        origin: &str,
        tie: Tie,
    ) -> Result<(), ShownError> {
        if !is_same_origin(headers, origin) {
            return Err(ShownError::ForgedForm);
        }
        let sent = form.get("csrf").ok_or(ShownError::ForgedForm)?;
        match secret::equal(sent.as_bytes(), self.csrf(tie).as_bytes()) {
            true => Ok(()),
            false if self.is_new => Err(ShownError::ForgedForm),
            // The same browser, and another session than the form was made for.
            false => Err(ShownError::SessionChanged),
        }
    }

    /// Gives a new browser its cookie. Every answer that a form or an authorization request depends on carries it.
    pub fn mark(&self, response: Response) -> Response {
        let response = self.mark_browser(response);
        match &self.state {
            Some(state) if state.is_new => self.with_state(response, &state.value),
            _ => response,
        }
    }

    fn mark_browser(&self, response: Response) -> Response {
        match self.is_new {
            true => with_cookie(
                response,
                self.names,
                self.names.browser,
                self.browser.reveal(),
                Some(BROWSER_COOKIE_LIFE),
            ),
            false => response,
        }
    }

    /// Gives the browser the secret of a session that has just begun.
    pub fn signed_in(&self, response: Response, secret: &Secret, session: &Session) -> Response {
        let life = match session.persistence {
            Persistence::Window => None,
            Persistence::Kept => Some(session.expires_at.since(session.auth_time)),
        };
        let response =
            with_cookie(self.mark_browser(response), self.names, self.names.session, secret.reveal(), life);
        self.change_state(response)
    }

    /// Takes the session's cookie away.
    pub fn signed_out(&self, response: Response) -> Response {
        let response = with_cookie(response, self.names, self.names.session, "", Some(Duration::ZERO));
        self.change_state(response)
    }

    fn change_state(&self, response: Response) -> Response {
        match self.state {
            Some(_) => self.with_state(response, &random_state()),
            None => response,
        }
    }

    /// Readable by our script in a frame of another site, which is what Session Management is.
    fn with_state(&self, mut response: Response, value: &str) -> Response {
        let attributes = self.names.state_attributes;
        if let Ok(cookie) = HeaderValue::try_from(format!("{BROWSER_STATE}={value}{attributes}")) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

/// Fetch Metadata where the browser sends it. `Origin` is "null" under our own Referrer-Policy (Fetch §3.2), so it
/// convicts only when it names somebody else; browsers that send neither are held by SameSite and the token.
fn is_same_origin(headers: &HeaderMap, origin: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    headers.get(ORIGIN).is_none_or(|sent| sent == origin || sent == "null")
}

fn with_cookie(
    mut response: Response,
    names: &Names,
    name: &str,
    value: &str,
    life: Option<Duration>,
) -> Response {
    let max_age = life.map(|life| format!("; Max-Age={}", life.as_secs())).unwrap_or_default();
    let cookie = HeaderValue::try_from(format!("{name}={value}{}{max_age}", names.attributes));
    if let Ok(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn only_an_exact_name_and_a_whole_secret_count() {
        let name = SECURE.session;
        let secret = Secret::new();
        let good = format!("a=b; {name}={}; c=d", secret.reveal());
        assert_eq!(secret_named(&cookies(&[&good]), name).unwrap().reveal(), secret.reveal());
        for line in [
            format!("{name}={}", &secret.reveal()[1..]),
            format!("{name}={}=", secret.reveal()),
            format!("{name}=\"{}\"", secret.reveal()),
            format!("$Version=1; \t{name}={}", secret.reveal()),
            format!("x{name}={}", secret.reveal()),
            format!("{name} ={}", secret.reveal()),
            format!("{name}={0}; {name}={0}", secret.reveal()),
            format!("{};{good}", ";".repeat(100)),
            String::new(),
        ] {
            assert!(secret_named(&cookies(&[&line]), name).is_none(), "{line}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_known_as_one() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect()
        };
        let ours = "https://id.example";
        for fine in
            [&[][..], &[("origin", "null")], &[("origin", ours)], &[("sec-fetch-site", "same-origin")]]
        {
            assert!(is_same_origin(&headers(fine), ours), "{fine:?}");
        }
        for bad in [
            &[("origin", "https://evil.example")][..],
            &[("sec-fetch-site", "cross-site"), ("origin", ours)],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(!is_same_origin(&headers(bad), ours), "{bad:?}");
        }
    }
}
