//! Gatepass, an OAuth 2 and OpenID Connect authorization server.
//!
//! The map of the house, from the top floor down. A room may use any lower floor, never its own or a higher
//! one; `tests/architecture.rs` holds it so.

// 12 operators
pub mod cli;
// 11 every door on one router
pub mod router;

// 10 the doors
pub mod endpoints;
pub mod pages;

// 9 the parts of a server, and plumbing
pub mod app;
pub mod http;

// 8 the acts
pub mod authorization;
pub mod grant_types;
pub mod jobs;
pub mod logout;

// 7 the skills
pub mod client_auth;
pub mod registration;
pub mod sign_in;
pub mod tokens;

// 6 ending things
pub mod revocation;

// 5 telling what happened
pub mod events;

// 4 what tokens are signed with
pub mod keys;

// 3 the only way out
pub mod outbound;

// 2 what outlives a request, and what we are told
pub mod config;
pub mod store;

// 1 the words of the protocol, and what spares a look into the store
pub mod cache;
pub mod protocol;

// 0 what everything stands on
pub mod clock;
pub mod failpoint;
pub mod id;
pub mod secret;
