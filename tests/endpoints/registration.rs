//! Registration (RFC 7591 §3, OpenID Connect Registration §3) and its management (RFC 7592 §2).

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::ClientSigner;
use crate::support::browser::Answer;
use crate::support::registrant::{Registrant, register, send, sound, with};

pub const METADATA: &str = "invalid_client_metadata";
const REDIRECT_URI: &str = "invalid_redirect_uri";

pub fn assert_refused(answer: &Answer, error: &str, what: &str) {
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (400, Some(error)),
        "{what}: {}",
        answer.body
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
    let description = answer.json()["error_description"].as_str().unwrap().to_owned();
    assert!(
        description.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)),
        "{description}"
    );
}

fn assert_unauthorized(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 401, "{what}: {}", answer.body);
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer realm="), "{what}");
}

on_both!(what_a_client_may_not_be_is_said_with_its_name(world) {
    for (change, error, named) in [
        (json!({ "redirect_uris": [] }), METADATA, "redirect_uris"),
        (json!({ "redirect_uris": null }), METADATA, "redirect_uris"),
        (json!({ "redirect_uris": {} }), METADATA, "redirect_uris"),
        (json!({ "redirect_uris": [{}] }), METADATA, "redirect_uris"),
        (json!({ "redirect_uris": [null] }), METADATA, "redirect_uris"),
        (json!({ "redirect_uris": vec!["https://a.example/"; 51] }), METADATA, "redirect_uris"),
        (json!({ "redirect_uris": ["https://notes.example/cb#top"] }), REDIRECT_URI, "fragment"),
        (json!({ "redirect_uris": ["http://notes.example/cb"] }), REDIRECT_URI, "https"),
        (json!({ "redirect_uris": ["https://*.example/cb"] }), REDIRECT_URI, "wildcards"),
        (json!({ "redirect_uris": ["https://a@notes.example/cb"] }), REDIRECT_URI, "user name"),
        (json!({ "redirect_uris": ["JaVaScRiPt:alert(1)"] }), REDIRECT_URI, "https"),
        (json!({ "redirect_uris": ["https://notes.example/cb?code=1"] }), REDIRECT_URI, "parameter"),
        (json!({ "redirect_uris": ["https://\u{e9}.example/cb\"\\"] }), REDIRECT_URI, "RFC 3986"),
        (json!({ "redirect_uris": [format!("https://notes.example/{}", "a".repeat(3000))] }), REDIRECT_URI, "2048"),
        (json!({ "post_logout_redirect_uris": ["https://notes.example/#x"] }), REDIRECT_URI, "fragment"),
        (json!({ "client_name": "" }), METADATA, "client_name"),
        (json!({ "client_name": 5 }), METADATA, "client_name"),
        (json!({ "client_name": "a".repeat(101) }), METADATA, "client_name"),
        (json!({ "application_type": "desktop" }), METADATA, "application_type"),
        (json!({ "contacts": vec!["a@example.com"; 1000] }), METADATA, "contacts"),
        (json!({ "contacts": "a@example.com" }), METADATA, "contacts"),
        (json!({ "logo_uri": "http://notes.example/logo.png" }), METADATA, "logo_uri"),
        (json!({ "logo_uri": "data:image/png;base64,AA==" }), METADATA, "logo_uri"),
        (json!({ "client_uri": "JAVASCRIPT:alert(1)" }), METADATA, "client_uri"),
        (json!({ "policy_uri": "javascript:alert(1)" }), METADATA, "policy_uri"),
        (json!({ "tos_uri": "http://notes.example/" }), METADATA, "tos_uri"),
        (json!({ "initiate_login_uri": "http://notes.example/" }), METADATA, "initiate_login_uri"),
        (json!({ "jwks_uri": "http://169.254.169.254/latest/meta-data/" }), METADATA, "jwks_uri"),
        (json!({ "backchannel_logout_uri": "http://10.0.0.1/" }), METADATA, "backchannel_logout_uri"),
        (json!({ "frontchannel_logout_uri": "https://evil.example/" }), METADATA, "frontchannel_logout_uri"),
        (json!({ "grant_types": ["client_credentials"], "response_types": [], "token_endpoint_auth_method": "none" }), METADATA, "grant_types"),
        (json!({ "redirect_uris": ["https://notes.example/cb?state=1"] }), REDIRECT_URI, "parameter"),
        (json!({ "post_logout_redirect_uris": ["JAVASCRIPT:alert(1)"] }), REDIRECT_URI, "https"),
        (json!({ "post_logout_redirect_uris": ["https://*.example/"] }), REDIRECT_URI, "wildcards"),
        (json!({ "post_logout_redirect_uris": ["https://a@notes.example/"] }), REDIRECT_URI, "user name"),
        (json!({ "post_logout_redirect_uris": ["http://notes.example/"] }), REDIRECT_URI, "https"),
        (json!({ "grant_types": ["password"] }), METADATA, "grant_types"),
        (json!({ "grant_types": [] }), METADATA, "grant_types"),
        (json!({ "grant_types": ["client_credentials"], "response_types": [] }), METADATA, "grant_types"),
        (json!({ "grant_types": ["implicit"], "response_types": ["code"] }), METADATA, "response_types"),
        (json!({ "grant_types": ["implicit"], "response_types": ["id_token"] }), METADATA, "oidc-compat"),
        (json!({ "response_types": ["token"] }), METADATA, "response_types"),
        (json!({ "token_endpoint_auth_method": "tls_client_auth" }), METADATA, "token_endpoint_auth_method"),
        (json!({ "scope": "a\"b" }), METADATA, "scope"),
        (json!({ "subject_type": "anything" }), METADATA, "subject_type"),
        (json!({ "id_token_signed_response_alg": "none" }), METADATA, "id_token_signed_response_alg"),
        (json!({ "request_uris": ["http://notes.example/r"] }), METADATA, "request_uris"),
        (json!({ "request_uris": "https://notes.example/r" }), METADATA, "request_uris"),
        (json!({ "request_object_signing_alg": "HS512" }), METADATA, "request_object_signing_alg"),
        // For it anybody could write the request of this client.
        (json!({ "request_object_signing_alg": "none" }), METADATA, "oidc-compat"),
        (json!({ "request_object_signing_alg": "RS256" }), METADATA, "needs a key"),
        (json!({ "request_object_signing_alg": "HS256" }), METADATA, "client_secret_jwt"),
        (json!({ "request_object_encryption_alg": "RSA-OAEP" }), METADATA, "request_object_encryption_alg"),
        (json!({ "require_signed_request_object": "yes" }), METADATA, "require_signed_request_object"),
        (json!({ "require_signed_request_object": true }), METADATA, "require_signed_request_object: it needs a key"),
        (json!({ "userinfo_signed_response_alg": "HS256" }), METADATA, "userinfo_signed_response_alg"),
        (json!({ "userinfo_signed_response_alg": null, "userinfo_encrypted_response_alg": "RSA-OAEP" }), METADATA, "userinfo_encrypted_response_alg"),
        (json!({ "id_token_encrypted_response_alg": "RSA-OAEP" }), METADATA, "id_token_encrypted_response_alg"),
        (json!({ "dpop_bound_access_tokens": true }), METADATA, "dpop_bound_access_tokens"),
        (json!({ "default_max_age": -1 }), METADATA, "default_max_age"),
        (json!({ "default_max_age": 1e300 }), METADATA, "default_max_age"),
        (json!({ "require_auth_time": "yes" }), METADATA, "require_auth_time"),
        (json!({ "default_acr_values": "1" }), METADATA, "default_acr_values"),
        (json!({ "software_statement": "e30.e30." }), "unapproved_software_statement", "software_statement"),
    ] {
        let answer = register(&world, None, &with(change.clone())).await;
        assert_refused(&answer, error, &change.to_string());
        let description = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(description.contains(named), "{change}: {description}");
    }
});

