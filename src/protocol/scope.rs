//! Scope (RFC 6749 §3.3): a set of case-sensitive tokens, written in one order.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A set of scope tokens. Sorted, so that the wire and the database always see the same text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(BTreeSet<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope token has a character that RFC 6749 section 3.3 does not allow")]
pub struct MalformedScope;

impl FromStr for Scope {
    type Err = MalformedScope;

    fn from_str(text: &str) -> Result<Self, MalformedScope> {
        // RFC 6749 §3.3 separates tokens by one kind of white space; the referee would take any.
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(MalformedScope);
        }
        let judged: oxide_auth::primitives::scope::Scope = text.parse().map_err(|_| MalformedScope)?;
        Ok(Scope(judged.iter().map(str::to_owned).collect()))
    }
}

impl TryFrom<String> for Scope {
    type Error = MalformedScope;

    fn try_from(text: String) -> Result<Self, MalformedScope> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> String {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl Scope {
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn is_within(&self, wider: &Scope) -> bool {
        self.0.is_subset(&wider.0)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn union(&self, other: &Scope) -> Scope {
        Scope(self.0.union(&other.0).cloned().collect())
    }

    pub fn intersection(&self, other: &Scope) -> Scope {
        Scope(self.0.intersection(&other.0).cloned().collect())
    }

    pub fn without(&self, token: &str) -> Scope {
        Scope(self.0.iter().filter(|own| *own != token).cloned().collect())
    }

    /// An OpenID Connect request (Core §3.1.2.1: "OpenID Connect requests MUST contain the openid scope value").
    pub fn is_openid(&self) -> bool {
        self.contains("openid")
    }

    /// Core §11: the grant outlives the sign-out of the session that it was born in.
    pub fn is_offline(&self) -> bool {
        self.contains("offline_access")
    }
}

/// The scopes that this server gives a meaning to; others mean something to an API.
pub const STANDARD_SCOPES: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_sorted_set() {
        let scope: Scope = "profile  openid openid".parse().unwrap();
        assert_eq!(scope.to_string(), "openid profile");
        assert!(scope.is_within(&"openid email profile".parse().unwrap()));
        assert!(!scope.is_within(&"openid".parse().unwrap()));
    }

    #[test]
    fn what_is_not_a_scope_token_is_refused() {
        for text in ["a\"b", "é", "a\tb", "a\nb", "a\\b", "a\u{7f}b"] {
            assert_eq!(text.parse::<Scope>(), Err(MalformedScope), "{text:?}");
        }
    }
}
