//! A person with a browser, whom an app sends: authorization requests, forms, redirects, cookies.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::app::VERIFIER;
use crate::connection::{Answer, Connection, Lost, Unwanted};
use crate::description::{Description, SignIn};
use crate::form::{self, Form};

pub struct Visitor {
    connection: Connection,
    host: String,
    origin: Url,
    cookies: BTreeMap<String, String>,
}

/// Where a walk to the app stands.
#[derive(Clone, Debug)]
pub enum Place {
    /// Before this page of the server.
    At(String),
    /// Back at the app, with a code.
    Back(String),
}

/// What is asked of the authorization endpoint.
#[derive(Clone, Copy, PartialEq)]
pub enum Asking {
    First,
    Silent,
}

impl Visitor {
    pub fn new(description: &Description, lost: Lost) -> anyhow::Result<Self> {
        let origin = Url::parse(&description.issuer)?;
        let connection = Connection::new(&description.address()?, lost);
        Ok(Visitor { connection, host: description.host()?, origin, cookies: BTreeMap::new() })
    }

    /// The same browser with a connection of its own.
    pub fn another_tab(&self, description: &Description, lost: Lost) -> anyhow::Result<Self> {
        Ok(Visitor { cookies: self.cookies.clone(), ..Visitor::new(description, lost)? })
    }

    pub fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    /// Walks from the authorization request through every form to the client's redirect URI; the code.
    pub async fn authorize(&mut self, of: &Description, asking: Asking) -> anyhow::Result<String> {
        if asking == Asking::First {
            let sign_in = of.sign_in.as_ref().context("no [sign_in]")?;
            for request in &sign_in.requests {
                let kind = "application/json";
                let answer = self.send(&request.method, &request.path, Some((kind, &request.body))).await?;
                ensure!(
                    answer.status < 300,
                    "{} {} answered {}",
                    request.method,
                    request.path,
                    answer.status
                );
            }
        }
        let mut place = Place::At(authorization_request(of, asking)?);
        for _ in 0..12 {
            match place {
                Place::At(page) => place = self.step(of, asking, &page).await?,
                Place::Back(code) => return Ok(code),
            }
        }
        bail!("still no code after 12 pages")
    }

    /// Looks at a page of the walk, fills in its form if it has one, and follows one redirect. Until it has gone well
    /// it may be tried again, as by a person who reloads the page.
    pub async fn step(&mut self, of: &Description, asking: Asking, page: &str) -> anyhow::Result<Place> {
        let sign_in = of.sign_in.as_ref().context("no [sign_in]")?;
        let answer = self.send("GET", page, None).await?;
        let answer = match (answer.status, asking) {
            (200, Asking::First) => self.fill_in(sign_in, page, &answer).await?,
            _ => answer,
        };
        let Some(location) = &answer.location else {
            return Err(Unwanted { asked: page.to_owned(), answer }.into());
        };
        if location.starts_with(&sign_in.redirect_uri) {
            let parameters = Url::parse(location)?;
            let code = parameters.query_pairs().find(|(name, _)| name == "code");
            return match code {
                Some((_, code)) => Ok(Place::Back(code.into_owned())),
                None => Err(Unwanted { asked: page.to_owned(), answer }.into()),
            };
        }
        let next = self.origin.join(page)?.join(location)?;
        Ok(Place::At(next[url::Position::BeforePath..].to_owned()))
    }

    /// A page of the server, as text.
    pub async fn page(&mut self, path: &str) -> anyhow::Result<String> {
        let answer = self.send("GET", path, None).await?;
        Ok(String::from_utf8(answer.succeeded()?.to_vec())?)
    }

    /// Presses the button of the form on `page` that posts to `action`.
    pub async fn submit(&mut self, page: &str, action: &str) -> anyhow::Result<()> {
        let form = form::posting_to(page, action).with_context(|| format!("no form posts to {action}"))?;
        let body = Serializer::new(String::new()).extend_pairs(&form.fields).finish();
        let answer = self.send("POST", action, Some(("application/x-www-form-urlencoded", &body))).await?;
        ensure!(answer.status < 400, "{action} answered {}", answer.status);
        Ok(())
    }

    async fn fill_in(&mut self, sign_in: &SignIn, page: &str, answer: &Answer) -> anyhow::Result<Answer> {
        let text = String::from_utf8_lossy(&answer.body);
        let form = form::find(&text).with_context(|| format!("no form on {page}: {text:.300}"))?;
        let body = filled_in(&form, sign_in);
        let target = self.origin.join(page)?.join(&form.action)?;
        let target = target[url::Position::BeforePath..].to_owned();
        self.send("POST", &target, Some(("application/x-www-form-urlencoded", &body))).await
    }

    async fn send(&mut self, method: &str, path: &str, body: Option<(&str, &str)>) -> anyhow::Result<Answer> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n", self.host);
        if !self.cookies.is_empty() {
            let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            request += &format!("Cookie: {}\r\n", pairs.collect::<Vec<_>>().join("; "));
        }
        match body {
            Some((kind, body)) => {
                let origin = self.origin.origin().ascii_serialization();
                request += &format!(
                    "Origin: {origin}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
            None => request += "\r\n",
        }
        let answer = self.connection.send(request.as_bytes()).await?;
        for cookie in &answer.cookies {
            let Some((name, value)) = cookie.split_once('=') else { continue };
            match value.is_empty() {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        Ok(answer)
    }
}

/// What the form sends when the person has typed and pressed the button.
fn filled_in(form: &Form, sign_in: &SignIn) -> String {
    let mut body = Serializer::new(String::new());
    for (name, value) in &form.fields {
        let value = match name {
            name if *name == sign_in.username_field => &sign_in.username,
            name if *name == sign_in.password_field => &sign_in.password,
            _ => value,
        };
        body.append_pair(name, value);
    }
    let pressed = |(name, value): &&(String, String)| sign_in.buttons.contains(&format!("{name}={value}"));
    if let Some((name, value)) = form.buttons.iter().find(pressed) {
        body.append_pair(name, value);
    }
    body.finish()
}

/// Where a walk begins.
pub fn authorization_request(of: &Description, asking: Asking) -> anyhow::Result<String> {
    let sign_in = of.sign_in.as_ref().context("no [sign_in]")?;
    let endpoint = of.endpoints.authorization.as_deref().context("no authorization endpoint")?;
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
    let mut query = Serializer::new(String::new());
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &of.client.id)
        .append_pair("redirect_uri", &sign_in.redirect_uri)
        .append_pair("scope", &sign_in.scope)
        .append_pair("state", "a-state")
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .extend_pairs(&sign_in.parameters);
    match asking {
        Asking::First => query.extend_pairs(&sign_in.first_parameters),
        Asking::Silent => query.extend_pairs(&sign_in.silent_parameters),
    };
    Ok(format!("{endpoint}?{}", query.finish()))
}
