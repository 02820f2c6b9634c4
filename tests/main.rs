//! The one test binary.

// A test that meets what it did not expect should stop right there.
#![allow(clippy::unwrap_used)]

mod architecture;
mod attacks;
mod cache;
mod certification;
mod cli;
mod client_keys;
mod config;
mod endpoints;
mod flows;
mod grants;
mod http;
mod keys;
mod pages;
mod store;
mod support;
