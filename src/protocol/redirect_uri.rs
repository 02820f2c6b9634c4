//! Redirect URIs: which may be registered (RFC 6749 §3.1.2, RFC 8252), and how they are compared: byte for byte
//! (RFC 9700 §2.1), with the one exception of a loopback port.

use url::{Host, Url};

/// Whether `sent` is one of the registered URIs.
///
/// RFC 8252 §7.3: "The authorization server MUST allow any port to be specified at the time of the request for
/// loopback IP redirect URIs". A URI that was registered with a port means that port.
pub fn is_registered(sent: &str, registered: &[String]) -> bool {
    registered.iter().any(|own| own == sent || differs_in_loopback_port_only(sent, own))
}

const LOOPBACKS: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];

fn differs_in_loopback_port_only(sent: &str, registered: &str) -> bool {
    LOOPBACKS.iter().any(|origin| {
        let (Some(path), Some(rest)) = (registered.strip_prefix(origin), sent.strip_prefix(origin)) else {
            return false;
        };
        // Registered without a port: what follows the host is the path.
        let Some(with_port) = rest.strip_prefix(':') else { return false };
        let digits = with_port.bytes().take_while(u8::is_ascii_digit).count();
        let (port, sent_path) = with_port.split_at(digits);
        path.starts_with('/')
            && !port.starts_with('0')
            && port.parse::<u16>().is_ok_and(|port| port > 0)
            && sent_path == path
    })
}

/// In bytes.
pub const LONGEST: usize = 2048;

/// Only what RFC 3986 lets stand in a URI: nothing that another parser might read in another way.
pub fn is_plain(uri: &str) -> bool {
    uri.bytes().all(|byte| byte.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&byte))
}

/// Parameters of an authorization response: a redirect URI that brings them along could forge one.
const RESPONSE_PARAMETERS: [&str; 8] =
    ["code", "state", "error", "error_description", "error_uri", "iss", "id_token", "access_token"];

/// Why `uri` cannot be a redirect URI. `None`: it can.
pub fn fault(uri: &str, is_public: bool) -> Option<&'static str> {
    if uri.len() > LONGEST {
        return Some("a redirect URI has at most 2048 bytes");
    }
    if !is_plain(uri) {
        return Some("a redirect URI has only the characters of RFC 3986");
    }
    if uri.contains('*') {
        return Some("there are no wildcards: register every redirect URI as it will be sent");
    }
    if uri.contains('#') {
        return Some("a redirect URI has no fragment (RFC 6749 section 3.1.2)");
    }
    let Ok(url) = Url::parse(uri) else { return Some("not an absolute URI") };
    if !url.username().is_empty() || url.password().is_some() || uri.contains('@') {
        return Some("a redirect URI has no user name in it");
    }
    if url.path_segments().is_some_and(|_| has_dot_segments(uri)) {
        return Some("a redirect URI has no . and .. segments");
    }
    if url.query_pairs().any(|(name, _)| RESPONSE_PARAMETERS.contains(&name.as_ref())) {
        return Some("the query has a parameter of the authorization response");
    }
    match url.scheme() {
        "https" => None,
        "http" if is_loopback(&url) => None,
        "http" => Some("http is only for loopback addresses: use https"),
        // RFC 8252 §7.1: a scheme "based on a domain name under their control, expressed in reverse order".
        scheme if scheme.contains('.') && is_public => None,
        scheme if scheme.contains('.') => {
            Some("a private-use scheme is for public clients (RFC 8252 section 8.4)")
        }
        _ => Some("use https, http on a loopback address, or a private-use scheme like com.example.app"),
    }
}

/// Whether both have the same scheme, host and port (RFC 6454 §4).
pub fn is_same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin().is_tuple() && one.origin() == other.origin(),
        _ => false,
    }
}

pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Also in their encoded forms: what one parser resolves, another one does not.
pub(super) fn has_dot_segments(uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    path.split('/').any(|segment| {
        let name = segment.split(';').next().unwrap_or_default().replace("%2e", ".");
        name == "." || name == ".." || name.contains("%252e")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_redirect_uris_are_taken() {
        for uri in [
            "https://app.example/cb",
            "https://app.example/cb?tenant=a",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:8081/cb",
            "http://[::1]/cb",
            "http://localhost:3000/cb",
            "com.example.app:/cb",
        ] {
            assert_eq!(fault(uri, true), None, "{uri}");
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_not() {
        for uri in [
            "",
            "/cb",
            "https://app.example/cb#code",
            "https://*.example/cb",
            "https://app.example/*",
            "https://app.example@evil.example/cb",
            "https://app.example/a/../cb",
            "https://app.example/a/%2e%2e/cb",
            "https://app.example/%252e%252e%252fcb",
            "https://app.example/..;/cb",
            "https://app.example/cb?code=1",
            "https://app.example/cb?state=1",
            "http://app.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://app.example/x",
            "https://app.example/\u{e9}",
            "https://app.example/a b",
            "https:\\\\app.example/cb",
            &format!("https://app.example/{}", "a".repeat(3000)),
        ] {
            assert!(fault(uri, true).is_some(), "{uri}");
        }
        assert!(fault("com.example.app:/cb", false).is_some());
    }

    #[test]
    fn only_the_loopback_port_may_differ() {
        let registered =
            ["http://127.0.0.1/cb", "http://[::1]/cb", "https://app.example/cb?tenant=a"].map(str::to_owned);
        for fine in [
            "http://127.0.0.1/cb",
            "http://127.0.0.1:5555/cb",
            "http://[::1]:1/cb",
            "https://app.example/cb?tenant=a",
        ] {
            assert!(is_registered(fine, &registered), "{fine}");
        }
        for bad in [
            "http://127.0.0.1:5555/other",
            "http://127.0.0.1:5555/cb?x",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:05/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "https://127.0.0.1:5555/cb",
            "http://localhost:5555/cb",
            "http://[::1]:1:2/cb",
            "https://app.example:443/cb?tenant=a",
            "https://app.example/cb",
            "https://app.example/cb?tenant=a&x=1",
            "https://app.example/cb/?tenant=a",
            "https://APP.example/cb?tenant=a",
            "https://app.example./cb?tenant=a",
        ] {
            assert!(!is_registered(bad, &registered), "{bad}");
        }
    }

    #[test]
    fn a_registered_port_is_that_port() {
        let registered = ["http://127.0.0.1:8081/callback".to_owned()];
        assert!(is_registered("http://127.0.0.1:8081/callback", &registered));
        assert!(!is_registered("http://127.0.0.1:8082/callback", &registered));
    }
}
