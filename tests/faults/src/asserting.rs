//! A client that authenticates by assertions (RFC 7523 §3), each of which is good for once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepass_load::description::Description;
use serde_json::json;
use url::form_urlencoded::Serializer;

use crate::rig::Rig;

const SECRET: &str = "a-secret-of-the-client-with-assertions-0123456789";

/// Adds it to the rig.
pub fn register(rig: &Rig) -> anyhow::Result<()> {
    let more = ["--auth-method", "client_secret_jwt", "--grant-type", "client_credentials"];
    rig.add_client("asserting", SECRET, &more)
}

/// A client_credentials request with the assertion `name`, good for ten minutes.
pub fn body(issuer: &str, name: &str) -> anyhow::Result<String> {
    Ok(Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        .append_pair("client_assertion", &assertion(issuer, name)?)
        .finish())
}

/// Its bytes.
pub fn request(site: &Description, body: &str) -> anyhow::Result<Vec<u8>> {
    let (path, host, length) = (&site.endpoints.token, site.host()?, body.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    Ok(head.into_bytes())
}

/// Signed by the secret (OpenID Connect Core §9, client_secret_jwt).
fn assertion(issuer: &str, name: &str) -> anyhow::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "the client has a clock of its own")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let expires = (now + Duration::from_secs(120)).as_secs();
    let claims = json!({
        "iss": "asserting", "sub": "asserting", "aud": issuer, "exp": expires, "iat": now.as_secs(),
        "jti": format!("the assertion {name}"),
    });
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(br#"{"alg":"HS256"}"#), encode(claims.to_string().as_bytes()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hmac::sign(&key, signed.as_bytes());
    Ok(format!("{signed}.{}", encode(signature.as_ref())))
}
