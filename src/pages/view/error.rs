//! The error page: what went wrong, for whom, and what to tell support. It leads nowhere but home: a link to an
//! unproven URI would make us an open redirector (RFC 9700 §4.11).

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;

use super::Frame;
use crate::http::page::{Page, Policy};
use crate::http::problem::Problem;
use crate::pages::name::Name;
use crate::pages::text::ProblemText;
use crate::protocol::error::ShownError;

#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    pub frame: Frame<'a>,
    pub problem: &'a Problem,
    pub request_id: &'a str,
}

impl ErrorPage<'_> {
    fn words(&self) -> &'static ProblemText {
        let text = &self.frame.text.error;
        match self.problem.error {
            ShownError::MalformedRequest
            | ShownError::InvalidRequestObject
            | ShownError::InvalidRequestUri => &text.malformed_request,
            ShownError::UnknownClient => &text.unknown_client,
            ShownError::UnusableClientDocument => &text.unusable_client_document,
            ShownError::MissingRedirectUri | ShownError::UnregisteredRedirectUri => {
                &text.unproven_redirect_uri
            }
            ShownError::UnknownAuthorization => &text.unknown_authorization,
            ShownError::ExpiredAuthorization => &text.expired_authorization,
            ShownError::CompletedAuthorization => &text.completed_authorization,
            ShownError::OtherBrowser => &text.other_browser,
            ShownError::SessionChanged => &text.session_changed,
            ShownError::ForgedForm => &text.forged_form,
            ShownError::NotFound => &text.not_found,
            ShownError::MethodNotAllowed => &text.method_not_allowed,
            ShownError::TooLarge => &text.too_large,
            ShownError::UnsupportedMediaType => &text.unsupported_media_type,
            ShownError::Unavailable => &text.unavailable,
            ShownError::Internal => &text.internal,
        }
    }

    fn client(&self) -> Option<Name> {
        self.problem.client.as_deref().map(Name::new)
    }

    /// For developers. What a stranger wrote may stand in it, so that only plain letters are shown.
    fn detail(&self) -> Option<String> {
        let detail = self.problem.detail.as_deref()?;
        Some(detail.chars().filter(|c| matches!(c, ' '..='~')).collect())
    }

    fn wait(&self) -> Option<String> {
        let text = self.frame.text;
        self.problem.retry_after.map(|wait| (text.error.try_again_in)(&(text.time.wait)(wait)))
    }
}

impl Page for ErrorPage<'_> {
    fn status(&self) -> StatusCode {
        self.problem.status()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.problem.retry_after
    }

    fn policy(&self) -> Policy {
        self.frame.policy()
    }
}
