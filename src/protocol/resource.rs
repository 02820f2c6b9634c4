//! Resource indicators (RFC 8707 §2): which APIs an access token is for.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use super::redirect_uri::{LONGEST, is_plain};

/// Nobody calls more APIs with one agreement.
pub const MOST: usize = 10;

/// §2: "Its value MUST be an absolute URI … The URI MUST NOT include a fragment component."
pub fn is_identifier(uri: &str) -> bool {
    uri.len() <= LONGEST && is_plain(uri) && Url::parse(uri).is_ok_and(|url| url.fragment().is_none())
}

/// Identifiers are compared as they are written, but for one thing: libraries write `https://api.example` with a
/// slash behind it or without, and both are one URI (RFC 3986 §6.2.3).
pub fn key(identifier: &str) -> &str {
    let bare = identifier.strip_suffix('/').unwrap_or(identifier);
    let is_origin = bare.split_once("://").is_some_and(|(_, rest)| !rest.is_empty() && !rest.contains('/'));
    if is_origin { bare } else { identifier }
}

/// Resource identifiers, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resources(BTreeSet<String>);

/// A value is no resource identifier, or there are too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Resources {
    /// What a request asks for.
    pub fn asked<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, Malformed> {
        let values: Vec<&str> = values.into_iter().collect();
        let are_sound = values.len() <= MOST && values.iter().all(|value| is_identifier(value));
        if are_sound { Ok(values.into_iter().collect()) } else { Err(Malformed) }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// These identifiers as `others` write them. `None`: `others` lack one of them.
    pub fn among(&self, others: &Resources) -> Option<Resources> {
        self.iter().map(|own| others.iter().find(|other| key(other) == key(own))).collect()
    }

    pub fn is_within(&self, others: &Resources) -> bool {
        self.among(others).is_some()
    }

    pub fn union(&self, others: &Resources) -> Resources {
        self.iter().chain(others.iter()).collect()
    }
}

impl<'a> FromIterator<&'a str> for Resources {
    fn from_iter<I: IntoIterator<Item = &'a str>>(identifiers: I) -> Self {
        Resources(identifiers.into_iter().map(str::to_owned).collect())
    }
}

impl<'a> FromIterator<&'a String> for Resources {
    fn from_iter<I: IntoIterator<Item = &'a String>>(identifiers: I) -> Self {
        Resources(identifiers.into_iter().cloned().collect())
    }
}

impl fmt::Display for Resources {
    /// Separated by spaces, which no URI has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_absolute_and_has_no_fragment() {
        for identifier in ["https://api.example", "https://api.example/v1?x=1", "urn:example:api"] {
            assert!(is_identifier(identifier), "{identifier}");
        }
        for other in ["", "/api", "api.example/v1", "https://api.example/#a", "https://api.example/a b"] {
            assert!(!is_identifier(other), "{other}");
            assert_eq!(Resources::asked([other]), Err(Malformed), "{other}");
        }
        assert_eq!(Resources::asked(["urn:a"; MOST + 1]), Err(Malformed));
    }

    #[test]
    fn an_origin_is_the_same_with_a_slash_and_nothing_else_is() {
        let served: Resources = ["https://api.example/", "https://api.example/mcp"].into_iter().collect();
        let among =
            |asked: &str| Resources::asked([asked]).unwrap().among(&served).map(|all| all.to_string());
        assert_eq!(among("https://api.example").as_deref(), Some("https://api.example/"));
        assert_eq!(among("https://api.example/mcp").as_deref(), Some("https://api.example/mcp"));
        for other in ["https://api.example/mcp/", "https://API.example", "https://api.example:443/", "urn:a/"]
        {
            assert_eq!(among(other), None, "{other}");
        }
    }
}
