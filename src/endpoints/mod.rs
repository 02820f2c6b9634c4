//! The doors for clients. Each file has its `PATH`, reads the request, and says the errors of its own kind.

pub mod authorize;
pub mod bearer;
pub mod check_session;
pub mod direct;
pub mod discovery;
pub mod introspection;
pub mod jwks;
pub mod registration;
pub mod revocation;
pub mod revocation_feed;
pub mod status_list;
pub mod token;
pub mod userinfo;

/// Where a person signs out: a page, which discovery names too.
pub const END_SESSION_PATH: &str = "/logout";
