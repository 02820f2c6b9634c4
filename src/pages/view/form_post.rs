//! The page that carries an authorization response to the client (OAuth 2.0 Form Post Response Mode §2).

use askama::Template;

use super::Frame;
use crate::http::form_post::FormPost;
use crate::http::page::{Nonce, Page, Policy};
use crate::pages::name::{Name, Part, Sentence};

#[derive(Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage<'a> {
    frame: Frame<'a>,
    response: &'a FormPost,
    nonce: Nonce,
}

impl<'a> FormPostPage<'a> {
    pub fn new(frame: Frame<'a>, response: &'a FormPost) -> Self {
        FormPostPage { frame, response, nonce: Nonce::new() }
    }

    fn explanation(&self) -> Sentence {
        let host = self.response.redirect_uri.host_str().unwrap_or_default();
        (self.frame.text.form_post.explanation)(&Name::new(host))
    }
}

impl Page for FormPostPage<'_> {
    fn policy(&self) -> Policy {
        self.frame.policy().sending_only_to(&self.response.redirect_uri).running(&self.nonce)
    }
}
