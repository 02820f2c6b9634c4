//! Followers: the running processes of APIs that follow the revocations, and how far each is.

/// The name that one process of an API gives itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance(String);

impl Instance {
    /// `None` unless it is 1 to 64 of the unreserved characters of a URL (RFC 3986 §2.3).
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte));
        (word && (1..=64).contains(&text.len())).then(|| Instance(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
