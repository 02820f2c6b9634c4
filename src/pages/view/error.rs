//! The error page: what went wrong, for whom, and what to tell support. It leads nowhere but home: a link to an
//! unproven URI would make us an open redirector (RFC 9700 §4.11).

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;

use super::Frame;
use crate::http::page::{Page, Policy};
use crate::http::problem::{Problem, ProblemKind};
use crate::pages::name::Name;
use crate::pages::text::ProblemText;

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
        match self.problem.kind {
            ProblemKind::InvalidRequest => &text.invalid_request,
            ProblemKind::UnknownClient => &text.unknown_client,
            ProblemKind::UnprovenRedirectUri => &text.unproven_redirect_uri,
            ProblemKind::AlreadyCompleted => &text.already_completed,
            ProblemKind::Expired => &text.expired,
            ProblemKind::SessionChanged => &text.session_changed,
            ProblemKind::CrossSite => &text.cross_site,
            ProblemKind::NotFound => &text.not_found,
            ProblemKind::MethodNotAllowed => &text.method_not_allowed,
            ProblemKind::TooLarge => &text.too_large,
            ProblemKind::TooManyRequests => &text.too_many_requests,
            ProblemKind::Unavailable => &text.unavailable,
            ProblemKind::Internal => &text.internal,
        }
    }

    fn client(&self) -> Option<Name> {
        self.problem.client.as_deref().map(Name::new)
    }

    fn detail(&self) -> Option<Name> {
        self.problem.detail.as_deref().map(Name::new)
    }

    fn wait(&self) -> Option<String> {
        let text = self.frame.text;
        self.problem.retry_after.map(|wait| (text.error.try_again_in)(&(text.time.wait)(wait)))
    }
}

impl Page for ErrorPage<'_> {
    fn status(&self) -> StatusCode {
        self.problem.kind.status()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.problem.retry_after
    }

    fn policy(&self) -> Policy {
        self.frame.policy()
    }
}
