//! Response types and modes (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode).

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseType {
    Code,
}

impl ResponseType {
    pub const ALL: [ResponseType; 1] = [ResponseType::Code];

    pub const fn as_str(self) -> &'static str {
        match self {
            ResponseType::Code => "code",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        ResponseType::ALL.into_iter().find(|response_type| response_type.as_str() == text)
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
