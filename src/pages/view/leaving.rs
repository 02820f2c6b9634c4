//! The page before an app that registered itself and was refused (RFC 9700 §4.11.2).

use askama::Template;
use axum::http::StatusCode;
use url::Url;

use super::Frame;
use crate::authorization::Response;
use crate::http::departure::Departure;
use crate::http::page::{Page, Policy};
use crate::pages::name::{Name, Part, Sentence};
use crate::protocol::response_type::ResponseMode;

#[derive(Template)]
#[template(path = "leaving.html")]
pub struct Leaving<'a> {
    frame: Frame<'a>,
    client: Name,
    answer: &'a Response,
    redirect_uri: Option<Url>,
}

impl<'a> Leaving<'a> {
    pub fn new(frame: Frame<'a>, departure: &'a Departure) -> Self {
        let answer = &departure.answer;
        let redirect_uri = Url::parse(&answer.redirect_uri).ok();
        Leaving { frame, client: Name::new(&departure.client), answer, redirect_uri }
    }

    fn explanation(&self) -> Sentence {
        (self.frame.text.leaving.explanation)(&self.client, self.frame.brand())
    }

    /// The host; of a native app (RFC 8252 §7.1) its scheme.
    fn destination(&self) -> Sentence {
        let place = self.redirect_uri.as_ref().map_or("", |uri| uri.host_str().unwrap_or(uri.scheme()));
        (self.frame.text.leaving.destination)(&Name::new(place))
    }

    fn error(&self) -> &str {
        let error = self.answer.parameters.iter().find(|(name, _)| *name == "error");
        error.map_or("", |(_, code)| code)
    }

    fn is_posted(&self) -> bool {
        self.answer.mode == ResponseMode::FormPost
    }
}

impl Page for Leaving<'_> {
    fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }

    fn policy(&self) -> Policy {
        match &self.redirect_uri {
            Some(uri) if self.is_posted() => self.frame.policy().sending_only_to(uri),
            _ => self.frame.policy(),
        }
    }
}
