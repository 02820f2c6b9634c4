//! Discovery says what is so (OpenID Connect Discovery §3, RFC 8414 §2): each method, algorithm, mode, grant and
//! prompt that it lists works, and others do not.

use std::collections::BTreeSet;

use gatepass::protocol::algorithm::Algorithm;
use gatepass::protocol::client_metadata::{AuthMethod, ClientMetadata};
use gatepass::protocol::grant_type::GrantType;
use gatepass::protocol::response_type::{ResponseMode, ResponseType};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::relying_party::header;
use crate::support::world::PASSWORD;
use crate::support::{ClientSigner, World};

async fn discovery(world: &World) -> Value {
    let document = world.send("GET", "/.well-known/openid-configuration", &[], "").await;
    assert_eq!(document.status, 200);
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(document.header("access-control-allow-origin"), Some("*"));
    document.json()
}

fn listed(document: &Value, name: &str) -> Vec<String> {
    let list = document[name].as_array().unwrap_or_else(|| panic!("{name} is not listed"));
    list.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_door_that_is_named_is_open() {
    let world = World::on_sqlite(&[]).await;
    let document = discovery(&world).await;
    assert_eq!(document["issuer"], world.issuer);
    let members = document.as_object().unwrap();
    let doors: Vec<&str> = members
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .map(|(_, url)| url.as_str().unwrap())
        .collect();
    assert_eq!(doors.len(), 8);
    for door in doors {
        let path = door.strip_prefix(&world.issuer).unwrap();
        let (get, post) = (world.send("GET", path, &[], "").await, world.send("POST", path, &[], "").await);
        let open = |status: u16| ![404, 405].contains(&status) && status < 500;
        assert!(open(get.status) || open(post.status), "{door}: {} and {}", get.status, post.status);
    }
    // Certification: no member without a value.
    assert!(members.values().all(|value| !value.is_null() && *value != "" && *value != json!([])));
    let oauth = world.send("GET", "/.well-known/oauth-authorization-server", &[], "").await;
    assert_eq!(oauth.json(), document);
}

on_both!(every_method_of_client_authentication_that_is_listed_works(world) {
    let document = discovery(&world).await;
    for (list, door) in [
        ("token_endpoint_auth_methods_supported", "/token"),
        ("introspection_endpoint_auth_methods_supported", "/introspect"),
        ("revocation_endpoint_auth_methods_supported", "/revoke"),
    ] {
        let list = listed(&document, list);
        for method in AuthMethod::ALL {
            let client = world.client(&format!("{}{}", &door[1..], method.as_str()), |metadata| {
                metadata.token_endpoint_auth_method = method;
                if method == AuthMethod::PrivateKeyJwt {
                    metadata.jwks = serde_json::from_value(ClientSigner::shared().jwks()).ok();
                }
                if method.is_public() {
                    metadata.grant_types.remove(&GrantType::ClientCredentials);
                }
            }).await;
            let fields = [("grant_type", "refresh_token"), ("refresh_token", "x"), ("token", "x")];
            let answer = client.post(door, &fields).await;
            assert_eq!(answer.status != 401, list.contains(&method.as_str().to_owned()), "{method:?} at {door}");
        }
        assert!(list.iter().all(|method| AuthMethod::parse(method).is_some()), "{list:?}");
    }
});

on_both!(every_algorithm_mode_and_grant_that_is_listed_works(world) {
    world.user("alice").await;
    let document = discovery(&world).await;
    let jwks = world.send("GET", "/jwks", &[], "").await.json();
    let mut browser = world.browser();
    for listed in listed(&document, "id_token_signing_alg_values_supported") {
        let algorithm: Algorithm = listed.parse().unwrap();
        let app = world.client(&format!("app-{listed}"), |metadata| {
            metadata.id_token_signed_response_alg = algorithm;
        }).await;
        let tokens = app.tokens_in(&mut browser, "alice", "openid").await;
        let header = header(tokens["id_token"].as_str().unwrap());
        assert_eq!(header["alg"], listed);
        let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
        assert_eq!(key["alg"], listed);
    }
    for listed in listed(&document, "userinfo_signing_alg_values_supported") {
        let app = world.client(&format!("told-by-{listed}"), |metadata| {
            metadata.userinfo_signed_response_alg = listed.parse().ok();
        }).await;
        let tokens = app.tokens_in(&mut browser, "alice", "openid").await;
        let told = app.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(header(&told.body)["alg"], listed);
    }
    let shop = world.shop().await;
    shop.code(&mut browser, "alice", "openid").await;
    for mode in listed(&document, "response_modes_supported") {
        let answer = browser.get(&shop.ask("openid", &[("response_mode", &mode)]).target).await;
        let answered = match ResponseMode::parse(&mode).unwrap() {
            ResponseMode::Query => answer.location().contains("?code="),
            ResponseMode::Fragment => answer.location().contains("#code="),
            ResponseMode::FormPost => answer.body.contains("name=\"code\""),
        };
        assert!(answered, "{mode}");
    }
    assert_eq!(listed(&document, "response_types_supported"), ResponseType::ALL.map(ResponseType::as_str));
    let grants = listed(&document, "grant_types_supported");
    // The implicit grant needs no token endpoint.
    assert!(grants.contains(&"implicit".to_owned()));
    for grant_type in ["authorization_code", "refresh_token", "client_credentials", "password", "urn:ietf:params:oauth:grant-type:device_code"] {
        let answer = shop.token(&[("grant_type", grant_type)]).await;
        let works = answer.status == 200 || answer.error() != "unsupported_grant_type";
        assert_eq!(works, grants.contains(&grant_type.to_owned()), "{grant_type}");
    }
    let boolean = |name: &str| document[name].as_bool();
    for parameter in ["request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration"] {
        assert_eq!(boolean(parameter), Some(true), "{parameter}");
    }
    // Each of them is tried in `request_object`.
    let objects = ["RS256", "PS256", "ES256", "EdDSA", "HS256", "none"];
    assert_eq!(listed(&document, "request_object_signing_alg_values_supported"), objects);
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
});

#[tokio::test]
async fn every_prompt_acr_and_language_that_is_listed_is_followed() {
    let world = World::on_sqlite(&[]).await;
    world.user("alice").await;
    let document = discovery(&world).await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid").await;
    for prompt in listed(&document, "prompt_values_supported") {
        let answer = browser.get(&shop.ask("openid", &[("prompt", &prompt)]).target).await;
        let expected = match prompt.as_str() {
            "none" => "?code=",
            "consent" => "/consent/",
            "login" | "select_account" => "/login?",
            unknown => panic!("{unknown} is listed and not known here"),
        };
        assert!(answer.location().contains(expected), "{prompt}: {}", answer.location());
    }
    for acr in listed(&document, "acr_values_supported") {
        let sent = shop.ask("openid", &[("acr_values", &format!("unknown {acr}"))]);
        let answer = browser.get(&sent.target).await;
        let tokens = shop.redeem(&answer.parameters()["code"], &sent).await.json();
        let said = crate::support::relying_party::claims(tokens["id_token"].as_str().unwrap());
        assert_eq!(said["acr"], acr);
    }
    for language in listed(&document, "ui_locales_supported") {
        let mut reader = world.browser();
        let begun = reader.get(&shop.ask("openid", &[("ui_locales", &language)]).target).await;
        let page = reader.get(begun.location()).await;
        assert!(page.body.contains(&format!("<html lang=\"{language}\"")), "{language}");
    }
}

#[tokio::test]
async fn every_scope_and_claim_that_is_listed_is_given() {
    let world = World::on_sqlite(&[]).await;
    let mut alice = world.user("alice").await;
    let document = discovery(&world).await;
    let all = json!({
        "middle_name": "B", "nickname": "al", "profile": "https://a.example/", "picture": "https://a.example/p",
        "website": "https://a.example/w", "gender": "female", "birthdate": "2000-01-01", "zoneinfo": "Etc/UTC",
        "locale": "en",
    });
    alice.claims.extend(all.as_object().unwrap().clone());
    let now = world.now();
    let changing = world.app.store.write((alice, now), |tx, (alice, now)| {
        Box::pin(gatepass::store::users::set_claims(tx, alice.id, &alice.claims, *now))
    });
    changing.await.unwrap();
    let shop = world.shop().await;
    let scope = listed(&document, "scopes_supported").join(" ");
    let sent = shop.ask(&scope, &[("acr_values", &listed(&document, "acr_values_supported")[0])]);
    let answer = world.browser().walk(&sent.target, "alice", PASSWORD).await;
    let tokens = shop.redeem(&answer.parameters()["code"], &sent).await.json();
    assert_eq!(tokens["scope"].as_str().unwrap().split(' ').count(), scope.split(' ').count());
    let person = shop.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    let id = crate::support::relying_party::claims(tokens["id_token"].as_str().unwrap());
    let given: BTreeSet<&String> =
        [&person, &id].iter().flat_map(|claims| claims.as_object().unwrap().keys()).collect();
    for claim in listed(&document, "claims_supported") {
        assert!(given.contains(&claim), "{claim} is listed and not given");
    }
    assert_eq!(ClientMetadata::default().id_token_signed_response_alg, Algorithm::RS256);
}
