//! The one way out: requests to URLs that somebody else wrote down (RFC 9700 §4.13, OWASP SSRF). The only file that
//! knows reqwest.

mod document;

use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Name, Resolve, Resolving};
use url::{Host, Url};

use crate::config::outbound::{AllowedHost, Exceptions};

/// For a whole exchange, from the name's resolution to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
/// The body of an answer, in bytes.
const LARGEST: usize = 64 * 1024;

/// Where a request may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Strangers' URLs: https on port 443 of public addresses only, so that nobody looks through us into our network.
    Public,
    /// URLs that the operator wrote down: any address, and plain http on loopback.
    Anywhere,
}

/// Why there is no answer. It tells who asked of the network around us: for operators, never for strangers.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("only https is fetched, and http on a loopback address")]
    Scheme,
    #[error("the address is not a public one: outbound.allowed_hosts can name an exception")]
    NotPublic,
    #[error("only port 443 is fetched from: outbound.allowed_hosts can name an exception")]
    Port,
    #[error("the URL holds a user name or a password")]
    Credentials,
    #[error("outbound.extra_ca_file: {0}")]
    Certificates(io::Error),
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    #[error("the answer says that it is no JSON")]
    NotJson,
    #[error("the answer is larger than {} KB", LARGEST / 1024)]
    TooLarge,
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    TooSlow,
    #[error("{}", innermost(.0))]
    Broken(#[from] reqwest::Error),
}

/// The cause that says most: the layers around it only repeat that something failed.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Sends requests. It follows no redirect, keeps no cookie, asks no proxy and unpacks nothing.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    reach: Reach,
    /// Hosts that may be private, and the client that resolves their names.
    named: Option<(Vec<AllowedHost>, reqwest::Client)>,
    /// For what a developer runs on this machine.
    loopback: Option<reqwest::Client>,
}

impl Outbound {
    pub fn new(reach: Reach) -> Result<Self, Failure> {
        let names = match reach {
            Reach::Public => Names::Public(system),
            Reach::Anywhere => Names::Any,
        };
        let client = client(&[], names)?;
        Ok(Outbound { client, reach, named: None, loopback: None })
    }

    /// For strangers' URLs, with the operator's exceptions.
    pub fn except(exceptions: &Exceptions) -> Result<Self, Failure> {
        let authorities = match &exceptions.extra_ca_file {
            Some(path) => {
                let pem = std::fs::read(path).map_err(Failure::Certificates)?;
                reqwest::Certificate::from_pem_bundle(&pem)?
            }
            None => Vec::new(),
        };
        let allowed = exceptions.allowed_hosts.clone();
        let named = match allowed.is_empty() {
            true => None,
            false => Some((allowed, client(&authorities, Names::Any)?)),
        };
        let client = client(&authorities, Names::Public(system))?;
        Ok(Outbound { client, reach: Reach::Public, named, loopback: None })
    }

    /// The same, and plain http on a loopback address: never in production.
    pub fn and_loopback(self) -> Result<Self, Failure> {
        Ok(Outbound { loopback: Some(client(&[], Names::Any)?), ..self })
    }

    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Failure> {
        let exchange = tokio::time::timeout(PATIENCE, self.exchange(request));
        exchange.await.map_err(|_| Failure::TooSlow)?
    }

    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Failure> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.way_to(request.url())?;
        let mut answer = client.execute(request).await.map_err(|error| {
            if is_refused_by_resolver(&error) { Failure::NotPublic } else { Failure::Broken(error) }
        })?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Failure::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }

    /// The client that may send to `url`.
    fn way_to(&self, url: &Url) -> Result<&reqwest::Client, Failure> {
        // Addresses that are written out are never resolved, so they are judged here.
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        let is_loopback = address.map_or(url.domain() == Some("localhost"), |ip| ip.is_loopback());
        match self.reach {
            Reach::Anywhere if url.scheme() == "http" => {
                if is_loopback {
                    Ok(&self.client)
                } else {
                    Err(Failure::Scheme)
                }
            }
            Reach::Public if url.scheme() == "http" && is_loopback => {
                self.loopback.as_ref().ok_or(Failure::Scheme)
            }
            _ if url.scheme() != "https" => Err(Failure::Scheme),
            Reach::Anywhere => Ok(&self.client),
            Reach::Public => {
                if !url.username().is_empty() || url.password().is_some() {
                    return Err(Failure::Credentials);
                }
                if let Some((allowed, client)) = &self.named
                    && allowed.iter().any(|allowed| allowed.is_that_of(url))
                {
                    return Ok(client);
                }
                if address.is_some_and(|address| !is_public(address)) {
                    return Err(Failure::NotPublic);
                }
                // Other ports are mail servers, databases and whatever else nobody expects a visit at.
                if url.port_or_known_default() == Some(443) { Ok(&self.client) } else { Err(Failure::Port) }
            }
        }
    }
}

