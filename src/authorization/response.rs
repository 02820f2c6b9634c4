//! Authorization responses (RFC 6749 §4.1.2, RFC 9207): what goes back to the client, and how.

use url::Url;

use crate::protocol::authorization_request::AuthorizationRequest;
use crate::protocol::error::SentError;
use crate::protocol::response_type::ResponseMode;
use crate::tokens::Issuer;

/// Where an answer goes: a redirect URI that was proven to be the client's.
#[derive(Clone, Debug)]
pub struct Target {
    pub redirect_uri: String,
    pub mode: ResponseMode,
    pub state: Option<String>,
}

impl Target {
    pub fn of(request: &AuthorizationRequest) -> Self {
        Target {
            redirect_uri: request.redirect_uri.as_str().to_owned(),
            mode: request.response_mode,
            state: request.state.clone(),
        }
    }
}

/// Parameters for a client. `Debug` shows their names only: a code is among them.
#[derive(Clone)]
pub struct Response {
    pub redirect_uri: String,
    pub mode: ResponseMode,
    pub parameters: Vec<(&'static str, String)>,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        f.debug_struct("Response").field("mode", &self.mode).field("parameters", &names).finish()
    }
}

impl Response {
    pub(super) fn error(issuer: &Issuer, target: Target, error: SentError) -> Self {
        let parameters = vec![
            ("error", error.code.as_str().to_owned()),
            ("error_description", error.description.to_owned()),
        ];
        Response::with(issuer, target, parameters)
    }

    pub(super) fn with(issuer: &Issuer, target: Target, mut parameters: Vec<(&'static str, String)>) -> Self {
        parameters.extend(target.state.map(|state| ("state", state)));
        // RFC 9207 §2: "Authorization servers supporting this specification MUST provide the iss parameter",
        // in errors too.
        parameters.push(("iss", issuer.url.clone()));
        Response { redirect_uri: target.redirect_uri, mode: target.mode, parameters }
    }

    /// The URI to redirect to, for the modes that redirect. A query that was registered stays as it is.
    pub fn location(&self) -> String {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.parameters {
            encoded.append_pair(name, value);
        }
        let encoded = encoded.finish();
        match self.mode {
            ResponseMode::Fragment => format!("{}#{encoded}", self.redirect_uri),
            ResponseMode::Query | ResponseMode::FormPost => {
                let joint =
                    match Url::parse(&self.redirect_uri).ok().and_then(|uri| uri.query().map(str::len)) {
                        None => "?",
                        Some(0) => "",
                        Some(_) => "&",
                    };
                format!("{}{joint}{encoded}", self.redirect_uri)
            }
        }
    }
}