on_both!(everything_that_is_wrong_is_said_at_once(world) {
    let document = with(json!({
        "client_name": "",
        "contacts": 7,
        "default_max_age": "soon",
        "id_token_encrypted_response_alg": "RSA-OAEP",
    }));
    let answer = register(&world, None, &document).await;
    assert_refused(&answer, METADATA, "all of it");
    let description = answer.json()["error_description"].as_str().unwrap().to_owned();
    for member in ["client_name", "contacts", "default_max_age", "id_token_encrypted_response_alg"] {
        assert_eq!(description.matches(&format!("{member}: ")).count(), 1, "{description}");
    }
});

on_both!(what_is_no_json_object_is_no_registration(world) {
    let uri = format!("{}/register", world.issuer);
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    for body in [
        "", "[]", "null", "\"x\"", "{} {}", "redirect_uris=https://a.example", &deep,
        r#"{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}"#,
        r#"{"redirect_uris":["https://a.example/"],"client_name":"a\u0000b"}"#,
        r#"{"redirect_uris":["https://a.example/"],"client_name":"\ud800"}"#,
        r#"{"redirect_uris":["https://a.example/"],"default_max_age":NaN}"#,
        r#"{"redirect_uris":["https://a.example/"],"default_max_age":1e999}"#,
        r#"{"redirect_uris":["https://a.example/"]}]"#,
        "\u{feff}{\"redirect_uris\":[\"https://a.example/\"]}",
        "\0{\0}",
    ] {
        assert_refused(&send(Method::POST, &uri, None, body).await, METADATA, body);
    }
    let too_large = with(json!({ "software_id": "a".repeat(70_000) })).to_string();
    assert_eq!(send(Method::POST, &uri, None, &too_large).await.status, 413);
    let form = world.browser().post("/register", &[("redirect_uris", "https://a.example/")]).await;
    assert_eq!((form.status, form.json()["error"].as_str()), (415, Some(METADATA)));
});

