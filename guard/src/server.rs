//! The authorization server as this process reaches it: its metadata (RFC 8414), and requests bounded in time and size.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Response};
use serde::Deserialize;
use url::{Host, Url, form_urlencoded};

use crate::calls::Counters;

/// For a whole exchange, except the feed's.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// The body of an answer, in bytes.
const LARGEST: usize = 256 * 1024;

/// Why the server cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The issuer is no https URL without query and fragment, nor http on a loopback address.
    Issuer,
    Unreachable(String),
    /// The metadata names another issuer: "MUST be identical" (RFC 8414 §3.3).
    OtherIssuer(String),
    /// The metadata or the keys cannot be read.
    Unreadable(&'static str),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Issuer => f.write_str("the issuer is no https URL, nor http on a loopback address"),
            BuildError::Unreachable(why) => write!(f, "the authorization server cannot be reached: {why}"),
            BuildError::OtherIssuer(other) => write!(f, "the server calls itself {other}"),
            BuildError::Unreadable(what) => write!(f, "the server's {what} cannot be read"),
        }
    }
}

impl Error for BuildError {}

/// RFC 8414 §2, as far as it is needed.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
    introspection_endpoint: Option<String>,
}

pub struct Server {
    pub issuer: String,
    pub jwks_uri: Url,
    pub introspection_endpoint: Option<Url>,
    pub calls: Counters,
    /// The credential of this API at the server.
    client_id: String,
    secret: String,
    http: Client,
}

pub struct Credential {
    pub client_id: String,
    pub secret: String,
}

impl Server {
    pub async fn discover(
        issuer: String,
        credential: Credential,
        authorities: Vec<Certificate>,
    ) -> Result<Self, BuildError> {
        let url = Url::parse(&issuer).ok().filter(is_secure).ok_or(BuildError::Issuer)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BuildError::Issuer);
        }
        let http = client(authorities).map_err(|error| BuildError::Unreachable(innermost(&error)))?;
        let calls = Counters::default();
        let mut answer = None;
        for place in places(&url) {
            calls.discovery.count();
            let found = body(http.get(place).timeout(PATIENCE)).await;
            match found {
                Ok((StatusCode::OK, bytes)) => {
                    answer = Some(bytes);
                    break;
                }
                Ok((StatusCode::NOT_FOUND, _)) => {}
                Ok((status, _)) => return Err(BuildError::Unreachable(status.to_string())),
                Err(why) => return Err(BuildError::Unreachable(why)),
            }
        }
        let answer = answer.ok_or(BuildError::Unreadable("metadata"))?;
        let metadata: Metadata =
            serde_json::from_slice(&answer).map_err(|_| BuildError::Unreadable("metadata"))?;
        if metadata.issuer != issuer {
            return Err(BuildError::OtherIssuer(metadata.issuer));
        }
        let secure = |url: &String| Url::parse(url).ok().filter(is_secure);
        let jwks_uri = secure(&metadata.jwks_uri).ok_or(BuildError::Unreadable("metadata"))?;
        let introspection_endpoint = metadata.introspection_endpoint.as_ref().and_then(secure);
        Ok(Server {
            issuer,
            jwks_uri,
            introspection_endpoint,
            calls,
            client_id: credential.client_id,
            secret: credential.secret,
            http,
        })
    }

    /// The JWK Set as it came.
    pub async fn keys(&self) -> Result<Vec<u8>, BuildError> {
        self.calls.keys.count();
        match body(self.http.get(self.jwks_uri.clone()).timeout(PATIENCE)).await {
            Ok((StatusCode::OK, bytes)) => Ok(bytes),
            Ok((status, _)) => Err(BuildError::Unreachable(status.to_string())),
            Err(why) => Err(BuildError::Unreachable(why)),
        }
    }

    /// The feed's answer, of which only the head has come. The body has no end and no time limit of its own.
    pub async fn feed(&self, instance: &str, after: Option<u64>) -> Result<Response, String> {
        self.calls.feed.count();
        let mut url = self.below_the_issuer("/revocations")?;
        url.query_pairs_mut().append_pair("instance", instance);
        let mut request = self.http.get(url).header(ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header(HeaderName::from_static("last-event-id"), after);
        }
        match tokio::time::timeout(PATIENCE, self.authenticated(request).send()).await {
            Ok(answered) => answered.map_err(|error| innermost(&error)),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    pub async fn confirm(&self, instance: &str, applied: u64) -> Result<StatusCode, String> {
        self.calls.receipts.count();
        let url = self.below_the_issuer("/revocations/receipts")?;
        let applied = applied.to_string();
        self.post(url, &[("instance", instance), ("applied", &applied)]).await.map(|(status, _)| status)
    }

    pub async fn introspect(&self, token: &str) -> Result<(StatusCode, Vec<u8>), String> {
        self.calls.introspections.count();
        let url = self.introspection_endpoint.clone().ok_or("the server offers no introspection")?;
        self.post(url, &[("token", token), ("token_type_hint", "access_token")]).await
    }

    async fn post(&self, url: Url, parameters: &[(&str, &str)]) -> Result<(StatusCode, Vec<u8>), String> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let request =
            self.http.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        body(self.authenticated(request).timeout(PATIENCE)).await
    }

    fn below_the_issuer(&self, path: &str) -> Result<Url, String> {
        let url = format!("{}{path}", self.issuer.trim_end_matches('/'));
        Url::parse(&url).map_err(|error| error.to_string())
    }

    /// RFC 6749 §2.3.1: both halves are form-encoded before they become a Basic credential.
    fn authenticated(&self, request: RequestBuilder) -> RequestBuilder {
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        request.basic_auth(encoded(&self.client_id), Some(encoded(&self.secret)))
    }
}

/// Follows no redirect, keeps no cookie, asks no proxy.
fn client(authorities: Vec<Certificate>) -> reqwest::Result<Client> {
    let mut builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(PATIENCE)
        .tcp_nodelay(true)
        .user_agent(concat!("gatepass-guard/", env!("CARGO_PKG_VERSION")));
    if !authorities.is_empty() {
        builder = builder.tls_certs_merge(authorities);
    }
    builder.build()
}

/// Where the metadata may stand: RFC 8414 §3.1, and OpenID Connect Discovery §4.
fn places(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let (mut oauth, mut openid) = (issuer.clone(), issuer.clone());
    oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    openid.set_path(&format!("{path}/.well-known/openid-configuration"));
    [oauth, openid]
}

/// Credentials and keys travel over TLS, or stay on this machine.
fn is_secure(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    (url.scheme() == "https" && url.has_host()) || (url.scheme() == "http" && is_loopback)
}

async fn body(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), String> {
    let mut response = request.send().await.map_err(|error| innermost(&error))?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| innermost(&error))? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err("the answer is too large".to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((response.status(), bytes))
}

/// The cause that says most: the layers around it only repeat that something failed. It holds no URL, and so no token.
pub fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
