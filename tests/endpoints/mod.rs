//! What each endpoint refuses, as tables: one row is one request, its status and its error.

mod authorize;
pub mod client_assertion;
mod client_authentication;
mod cross_origin;
mod discovery;
mod introspection;
mod issuer_with_a_path;
mod jwks;
mod jwks_uri;
mod prompts;
mod registration;
mod request_object;
mod request_object_under_core;
mod request_uri;
mod revocation;
mod sector_identifier;
mod token;
mod userinfo;

use crate::support::browser::Answer;

/// RFC 6749 §5.2: "Values for the "error_description" parameter MUST NOT include characters outside the set
/// %x20-21 / %x23-5B / %x5D-7E."
pub fn is_description(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}

/// A direct error (RFC 6749 §5.2): JSON of two members that nobody may keep.
pub fn assert_direct(answer: &Answer, status: u16, error: &str, what: &str) {
    assert_eq!((answer.status, answer.error().as_str()), (status, error), "{what}: {}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(answer.header("pragma"), Some("no-cache"), "{what}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
    let body = answer.json();
    assert!(is_description(body["error_description"].as_str().unwrap()), "{what}: {body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{what}: {body}");
    // RFC 6749 §5.2 wants the challenge with 401, and 401 only of invalid_client.
    assert_eq!(status == 401, error == "invalid_client", "{what}");
    assert!(status == 401 || answer.header("www-authenticate").is_none(), "{what}");
}
