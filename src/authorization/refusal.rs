//! How an error goes back to the client: at once, or when the person wants to go there (RFC 6749 §4.1.2.1, RFC 9700
//! §4.11.2).

use std::sync::Arc;

use super::response::{Response, Target};
use super::{Authorizations, Failure, Outcome, Visitor, session_state};
use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::error::SentError;
use crate::store;
use crate::store::clients::Client;
use crate::store::consents;

/// What is refused.
pub(super) enum Refused<'a> {
    /// A request of which only this is sure.
    Unread(Target),
    Read(&'a AuthorizationRequest),
}

impl Authorizations<'_> {
    /// RFC 9700 §4.11.2: "The authorization server SHOULD only automatically redirect the user agent if it trusts the
    /// redirect URI": whoever registers an app, sends people to us and has us refuse them could phish under our name.
    pub(super) async fn refuse(
        &self,
        client: &Arc<Client>,
        refused: Refused<'_>,
        error: SentError,
        visitor: Option<&Visitor>,
    ) -> Result<Outcome, Failure> {
        let response = match refused {
            Refused::Unread(target) => Response::error(self.issuer, target, error),
            Refused::Read(request) => {
                let mut response = Response::error(self.issuer, Target::of(request), error);
                // An app that asked because something changed learns what to compare with from now on.
                if let Some(browser_state) = visitor.and_then(|visitor| visitor.browser_state.as_ref()) {
                    session_state::tell(&mut response, request, browser_state);
                }
                response
            }
        };
        match self.is_trusted(client, visitor).await? {
            true => Ok(Outcome::Answer(response)),
            false => Ok(Outcome::Detain(client.clone(), response)),
        }
    }

    /// By the operator, or by the person.
    async fn is_trusted(&self, client: &Client, visitor: Option<&Visitor>) -> Result<bool, store::Error> {
        if client.is_treated_as_known() {
            return Ok(true);
        }
        match visitor.and_then(|visitor| visitor.session.as_ref()) {
            Some((_, user)) => Ok(consents::find(self.store.read(), user.id, &client.id).await?.is_some()),
            None => Ok(false),
        }
    }
}
