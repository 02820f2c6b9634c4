//! `[registration]`: apps that register themselves.

use std::time::Duration;

use super::kind::Kind;
use super::section::section;
use crate::protocol::client_metadata::Profile;

section! {
    /// Apps that register themselves (RFC 7591, OpenID Connect Dynamic Client Registration).
    Registration as "registration" {
        /// Who may: "off" (nobody, unless `serve --dev` runs), "open" (everybody), or "token" (who brings a token that
        /// `gatepass client token` made).
        mode: Admission as in "token";
        /// Whether a client_id may be the URL of the client's own metadata (draft-ietf-oauth-client-id-metadata-document),
        /// so that it needs no registration. False, unless `serve --dev` runs; then also http on loopback is fetched.
        client_id_metadata_documents: bool as in true;
        /// What they get: "default" (the code flow with PKCE) or "oidc-compat" (also tokens through the browser,
        /// confidential clients without PKCE, and errors that no page of ours holds back, also from people who do not
        /// know the app).
        profile: Profile = "default";
        /// A client to which nobody has given anything is removed so long after it registered.
        unused_days: u64 = 30, within 1..=3650;
        /// Clients from one address (for IPv6 one /64) an hour, in the mode "open".
        address_clients: u32 = 5000, within 1..=1_000_000;
    }
}

/// Who may register a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Off,
    Open,
    Token,
}

impl Admission {
    const ALL: [Admission; 3] = [Admission::Off, Admission::Open, Admission::Token];

    pub const fn as_str(self) -> &'static str {
        match self {
            Admission::Off => "off",
            Admission::Open => "open",
            Admission::Token => "token",
        }
    }
}

impl Registration {
    pub fn is_on(&self) -> bool {
        self.mode != Admission::Off
    }

    pub fn unused(&self) -> Duration {
        super::days(self.unused_days)
    }
}

impl Kind for Admission {
    const RIGHT: &'static str = "write \"off\", \"open\" or \"token\"";

    fn from_text(text: &str) -> Option<Self> {
        Admission::ALL.into_iter().find(|admission| admission.as_str() == text)
    }
}

impl Kind for Profile {
    const RIGHT: &'static str = "write \"default\" or \"oidc-compat\"";

    fn from_text(text: &str) -> Option<Self> {
        Profile::parse(text)
    }
}
