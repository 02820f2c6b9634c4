//! What an OpenID Connect provider has to show, as the suite of the OpenID Foundation asks for it: by clients that
//! register themselves, one for each question.

mod authentication_requests;
mod everywhere;
mod logout;
mod registration;
mod request_objects;
mod token_endpoint;

use gatepass::store::users::{self, User};
use serde_json::{Value, json};

use crate::support::registrant::Registrant;
use crate::support::world::PASSWORD;
use crate::support::{Browser, RelyingParty, World};

/// What the operator sets for the suite.
pub const SETTINGS: [(&str, &str); 3] = [
    ("registration.profile", "oidc-compat"),
    ("sign_in.frontchannel_logout", "true"),
    ("sign_in.session_management", "true"),
];

pub const CALLBACK: &str = "https://suite.example/callback";

const RESPONSE_TYPES: [&str; 6] =
    ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"];

/// A client as the suite registers it, for every flow unless `change` says otherwise.
async fn registered(world: &World, change: Value) -> Registrant {
    let mut document = json!({
        "client_name": "The suite",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "implicit", "refresh_token"],
        "response_types": RESPONSE_TYPES,
        "post_logout_redirect_uris": ["https://suite.example/bye"],
    });
    for (name, value) in change.as_object().unwrap() {
        document[name] = value.clone();
    }
    Registrant::new(world, &document).await
}

async fn client(world: &World, change: Value) -> RelyingParty {
    registered(world, change).await.relying_party(world).await
}

/// The user of the suite, who has every standard claim (Core §5.1).
async fn user(world: &World) -> User {
    let user = world.user("suite").await;
    let claims = json!({
        "name": "Suite User", "given_name": "Suite", "family_name": "User", "middle_name": "M.",
        "nickname": "Sue", "preferred_username": "sue", "profile": "https://suite.example/sue",
        "picture": "https://suite.example/sue.png", "website": "https://suite.example/",
        "gender": "female", "birthdate": "2000-02-03", "zoneinfo": "Asia/Seoul", "locale": "en-US",
        "email": "sue@suite.example", "email_verified": true,
        "phone_number": "+1 (555) 0100", "phone_number_verified": false,
        "address": { "formatted": "1 Main St\nAnytown", "country": "US" },
    });
    let claims = (user.id, claims.as_object().unwrap().clone(), world.now());
    let setting = world
        .app
        .store
        .write(claims, |tx, (user, claims, now)| Box::pin(users::set_claims(tx, *user, claims, *now)));
    setting.await.unwrap();
    user
}

/// What comes back at the redirect URI, after the pages if there are any.
async fn answer(app: &RelyingParty, browser: &mut Browser, scope: &str, change: &[(&str, &str)]) -> Front {
    let sent = app.ask(scope, change);
    let answer = browser.walk(&sent.target, "suite", PASSWORD).await;
    Front { sent, parameters: answer.parameters(), location: answer.location().to_owned() }
}

/// An authorization response, and what was asked.
struct Front {
    sent: crate::support::relying_party::Sent,
    parameters: std::collections::BTreeMap<String, String>,
    location: String,
}

impl Front {
    fn get(&self, name: &str) -> &str {
        self.parameters.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.parameters))
    }

    fn error(&self) -> &str {
        self.get("error")
    }
}

/// Tokens of the code flow.
async fn tokens(app: &RelyingParty, browser: &mut Browser, scope: &str, change: &[(&str, &str)]) -> Value {
    let front = answer(app, browser, scope, change).await;
    let answer = app.redeem(front.get("code"), &front.sent).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}
