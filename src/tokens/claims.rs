//! Claims about a user (OpenID Connect Core §5.1 and §5.4): which scope asks for which, and what may be said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::config::scopes::Scopes;
use crate::protocol::scope::Scope;
use crate::store::users::User;

/// Scope and the claims that it asks for (Core §5.4).
const CLAIMS_OF_SCOPES: [(&str, &[&str]); 4] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("address", &["address"]),
    ("phone", &["phone_number", "phone_number_verified"]),
];

/// Which claims there are, and which scopes ask for them: the standard ones and the operator's own.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    custom: BTreeMap<String, BTreeSet<String>>,
}

impl Catalogue {
    pub fn of(scopes: &Scopes) -> Self {
        let custom = scopes.iter().map(|(name, scope)| (name.clone(), scope.claims.clone()));
        Catalogue { custom: custom.collect() }
    }

    /// A scope and each claim that it asks for.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let standard =
            CLAIMS_OF_SCOPES.iter().flat_map(|(scope, claims)| claims.iter().map(|claim| (*scope, *claim)));
        let custom = self.custom.iter();
        let custom =
            custom.flat_map(|(scope, claims)| claims.iter().map(|claim| (scope.as_str(), claim.as_str())));
        standard.chain(custom)
    }

    /// The names of all claims that a user can have, each once.
    pub fn names(&self) -> BTreeSet<&str> {
        self.pairs().map(|(_, claim)| claim).collect()
    }

    /// Of the scopes' claims those that have a value (Core §5.3.2).
    pub fn of_scope(&self, user: &User, scope: &Scope) -> Map<String, Value> {
        let asked = self.pairs().filter(|(name, _)| scope.contains(name));
        asked.filter_map(|(_, name)| Some((name.to_owned(), value_of(user, name)?))).collect()
    }

    /// The claims of these names that have a value (Core §5.5).
    pub fn named(&self, user: &User, names: &BTreeSet<String>) -> Map<String, Value> {
        let known = names.iter().filter(|name| self.is_known(name));
        known.filter_map(|name| Some((name.clone(), value_of(user, name)?))).collect()
    }

    /// Whether a user can have a claim of this name.
    pub fn is_known(&self, name: &str) -> bool {
        self.pairs().any(|(_, claim)| claim == name)
    }

    /// The scopes that these claims belong to.
    pub fn scopes_of(&self, names: &BTreeSet<String>) -> Scope {
        let belonging = self.pairs().filter(|(_, claim)| names.contains(*claim));
        let tokens: Vec<&str> = belonging.map(|(scope, _)| scope).collect();
        tokens.join(" ").parse().unwrap_or_default()
    }

    /// Checks one claim by its name: a standard one as [`check`] does, an operator's own only for its size.
    pub fn check(&self, name: &str, value: &Value) -> Result<(), NotAClaim> {
        match check(name, value) {
            Err(NotAClaim::Unknown(_)) if self.is_known(name) => {
                let is_said = !value.is_null() && *value != Value::String(String::new());
                match is_said && value.to_string().len() <= LARGEST {
                    true => Ok(()),
                    false => {
                        Err(NotAClaim::Shape(name.to_owned(), "anything but null, in at most 4096 bytes"))
                    }
                }
            }
            checked => checked,
        }
    }
}

/// A claim of the operator's own, in bytes of JSON.
const LARGEST: usize = 4096;

fn value_of(user: &User, name: &str) -> Option<Value> {
    match name {
        "updated_at" => Some(Value::from(user.updated_at.secs())),
        "preferred_username" => Some(
            user.claims.get(name).cloned().unwrap_or_else(|| Value::from(user.username.as_str().to_owned())),
        ),
        _ => user.claims.get(name).cloned(),
    }
}

/// Why a claim cannot be what somebody wants it to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAClaim {
    #[error(
        "{0}: not a claim of a user; issuer.scopes names those beside the standard ones (OpenID Connect Core section 5.1)"
    )]
    Unknown(String),
    #[error("{0}: expected {1}")]
    Shape(String, &'static str),
}

/// Checks one claim by its name (Core §5.1). Text is trimmed of nothing and kept as it is.
pub fn check(name: &str, value: &Value) -> Result<(), NotAClaim> {
    let expected =
        |holds: bool, what| if holds { Ok(()) } else { Err(NotAClaim::Shape(name.to_owned(), what)) };
    let text = |limit: usize| {
        value.as_str().is_some_and(|text| {
            !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control)
        })
    };
    match name {
        "name" | "family_name" | "given_name" | "middle_name" | "nickname" | "preferred_username"
        | "gender" => expected(text(200), "text of 1 to 200 bytes without control characters"),
        "profile" | "picture" | "website" => {
            let web = |url: url::Url| matches!(url.scheme(), "https" | "http");
            let is_web = value.as_str().and_then(|text| text.parse().ok()).is_some_and(web);
            expected(text(2000) && is_web, "an http or https URL")
        }
        "birthdate" => expected(value.as_str().is_some_and(is_birthdate), "YYYY-MM-DD, 0000-MM-DD or YYYY"),
        "zoneinfo" => expected(
            text(100) && value.as_str().is_some_and(is_zone),
            "a time zone name such as Europe/Paris",
        ),
        "locale" => {
            expected(text(35) && value.as_str().is_some_and(is_language_tag), "a language tag such as en-US")
        }
        "email" => {
            let is_email = value.as_str().is_some_and(|text| {
                text.split_once('@').is_some_and(|(local, domain)| {
                    !local.is_empty() && !domain.is_empty() && !domain.contains('@')
                }) && !text.contains(char::is_whitespace)
            });
            expected(text(254) && is_email, "an e-mail address")
        }
        "phone_number" => expected(text(50), "a telephone number such as +1 (604) 555-1234"),
        "email_verified" | "phone_number_verified" => expected(value.is_boolean(), "true or false"),
        "address" => {
            let known = ["formatted", "street_address", "locality", "region", "postal_code", "country"];
            let is_address = value.as_object().is_some_and(|members| {
                !members.is_empty()
                    && members.iter().all(|(name, value)| {
                        known.contains(&name.as_str())
                            && value.as_str().is_some_and(|text| !text.is_empty() && text.len() <= 1000)
                    })
            });
            expected(is_address, "an object with the members of OpenID Connect Core section 5.1.1")
        }
        _ => Err(NotAClaim::Unknown(name.to_owned())),
    }
}

/// Core §5.1: "YYYY-MM-DD … The year MAY be 0000, indicating that it is omitted. To represent only the year, YYYY
/// format is allowed."
fn is_birthdate(text: &str) -> bool {
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    match text.split('-').collect::<Vec<_>>()[..] {
        [year] => digits(year, 4),
        ["0000", month, day] => {
            digits(month, 2)
                && digits(day, 2)
                && chrono::NaiveDate::parse_from_str(&format!("2000-{month}-{day}"), "%Y-%m-%d").is_ok()
        }
        [year, month, day] => {
            digits(year, 4)
                && digits(month, 2)
                && digits(day, 2)
                && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
        }
        _ => false,
    }
}

/// Names of the time zone database: `Europe/Paris`, `America/Argentina/Buenos_Aires`, `Etc/GMT+3`, `UTC`.
fn is_zone(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    text.split('/').count() <= 3 && text.split('/').all(part)
}

/// The form of BCP 47 tags; Core §5.1 has implementations accept `en_US` too.
fn is_language_tag(text: &str) -> bool {
    let subtag =
        |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.split(['-', '_']).all(subtag)
}
