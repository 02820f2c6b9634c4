//! `issuer.scopes`: scopes of the operator's own, and the claims that they ask for (OpenID Connect Core §5.1.2, §5.4).

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::kind::Kind;

pub type Scopes = BTreeMap<String, CustomScope>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomScope {
    /// The sentence of the consent page.
    pub description: String,
    /// The same in Korean, if it is to be another one.
    pub description_ko: Option<String>,
    /// Claims that UserInfo answers for it.
    pub claims: BTreeSet<String>,
}

/// The scopes that OpenID Connect defines (Core §5.4 and §11): their sentences are ours.
const STANDARD: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

/// What only the server says in a token or an answer (RFC 7519 §4.1, Core §2, RFC 8693 §4, RFC 9068 §2.2).
const OURS: [&str; 24] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "events",
    "cnf",
    "act",
    "may_act",
    "client_id",
    "scope",
    "grant_id",
    "updated_at",
];

/// In an environment variable: an inline table.
impl Kind for Scopes {
    const RIGHT: &'static str = "write a table from scope names (RFC 6749 §3.3, other than the standard ones) to \
                                 sentences, like { orders = \"See your orders\" }, or to tables with a description, \
                                 a description_ko and claims, none of which a token has by itself";

    fn from_text(text: &str) -> Option<Self> {
        Self::from_toml(&text.parse().ok()?)
    }

    fn from_toml(value: &Value) -> Option<Self> {
        let scopes = value.as_table()?.iter();
        scopes
            .map(|(name, about)| {
                // "scope-token = 1*( %x21 / %x23-5B / %x5D-7E )"
                let token = name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E));
                let allowed = token && !name.is_empty() && !STANDARD.contains(&name.as_str());
                allowed.then_some((name.clone(), CustomScope::from_toml(about)?))
            })
            .collect()
    }
}

impl CustomScope {
    fn from_toml(about: &Value) -> Option<Self> {
        let Some(table) = about.as_table() else {
            return Some(CustomScope {
                description: sentence(about)?,
                description_ko: None,
                claims: BTreeSet::new(),
            });
        };
        let is_known = |name: &String| ["description", "description_ko", "claims"].contains(&name.as_str());
        table.keys().all(is_known).then_some(CustomScope {
            description: sentence(table.get("description")?)?,
            description_ko: match table.get("description_ko") {
                Some(about) => Some(sentence(about)?),
                None => None,
            },
            claims: claims(table)?,
        })
    }
}

fn sentence(value: &Value) -> Option<String> {
    value.as_str().filter(|sentence| !sentence.trim().is_empty()).map(str::to_owned)
}

fn claims(table: &Table) -> Option<BTreeSet<String>> {
    let Some(names) = table.get("claims") else { return Some(BTreeSet::new()) };
    let names = names.as_array()?.iter().map(|name| {
        let name = name.as_str()?;
        let is_name = (1..=100).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        (is_name && !OURS.contains(&name)).then(|| name.to_owned())
    });
    names.collect()
}
