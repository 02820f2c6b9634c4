//! The consent page: who asks, for what, and where it leads (RFC 6749 §10.2, RFC 9700 §4.15).

use askama::Template;
use url::{Host, Url};

use super::{Asked, Client, Frame};
use crate::http::page::{Page, Policy};
use crate::pages::name::{Name, Part, Sentence};

#[derive(Template)]
#[template(path = "consent.html")]
pub struct Consent<'a> {
    pub frame: Frame<'a>,
    pub csrf: &'a str,
    pub authorization: &'a str,
    pub client: &'a Client,
    pub redirect_uri: &'a Url,
    pub user: Name,
    pub asked: Vec<Asked<'a>>,
    /// What the user allowed this client before; it is not asked again.
    pub already: Vec<Asked<'a>>,
}

impl Consent<'_> {
    fn lead(&self) -> Sentence {
        (self.frame.text.consent.lead)(&self.client.name, self.frame.brand())
    }

    fn calls_itself(&self) -> Option<Sentence> {
        let name = self.client.claimed.as_ref().filter(|name| !name.is_empty())?;
        Some((self.frame.text.consent.calls_itself)(name))
    }

    /// Nobody has registered the client, and nothing proves where its answer goes (RFC 8252 §8.6).
    fn is_unproven(&self) -> bool {
        self.client.claimed.is_some() && (self.redirect_uri.scheme() != "https" || self.is_loopback())
    }

    fn signed_in_as(&self) -> Sentence {
        (self.frame.text.consent.signed_in_as)(&self.user)
    }

    /// The host as the browser will see it, an internationalised one in its ASCII form; of a native app
    /// (RFC 8252 §7) its scheme or loopback address.
    fn destination(&self) -> Sentence {
        let text = &self.frame.text.consent;
        let web = matches!(self.redirect_uri.scheme(), "https" | "http");
        match self.redirect_uri.host_str() {
            Some(host) if web && self.is_loopback() => (text.sent_to_this_device)(&Name::new(host)),
            Some(host) if web => (text.sent_to)(&Name::new(host)),
            _ => (text.sent_to_this_device)(&Name::new(self.redirect_uri.scheme())),
        }
    }

    fn is_loopback(&self) -> bool {
        match self.redirect_uri.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(domain)) => domain == "localhost",
            None => false,
        }
    }

    fn warning(&self) -> Sentence {
        (self.frame.text.unverified)(self.frame.brand())
    }

    fn about(&self) -> Sentence {
        (self.frame.text.sign_in.about_client)(&self.client.name)
    }
}

impl Page for Consent<'_> {
    fn policy(&self) -> Policy {
        self.client.policy(self.frame.policy()).ending_at(self.redirect_uri)
    }
}
