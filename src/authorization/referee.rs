//! A second opinion on every authorization request: oxide-auth's state machine of RFC 6749 §4.1.1, which does no
//! I/O of its own. It sees a normalized view of what our checks let pass, and either agrees or stops it.

use std::borrow::Cow;

use oxide_auth::code_grant::authorization::{Authorization, Input, Output, Request};
use oxide_auth::primitives::grant::Extensions;
use oxide_auth::primitives::registrar::{BoundClient, ExactUrl, PreGrant, RegisteredUrl};

use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::error::{SentCode, SentError};
use crate::protocol::response_type::ResponseType;

struct View<'a> {
    request: &'a AuthorizationRequest,
    scope: String,
}

impl Request for View<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn client_id(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.request.client_id))
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.scope))
    }

    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.request.redirect_uri.as_str()))
    }

    fn state(&self) -> Option<Cow<'_, str>> {
        self.request.state.as_deref().map(Cow::Borrowed)
    }

    fn response_type(&self) -> Option<Cow<'_, str>> {
        // It knows no type but this one; ours are judged by the checks.
        Some(Cow::Borrowed(ResponseType::Code.as_str()))
    }

    fn extension(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

/// Plays the request through. Our checks are stricter, so an objection means that one of the two is wrong.
pub(super) fn judge(request: &AuthorizationRequest) -> Result<(), SentError> {
    let objection =
        SentError::new(SentCode::InvalidRequest, "the request is not one of RFC 6749 section 4.1.1");
    let view = View { request, scope: request.scope.to_string() };
    let redirect_uri: ExactUrl = request.redirect_uri.as_str().parse().map_err(|_| objection)?;
    let bound = || BoundClient {
        client_id: Cow::Owned(request.client_id.clone()),
        redirect_uri: Cow::Owned(RegisteredUrl::Exact(redirect_uri.clone())),
    };
    let mut machine = Authorization::new(&view);
    let mut input = Input::None;
    // Each step answers one question of the machine; it has four.
    for _ in 0..5 {
        input = match machine.advance(input) {
            Output::Bind { client_id, .. } if client_id == request.client_id => {
                Input::Bound { request: &view, bound_client: bound() }
            }
            Output::Extend => Input::Extended(Extensions::new()),
            Output::Negotiate { scope, .. } => Input::Negotiated {
                pre_grant: PreGrant {
                    client_id: request.client_id.clone(),
                    redirect_uri: RegisteredUrl::Exact(redirect_uri.clone()),
                    scope: scope.ok_or(objection)?,
                },
                state: request.state.clone(),
            },
            Output::Ok { pre_grant, .. } if pre_grant.client_id == request.client_id => return Ok(()),
            Output::Bind { .. } | Output::Ok { .. } | Output::Err(_) => return Err(objection),
        };
    }
    Err(objection)
}
