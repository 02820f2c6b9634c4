//! The API of the demonstration: it verifies access tokens by itself, and asks the server nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use gatepass_guard::{Guard, Token};
use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::cli::dev_file::DevFile;
use crate::http::limits::Limits;
use crate::http::server;
use crate::http::shutdown::Shutdown;
use crate::outbound::{Outbound, Reach};

/// How long its first look at the feed may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct Api {
    pub(super) guard: Guard,
    /// Its one resource.
    orders: String,
    http: Outbound,
}

impl Api {
    /// One process of the API, on a port of its own. It knows what has ended when this returns.
    pub(super) async fn start(dev: &DevFile, shutdown: Shutdown) -> anyhow::Result<Self> {
        let guard = Guard::builder(&dev.issuer, &dev.api.resource)
            .credential(&dev.api.client_id, &dev.api.client_secret)
            .build()
            .await?;
        timeout(PATIENCE, guard.current()).await.with_context(|| {
            format!("the server's revocation feed does not speak: {:?}", guard.status().connection)
        })?;
        let doors = Router::new()
            .route("/orders", get(orders).layer(guard.layer()))
            .route_service(guard.metadata_path(), guard.metadata());
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let orders = format!("http://{}/orders", listener.local_addr()?);
        tokio::spawn(server::serve(listener, doors, None, Limits::default(), shutdown));
        Ok(Api { guard, orders, http: Outbound::new(Reach::Anywhere)? })
    }

    pub(super) fn url(&self) -> &str {
        &self.orders
    }

    /// One call as an app makes it.
    pub(super) async fn call(&self, access_token: &str) -> anyhow::Result<StatusCode> {
        let request = Request::get(&self.orders).header(AUTHORIZATION, format!("Bearer {access_token}"));
        Ok(self.http.send(request.body(Vec::new())?).await?.status())
    }
}

async fn orders(token: Token) -> String {
    format!("The orders of {}\n", token.subject())
}
