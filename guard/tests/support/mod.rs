//! A fake issuer, what it signs, and an API behind a guard.

mod api;
mod issuer;
mod signer;

use std::time::Duration;

pub use self::api::Api;
pub use self::issuer::{FakeIssuer, Line, now};
pub use self::signer::Signer;

/// Waits for something to become true. Fails after 10 seconds.
pub async fn until(what: impl Fn() -> bool) {
    let waited = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited).await.unwrap();
}

pub const AUDIENCE: &str = "https://orders.example/v1";
