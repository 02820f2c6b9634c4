//! The pages as data: each view holds all that its template shows, and says what its page may do.

mod account;
mod consent;
mod error;
mod form_post;
mod leaving;
mod logout;
mod sign_in;

use url::Url;

pub use self::account::{
    Account, App, ClaimError, Confirmation, Notice, PasswordRefusal, Place, Profile, ProfileClaim, Session,
    VerifiedClaim,
};
pub use self::consent::Consent;
pub use self::error::ErrorPage;
pub use self::form_post::FormPostPage;
pub use self::leaving::Leaving;
pub use self::logout::{LoggedOut, LogoutConfirm, SigningOut};
pub use self::sign_in::{Occasion, Refusal, SignIn};
use crate::config::brand::Brand;
use crate::config::scopes::{CustomScope, Scopes};
use crate::http::page::Policy;
use crate::pages::assets::Assets;
use crate::pages::language::Language;
use crate::pages::name::{Name, Sentence, named};
use crate::pages::text::Text;
use crate::protocol::scope::{STANDARD_SCOPES, Scope};
use crate::store::clients::{self, Origin, Standing};
use crate::store::resources::Api;

/// What all pages of one installation share. Made once, at start.
#[derive(Clone, Debug)]
pub struct Look {
    brand: Name,
    logo_uri: Option<Url>,
    base: String,
    assets: Assets,
}

impl Look {
    /// `base` is the path of the issuer without a slash at its end: empty, or like `/tenant`.
    pub fn new(brand: &Brand, base: impl Into<String>) -> Self {
        Look {
            brand: Name::new(&brand.name),
            logo_uri: brand.logo_uri.clone(),
            base: base.into(),
            assets: Assets::new(brand.accent),
        }
    }

    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// A path as the routes know it, without the issuer's.
    pub fn below_base<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(&self.base).unwrap_or(path)
    }

    pub fn frame(&self, language: Language) -> Frame<'_> {
        Frame { look: self, language, text: Text::of(language) }
    }
}

/// What stands around the content of one page.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    look: &'a Look,
    language: Language,
    pub text: &'static Text,
}

impl Frame<'_> {
    /// A path of ours, below that of the issuer.
    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.look.base)
    }

    fn asset(&self, name: &str) -> String {
        format!("{}/assets/{name}", self.look.base)
    }

    fn style(&self) -> String {
        self.asset(self.look.assets.style())
    }

    fn brand_style(&self) -> String {
        self.asset(self.look.assets.brand())
    }

    fn mark(&self) -> String {
        self.asset(self.look.assets.mark())
    }

    fn logo(&self) -> String {
        self.look.logo_uri.as_ref().map_or_else(|| self.mark(), Url::to_string)
    }

    fn brand(&self) -> &Name {
        &self.look.brand
    }

    fn lang(&self) -> &'static str {
        self.language.tag()
    }

    fn policy(&self) -> Policy {
        let policy = Policy::default();
        match &self.look.logo_uri {
            Some(logo) => policy.showing(logo),
            None => policy,
        }
    }
}

/// What a client says of itself (RFC 7591 §2).
#[derive(Clone, Debug)]
pub struct Client {
    name: Name,
    /// What a client that nobody has registered calls itself.
    claimed: Option<Name>,
    logo: Option<Url>,
    privacy: Option<Url>,
    terms: Option<Url>,
    standing: Standing,
}

impl Client {
    pub fn new(name: &str) -> Self {
        Client {
            name: Name::new(name),
            claimed: None,
            logo: None,
            privacy: None,
            terms: None,
            standing: Standing::Verified,
        }
    }

    pub fn of(client: &clients::Client) -> Self {
        let metadata = &client.metadata;
        let shown = match client.origin {
            // A stranger's logo could be anybody's, and would tell its host who looks at this page.
            Origin::Registration => {
                let logo = metadata.logo_uri.as_deref().filter(|_| client.is_treated_as_known());
                Client::new(client.name()).logo_uri(logo)
            }
            Origin::Document => Client::new(client.name()).claiming(metadata.client_name.as_deref()),
        };
        shown
            .policy_uri(metadata.policy_uri.as_deref())
            .tos_uri(metadata.tos_uri.as_deref())
            .standing(client.standing)
    }

