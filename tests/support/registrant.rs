//! A developer's program that registers its own client (RFC 7591) and looks after it (RFC 7592).

use gatepass::registration::Registered;
use gatepass::secret::Secret;
use gatepass::store::clients;
use reqwest::Method;
use serde_json::{Value, json};

use super::browser::Answer;
use super::relying_party::answer_of;
use super::{RelyingParty, World};

/// What the server told of a client.
#[derive(Clone)]
pub struct Registrant {
    pub uri: String,
    pub token: String,
    pub told: Value,
}

/// Metadata of a sound client.
pub fn sound() -> Value {
    json!({
        "client_name": "Notes",
        "redirect_uris": ["https://notes.example/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
    })
}

/// [`sound`], with members set otherwise.
pub fn with(change: Value) -> Value {
    let mut document = sound();
    for (name, value) in change.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

pub async fn send(method: Method, uri: &str, token: Option<&str>, body: &str) -> Answer {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = http.request(method, uri).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    answer_of(request.body(body.to_owned())).await
}

pub async fn register(world: &World, token: Option<&str>, document: &Value) -> Answer {
    let uri = format!("{}/register", world.issuer);
    send(Method::POST, &uri, token, &document.to_string()).await
}

impl Registrant {
    pub async fn new(world: &World, document: &Value) -> Self {
        let answer = register(world, None, document).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        Registrant::of(answer.json())
    }

    pub fn of(told: Value) -> Self {
        let text = |member: &str| told[member].as_str().unwrap().to_owned();
        Registrant { uri: text("registration_client_uri"), token: text("registration_access_token"), told }
    }

    pub fn id(&self) -> &str {
        self.told["client_id"].as_str().unwrap()
    }

    pub async fn ask(&self, method: Method) -> Answer {
        send(method, &self.uri, Some(&self.token), "").await
    }

    /// Puts `document` in the place of what is registered.
    pub async fn put(&self, mut document: Value) -> Answer {
        document["client_id"] = json!(self.id());
        send(Method::PUT, &self.uri, Some(&self.token), &document.to_string()).await
    }

    /// The client itself, as it signs people in.
    pub async fn relying_party(&self, world: &World) -> RelyingParty {
        let client = clients::find(world.app.store.read(), self.id()).await.unwrap().unwrap();
        let secret = self.told["client_secret"].as_str().map(Secret::claimed);
        RelyingParty::new(&world.issuer, Registered { client, secret })
    }
}
