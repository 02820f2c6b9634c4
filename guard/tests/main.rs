//! The guard against an issuer of the tests' own making, which can be cut, forged, restarted and asked what it saw.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod endings;
mod faults;
mod keys;
mod scale;
mod silence;
mod support;
mod tokens;
