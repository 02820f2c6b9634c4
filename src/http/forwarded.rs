//! The address of the client behind the proxies that we trust (X-Forwarded-For; Forwarded, RFC 7239).

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::config::server::{ProxyHeader, Server};

/// Who may tell us where a request came from, and in which header. The other header is never read: a proxy that
/// writes one passes the other on as the client wrote it.
#[derive(Clone, Debug)]
pub struct Proxies {
    pub networks: Vec<IpNet>,
    pub header: ProxyHeader,
}

impl Proxies {
    pub fn of(server: &Server) -> Self {
        Proxies { networks: server.trusted_proxies.clone(), header: server.proxy_header }
    }

    pub fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The right-most hop that we do not trust: what stands left of it the client may have written itself.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        let mut client = peer;
        for hop in hops(headers, self.header).rev() {
            if !self.trust(client) {
                break;
            }
            match hop {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }
}

/// From the client's end to ours; `None` for what is no address ("unknown", an obfuscated name, nonsense).
fn hops(headers: &HeaderMap, header: ProxyHeader) -> impl DoubleEndedIterator<Item = Option<IpAddr>> {
    let lines = match header {
        ProxyHeader::XForwardedFor => headers.get_all("x-forwarded-for"),
        ProxyHeader::Forwarded => headers.get_all(FORWARDED),
    };
    let elements = lines.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let hops: Vec<Option<IpAddr>> = elements
        .map(|element| {
            let element = std::str::from_utf8(element).ok()?.trim();
            match header {
                ProxyHeader::XForwardedFor => address(element),
                ProxyHeader::Forwarded => element.split(';').find_map(|pair| {
                    let (name, value) = pair.split_once('=')?;
                    name.trim().eq_ignore_ascii_case("for").then(|| address(value.trim()))?
                }),
            }
        })
        .collect();
    hops.into_iter()
}

/// An address with or without port, brackets and quotes.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse().map(|socket: SocketAddr| socket.ip())).ok()?;
    Some(IpAddr::to_canonical(&address))
}

/// What counts as one address when attempts are counted: one IPv4 address, or the /64 that an IPv6 subscriber
/// holds at the least (RFC 6177 §2).
pub fn subscriber(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Net::from(address).into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 64).trunc().into(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn proxies(header: ProxyHeader) -> Proxies {
        let networks = ["10.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap()).to_vec();
        Proxies { networks, header }
    }

    fn client(header: ProxyHeader, peer: &str, lines: &[(&'static str, &'static str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        proxies(header).client(peer.parse().unwrap(), &headers).to_string()
    }

    fn by_xff(peer: &str, value: &'static str) -> String {
        client(ProxyHeader::XForwardedFor, peer, &[("x-forwarded-for", value)])
    }

    fn by_forwarded(peer: &str, value: &'static str) -> String {
        client(ProxyHeader::Forwarded, peer, &[("forwarded", value)])
    }

    #[test]
    fn an_unlisted_peer_is_the_client_whatever_it_says() {
        assert_eq!(by_xff("203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(by_forwarded("203.0.113.9", "for=198.51.100.1"), "203.0.113.9");
        assert_eq!(by_xff("::ffff:203.0.113.9", "198.51.100.1"), "203.0.113.9");
    }

    #[test]
    fn the_right_most_unlisted_hop_is_the_client() {
        assert_eq!(by_xff("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(by_xff("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(by_xff("::1", "6.6.6.6,[2001:db8::1]:443"), "2001:db8::1");
        assert_eq!(by_xff("::ffff:10.0.0.1", "::ffff:198.51.100.1"), "198.51.100.1");
        assert_eq!(by_xff("10.0.0.1", "10.0.0.3, 10.0.0.2"), "10.0.0.3");
        assert_eq!(
            by_forwarded("10.0.0.1", "for=6.6.6.6;by=x, For=\"[2001:db8::1]:1\";proto=https"),
            "2001:db8::1"
        );
    }

    #[test]
    fn lines_of_one_header_are_one_list() {
        let lines = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.1")];
        assert_eq!(client(ProxyHeader::XForwardedFor, "10.0.0.1", &lines), "198.51.100.1");
    }

    #[test]
    fn the_header_that_the_proxy_does_not_write_is_not_read() {
        let lines = [("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=198.51.100.1")];
        assert_eq!(client(ProxyHeader::Forwarded, "10.0.0.1", &lines), "198.51.100.1");
        assert_eq!(client(ProxyHeader::XForwardedFor, "10.0.0.1", &lines[1..]), "10.0.0.1");
    }

    #[test]
    fn nonsense_ends_the_walk_at_the_last_hop_that_was_named() {
        assert_eq!(by_xff("10.0.0.1", "198.51.100.1, unknown"), "10.0.0.1");
        assert_eq!(by_xff("10.0.0.1", "198.51.100.1, , 10.0.0.2"), "10.0.0.2");
        assert_eq!(by_forwarded("10.0.0.1", "for=_hidden"), "10.0.0.1");
        assert_eq!(by_forwarded("10.0.0.1", "for=198.51.100.1, proto=https"), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_subscriber_is_one_however_many_addresses_it_uses() {
        let one = subscriber("2001:db8:1:2:3:4:5:6".parse().unwrap());
        assert_eq!(one, subscriber("2001:db8:1:2:ffff::1".parse().unwrap()));
        assert_ne!(one, subscriber("2001:db8:1:3::1".parse().unwrap()));
        assert_eq!(subscriber("::ffff:192.0.2.1".parse().unwrap()).to_string(), "192.0.2.1/32");
    }
}
