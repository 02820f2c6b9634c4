//! What outlives a request.

pub mod keys;
