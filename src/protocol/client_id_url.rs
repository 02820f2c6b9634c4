//! Client identifier URLs: a client_id at which the client's metadata stands
//! (draft-ietf-oauth-client-id-metadata-document-02 §3).

use url::Url;

use super::redirect_uri::{has_dot_segments, is_loopback, is_plain};

/// Whether a developer's own documents count: http on a loopback address. In production nobody's do, because then
/// strangers could look through us into this machine (§8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    Refused,
    Allowed,
}

/// In bytes. "A short URL is RECOMMENDED"; this is as long as any other client_id may be.
const LONGEST: usize = 200;

/// Whether a client_id is meant as a URL. What is wrong with it, [`fault`] says.
pub fn is_url(client_id: &str) -> bool {
    client_id.starts_with("https://") || client_id.starts_with("http://")
}

/// Why no client can be found at `client_id`. `None`: one may be.
pub fn fault(client_id: &str, loopback: Loopback) -> Option<&'static str> {
    if client_id.len() > LONGEST {
        return Some("client_id: a URL of at most 200 bytes");
    }
    let Some(url) = Url::parse(client_id).ok().filter(|_| is_plain(client_id)) else {
        return Some("client_id: not a URL of RFC 3986");
    };
    let is_own = url.scheme() == "http" && loopback == Loopback::Allowed && is_loopback(&url);
    if url.scheme() != "https" && !is_own {
        return Some("client_id: the URL must be https");
    }
    if client_id.contains('@') || client_id.contains('#') || client_id.contains('?') {
        return Some("client_id: the URL must have no user name, no query and no fragment");
    }
    // People are shown what stands there, and the fetch goes where the parser reads it: `https:///a` is the host `a`.
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    if ![host.to_owned(), format!("{host}:{port}")].contains(&authority(client_id).to_owned()) {
        return Some("client_id: the host must be written plainly, in lower case");
    }
    // What the parser writes may differ from what was sent: a path of "/" where there was none.
    let has_path = client_id.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if !has_path {
        return Some("client_id: the URL must have a path");
    }
    has_dot_segments(client_id).then_some("client_id: the URL must have no . and .. segments")
}

/// The host and, if it is written, the port.
pub fn authority(client_id: &str) -> &str {
    let rest = client_id.split_once("://").map_or(client_id, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_url_leads_to_one_place() {
        for url in [
            "https://app.example/client.json",
            "https://app.example:443/client",
            "https://app.example:8443/client",
            "https://app.example/",
            "https://xn--bcher-kva.example/client",
        ] {
            assert_eq!(fault(url, Loopback::Refused), None, "{url}");
        }
        for url in [
            "https://app.example",
            "http://app.example/client",
            "http://127.0.0.1/client",
            "http://localhost/client",
            "https://app.example/a/../client",
            "https://app.example/a/%2e%2e/client",
            "https://app.example/./client",
            "https://app.example/client#a",
            "https://app.example/client?a",
            "https://app.example@evil.example/client",
            "https://a:b@app.example/client",
            "https:///client",
            "https://APP.example/client",
            "https://app.example:/client",
            "https://0x7f.1/client",
            "https://",
            "https://app.example/\u{e9}",
            "https://app.example\\client/a",
            &format!("https://app.example/{}", "a".repeat(200)),
        ] {
            assert!(fault(url, Loopback::Refused).is_some(), "{url}");
        }
        for url in ["http://127.0.0.1:3000/client", "http://localhost/client", "http://[::1]/client"] {
            assert_eq!(fault(url, Loopback::Allowed), None, "{url}");
        }
        assert!(fault("http://app.example/client", Loopback::Allowed).is_some());
        assert!(fault("http://127.0.0.1.app.example/client", Loopback::Allowed).is_some());
    }

    #[test]
    fn its_authority_is_what_people_see() {
        assert_eq!(authority("https://app.example/client"), "app.example");
        assert_eq!(authority("http://127.0.0.1:3000/client"), "127.0.0.1:3000");
    }
}
