//! The host of an app that nobody registered: its own page about itself, on this machine.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gatepass::http::limits::Limits;
use gatepass::http::server;
use gatepass::http::shutdown::Shutdown;
use gatepass::registration::Registered;
use gatepass::store::clients::{Client, Origin, Standing, Status};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::relying_party::RelyingParty;
use super::world::World;

#[derive(Clone)]
pub struct AppHost {
    /// `127.0.0.1:PORT`
    pub authority: String,
    state: Arc<Mutex<Shown>>,
}

struct Shown {
    page: (u16, Vec<(&'static str, String)>, String),
    visits: u32,
}

impl AppHost {
    /// An app whose people come back to `redirect_uri`.
    pub async fn with(redirect_uri: &str) -> AppHost {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(Shown { page: (404, Vec::new(), String::new()), visits: 0 }));
        let router = Router::new().fallback(show).with_state(state.clone());
        tokio::spawn(async move {
            server::serve(listener, router, None, Limits::default(), Shutdown::new()).await;
        });
        let host = AppHost { authority, state };
        host.publish(&host.document(redirect_uri));
        host
    }

    /// Its client_id.
    pub fn url(&self) -> String {
        format!("http://{}/client.json", self.authority)
    }

    pub fn document(&self, redirect_uri: &str) -> Value {
        json!({
            "client_id": self.url(),
            "client_name": "Well-Known Bank",
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        })
    }

    pub fn publish(&self, document: &Value) {
        self.answers(200, &[], document);
    }

    pub fn answers(&self, status: u16, headers: &[(&'static str, &str)], body: impl ToString) {
        let mut all = vec![("content-type", "application/json".to_owned())];
        for (name, value) in headers {
            all.retain(|(own, _)| own != name);
            all.push((name, (*value).to_owned()));
        }
        self.state.lock().unwrap().page = (status, all, body.to_string());
    }

    pub fn visits(&self) -> u32 {
        self.state.lock().unwrap().visits
    }

    /// The app as a client of `world`, as its document says now.
    pub fn party(&self, world: &World, document: &Value) -> RelyingParty {
        let mut members = document.clone();
        members.as_object_mut().unwrap().remove("client_id");
        let client = Client {
            id: self.url(),
            metadata: serde_json::from_value(members).unwrap(),
            secret: None,
            sealed_secret: None,
            status: Status::Active,
            standing: Standing::Unverified,
            origin: Origin::Document,
            created_at: world.now(),
            updated_at: world.now(),
        };
        RelyingParty::new(&world.issuer, Registered { client, secret: None })
    }
}

async fn show(State(state): State<Arc<Mutex<Shown>>>) -> Response {
    let (status, headers, body) = {
        let mut state = state.lock().unwrap();
        state.visits += 1;
        state.page.clone()
    };
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
