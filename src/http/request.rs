//! What is known of a request before anybody reads it: when it came, from where, and under which id.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};

use super::answer::Refusal;
use super::forwarded::Proxies;
use crate::clock::Timestamp;
use crate::config::issuer::IssuerUrl;
use crate::secret;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Stands in every line of the log, in `X-Request-Id` of the answer and on error pages. Visible ASCII, as it is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// 64 random bits of this process and the number of the request: one of a kind, and no secret.
    pub fn new() -> Self {
        static PROCESS: LazyLock<[u8; 8]> = LazyLock::new(secret::random);
        static REQUESTS: AtomicU64 = AtomicU64::new(0);
        let number = REQUESTS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut id = [0; 16];
        id[..8].copy_from_slice(&*PROCESS);
        id[8..].copy_from_slice(&number);
        RequestId(HeaderValue::try_from(secret::base64url(&id)).expect("base64url is visible ASCII"))
    }

    /// What a proxy sent, if it is fit for a log: a short word.
    fn sent(headers: &HeaderMap) -> Option<Self> {
        let id = headers.get(X_REQUEST_ID)?;
        let word = id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte));
        (word && (8..=64).contains(&id.len())).then(|| RequestId(id.clone()))
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As a header has it.
    pub(super) fn into_header(self) -> HeaderValue {
        self.0
    }
}

impl Default for RequestId {
    fn default() -> Self {
        RequestId::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The other end of the connection, put into a request's extensions by the listener.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// A request's arrival, for every handler that asks.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub id: RequestId,
    pub now: Timestamp,
    pub client: IpAddr,
}

impl Arrival {
    pub(super) fn new(now: Timestamp, peer: Option<Peer>, headers: &HeaderMap, proxies: &Proxies) -> Self {
        // Without a listener (a router called by a test) nobody is trusted.
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
        let sent = if proxies.trust(peer) { RequestId::sent(headers) } else { None };
        Arrival { id: sent.unwrap_or_default(), now, client: proxies.client(peer, headers) }
    }
}

impl<S: Sync> FromRequestParts<S> for Arrival {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        parts.extensions.get().cloned().ok_or(Refusal::Internal)
    }
}

/// The names under which a listener answers. Links, cookies and tokens always name the issuer; who came by another
/// name is told so instead of being served half.
#[derive(Clone, Debug)]
pub enum Hosts {
    /// The issuer's own authority.
    Issuer { authority: Box<str>, default_port: &'static str, reached_at: Arc<str> },
    /// Any: a listener that people do not reach by name.
    Any,
}

impl Hosts {
    pub fn of(issuer: &IssuerUrl) -> Self {
        let default_port = if issuer.is_https() { ":443" } else { ":80" };
        Hosts::Issuer {
            authority: issuer.authority().into(),
            default_port,
            reached_at: issuer.as_str().into(),
        }
    }

    /// RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message
    /// that lacks a Host header field and to any request message that contains more than one Host header field
    /// line". A target in absolute form (§3.2.2) or an `:authority` must name the same server.
    pub(super) fn check(&self, version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let Hosts::Issuer { authority, default_port, reached_at } = self else { return Ok(()) };
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().map(|host| host.as_bytes());
        let target = uri.authority().map(|authority| authority.as_str().as_bytes());
        let lacking = host.is_none() && (target.is_none() || version < Version::HTTP_2);
        if lacking || hosts.next().is_some() {
            return Err(Refusal::Malformed);
        }
        let ours = |name: &[u8]| {
            let bare = name.strip_suffix(default_port.as_bytes()).unwrap_or(name);
            bare.eq_ignore_ascii_case(authority.as_bytes())
        };
        match host.into_iter().chain(target).all(ours) {
            true => Ok(()),
            false => Err(Refusal::Misdirected { reached_at: reached_at.clone() }),
        }
    }
}
