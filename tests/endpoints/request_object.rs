//! Request objects: what counts of a signed request, and what is no request of a client's (RFC 9101 §6 and §10,
//! OpenID Connect Core §6).

use gatepass::protocol::algorithm::ClientAlgorithm::{self, ES256, HS256, RS256};
use gatepass::protocol::algorithm::RequestObjectAlgorithm::Signed;
use gatepass::protocol::client_metadata::{AuthMethod, ClientMetadata, Profile};
use gatepass::secret::{Secret, base64url};
use reqwest::Method;
use serde_json::{Value, json};

use super::client_assertion;
use crate::on_both;
use crate::support::browser::Answer;
use crate::support::relying_party::{JWT_BEARER, Sent};
use crate::support::world::{PASSWORD, REDIRECT_URI};
use crate::support::{ClientSigner, RelyingParty, World};

/// A client of `profile` whose key is `signer`'s.
pub async fn signing_client(
    world: &World,
    id: &str,
    signer: &ClientSigner,
    profile: Profile,
    change: impl FnOnce(&mut ClientMetadata),
) -> RelyingParty {
    world
        .client(id, |metadata| {
            metadata.jwks = serde_json::from_value(signer.jwks()).ok();
            metadata.profile = profile;
            change(metadata);
        })
        .await
}

/// A sound request of `party`, as the claims of an object.
pub fn request(world: &World, party: &RelyingParty, scope: &str) -> (Sent, Value) {
    let (sent, parameters) = party.request(scope);
    let mut claims = json!(parameters);
    let now = world.now().secs();
    for (name, value) in [
        ("iss", json!(party.id())),
        ("aud", json!(party.issuer)),
        ("iat", json!(now)),
        ("exp", json!(now + 300)),
    ] {
        claims[name] = value;
    }
    (sent, claims)
}

/// `claims` with some set otherwise; `null` takes one away.
pub fn with(mut claims: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

pub fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    format!("{}.{}.", part(&json!({"alg": "none"})), part(claims))
}

pub fn target(parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/authorize?{query}")
}

pub fn by_value(party: &RelyingParty, object: &str) -> String {
    target(&[("client_id", party.id()), ("request", object)])
}

/// Shown, because nothing was proven that an error could be sent to.
#[track_caller]
pub fn assert_shown(answer: &Answer, code: &str, what: &str) {
    assert_eq!((answer.status, answer.error_code()), (400, code), "{what}");
    assert!(answer.header("location").is_none(), "{what}");
}

#[track_caller]
pub fn assert_sent(answer: &Answer, error: &str, state: Option<&str>, what: &str) {
    assert!(answer.location().starts_with(&format!("{REDIRECT_URI}?")), "{what}: {}", answer.location());
    let parameters = answer.parameters();
    assert_eq!(parameters["error"], error, "{what}: {parameters:?}");
    assert_eq!(parameters.get("state").map(String::as_str), state, "{what}");
    assert!(super::is_description(&parameters["error_description"]), "{what}: {parameters:?}");
}

on_both!(a_signed_object_is_a_request_with_every_algorithm(world) {
    world.user("alice").await;
    for algorithm in ClientAlgorithm::ASYMMETRIC {
        let signer = ClientSigner::new("a", algorithm);
        for (number, registered) in [None, Some(Signed(algorithm))].into_iter().enumerate() {
            let id = format!("{}-{number}", algorithm.as_str());
            let party = signing_client(&world, &id, &signer, Profile::Default, |metadata| {
                metadata.request_object_signing_alg = registered;
            }).await;
            let (sent, claims) = request(&world, &party, "openid email");
            let answer = world.browser().walk(&by_value(&party, &signer.sign(&claims)), "alice", PASSWORD).await;
            assert_eq!(answer.parameters()["state"], sent.state);
            let tokens = party.redeem(&answer.parameters()["code"], &sent).await.json();
            assert_eq!(tokens["scope"], "email openid", "{tokens}");
        }
    }
});

on_both!(a_secret_signs_objects_of_who_registered_for_that(world) {
    world.user("alice").await;
    let party = world.client("shop", |metadata| {
        metadata.token_endpoint_auth_method = AuthMethod::ClientSecretJwt;
        metadata.request_object_signing_alg = Some(Signed(HS256));
    }).await;
    let own = ClientSigner::of_secret(party.secret.as_ref().unwrap().reveal().as_bytes());
    let (_, claims) = request(&world, &party, "openid");
    let answer = world.browser().walk(&by_value(&party, &own.sign(&claims)), "alice", PASSWORD).await;
    assert!(answer.parameters().contains_key("code"));
    let stranger = ClientSigner::of_secret(Secret::new().reveal().as_bytes());
    let answer = world.browser().get(&by_value(&party, &stranger.sign(&claims))).await;
    assert_shown(&answer, "invalid_request_object", "another secret");
    // A secret that is not registered for it does not sign.
    let other = world.client("other", |metadata| {
        metadata.token_endpoint_auth_method = AuthMethod::ClientSecretJwt;
    }).await;
    let own = ClientSigner::of_secret(other.secret.as_ref().unwrap().reveal().as_bytes());
    let (_, claims) = request(&world, &other, "openid");
    let answer = world.browser().get(&by_value(&other, &own.sign(&claims))).await;
    assert_shown(&answer, "invalid_request_object", "not registered");
});

