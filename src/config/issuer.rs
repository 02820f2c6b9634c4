//! `[issuer]`: who we are, and how long what we issue lives.

use std::fmt;
use std::time::Duration;

use url::{Host, Url};

use super::kind::Kind;
use super::scopes::Scopes;
use super::section::section;

section! {
    /// Who this server is, and how long what it issues lives.
    Issuer as "issuer" {
        /// The issuer identifier: the https URL under which apps and browsers reach this server, exactly as apps
        /// compare it. It may have a path. With --dev it is the address of the listener.
        url: IssuerUrl as in "https://id.example.com";
        /// The life of an authorization code.
        code_lifetime_seconds: u64 = 60, within 10..=600;
        /// The life of an access token.
        access_token_lifetime_seconds: u64 = 600, within 60..=3600;
        /// The life of an ID Token.
        id_token_lifetime_seconds: u64 = 600, within 60..=3600;
        /// A refresh token that nobody uses for so long is dead.
        refresh_idle_days: u64 = 30, within 1..=3650;
        /// A refresh token dies so long after the sign-in, however much it is used.
        refresh_absolute_days: u64 = 90, within 1..=3650;
        /// For so long a refresh token that was just used answers with the same successor, so that an app whose
        /// answer was lost may ask again.
        refresh_grace_seconds: u64 = 30, within 0..=60;
        /// Scopes of your own: for each name the sentence that the consent page shows, or a table with it as
        /// `description`, with `description_ko`, and with the `claims` of a user that the scope asks for.
        scopes: Scopes = {};
    }
}

impl Issuer {
    pub fn code_lifetime(&self) -> Duration {
        Duration::from_secs(self.code_lifetime_seconds)
    }

    pub fn access_token_lifetime(&self) -> Duration {
        Duration::from_secs(self.access_token_lifetime_seconds)
    }

    pub fn id_token_lifetime(&self) -> Duration {
        Duration::from_secs(self.id_token_lifetime_seconds)
    }

    pub fn refresh_idle(&self) -> Duration {
        super::days(self.refresh_idle_days)
    }

    pub fn refresh_absolute(&self) -> Duration {
        super::days(self.refresh_absolute_days)
    }

    pub fn refresh_grace(&self) -> Duration {
        Duration::from_secs(self.refresh_grace_seconds)
    }
}

/// An issuer identifier (RFC 8414 §2): "a URL that uses the "https" scheme and has no query or fragment
/// components". Plain http is refused later, unless a developer asked for it.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuerUrl {
    text: String,
    url: Url,
}

impl IssuerUrl {
    /// `None` unless `text` is an http or https URL with a host, without user, query and fragment.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = url.username().is_empty() && url.password().is_none() && !text.contains(['?', '#', '@']);
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        let known = matches!(url.scheme(), "http" | "https") && url.has_host();
        // Apps compare the identifier byte by byte: what the URL standard would write otherwise is refused, so
        // that there is one spelling (OIDC Discovery §4.3).
        let same = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
        (plain && printable && known && same).then(|| IssuerUrl { text: text.to_owned(), url })
    }

    /// The identifier exactly as configured.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the paths of the endpoints are appended to: the identifier without a closing slash.
    pub fn base(&self) -> &str {
        self.text.trim_end_matches('/')
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The path without a closing slash: empty, or `/tenant`.
    pub fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    /// Host, and port unless it is the scheme's own, as browsers write it into `Host`.
    pub fn authority(&self) -> &str {
        self.url.authority()
    }

    /// Scheme, host and port as browsers write them into `Origin` (RFC 6454 §6.1).
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Kind for IssuerUrl {
    const RIGHT: &'static str = "write an https URL in its plain form, without query and fragment, \
                                 like \"https://id.example.com\"";

    fn from_text(text: &str) -> Option<Self> {
        IssuerUrl::parse(text)
    }
}
