//! From a template to an answer: never stored, and fenced in by its content security policy (RFC 9700 §4.16).

use std::time::Duration;

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use url::Url;

use super::problem::retry_after;
use crate::secret;

/// A template that knows what its page is allowed to do.
pub trait Page: Template {
    fn status(&self) -> StatusCode {
        StatusCode::OK
    }

    fn retry_after(&self) -> Option<Duration> {
        None
    }

    fn policy(&self) -> Policy {
        Policy::default()
    }
}

/// What a page may load, run and lead to (CSP Level 3). The default loads our own stylesheets and images and
/// sends its forms to us.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    images: Vec<Source>,
    frames: Vec<Source>,
    forms: Forms,
    script: Option<Nonce>,
    fetches: Fetches,
}

/// What the page's script may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fetches {
    #[default]
    Nothing,
    Ours,
}

#[derive(Clone, Debug, Default)]
enum Forms {
    #[default]
    Own,
    EndingAt(Source),
    Only(Source),
}

impl Policy {
    /// Also shows the image at `uri`, and with it nothing but what that origin serves.
    pub fn showing(mut self, uri: &Url) -> Self {
        let source = Source::of(uri);
        if !self.images.contains(&source) {
            self.images.push(source);
        }
        self
    }

    /// Also frames the page at `uri`, and with it nothing but what that origin serves.
    pub fn framing(mut self, uri: &Url) -> Self {
        let source = Source::of(uri);
        if !self.frames.contains(&source) {
            self.frames.push(source);
        }
        self
    }

    /// The forms come to us, and the redirects after them may end at `uri`.
    ///
    /// Chromium and Safari hold every redirect after a form's submission against `form-action`, also those that
    /// the client's callback makes by itself: a callback at `https://api.example` that goes on to
    /// `https://app.example` would stay on our page without a word. We cannot know these origins, so any place
    /// reached by TLS may follow; http, `javascript:` and foreign schemes may not.
    pub fn ending_at(mut self, uri: &Url) -> Self {
        self.forms = Forms::EndingAt(Source::of(uri));
        self
    }

    /// The page's form goes to the origin of `uri` and nowhere else, not even to us (form_post response mode).
    pub fn sending_only_to(mut self, uri: &Url) -> Self {
        self.forms = Forms::Only(Source::of(uri));
        self
    }

    /// The page runs the one script that carries `nonce`.
    pub fn running(mut self, nonce: &Nonce) -> Self {
        self.script = Some(nonce.clone());
        self
    }

    /// And its script may ask us again, and nobody else.
    pub fn fetching(mut self) -> Self {
        self.fetches = Fetches::Ours;
        self
    }

    fn header(&self) -> String {
        let mut policy = String::from("default-src 'none'; style-src 'self'; img-src 'self'");
        for image in &self.images {
            policy += &format!(" {}", image.0);
        }
        if !self.frames.is_empty() {
            policy += "; frame-src";
            for frame in &self.frames {
                policy += &format!(" {}", frame.0);
            }
        }
        if let Some(nonce) = &self.script {
            policy += &format!("; script-src 'nonce-{}'", nonce.0);
        }
        if self.fetches == Fetches::Ours {
            policy += "; connect-src 'self'";
        }
        policy += "; form-action ";
        match &self.forms {
            Forms::Own => policy += "'self'",
            Forms::EndingAt(source) if source.0.starts_with("https:") => policy += "'self' https:",
            Forms::EndingAt(source) => policy += &format!("'self' https: {}", source.0),
            Forms::Only(source) => policy += &source.0,
        }
        policy + "; frame-ancestors 'none'; base-uri 'none'"
    }
}

/// A source expression: an origin, or a scheme where a policy cannot name the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source(String);

impl Source {
    fn of(uri: &Url) -> Self {
        match uri.host() {
            // CSP's grammar for hosts has no brackets: browsers drop `http://[::1]:8081` as invalid.
            Some(url::Host::Ipv6(_)) => Source(format!("{}:", uri.scheme())),
            Some(_) if uri.origin().is_tuple() => Source(uri.origin().ascii_serialization()),
            // A native app's own scheme (RFC 8252 §7.1) has no origin.
            _ => Source(format!("{}:", uri.scheme())),
        }
    }
}

/// What distinguishes our script from one that found its way into the page: fresh for each answer.
#[derive(Clone, Debug)]
pub struct Nonce(String);

impl Nonce {
    pub fn new() -> Self {
        Nonce(secret::base64url(&secret::random::<16>()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Nonce {
    fn default() -> Self {
        Nonce::new()
    }
}

/// Renders `page`. HSTS is not among the headers: it belongs to the issuer, not to a page.
pub fn answer(page: &impl Page) -> Response {
    let Ok(html) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let Ok(policy) = HeaderValue::try_from(page.policy().header()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (CONTENT_SECURITY_POLICY, policy),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ];
    let mut response = (page.status(), headers, html).into_response();
    if let Some(wait) = page.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, retry_after(wait));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_page_loads_nothing_but_ours_unless_it_says_so() {
        assert_eq!(
            Policy::default().header(),
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
        let logo = url("https://cdn.shop.example/logo.png?v=1;script-src *");
        let policy = Policy::default().showing(&logo).showing(&logo).header();
        assert!(policy.contains("img-src 'self' https://cdn.shop.example; "), "{policy}");
    }

    #[test]
    fn a_form_may_end_where_its_redirect_goes() {
        let forms = |uri: &str| {
            let header = Policy::default().ending_at(&url(uri)).header();
            let from = header.find("form-action ").unwrap() + "form-action ".len();
            header[from..].split(';').next().unwrap().to_owned()
        };
        assert_eq!(forms("https://shop.example/callback?a=b"), "'self' https:");
        assert_eq!(forms("http://127.0.0.1:51004/callback"), "'self' https: http://127.0.0.1:51004");
        assert_eq!(forms("http://[::1]:51004/callback"), "'self' https: http:");
        assert_eq!(forms("com.example.app:/callback"), "'self' https: com.example.app:");
        assert_eq!(forms("com.example.app://callback/x"), "'self' https: com.example.app:");
    }

    #[test]
    fn a_form_post_goes_to_the_redirect_origin_only() {
        let nonce = Nonce::new();
        let uri = url("https://shop.example:8443/callback");
        let policy = Policy::default().sending_only_to(&uri).running(&nonce).header();
        assert!(policy.contains("; form-action https://shop.example:8443;"), "{policy}");
        assert!(policy.contains(&format!("; script-src 'nonce-{}';", nonce.as_str())), "{policy}");
        assert!(!policy.contains("connect-src"), "{policy}");
    }

    #[test]
    fn a_script_that_fetches_reaches_us_only() {
        let policy = Policy::default().running(&Nonce::new()).fetching().header();
        assert!(policy.contains("; connect-src 'self';"), "{policy}");
    }

    #[test]
    fn nonces_are_fresh() {
        assert_ne!(Nonce::new().as_str(), Nonce::new().as_str());
    }
}
