//! Response types and modes (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Types, Form Post Response Mode).

use serde::{Deserialize, Serialize};

/// What comes back from the authorization endpoint. All but [`ResponseType::Code`] bring a token through the
/// browser, and exist for clients that are registered for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum ResponseType {
    Code,
    IdToken,
    IdTokenToken,
    CodeIdToken,
    CodeToken,
    CodeIdTokenToken,
}

impl ResponseType {
    pub const ALL: [ResponseType; 6] = [
        ResponseType::Code,
        ResponseType::IdToken,
        ResponseType::IdTokenToken,
        ResponseType::CodeIdToken,
        ResponseType::CodeToken,
        ResponseType::CodeIdTokenToken,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            ResponseType::Code => "code",
            ResponseType::IdToken => "id_token",
            ResponseType::IdTokenToken => "id_token token",
            ResponseType::CodeIdToken => "code id_token",
            ResponseType::CodeToken => "code token",
            ResponseType::CodeIdTokenToken => "code id_token token",
        }
    }

    /// RFC 6749 §3.1.1: "a space-delimited list of values …, where the order of values does not matter". A value
    /// that stands twice is another, unknown type.
    pub fn parse(text: &str) -> Option<Self> {
        let mut values: Vec<&str> = text.split(' ').collect();
        values.sort_unstable();
        ResponseType::ALL.into_iter().find(|response_type| {
            // The names above are in the order of the alphabet.
            response_type.as_str().split(' ').eq(values.iter().copied())
        })
    }

    pub const fn has_code(self) -> bool {
        !matches!(self, ResponseType::IdToken | ResponseType::IdTokenToken)
    }

    pub const fn has_id_token(self) -> bool {
        !matches!(self, ResponseType::Code | ResponseType::CodeToken)
    }

    pub const fn has_access_token(self) -> bool {
        matches!(self, ResponseType::IdTokenToken | ResponseType::CodeToken | ResponseType::CodeIdTokenToken)
    }

    /// Multiple Response Types §3 and §5: a query would stand in logs with its tokens.
    pub const fn default_mode(self) -> ResponseMode {
        match self {
            ResponseType::Code => ResponseMode::Query,
            _ => ResponseMode::Fragment,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this response_type is not supported")]
pub struct UnknownResponseType;

impl TryFrom<String> for ResponseType {
    type Error = UnknownResponseType;

    fn try_from(text: String) -> Result<Self, UnknownResponseType> {
        ResponseType::parse(&text).ok_or(UnknownResponseType)
    }
}

impl From<ResponseType> for &'static str {
    fn from(response_type: ResponseType) -> &'static str {
        response_type.as_str()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

impl ResponseMode {
    pub const ALL: [ResponseMode; 3] = [ResponseMode::Query, ResponseMode::Fragment, ResponseMode::FormPost];

    pub const fn as_str(self) -> &'static str {
        match self {
            ResponseMode::Query => "query",
            ResponseMode::Fragment => "fragment",
            ResponseMode::FormPost => "form_post",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        ResponseMode::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_values_does_not_matter_and_nothing_is_folded() {
        assert_eq!(ResponseType::parse("token id_token code"), Some(ResponseType::CodeIdTokenToken));
        for response_type in ResponseType::ALL {
            assert_eq!(ResponseType::parse(response_type.as_str()), Some(response_type));
        }
        for text in ["", "token", "code code", "Code", "code foo", "code  id_token", " code", "none"] {
            assert_eq!(ResponseType::parse(text), None, "{text:?}");
        }
    }
}
