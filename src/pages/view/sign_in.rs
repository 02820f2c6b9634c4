//! The sign-in page.

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use url::{Url, form_urlencoded};

use super::{Client, Frame};
use crate::http::page::{Page, Policy};
use crate::pages::name::{Part, Sentence};

#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    pub frame: Frame<'a>,
    pub csrf: &'a str,
    /// The authorization request that waits for this sign-in, with its client and where it will end.
    pub authorization: Option<&'a str>,
    pub client: Option<&'a Client>,
    pub redirect_uri: Option<&'a Url>,
    pub occasion: Occasion,
    /// What was typed before, or the client's `login_hint`.
    pub username: &'a str,
    pub remember: bool,
    pub refusal: Option<Refusal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    Fresh,
    /// Somebody is signed in and shall prove it (`prompt=login`, `max_age`).
    Again,
}

/// The same for an unknown user, a wrong password and a disabled account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    WrongCredentials,
    Throttled { wait: Duration },
}

impl SignIn<'_> {
    /// With the request in the address too, so that a tab that is loaded again still knows what it was for.
    fn action(&self) -> String {
        let path = self.frame.path("/login");
        match self.authorization {
            None => path,
            Some(id) => {
                let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
                format!("{path}?authorization={id}")
            }
        }
    }

    fn lead(&self) -> Sentence {
        let text = &self.frame.text.sign_in;
        match (self.occasion, self.client) {
            (Occasion::Again, _) => text.lead_again.into(),
            (Occasion::Fresh, Some(client)) => (text.lead_client)(&client.name),
            (Occasion::Fresh, None) => (text.lead_account)(self.frame.brand()),
        }
    }

    fn complaint(&self) -> Option<String> {
        let text = self.frame.text;
        Some(match self.refusal? {
            Refusal::WrongCredentials => text.sign_in.wrong_credentials.to_owned(),
            Refusal::Throttled { wait } => (text.sign_in.throttled)(&(text.time.wait)(wait)),
        })
    }

    /// Waiting is nothing that a field could mend.
    fn is_wrong(&self) -> bool {
        self.refusal == Some(Refusal::WrongCredentials)
    }

    fn warning(&self) -> Sentence {
        (self.frame.text.unverified)(self.frame.brand())
    }

    fn about(&self, client: &Client) -> Sentence {
        (self.frame.text.sign_in.about_client)(&client.name)
    }
}

impl Page for SignIn<'_> {
    fn status(&self) -> StatusCode {
        match self.refusal {
            None => StatusCode::OK,
            Some(Refusal::WrongCredentials) => StatusCode::UNPROCESSABLE_ENTITY,
            Some(Refusal::Throttled { .. }) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self.refusal {
            Some(Refusal::Throttled { wait }) => Some(wait),
            _ => None,
        }
    }

    fn policy(&self) -> Policy {
        let policy =
            self.client.map_or_else(|| self.frame.policy(), |client| client.policy(self.frame.policy()));
        match self.redirect_uri {
            Some(uri) => policy.ending_at(uri),
            None => policy,
        }
    }
}
