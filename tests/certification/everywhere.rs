//! What is looked at in every module of the suite.

use std::collections::{BTreeMap, BTreeSet};

use gatepass::secret;
use serde_json::{Value, json};

use super::{CALLBACK, RESPONSE_TYPES, SETTINGS, answer, client, registered, text, tokens, user};
use crate::on_both;
use crate::support::relying_party::claims;

on_both!(every_key_has_a_name_of_its_own_and_nothing_private(world, SETTINGS) {
    let jwks = world.browser().get("/jwks").await.json();
    let keys = jwks["keys"].as_array().unwrap();
    let names: BTreeSet<&str> = keys.iter().map(|key| text(key, "kid")).collect();
    assert_eq!(names.len(), keys.len());
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_eq!(key.get(private), None, "{key}");
        }
    }
    for kind in ["RSA", "EC"] {
        assert!(keys.iter().any(|key| key["kty"] == kind), "{kind}");
    }
});

fn assert_nothing_empty(value: &Value) {
    match value {
        Value::Null => panic!("null"),
        Value::String(text) => assert!(!text.is_empty()),
        Value::Array(values) => values.iter().for_each(assert_nothing_empty),
        Value::Object(members) => members.values().for_each(assert_nothing_empty),
        Value::Bool(_) | Value::Number(_) => {}
    }
}

on_both!(an_id_token_says_what_it_must_and_nothing_is_empty_or_invented(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    for response_type in RESPONSE_TYPES {
        let front = answer(&app, &mut browser, "openid profile email", &[("response_type", response_type)]).await;
        let mut id_tokens: Vec<String> = front.parameters.get("id_token").into_iter().cloned().collect();
        if let Some(code) = front.parameters.get("code") {
            id_tokens.push(text(&app.redeem(code, &front.sent).await.json(), "id_token").to_owned());
        }
        for id_token in id_tokens {
            let said = claims(&id_token);
            assert_nothing_empty(&said);
            assert_eq!((&said["iss"], &said["aud"], &said["nonce"]), (&json!(world.issuer), &json!(app.id()), &json!(front.sent.nonce)));
            let (iat, exp) = (said["iat"].as_i64().unwrap(), said["exp"].as_i64().unwrap());
            assert!((world.now().secs() - iat).abs() < 300 && exp > iat);
            assert!((1..=255).contains(&text(&said, "sub").len()));
        }
    }
    // No nonce is invented.
    let tokens = tokens(&app, &mut browser, "openid", &[("nonce", "")]).await;
    assert_eq!(claims(text(&tokens, "id_token")).get("nonce"), None);
});

on_both!(hashes_bind_what_travels_beside_an_id_token(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    for response_type in ["id_token token", "code id_token", "code id_token token"] {
        let front = answer(&app, &mut browser, "openid", &[("response_type", response_type)]).await;
        let said = claims(front.get("id_token"));
        for (hash, beside) in [("at_hash", "access_token"), ("c_hash", "code")] {
            let expected = front.parameters.get(beside).map(|value| secret::base64url(&secret::sha256(value.as_bytes())[..16]));
            assert_eq!(said[hash].as_str(), expected.as_deref(), "{response_type}: {hash}");
        }
    }
});

on_both!(claims_of_a_scope_are_userinfos_whenever_there_is_an_access_token(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    for response_type in RESPONSE_TYPES {
        let front = answer(&app, &mut browser, "openid email", &[("response_type", response_type)]).await;
        if let Some(id_token) = front.parameters.get("id_token") {
            let said = claims(id_token);
            assert_eq!(said.get("email").is_some(), response_type == "id_token", "{response_type}");
            assert_eq!(said.get("name"), None, "nothing that nobody asked for");
        }
        let access_token = match (front.parameters.get("access_token"), front.parameters.get("code")) {
            (Some(token), _) => token.clone(),
            (None, Some(code)) => text(&app.redeem(code, &front.sent).await.json(), "access_token").to_owned(),
            (None, None) => continue,
        };
        let told = app.userinfo(&access_token).await.json();
        assert_nothing_empty(&told);
        assert_eq!(text(&told, "email"), "sue@suite.example");
        assert_eq!(told.get("name"), None);
    }
});

