//! The resource server's side of Gatepass: an API verifies access tokens entirely by itself, and still refuses them
//! within a second of the moment somebody was signed out.
//!
//! A [`Guard`] fetches the server's keys once, verifies every token by them (RFC 9068), and follows the server's
//! revocation feed in the background. No request of the API waits for the server. A [`GuardLayer`] stands before a
//! route, puts a [`Token`] into the request's extensions, and answers what is wrong in the words of RFC 6750.
//!
//! Register the API at the server as a client of its own: `gatepass client add --name "Orders API" --resource
//! https://orders.example`. Its id and secret are the credential below.
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use gatepass_guard::{Guard, Token, WhenSilent};
//!
//! async fn orders(token: Token) -> String {
//!     format!("the orders of {}", token.subject())
//! }
//!
//! async fn cancel(token: Token) -> String {
//!     format!("{} cancels an order", token.subject())
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let guard = Guard::builder("https://id.example", "https://orders.example")
//!         .credential("orders-api", std::env::var("ORDERS_API_SECRET")?)
//!         .scopes_supported(["orders:read", "orders:write"])
//!         .build()
//!         .await?;
//!     // Reading goes on while the feed is cut, until the token expires; writing asks the server then.
//!     let read = guard.layer().scope("orders:read").when_silent(WhenSilent::TrustUntilExpiry);
//!     let write = guard.layer().scope("orders:write").when_silent(WhenSilent::Introspect);
//!     let api = Router::new()
//!         .route("/orders", get(orders).layer(read))
//!         .route("/orders/cancel", axum::routing::post(cancel).layer(write))
//!         .route_service(guard.metadata_path(), guard.metadata());
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, api).await?;
//!     Ok(())
//! }
//! ```
//!
//! Any other tower service is guarded the same way: `guard.layer().layer(service)`, or without tower by
//! [`GuardLayer::admit`].
//!
//! # When the feed is silent
//!
//! [`Guard::feed_age`] says how fresh the knowledge is. The server says every 2 seconds that everything was told; when
//! its last word is older than 10 seconds ([`GuardLayer::silent_after`]), or none came since the start, each route does
//! what it chose with [`GuardLayer::when_silent`]. What was ended before stays refused in any case. A word counts only
//! if the server's time in it is within 30 seconds of this machine's and newer than the last one, so that a recording
//! of the feed proves nothing: keep the clocks right.
//!
//! # What it costs
//!
//! The README has the figures: per request, and with 100,000 live endings.

mod algorithm;
mod builder;
mod cache;
mod calls;
mod clock;
#[cfg(feature = "axum")]
mod extract;
mod feed;
mod guard;
mod introspection;
mod json;
mod jwks;
mod jwt;
mod keys;
mod layer;
mod metadata;
mod refusal;
mod server;
mod token;

pub use algorithm::Algorithm;
pub use builder::Builder;
pub use calls::Calls;
pub use clock::LEEWAY;
#[cfg(feature = "axum")]
pub use extract::Unguarded;
pub use feed::{Connection, Status};
pub use guard::Guard;
pub use layer::{GuardLayer, Guarded, WhenSilent};
pub use metadata::ResourceMetadata;
pub use refusal::{InvalidToken, Refusal};
pub use server::BuildError;
pub use token::Token;
