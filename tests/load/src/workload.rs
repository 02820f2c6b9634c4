//! The workloads: what one operation is, what it needs beforehand, and when its answer is a true success.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::ValueEnum;
use serde::Serialize;
use url::form_urlencoded::Serializer;

use gatepass_load::app::{Tokens, exchange, get, pair, post, refresh, tokens};
use gatepass_load::connection::{Connection, Lost};
use gatepass_load::description::Description;
use gatepass_load::visitor::{Asking, Visitor};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[value(rename_all = "UPPER")]
pub enum Workload {
    /// Client credentials: a signed access token.
    W1,
    /// Introspection of an active token.
    W2,
    /// UserInfo.
    W3,
    /// Refresh with rotation, each connection its own chain.
    W4,
    /// A silent authorization (session and consent present) and the exchange of its code.
    W5,
    /// A whole sign-in with a password, from an empty cookie jar.
    W6,
    /// Discovery and JWKS, by turns.
    W7,
    /// Revocation of a token.
    W8,
}

impl Workload {
    pub const ALL: [Workload; 8] = [
        Workload::W1,
        Workload::W2,
        Workload::W3,
        Workload::W4,
        Workload::W5,
        Workload::W6,
        Workload::W7,
        Workload::W8,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Workload::W1 => "client_credentials, signed JWT",
            Workload::W2 => "introspection",
            Workload::W3 => "UserInfo",
            Workload::W4 => "refresh with rotation",
            Workload::W5 => "silent authorize + code exchange",
            Workload::W6 => "whole password sign-in",
            Workload::W7 => "discovery / JWKS",
            Workload::W8 => "revocation",
        }
    }

    /// Whether the server can be asked for it at all; if not, why.
    pub fn possible(self, of: &Description) -> Result<(), String> {
        if let Some(why) = of.cannot.get(&format!("{self:?}")) {
            return Err(why.clone());
        }
        let endpoints = &of.endpoints;
        let there = match self {
            Workload::W1 => true,
            Workload::W2 => endpoints.introspection.is_some(),
            Workload::W3 => endpoints.userinfo.is_some() && of.sign_in.is_some(),
            Workload::W4 | Workload::W5 => of.sign_in.is_some(),
            Workload::W6 => of.sign_in.is_some() || endpoints.password_hash.is_some(),
            Workload::W7 => endpoints.discovery.is_some() && endpoints.jwks.is_some(),
            Workload::W8 => endpoints.revocation.is_some(),
        };
        if there { Ok(()) } else { Err("not described".to_owned()) }
    }
}

/// One connection's share of a workload.
pub struct Worker<'a> {
    workload: Workload,
    of: &'a Description,
    host: String,
    connection: Connection,
    visitor: Visitor,
    /// What is sent again and again.
    request: Vec<u8>,
    second_request: Vec<u8>,
    refresh_token: String,
    /// Tokens that wait for their revocation.
    stock: Vec<String>,
    turn: usize,
    /// Fingerprints of tokens that this connection has got: a success is a fresh one.
    seen: HashSet<u64>,
}

/// Hashed where nothing else of a sign-in is there.
const PASSWORD: &str = "a-password-of-the-load-driver";

/// Tokens made per connection before revocations are measured, and how long that may take.
const STOCK: usize = 1500;
const STOCKING: Duration = Duration::from_millis(600);

