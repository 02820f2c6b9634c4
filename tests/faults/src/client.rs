//! A person and the app that sent them, over connections whose loss is told, never mended.

use std::sync::Arc;
use std::time::Duration;

use gatepass_load::app::{self, Tokens};
use gatepass_load::connection::{Answer, Connection, Lost, Unwanted};
use gatepass_load::description::Description;
use gatepass_load::visitor::{Asking, Visitor};
use tokio::time::timeout;

use crate::ledger::Fate;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a request.
#[derive(Debug)]
pub enum Reply<T> {
    /// It was done, and the whole answer has come.
    Given(T),
    /// The answer says that it was not done.
    Refused(Answer),
    /// Nobody can say whether it was done.
    Lost(anyhow::Error),
}

impl<T> Reply<T> {
    pub fn given(self) -> anyhow::Result<T> {
        match self {
            Reply::Given(value) => Ok(value),
            Reply::Refused(answer) => Err(Unwanted { asked: String::new(), answer }.into()),
            Reply::Lost(error) => Err(error),
        }
    }

    /// A failure of the server decides nothing: its transaction may have been committed.
    pub fn fate(&self) -> Fate {
        match self {
            Reply::Given(_) => Fate::Acked,
            Reply::Refused(answer) if answer.status < 500 => Fate::Refused,
            Reply::Refused(_) | Reply::Lost(_) => Fate::Unknown,
        }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Reply::Given(_) => Some(200),
            Reply::Refused(answer) => Some(answer.status),
            Reply::Lost(_) => None,
        }
    }

    /// The OAuth error code of a refusal (RFC 6749 §5.2).
    pub fn error(&self) -> Option<String> {
        let Reply::Refused(answer) = self else { return None };
        let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
        body["error"].as_str().map(str::to_owned)
    }
}

pub struct Client {
    pub of: Arc<Description>,
    pub visitor: Visitor,
    connection: Connection,
    host: String,
}

impl Client {
    pub fn new(of: &Arc<Description>) -> anyhow::Result<Self> {
        let visitor = Visitor::new(of, Lost::Told)?;
        let connection = Connection::new(&of.address()?, Lost::Told);
        Ok(Client { of: of.clone(), visitor, connection, host: of.host()? })
    }

    /// A code: after a whole sign-in, or silently by the session.
    pub async fn code(&mut self, asking: Asking) -> Reply<String> {
        match timeout(PATIENCE, self.visitor.authorize(&self.of, asking)).await {
            Ok(Ok(code)) => Reply::Given(code),
            Ok(Err(error)) => match error.downcast::<Unwanted>() {
                Ok(Unwanted { answer, .. }) => Reply::Refused(answer),
                Err(error) => Reply::Lost(error),
            },
            Err(late) => Reply::Lost(late.into()),
        }
    }

    pub async fn exchange(&mut self, code: &str) -> Reply<Tokens> {
        let Some(sign_in) = &self.of.sign_in else { return Reply::Lost(anyhow::anyhow!("no [sign_in]")) };
        let body = app::exchange(sign_in, code);
        self.token(&body).await
    }

    pub async fn refresh(&mut self, token: &str) -> Reply<Tokens> {
        self.token(&app::refresh(token)).await
    }

    /// Signs in and exchanges the code.
    pub async fn sign_in(&mut self) -> anyhow::Result<Tokens> {
        let code = self.code(Asking::First).await.given()?;
        self.exchange(&code).await.given()
    }

    pub async fn revoke(&mut self, token: &str) -> Reply<()> {
        let path = self.of.endpoints.revocation.clone().unwrap_or_default();
        match self.post(&path, &app::pair("token", token)).await {
            Ok(answer) if answer.status == 200 => Reply::Given(()),
            Ok(answer) => Reply::Refused(answer),
            Err(error) => Reply::Lost(error),
        }
    }

    /// What introspection says of a token (RFC 7662 §2.2).
    pub async fn introspect(&mut self, token: &str) -> Reply<serde_json::Value> {
        let path = self.of.endpoints.introspection.clone().unwrap_or_default();
        match self.post(&path, &app::pair("token", token)).await {
            Ok(answer) if answer.status == 200 => match serde_json::from_slice(&answer.body) {
                Ok(said) => Reply::Given(said),
                Err(error) => Reply::Lost(error.into()),
            },
            Ok(answer) => Reply::Refused(answer),
            Err(error) => Reply::Lost(error),
        }
    }

    /// A request to the token endpoint.
    pub async fn token(&mut self, body: &str) -> Reply<Tokens> {
        let path = self.of.endpoints.token.clone();
        match self.post(&path, body).await {
            Ok(answer) if answer.status == 200 => match app::tokens(&answer) {
                Ok(tokens) => Reply::Given(tokens),
                Err(error) => Reply::Lost(error),
            },
            Ok(answer) => Reply::Refused(answer),
            Err(error) => Reply::Lost(error),
        }
    }

    async fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Answer> {
        let request = app::post(&self.host, path, &self.of.client, body);
        self.send(&request).await
    }

    /// Any request, as bytes.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        let answer = timeout(PATIENCE, self.connection.send(request)).await;
        if answer.is_err() {
            self.connection.hang_up();
        }
        answer?
    }
}
