//! Request objects, by value and by reference.

use gatepass::protocol::algorithm::ClientAlgorithm::RS256;
use gatepass::secret::base64url;
use serde_json::{Value, json};

use super::{CALLBACK, RESPONSE_TYPES, SETTINGS, client, user};
use crate::on_both;
use crate::support::world::PASSWORD;
use crate::support::{ClientSigner, Published, World};

fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(claims.to_string().as_bytes()))
}

on_both!(an_unsigned_object_needs_no_registration_and_its_redirect_uri_wins(world, SETTINGS) {
    user(&world).await;
    let mut browser = world.browser();
    for response_type in RESPONSE_TYPES {
        let app = client(&world, json!({})).await;
        let (sent, mut parameters) = app.request("openid");
        parameters.insert("response_type".to_owned(), response_type.to_owned());
        let object = unsigned(&json!(parameters));
        // The state stands only inside.
        let outside = app.ask("openid", &[
            ("response_type", response_type),
            ("redirect_uri", "https://suite.example/invalid"),
            ("state", ""),
            ("request", &object),
        ]);
        let answer = browser.walk(&outside.target, "suite", PASSWORD).await;
        assert!(answer.location().starts_with(CALLBACK), "{response_type}: {}", answer.location());
        assert_eq!(answer.parameters()["state"], sent.state, "{response_type}");
        assert!(!answer.parameters().contains_key("error"), "{response_type}");
    }
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_read_from_a_registered_uri_that_has_a_fragment() {
    let published = Published::new("").await;
    let authority = published.authority.to_str().unwrap();
    let outbound =
        [("outbound.allowed_hosts", published.host.as_str()), ("outbound.extra_ca_file", authority)];
    let world = World::on_sqlite(&[&SETTINGS[..], &outbound].concat()).await;
    user(&world).await;
    let signer = ClientSigner::new("suite", RS256);
    let uri = format!("https://{}/requestobject/random#bm8gaGFzaA", published.host);
    for (registration, signs) in [
        (json!({ "request_uris": [uri] }), false),
        (
            json!({ "request_uris": [uri], "request_object_signing_alg": "RS256", "jwks": signer.jwks() }),
            true,
        ),
    ] {
        let app = client(&world, registration).await;
        let (sent, parameters) = app.request("openid");
        let mut claims = json!(parameters);
        (claims["iss"], claims["aud"]) = (json!(app.id()), json!(world.issuer));
        published.publish(if signs { signer.sign(&claims) } else { unsigned(&claims) });
        let outside = app.ask("openid", &[("state", ""), ("request_uri", &uri)]);
        let answer = world.browser().walk(&outside.target, "suite", PASSWORD).await;
        assert_eq!(answer.parameters()["state"], sent.state, "signed: {signs}");
        assert_eq!(app.redeem(&answer.parameters()["code"], &sent).await.status, 200, "signed: {signs}");
    }
}