on_both!(under_rfc_9101_nothing_outside_the_object_counts(world) {
    world.user("alice").await;
    let signer = ClientSigner::new("a", ES256);
    let party = signing_client(&world, "shop", &signer, Profile::Default, |_| {}).await;
    let (sent, claims) = request(&world, &party, "openid");
    let object = signer.sign(&claims);
    let own = [("client_id", "shop"), ("request", object.as_str())];
    let outside = [
        ("scope", "openid email orders:write"),
        ("state", "other"),
        ("redirect_uri", "https://evil.example/"),
        ("response_type", "id_token"),
        ("response_mode", "fragment"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("nonce", "other"),
        ("prompt", "none"),
        ("max_age", "abc"),
        ("claims", "{"),
        ("registration", "{}"),
    ];
    let answer = world.browser().walk(&target(&[&own[..], &outside].concat()), "alice", PASSWORD).await;
    assert!(answer.location().starts_with(&format!("{REDIRECT_URI}?")), "{}", answer.location());
    assert_eq!(answer.parameters()["state"], sent.state);
    let tokens = party.redeem(&answer.parameters()["code"], &sent).await.json();
    assert_eq!(tokens["scope"], "openid");
    let said = crate::support::relying_party::claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(said["nonce"], sent.nonce);
    // What is missing inside is not taken from outside either.
    for missing in ["code_challenge", "response_type", "redirect_uri"] {
        let lacking = signer.sign(&with(claims.clone(), &json!({ missing: null })));
        let plain = party.ask("openid", &[("request", &lacking)]).target;
        let answer = world.browser().get(&plain).await;
        match missing {
            "redirect_uri" => assert_shown(&answer, "invalid_redirect_uri", missing),
            _ => assert_sent(&answer, "invalid_request", Some(&sent.state), missing),
        }
    }
});

on_both!(errors_within_a_proven_object_are_sent_to_where_it_says(world) {
    let signer = ClientSigner::new("a", ES256);
    let party = signing_client(&world, "shop", &signer, Profile::Default, |_| {}).await;
    let (sent, claims) = request(&world, &party, "openid");
    for (change, error) in [
        (json!({ "scope": "openid admin" }), "invalid_scope"),
        (json!({ "response_type": "code foo" }), "unsupported_response_type"),
        (json!({ "prompt": "none" }), "login_required"),
        (json!({ "prompt": "none login" }), "invalid_request"),
        (json!({ "max_age": -1 }), "invalid_request"),
        (json!({ "max_age": 1.5 }), "invalid_request"),
        (json!({ "max_age": "007x" }), "invalid_request"),
        (json!({ "claims": { "userinfo": 1 } }), "invalid_request"),
        (json!({ "registration": { "a": 1 } }), "registration_not_supported"),
        (json!({ "code_challenge_method": "plain" }), "invalid_request"),
    ] {
        let answer = world.browser().get(&by_value(&party, &signer.sign(&with(claims.clone(), &change)))).await;
        assert_sent(&answer, error, Some(&sent.state), &change.to_string());
    }
    for uri in ["https://evil.example/", "https://shop.example/callback/", ""] {
        let object = signer.sign(&with(claims.clone(), &json!({ "redirect_uri": uri })));
        assert_shown(&world.browser().get(&by_value(&party, &object)).await, "invalid_redirect_uri", uri);
    }
    // Outside too nothing stands twice.
    let twice = format!("{}&foo=1&foo=2", by_value(&party, &signer.sign(&claims)));
    assert_sent(&world.browser().get(&twice).await, "invalid_request", Some(&sent.state), "twice");
    let object = signer.sign(&claims);
    let twice = format!("{}&request={object}", by_value(&party, &object));
    assert_shown(&world.browser().get(&twice).await, "invalid_request", "two objects");
});

on_both!(what_an_object_may_say_and_in_which_form(world) {
    world.user("alice").await;
    let signer = ClientSigner::new("a", ES256);
    let party = signing_client(&world, "shop", &signer, Profile::Default, |_| {}).await;
    let mut browser = world.browser();
    party.code(&mut browser, "alice", "openid email").await;
    let (_, claims) = request(&world, &party, "openid email");
    let now = world.now().secs();
    for change in [
        json!({ "aud": ["https://other.example", party.issuer] }),
        json!({ "nbf": now + 8 }),
        json!({ "nbf": now, "exp": now + 3600 }),
        json!({ "iat": null, "exp": now + 3600 }),
        json!({ "max_age": 10_000 }),
        json!({ "max_age": "10000" }),
        json!({ "claims": { "userinfo": { "email": null } } }),
        json!({ "claims": "{\"userinfo\":{\"email\":null}}" }),
        json!({ "jti": "once" }),
        json!({ "sub": "somebody" }),
        json!({ "unknown": { "of": ["any", "kind"] }, "display": "popup", "claims_locales": 5, "ui_locales": "ko" }),
        json!({ "authorization_details": [{ "type": "x" }], "trust_chain": ["x"], "nothing": null }),
    ] {
        let answer = browser.get(&by_value(&party, &signer.sign(&with(claims.clone(), &change)))).await;
        assert!(answer.parameters().contains_key("code"), "{change}: {}", answer.location());
    }
    for typ in ["JWT", "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"] {
        let object = signer.sign_with(&json!({"alg": "ES256", "kid": "a", "typ": typ}), &claims);
        assert!(browser.get(&by_value(&party, &object)).await.parameters().contains_key("code"), "{typ}");
    }
    let object = signer.sign(&claims);
    let body = by_value(&party, &object).split_once('?').unwrap().1.to_owned();
    let posted = browser.send(Method::POST, "/authorize", Some(body)).await;
    let answer = browser.walk(posted.location(), "alice", PASSWORD).await;
    assert!(answer.parameters().contains_key("code"), "by POST");
});

on_both!(an_object_names_several_apis_in_an_array(world) {
    world.user("alice").await;
    let signer = ClientSigner::new("a", ES256);
    let apis = ["https://orders.example", "https://stock.example"];
    let party = signing_client(&world, "shop", &signer, Profile::Default, |metadata| {
        metadata.audience = apis.map(str::to_owned).to_vec();
    }).await;
    let (sent, claims) = request(&world, &party, "orders:read");
    let object = signer.sign(&with(claims, &json!({ "resource": apis })));
    // One that stands outside is not among them.
    let target = format!("{}&resource=https%3A%2F%2Fother.example", by_value(&party, &object));
    let answer = world.browser().walk(&target, "alice", PASSWORD).await;
    let tokens = party.redeem(&answer.parameters()["code"], &sent).await.json();
    let said = crate::support::relying_party::claims(tokens["access_token"].as_str().unwrap());
    assert_eq!(said["aud"], json!(apis));
});

on_both!(what_is_no_request_object_of_the_client_is_shown_as_one(world) {
    world.user("alice").await;
    let (signer, stranger) = (ClientSigner::new("a", RS256), ClientSigner::new("a", RS256));
    let party = signing_client(&world, "shop", &signer, Profile::Default, |_| {}).await;
    let keyless = world.client("keyless", |_| {}).await;
    let tokens = party.tokens("alice", "openid").await;
    let (_, claims) = request(&world, &party, "openid");
    let now = world.now().secs();
    let mut browser = world.browser();
    for change in [
        json!({ "client_id": null }),
        json!({ "client_id": "keyless" }),
        json!({ "client_id": ["shop"] }),
        json!({ "iss": null }),
        json!({ "iss": "keyless" }),
        json!({ "iss": party.issuer }),
        json!({ "aud": null }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": format!("{}/", party.issuer) }),
        json!({ "aud": [] }),
        json!({ "aud": { "a": party.issuer } }),
        json!({ "exp": null }),
        json!({ "exp": now }),
        json!({ "exp": (now + 300).to_string() }),
        json!({ "exp": i64::MAX }),
        json!({ "exp": now + 3601 }),
        json!({ "nbf": now - 3301, "exp": now + 300 }),
        json!({ "nbf": i64::MAX, "exp": i64::MAX }),
        json!({ "nbf": now + 120 }),
        json!({ "iat": now + 120 }),
        json!({ "iat": "now" }),
        json!({ "sub": "shop" }),
        json!({ "request": "a.b.c" }),
        json!({ "request_uri": "https://shop.example/request" }),
        json!({ "request_uri": null, "request": {} }),
        json!({ "prompt": ["login"] }),
        json!({ "nonce": 5 }),
        json!({ "code_challenge": ["x"] }),
        json!({ "scope": ["openid"] }),
        json!({ "state": { "a": 1 } }),
        json!({ "max_age": [1] }),
        json!({ "claims": ["email"] }),
        json!({ "resource": [1] }),
    ] {
        let object = signer.sign(&with(claims.clone(), &change));
        assert_shown(&browser.get(&by_value(&party, &object)).await, "invalid_request_object", &change.to_string());
    }
    let public = signer.jwk().to_string();
    let ours = world.app.issuer.ring().jwks(world.now());
    let [forger, our_forger] = [public.as_bytes(), &ours[..]].map(ClientSigner::of_secret);
    let sound = signer.sign(&claims);
    let (message, signature) = sound.rsplit_once('.').unwrap();
    let header = |header: Value| signer.sign_with(&header, &claims);
    let text = claims.to_string();
    let twice = text.replacen('{', r#"{"scope":"openid","#, 1);
    let deep = text.replacen('{', &format!(r#"{{"x":{}{},"#, "[".repeat(10_000), "]".repeat(10_000)), 1);
    let head = r#"{"alg":"RS256","kid":"a"}"#;
    let assertion = signer.sign(&client_assertion::claims(&world, &party));
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    for (what, object) in [
        ("unsigned", unsigned(&claims)),
        ("none, and a signature", header(json!({"alg": "none"}))),
        ("None", header(json!({"alg": "None"}))),
        ("its signature cut off", format!("{message}.")),
        ("its public key as a secret", forger.sign_with(&json!({"alg": "HS256", "kid": "a"}), &claims)),
        ("our public keys as a secret", our_forger.sign_with(&json!({"alg": "HS256", "kid": "a"}), &claims)),
        ("a stranger's key of the same name", stranger.sign(&claims)),
        ("a key that comes along", stranger.sign_with(&json!({"alg": "RS256", "kid": "a", "jwk": stranger.jwk()}), &claims)),
        ("a key elsewhere", stranger.sign_with(&json!({"alg": "RS256", "kid": "a", "jku": "http://127.0.0.1:1/"}), &claims)),
        ("an unknown key", header(json!({"alg": "RS256", "kid": "b"}))),
        ("an extension", header(json!({"alg": "RS256", "kid": "a", "crit": ["exp"]}))),
        ("unencoded", header(json!({"alg": "RS256", "kid": "a", "b64": false}))),
        ("an access token's type", header(json!({"alg": "RS256", "kid": "a", "typ": "at+jwt"}))),
        ("an assertion's type", header(json!({"alg": "RS256", "kid": "a", "typ": "client-authentication+jwt"}))),
        ("a logout token's type", header(json!({"alg": "RS256", "kid": "a", "typ": "logout+jwt"}))),
        ("a member twice", signer.sign_text(head, &twice)),
        ("a member twice in the header", signer.sign_text(r#"{"alg":"RS256","alg":"RS256"}"#, &text)),
        ("too deep", signer.sign_text(head, &deep)),
        ("a NUL", signer.sign_text(head, &text.replacen('{', r#"{"x":"\u0000","#, 1))),
        ("no object", signer.sign_text(head, "[]")),
        ("another payload", format!("{}.{signature}", message.replacen('.', ".e30", 1))),
        ("a client assertion", assertion),
        ("an ID Token", token("id_token")),
        ("an access token", token("access_token")),
        ("a refresh token", token("refresh_token")),
        ("five parts", format!("{sound}.a.b")),
        ("dots", ".".repeat(10_000)),
        ("nothing of the kind", "bogus".to_owned()),
        ("too long", format!("{message}.{}", "A".repeat(20_000))),
    ] {
        // A body may be longer than a URL.
        let answer = browser.post("/authorize", &[("client_id", "shop"), ("request", &object)]).await;
        assert_shown(&answer, "invalid_request_object", what);
    }
    // Whose object it is, is not the sender's to say.
    let other = browser.get(&target(&[("client_id", "keyless"), ("request", &sound)])).await;
    assert_shown(&other, "invalid_request_object", "another client's object");
    let (_, own) = request(&world, &keyless, "openid");
    let answer = browser.get(&by_value(&keyless, &signer.sign(&own))).await;
    assert_shown(&answer, "invalid_request_object", "a client without keys");
    let both = target(&[("client_id", "shop"), ("request", &sound), ("request_uri", "https://shop.example/r")]);
    assert_shown(&browser.get(&both).await, "invalid_request", "both ways");
    assert_shown(&browser.get(&target(&[("request", &sound)])).await, "invalid_client", "no client_id outside");
    assert!(browser.walk(&by_value(&party, &sound), "alice", PASSWORD).await.parameters().contains_key("code"));
});

on_both!(an_object_is_no_client_assertion(world) {
    let signer = ClientSigner::new("a", ES256);
    let party = signing_client(&world, "shop", &signer, Profile::OidcCompat, |metadata| {
        metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
    }).await;
    let (_, claims) = request(&world, &party, "openid");
    let object = signer.sign(&with(claims, &json!({ "jti": "once" })));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "shop"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &object),
    ];
    assert_eq!(party.raw("/token", &fields, None).await.error(), "invalid_client");
});