on_both!(what_is_not_understood_is_ignored_and_what_is_registered_is_told(world) {
    let told = Registrant::new(&world, &with(json!({
        "client_name": "Notizen \u{1f4d3}",
        "client_name#de": "Notizen",
        "contacts": ["notes@example.com"],
        "logo_uri": "https://notes.example/logo.png",
        "policy_uri": "https://notes.example/policy",
        "tos_uri": "https://notes.example/tos",
        "client_uri": "https://notes.example/",
        "post_logout_redirect_uris": ["https://notes.example/bye"],
        "initiate_login_uri": "https://notes.example/login",
        "default_max_age": 300,
        "require_auth_time": true,
        "default_acr_values": ["1"],
        "id_token_signed_response_alg": "ES256",
        "subject_type": "public",
        "scope": "openid email admin:everything",
        "dpop_bound_access_tokens": false,
        "colour": { "of": ["the", "sky"] },
        // The operator's own settings are nothing to a stranger.
        "profile": "oidc-compat",
        "consent": "implied",
        "pkce": "optional",
        "audience": ["https://orders.example"],
        "resources": ["https://orders.example"],
    }))).await.told;
    let mut told = told;
    for random in ["client_id", "client_secret", "registration_access_token", "registration_client_uri", "client_id_issued_at"] {
        assert_ne!(told.as_object_mut().unwrap().remove(random), None, "{random}");
    }
    let expected = json!({
        "application_type": "web",
        "client_name": "Notizen \u{1f4d3}",
        "client_secret_expires_at": 0,
        "client_uri": "https://notes.example/",
        "contacts": ["notes@example.com"],
        "default_acr_values": ["1"],
        "default_max_age": 300,
        "grant_types": ["authorization_code", "refresh_token"],
        "id_token_signed_response_alg": "ES256",
        "initiate_login_uri": "https://notes.example/login",
        "logo_uri": "https://notes.example/logo.png",
        "policy_uri": "https://notes.example/policy",
        "post_logout_redirect_uris": ["https://notes.example/bye"],
        "redirect_uris": ["https://notes.example/cb"],
        "require_auth_time": true,
        "response_types": ["code"],
        "scope": "email openid",
        "subject_type": "public",
        "token_endpoint_auth_method": "client_secret_basic",
        "tos_uri": "https://notes.example/tos",
    });
    assert_eq!(told, expected);
});

on_both!(userinfo_is_signed_for_who_asks_for_it_and_none_means_json(world) {
    for (asked, told) in [(json!("RS256"), json!("RS256")), (json!("none"), Value::Null), (Value::Null, Value::Null)] {
        let notes = Registrant::new(&world, &with(json!({ "userinfo_signed_response_alg": asked }))).await;
        assert_eq!(notes.told["userinfo_signed_response_alg"], told, "{asked}");
        let changed = notes.put(with(json!({ "userinfo_signed_response_alg": "ES256" }))).await.json();
        assert_eq!(changed["userinfo_signed_response_alg"], "ES256");
    }
});