/// Shannon's entropy of the characters of a text, in bits, for all of it.
fn entropy(text: &str) -> f64 {
    let mut counts = BTreeMap::new();
    text.chars().for_each(|character| *counts.entry(character).or_insert(0.0) += 1.0);
    let length = text.chars().count() as f64;
    counts.values().map(|count: &f64| -count * (count / length).log2()).sum()
}

on_both!(nobody_guesses_a_code_or_a_token(world, SETTINGS) {
    user(&world).await;
    let mut browser = world.browser();
    let own = registered(&world, json!({})).await;
    let app = own.relying_party(&world).await;
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let front = answer(&app, &mut browser, "openid", &[]).await;
        let tokens = app.redeem(front.get("code"), &front.sent).await.json();
        let secrets = [front.get("code"), text(&tokens, "access_token"), text(&tokens, "refresh_token")];
        for secret in secrets {
            assert!(entropy(secret) >= 96.0, "{secret}: {}", entropy(secret));
            assert!(seen.insert(secret.to_owned()));
        }
    }
    assert!(entropy(text(&own.told, "client_secret")) >= 96.0);
    assert!(entropy(text(&own.told, "registration_access_token")) >= 96.0);
});

on_both!(an_error_comes_back_with_the_exact_state_and_nothing_else(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let state = "A".repeat(64) + &"~".repeat(64);
    for response_type in RESPONSE_TYPES {
        let change = [("response_type", response_type), ("prompt", "none"), ("state", state.as_str())];
        let front = answer(&app, &mut world.browser(), "openid", &change).await;
        assert_eq!((front.error(), front.get("state")), ("login_required", state.as_str()));
        let known = ["error", "error_description", "error_uri", "state", "iss", "session_state"];
        assert!(front.parameters.keys().all(|name| known.contains(&name.as_str())), "{:?}", front.parameters);
        assert!(crate::endpoints::is_description(front.get("error_description")));
        assert_eq!(front.location.contains('#'), response_type != "code", "{}", front.location);

        let target = app.ask("openid", &[&change[..], &[("response_mode", "form_post")]].concat()).target;
        let page = world.browser().get(&target).await;
        let fields = BTreeMap::from_iter(page.hidden_fields(CALLBACK));
        assert_eq!((fields["error"].as_str(), &fields["state"]), ("login_required", &state));
        assert!(page.body.contains("method=\"post\""));
    }
    let missing = answer(&app, &mut world.browser(), "openid", &[("response_type", "")]).await;
    assert!(missing.location.starts_with("https://suite.example/callback?error=invalid_request"), "{}", missing.location);
});

on_both!(discovery_lists_what_is_there_and_invents_nothing(world, SETTINGS) {
    let document = world.browser().get("/.well-known/openid-configuration").await.json();
    let lists = |member: &str, value: &str| document[member].as_array().unwrap().contains(&json!(value));
    for (member, value) in [
        ("id_token_signing_alg_values_supported", "RS256"),
        ("grant_types_supported", "refresh_token"),
        ("grant_types_supported", "authorization_code"),
        ("grant_types_supported", "implicit"),
        ("subject_types_supported", "public"),
        ("subject_types_supported", "pairwise"),
        ("response_modes_supported", "form_post"),
        ("scopes_supported", "openid"),
        ("token_endpoint_auth_methods_supported", "private_key_jwt"),
    ] {
        assert!(lists(member, value), "{member}: {value}");
    }
    for response_type in RESPONSE_TYPES {
        assert!(lists("response_types_supported", response_type));
    }
    // Every member is one of the IANA registry "OAuth Authorization Server Metadata", or of OpenID Connect Discovery,
    // its logout specifications or a draft: none is our own.
    let members: BTreeSet<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
    let invented: Vec<&&str> = members.iter().filter(|member| member.starts_with("gatepass")).collect();
    assert!(invented.is_empty(), "{invented:?}");
    for (member, value) in document.as_object().unwrap() {
        if member.ends_with("_endpoint") || member == "jwks_uri" || member == "check_session_iframe" {
            assert!(value.as_str().unwrap().starts_with(&world.issuer), "{member}: {value}");
        }
    }
});
