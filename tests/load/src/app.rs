//! An app: its requests as bytes to send, and the tokens that it gets.

use anyhow::ensure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::connection::{Answer, Connection, Lost};
use crate::description::{Credential, Description, SignIn};

/// RFC 7636 §4.1: the same for every request of a driver; what it costs the server does not depend on it.
pub(crate) const VERIFIER: &str = "a-code-verifier-that-only-this-load-driver-uses";

#[derive(Clone, Debug, Deserialize)]
pub struct Tokens {
    pub access_token: String,
    #[serde(default)]
    pub refresh_token: Option<String>,
    #[serde(default)]
    pub id_token: Option<String>,
}

/// The body of a code exchange.
pub fn exchange(sign_in: &SignIn, code: &str) -> String {
    Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &sign_in.redirect_uri)
        .append_pair("code_verifier", VERIFIER)
        .finish()
}

/// The `Authorization` of a client (RFC 6749 §2.3.1).
pub fn basic(credential: &Credential) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(&credential.id), encode(&credential.secret));
    format!("Basic {}", STANDARD.encode(pair))
}

/// A form POST with a client's credentials, as bytes to send.
pub fn post(host: &str, path: &str, credential: &Credential, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        basic(credential),
        body.len()
    )
    .into_bytes()
}

/// The body of a refresh (RFC 6749 §6).
pub fn refresh(token: &str) -> String {
    Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", token)
        .finish()
}

/// The access token for a code.
pub async fn code_exchange(of: &Description, sign_in: &SignIn, code: &str) -> anyhow::Result<String> {
    let request = post(&of.host()?, &of.endpoints.token, &of.client, &exchange(sign_in, code));
    Ok(tokens(&Connection::new(&of.address()?, Lost::SentAgain).send(&request).await?)?.access_token)
}

pub fn pair(name: &str, value: &str) -> String {
    Serializer::new(String::new()).append_pair(name, value).finish()
}

pub fn get(host: &str, path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n{authorization}\r\n")
        .into_bytes()
}

/// What a token endpoint gave.
pub fn tokens(answer: &Answer) -> anyhow::Result<Tokens> {
    let tokens: Tokens = serde_json::from_slice(answer.succeeded()?)?;
    ensure!(tokens.access_token.len() >= 22, "no access token");
    Ok(tokens)
}