on_both!(request_objects_are_registered_with_their_places_and_algorithm(
    world,
    [("registration.profile", "oidc-compat")]
) {
    let jwks = ClientSigner::shared().jwks();
    for change in [
        json!({ "request_uris": ["https://notes.example/r#1"], "request_object_signing_alg": "none" }),
        json!({ "jwks": jwks, "request_object_signing_alg": "ES256", "require_signed_request_object": true }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt", "request_object_signing_alg": "HS256" }),
    ] {
        let notes = Registrant::new(&world, &with(change.clone())).await;
        for (member, value) in change.as_object().unwrap() {
            assert_eq!(notes.told[member], *value, "{member}");
        }
        assert_eq!(notes.put(with(change.clone())).await.status, 200);
    }
    let contradiction = json!({ "request_object_signing_alg": "none", "require_signed_request_object": true });
    assert_refused(&register(&world, None, &with(contradiction)).await, METADATA, "none, and signed");
});

on_both!(hybrid_and_implicit_clients_register_where_the_operator_allows_it(
    world,
    [("registration.profile", "oidc-compat")]
) {
    for response_type in ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"] {
        let document = json!({ "redirect_uris": ["https://notes.example/cb"], "response_types": [response_type] });
        assert_eq!(Registrant::new(&world, &document).await.told["response_types"], json!([response_type]));
        for redirect_uri in ["https://localhost/cb", "http://127.0.0.1/cb"] {
            let mut document = document.clone();
            document["redirect_uris"] = json!([redirect_uri]);
            let answer = register(&world, None, &document).await;
            assert_eq!(answer.status == 400, response_type != "code", "{response_type} at {redirect_uri}");
        }
    }
});

on_both!(a_registration_is_its_own_tokens_alone(world) {
    let (notes, other) = (Registrant::new(&world, &sound()).await, Registrant::new(&world, &sound()).await);
    let unknown = format!("{}/register/{}", world.issuer, uuid::Uuid::now_v7());
    let shop = format!("{}/register/{}", world.issuer, world.shop().await.id());
    let secret = notes.told["client_secret"].as_str().unwrap();
    let document = with(json!({ "client_id": notes.id() })).to_string();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        for (uri, token, what) in [
            (&notes.uri, None, "no token"),
            (&notes.uri, Some("x"), "a wrong token"),
            (&notes.uri, Some(secret), "the client's secret"),
            (&notes.uri, Some(other.token.as_str()), "another client's token"),
            (&unknown, Some(notes.token.as_str()), "an unknown client"),
            (&shop, Some(notes.token.as_str()), "a client of the operator's"),
        ] {
            assert_unauthorized(&send(method.clone(), uri, token, &document).await, what);
        }
    }
    assert_eq!(notes.ask(Method::GET).await.status, 200);
    assert_eq!(other.ask(Method::GET).await.status, 200);
});

on_both!(a_change_names_its_client_and_nothing_that_only_the_server_says(world) {
    let notes = Registrant::new(&world, &sound()).await;
    let put = async |change: Value| {
        let document = with(change).to_string();
        send(Method::PUT, &notes.uri, Some(&notes.token), &document).await
    };
    for (change, named) in [
        (json!({}), "client_id"),
        (json!({ "client_id": "another" }), "client_id"),
        (json!({ "client_id": 5 }), "client_id"),
        (json!({ "client_id": notes.id(), "client_secret": "wrong" }), "client_secret"),
        (json!({ "client_id": notes.id(), "client_secret": null }), "client_secret"),
        (json!({ "client_id": notes.id(), "registration_access_token": notes.token }), "registration_access_token"),
        (json!({ "client_id": notes.id(), "registration_client_uri": notes.uri }), "registration_client_uri"),
        (json!({ "client_id": notes.id(), "client_secret_expires_at": 0 }), "client_secret_expires_at"),
        (json!({ "client_id": notes.id(), "client_id_issued_at": 0 }), "client_id_issued_at"),
        (json!({ "client_id": notes.id(), "logo_uri": "http://notes.example/" }), "logo_uri"),
    ] {
        let answer = put(change.clone()).await;
        assert_refused(&answer, METADATA, &change.to_string());
        assert!(answer.json()["error_description"].as_str().unwrap().contains(named), "{}", answer.body);
    }
    // Nothing of it changed anything, the token least of all.
    assert_eq!(notes.ask(Method::GET).await.json()["client_name"], "Notes");
    assert_eq!(put(json!({ "client_id": notes.id() })).await.status, 200);
});
