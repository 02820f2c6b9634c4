//! An API that verifies by itself: `cargo run -p gatepass-guard --features axum --example orders`, with ISSUER,
//! AUDIENCE, CLIENT_ID and CLIENT_SECRET in the environment. `/orders` needs the scope `orders:read`.

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use gatepass_guard::{Guard, Token, WhenSilent};
use serde_json::{Value, json};

async fn orders(token: Token) -> Json<Value> {
    Json(json!({ "customer": token.subject(), "orders": [] }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let guard = Guard::builder(env::var("ISSUER")?, env::var("AUDIENCE")?)
        .credential(env::var("CLIENT_ID")?, env::var("CLIENT_SECRET")?)
        .scopes_supported(["orders:read"])
        .build()
        .await?;
    if tokio::time::timeout(Duration::from_secs(5), guard.current()).await.is_err() {
        eprintln!("the feed is not there yet: {:?}", guard.status());
    }
    let read = guard.layer().scope("orders:read").when_silent(WhenSilent::Introspect);
    let health = guard.clone();
    let api = Router::new()
        .route("/orders", get(orders).layer(read))
        .route(
            "/health",
            get(async move || format!("{:?}\n{:?}\n", health.status(), health.calls_to_server())),
        )
        .route_service(guard.metadata_path(), guard.metadata());
    let listener =
        tokio::net::TcpListener::bind(env::var("LISTEN").unwrap_or("127.0.0.1:3000".to_owned())).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, api).await?;
    Ok(())
}