impl<'a> Worker<'a> {
    /// Sets up what the operations need: sessions, tokens, requests as bytes.
    pub async fn prepare(workload: Workload, of: &'a Description) -> anyhow::Result<Worker<'a>> {
        let address = of.address()?;
        let mut worker = Worker {
            workload,
            of,
            connection: Connection::new(&address, Lost::SentAgain),
            visitor: Visitor::new(of, Lost::SentAgain)?,
            host: of.host()?,
            request: Vec::new(),
            second_request: Vec::new(),
            refresh_token: String::new(),
            stock: Vec::new(),
            turn: 0,
            seen: HashSet::new(),
        };
        match workload {
            Workload::W1 => worker.request = worker.client_credentials(&of.client.jwt_parameters),
            Workload::W2 => {
                let token = match of.sign_in {
                    Some(_) => worker.sign_in(Asking::First).await?.access_token,
                    None => worker.machine_token().await?,
                };
                let path = of.endpoints.introspection.as_deref().context("no introspection endpoint")?;
                let asker = of.resource_server.as_ref().unwrap_or(&of.client);
                worker.request = post(&worker.host, path, asker, &pair("token", &token));
            }
            Workload::W3 => {
                let token = worker.sign_in(Asking::First).await?.access_token;
                let path = of.endpoints.userinfo.as_deref().context("no userinfo endpoint")?;
                worker.request = get(&worker.host, path, Some(&token));
            }
            Workload::W4 => {
                let tokens = worker.sign_in(Asking::First).await?;
                worker.refresh_token = tokens.refresh_token.context("no refresh token was given")?;
            }
            Workload::W5 => {
                worker.sign_in(Asking::First).await?;
            }
            Workload::W6 => {
                if let Some(path) = &of.endpoints.password_hash {
                    worker.request = post(&worker.host, path, &of.client, &pair("password", PASSWORD));
                }
            }
            Workload::W7 => {
                let path = of.endpoints.discovery.as_deref().context("no discovery document")?;
                worker.request = get(&worker.host, path, None);
                let path = of.endpoints.jwks.as_deref().context("no keys")?;
                worker.second_request = get(&worker.host, path, None);
            }
            Workload::W8 => {
                let began = Instant::now();
                while worker.stock.len() < STOCK && began.elapsed() < STOCKING {
                    let token = worker.machine_token().await?;
                    worker.stock.push(token);
                }
            }
        }
        Ok(worker)
    }

    /// Whether there is something left to do.
    pub fn is_exhausted(&self) -> bool {
        self.workload == Workload::W8 && self.stock.is_empty()
    }

    /// One operation; an error is an answer that is no true success.
    pub async fn operate(&mut self) -> anyhow::Result<()> {
        self.turn += 1;
        match self.workload {
            Workload::W1 => {
                let answer = self.connection.send(&self.request).await?;
                self.fresh(&tokens(&answer)?.access_token)
            }
            Workload::W2 => {
                let answer = self.connection.send(&self.request).await?;
                let said: serde_json::Value = serde_json::from_slice(answer.succeeded()?)?;
                ensure!(said["active"] == true, "not active: {said}");
                Ok(())
            }
            Workload::W3 => {
                let answer = self.connection.send(&self.request).await?;
                let said: serde_json::Value = serde_json::from_slice(answer.succeeded()?)?;
                ensure!(said["sub"].is_string(), "no sub: {said}");
                Ok(())
            }
            Workload::W4 => {
                let body = refresh(&self.refresh_token);
                let request = post(&self.host, &self.of.endpoints.token, &self.of.client, &body);
                let tokens = tokens(&self.connection.send(&request).await?)?;
                self.fresh(&tokens.access_token)?;
                let next = tokens.refresh_token.context("no rotation")?;
                ensure!(next != self.refresh_token, "the refresh token did not change");
                self.refresh_token = next;
                let promised = self.of.sign_in.as_ref().is_some_and(|sign_in| sign_in.id_token_at_refresh);
                ensure!(tokens.id_token.is_some() || !promised, "no ID Token");
                Ok(())
            }
            Workload::W5 => {
                let tokens = self.sign_in(Asking::Silent).await?;
                self.fresh(&tokens.access_token)
            }
            Workload::W6 if self.of.endpoints.password_hash.is_some() => {
                let answer = self.connection.send(&self.request).await?;
                let hash = String::from_utf8(answer.succeeded()?.to_vec())?;
                ensure!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "another hash: {hash}");
                self.fresh(&hash)
            }
            Workload::W6 => {
                self.visitor.forget_cookies();
                let tokens = self.sign_in(Asking::First).await?;
                self.fresh(&tokens.access_token)
            }
            Workload::W7 => {
                let request = if self.turn.is_multiple_of(2) { &self.request } else { &self.second_request };
                let answer = self.connection.send(request).await?;
                let expected: &[u8] = if self.turn.is_multiple_of(2) { b"issuer" } else { b"kty" };
                let body = answer.succeeded()?;
                ensure!(body.windows(expected.len()).any(|part| part == expected), "not the document");
                Ok(())
            }
            Workload::W8 => {
                let Some(token) = self.stock.pop() else { return Ok(()) };
                let path = self.of.endpoints.revocation.as_deref().context("no revocation endpoint")?;
                let request = post(&self.host, path, &self.of.client, &pair("token", &token));
                self.connection.send(&request).await?.succeeded().map(drop)
            }
        }
    }

    fn fresh(&mut self, token: &str) -> anyhow::Result<()> {
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        ensure!(self.seen.insert(hasher.finish()), "the same token twice");
        Ok(())
    }

    async fn sign_in(&mut self, asking: Asking) -> anyhow::Result<Tokens> {
        let code = self.visitor.authorize(self.of, asking).await?;
        let sign_in = self.of.sign_in.as_ref().context("no [sign_in]")?;
        let request = post(&self.host, &self.of.endpoints.token, &self.of.client, &exchange(sign_in, &code));
        tokens(&self.connection.send(&request).await?)
    }

    fn client_credentials(&self, more: &BTreeMap<String, String>) -> Vec<u8> {
        let mut body = Serializer::new(String::new());
        body.append_pair("grant_type", "client_credentials")
            .extend_pairs(&self.of.client.parameters)
            .extend_pairs(more);
        post(&self.host, &self.of.endpoints.token, &self.of.client, &body.finish())
    }

    async fn machine_token(&mut self) -> anyhow::Result<String> {
        let request = self.client_credentials(&BTreeMap::new());
        Ok(tokens(&self.connection.send(&request).await?)?.access_token)
    }
}