    pub fn standing(mut self, standing: Standing) -> Self {
        self.standing = standing;
        self
    }

    fn is_unverified(&self) -> bool {
        self.standing == Standing::Unverified
    }

    /// Nobody has registered it, and this is what it calls itself.
    pub fn claiming(mut self, name: Option<&str>) -> Self {
        self.claimed = Some(Name::new(name.unwrap_or_default()));
        self
    }

    pub fn logo_uri(mut self, uri: Option<&str>) -> Self {
        self.logo = web(uri);
        self
    }

    pub fn policy_uri(mut self, uri: Option<&str>) -> Self {
        self.privacy = web(uri);
        self
    }

    pub fn tos_uri(mut self, uri: Option<&str>) -> Self {
        self.terms = web(uri);
        self
    }

    fn has_links(&self) -> bool {
        self.privacy.is_some() || self.terms.is_some()
    }

    fn policy(&self, policy: Policy) -> Policy {
        match &self.logo {
            Some(logo) => policy.showing(logo),
            None => policy,
        }
    }
}

/// A stranger's link, unless it would act instead of lead (`javascript:`, `data:`).
fn web(uri: Option<&str>) -> Option<Url> {
    uri?.parse::<Url>().ok().filter(|uri| matches!(uri.scheme(), "https" | "http"))
}

/// A scope token and, for a custom one, the description that the operator wrote.
#[derive(Clone, Copy, Debug)]
pub struct AskedScope<'a> {
    pub token: &'a str,
    pub description: Option<&'a str>,
}

impl<'a> AskedScope<'a> {
    /// Every token of `scope`, the standard ones first. `described` are the operator's own.
    pub fn all(scope: &'a Scope, described: &'a Scopes, frame: &Frame<'_>) -> Vec<Self> {
        let standard = STANDARD_SCOPES.into_iter().filter(|token| scope.contains(token));
        let others = scope.iter().filter(|token| !STANDARD_SCOPES.contains(token));
        let description = |token| {
            let own: &CustomScope = described.get(token)?;
            Some(match frame.language {
                Language::English => own.description.as_str(),
                Language::Korean => own.description_ko.as_ref().unwrap_or(&own.description),
            })
        };
        let asked = |token| AskedScope { token, description: description(token) };
        standard.chain(others).map(asked).collect()
    }
}

/// One thing that a client asks for.
#[derive(Clone, Debug)]
pub enum Asked<'a> {
    Scope(AskedScope<'a>),
    Api { name: Name, identifier: Name },
}

impl Asked<'_> {
    pub fn api(api: &Api) -> Self {
        Asked::Api { name: Name::new(&api.name), identifier: Name::new(&api.identifier) }
    }

    fn sentence(&self, frame: &Frame<'_>) -> Sentence {
        match self {
            Asked::Scope(scope) => scope.sentence(frame),
            Asked::Api { name, identifier } => (frame.text.scope.api)(name, identifier),
        }
    }
}

impl AskedScope<'_> {
    /// Nobody but us describes the standard scopes (OIDC Core §5.4, §11).
    fn sentence(&self, frame: &Frame<'_>) -> Sentence {
        let text = &frame.text.scope;
        match (self.token, self.description) {
            ("openid", _) => text.openid.into(),
            ("profile", _) => text.profile.into(),
            ("email", _) => text.email.into(),
            ("address", _) => text.address.into(),
            ("phone", _) => text.phone.into(),
            ("offline_access", _) => text.offline_access.into(),
            (_, Some(description)) => named(&Name::new(description)),
            (token, None) => (text.unknown)(&Name::new(token)),
        }
    }
}