/// Whose names a client resolves.
#[derive(Clone, Copy)]
enum Names {
    Any,
    Public(Lookup),
}

/// Trusts the system's certificates and `authorities`. Where the system has none these alone are trusted: then https
/// fails, and plain http on loopback works.
fn client(authorities: &[reqwest::Certificate], names: Names) -> reqwest::Result<reqwest::Client> {
    let merged = builder(names).tls_certs_merge(authorities.to_vec()).build();
    merged.or_else(|_| builder(names).tls_certs_only(authorities.to_vec()).build())
}

fn builder(names: Names) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // A few packed bytes can be gigabytes.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .referer(false)
        .user_agent(concat!("gatepass/", env!("CARGO_PKG_VERSION")));
    match names {
        Names::Any => builder,
        Names::Public(lookup) => builder.https_only(true).dns_resolver(Arc::new(PublicNames(lookup))),
    }
}

type Lookup = fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;

fn system(name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
    Box::pin(async move {
        let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    })
}

/// Resolves a name once, and the connection goes to what was judged: a name that answers differently the next time
/// (DNS rebinding) gains nothing.
struct PublicNames(Lookup);

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.0)(name.as_str().to_owned());
        Box::pin(async move {
            let found = found.await?;
            // One private address among public ones is what rebinding looks like.
            if found.iter().all(|address| is_public(*address)) {
                let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
                Ok(Box::new(found) as reqwest::dns::Addrs)
            } else {
                Err(Refused.into())
            }
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
struct Refused;

fn is_refused_by_resolver(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(source) = cause {
        if source.is::<Refused>() {
            return true;
        }
        cause = source.source();
    }
    false
}

const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(a: u16, b: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
}

/// What the IANA registry of special-purpose addresses (RFC 6890) keeps from the Internet, and multicast.
const SPECIAL_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 8),
    v4(10, 0, 0, 8),
    v4(100, 64, 0, 10),
    v4(127, 0, 0, 8),
    v4(169, 254, 0, 16),
    v4(172, 16, 0, 12),
    v4(192, 0, 0, 24),
    v4(192, 0, 2, 24),
    v4(192, 31, 196, 24),
    v4(192, 88, 99, 24),
    v4(192, 168, 0, 16),
    v4(198, 18, 0, 15),
    v4(198, 51, 100, 24),
    v4(203, 0, 113, 24),
    v4(224, 0, 0, 4),
    v4(240, 0, 0, 4),
];

/// The only part of IPv6 that is given out. Loopback, private, mapped, translated and multicast addresses lie outside.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

/// What is special inside of it: protocol assignments with Teredo, documentation, 6to4, which carries an IPv4 address.
const SPECIAL_V6: [Ipv6Net; 4] =
    [v6(0x2001, 0, 23), v6(0x2001, 0xdb8, 32), v6(0x2002, 0, 16), v6(0x3fff, 0, 20)];

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address))
        }
    }
}

#[cfg(test)]
mod tests;
