//! `[outbound]`: where the server may go to fetch what strangers name.

use std::path::PathBuf;

use toml::Value;
use url::Url;

use super::kind::Kind;
use super::section::section;

section! {
    /// Where the server may go to fetch what clients name: their keys, request objects, logout addresses. Only https
    /// on port 443 of public addresses is, unless it stands here.
    Exceptions as "outbound" {
        /// Hosts that may be private, each with the port if it is not 443. They are compared as a whole.
        allowed_hosts: Vec<AllowedHost> = [];
        /// A PEM file with certificates of further authorities that are trusted for these fetches.
        extra_ca_file: Option<PathBuf> as in "/etc/gatepass/internal-ca.pem";
    }
}

/// One host and one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    host: String,
    port: u16,
}

impl AllowedHost {
    /// `host`, which means its port 443, or `host:port`.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(&format!("https://{text}")).ok()?;
        let host = url.host_str()?.to_owned();
        let port = url.port_or_known_default()?;
        // Whatever else an authority or a URL can hold would be left out of the comparison.
        let written = [host.clone(), format!("{host}:{port}")];
        written.contains(&text.to_owned()).then_some(AllowedHost { host, port })
    }

    /// Exact, so that `trusted.example.evil.example` is not `trusted.example`.
    pub fn is_that_of(&self, url: &Url) -> bool {
        url.host_str() == Some(self.host.as_str()) && url.port_or_known_default() == Some(self.port)
    }
}

impl Kind for Vec<AllowedHost> {
    const RIGHT: &'static str =
        "write a list of hosts in lower case, like [\"rp.example.com\", \"localhost:8443\"]";

    fn from_text(text: &str) -> Option<Self> {
        let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
        members.map(AllowedHost::parse).collect()
    }

    fn from_toml(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(|member| member.as_str().and_then(AllowedHost::parse)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_written_plainly() {
        for text in ["rp.example", "rp.example:8443", "127.0.0.1:8443", "[::1]:8443", "localhost"] {
            assert!(AllowedHost::parse(text).is_some(), "{text}");
        }
        for text in
            ["", "RP.example", "rp.example/", "a@rp.example", "rp.example:", "https://rp.example", "a b"]
        {
            assert_eq!(AllowedHost::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_host_is_compared_as_a_whole() {
        let allowed = AllowedHost::parse("rp.example").unwrap();
        let allows = |url: &str| allowed.is_that_of(&Url::parse(url).unwrap());
        assert!(allows("https://rp.example/jwks"));
        assert!(allows("https://RP.example:443/jwks"));
        for url in [
            "https://rp.example:8443/",
            "https://rp.example.evil.example/",
            "https://evil-rp.example/",
            "https://a.rp.example/",
            "https://rp.example@evil.example/",
            "https://rp.example./",
        ] {
            assert!(!allows(url), "{url}");
        }
    }
}
