//! Signing out: the question, and the page after it (OpenID Connect RP-Initiated Logout §2).

use askama::Template;
use url::Url;

use super::Frame;
use crate::http::page::{Page, Policy};
use crate::pages::name::{Name, Part, Sentence};

#[derive(Template)]
#[template(path = "logout_confirm.html")]
pub struct LogoutConfirm<'a> {
    pub frame: Frame<'a>,
    pub csrf: &'a str,
    pub user: Name,
    /// The client that asks, if its hint proves it.
    pub client: Option<Name>,
    /// The parameters of the request. They are judged again when the answer comes.
    pub parameters: &'a [(&'a str, &'a str)],
    /// Where the browser goes afterwards, if that is proven.
    pub return_to: Option<&'a Url>,
}

impl LogoutConfirm<'_> {
    fn asking(&self) -> Option<Sentence> {
        self.client.as_ref().map(self.frame.text.logout.confirm_client)
    }

    fn who(&self) -> Sentence {
        (self.frame.text.logout.confirm_user)(&self.user)
    }
}

impl Page for LogoutConfirm<'_> {
    fn policy(&self) -> Policy {
        match self.return_to {
            Some(uri) => self.frame.policy().ending_at(uri),
            None => self.frame.policy(),
        }
    }
}

#[derive(Template)]
#[template(path = "logged_out.html")]
pub struct LoggedOut<'a> {
    pub frame: Frame<'a>,
}

impl LoggedOut<'_> {
    fn done(&self) -> Sentence {
        (self.frame.text.logout.done)(self.frame.brand())
    }
}

impl Page for LoggedOut<'_> {
    fn policy(&self) -> Policy {
        self.frame.policy()
    }
}

/// Tells apps by frames, and goes on by itself (Front-Channel Logout §2, RP-Initiated Logout §3).
#[derive(Template)]
#[template(path = "signing_out.html")]
pub struct SigningOut<'a> {
    pub frame: Frame<'a>,
    pub frames: &'a [Url],
    /// Where the browser goes next, as it was registered.
    pub target: &'a str,
}

impl Page for SigningOut<'_> {
    fn policy(&self) -> Policy {
        self.frames.iter().fold(self.frame.policy(), Policy::framing)
    }
}
