//! Forged JWTs at every door that reads one (RFC 8725 §2 and §3).

use aws_lc_rs::hmac;
use gatepass::keys::jws::{self, SigningKey, Type};
use gatepass::protocol::algorithm::Algorithm;
use gatepass::secret::{base64url, from_base64url};
use serde_json::{Value, json};

use crate::support::relying_party::{RelyingParty, claims, header};
use crate::support::world::World;

fn token(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), base64url(signature))
}

/// "alg":"HS256" with everything of the public key that somebody might have taken for the secret.
fn with_public_key_as_secret(jwk: &Value, header: &Value, claims: &Value) -> Vec<String> {
    let mut secrets = vec![Vec::new(), vec![0; 32], jwk.to_string().into_bytes()];
    for member in ["n", "x", "y", "kid"] {
        let text = jwk[member].as_str().unwrap_or_default();
        secrets.push(text.as_bytes().to_vec());
        secrets.extend(from_base64url(text));
    }
    let mut header = header.clone();
    header["alg"] = json!("HS256");
    let unsigned = token(&header, claims, b"");
    let input = unsigned.trim_end_matches('.');
    secrets
        .iter()
        .map(|secret| {
            let seal = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
            format!("{input}.{}", base64url(seal.as_ref()))
        })
        .collect()
}

/// What nobody may believe although it looks like `genuine`, which is a `typ`.
async fn forgeries(world: &World, genuine: &str, typ: Type) -> Vec<(String, String)> {
    let (head, body) = (header(genuine), claims(genuine));
    let algorithm: Algorithm = head["alg"].as_str().unwrap().parse().unwrap();
    let jwks = world.send("GET", "/jwks", &[], "").await.json();
    let jwk = jwks["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == head["kid"]).unwrap().clone();
    let (signing_input, signature) = genuine.rsplit_once('.').unwrap();
    let bytes = from_base64url(signature).unwrap();
    let mut forged: Vec<(String, String)> = Vec::new();
    let mut add = |what: &str, token: String| forged.push((what.to_owned(), token));

    for alg in ["none", "None", "nOnE", ""] {
        let mut head = head.clone();
        head["alg"] = json!(alg);
        add("alg none", token(&head, &body, b""));
        add("alg none with a signature", token(&head, &body, &bytes));
    }
    for sealed in with_public_key_as_secret(&jwk, &head, &body) {
        add("HS256 with the public key", sealed);
    }
    // A key of the attacker's own, named, enclosed or linked.
    let own = SigningKey::from_pkcs8(algorithm, &jws::generate(algorithm)).unwrap();
    let foreign = own.sign(typ, &body);
    let (_, foreign_signature) = foreign.rsplit_once('.').unwrap();
    add("a foreign key", foreign.clone());
    let foreign_signature = from_base64url(foreign_signature).unwrap();
    for (member, value) in [
        ("jwk", serde_json::from_str(own.public_jwk()).unwrap()),
        ("jku", json!("https://evil.example/jwks")),
        ("x5u", json!("https://evil.example/x5u")),
        ("x5c", json!(["MII="])),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!(null)),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("typ", json!("at+JWT")),
        ("typ", json!(null)),
    ] {
        let mut head = head.clone();
        head[member] = value;
        add(member, token(&head, &body, &foreign_signature));
        add(member, token(&head, &body, &bytes));
    }
    for (what, signature) in [
        ("no signature", vec![]),
        ("zeros", vec![0; bytes.len()]),
        ("half a signature", bytes[..bytes.len() / 2].to_vec()),
        ("a signature and something", [&bytes[..], b"x"].concat()),
    ] {
        add(what, format!("{signing_input}.{}", base64url(&signature)));
    }
    let mut other = body.clone();
    other["sub"] = json!("somebody else");
    add("another payload under the signature", token(&head, &other, &bytes));
    add("two parts", signing_input.to_owned());
    add("four parts", format!("{genuine}.x"));
    add("five parts", format!("{genuine}.x.x"));
    add("padding", format!("{genuine}="));
    add("a space", format!("{} {}", &genuine[..20], &genuine[20..]));
    add("very long", format!("{signing_input}.{}", "A".repeat(5000)));

    // Signed by our own key, and still not a token of this issuer, of this kind or of this time.
    let ring = world.app.issuer.ring();
    let key = ring.signing_key(algorithm, world.now()).unwrap();
    for (what, member, value) in [
        ("a foreign issuer", "iss", json!("https://evil.example")),
        ("an issuer with a slash", "iss", json!(format!("{}/", world.issuer))),
        ("an issuer in capitals", "iss", json!(world.issuer.to_uppercase())),
        ("no issuer", "iss", json!(null)),
        ("a time as text", "exp", json!("99999999999")),
        ("a time with a fraction", "exp", json!(99_999_999_999.5)),
        ("a negative time", "exp", json!(-1)),
        ("a time that is a list", "exp", json!([1])),
        ("a beginning in the future", "nbf", json!(99_999_999_999_i64)),
        ("a beginning as text", "nbf", json!("0")),
    ] {
        let mut body = body.clone();
        body[member] = value;
        add(what, key.sign(typ, &body));
    }
    for other in [Type::AccessToken, Type::IdToken, Type::LogoutToken, Type::UserInfo] {
        if other != typ {
            add("our own token of another type", key.sign(other, &body));
        }
    }
    forged
}

async fn is_believed_as_access_token(shop: &RelyingParty, token: &str) -> bool {
    let userinfo = shop.userinfo(token).await.status;
    assert!(matches!(userinfo, 200 | 400 | 401), "{userinfo}: {token}");
    userinfo == 200 || shop.introspect(token).await["active"] == true
}

async fn is_believed_as_hint(world: &World, shop: &RelyingParty, token: &str) -> bool {
    let sent = shop.ask("openid", &[("id_token_hint", token), ("prompt", "none")]);
    let answer = world.browser().get(&sent.target).await;
    answer.parameters()["error"] != "invalid_request"
}

#[tokio::test]
async fn no_forged_access_token_is_believed() {
    let world = World::on_sqlite(&[]).await;
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let genuine = tokens["access_token"].as_str().unwrap();
    for (what, forged) in forgeries(&world, genuine, Type::AccessToken).await {
        assert!(!is_believed_as_access_token(&shop, &forged).await, "{what}: {forged}");
        // Nor does it revoke what it copies.
        assert_eq!(shop.revoke(&forged).await.status, 200, "{what}");
    }
    let ring = world.app.issuer.ring();
    let mut endless = claims(genuine);
    endless.as_object_mut().unwrap().remove("exp");
    let key = ring.signing_key(Algorithm::ES256, world.now()).unwrap();
    assert!(!is_believed_as_access_token(&shop, &key.sign(Type::AccessToken, &endless)).await, "no exp");
    assert!(is_believed_as_access_token(&shop, genuine).await);
}

#[tokio::test]
async fn no_forged_hint_is_believed() {
    let world = World::on_sqlite(&[]).await;
    world.user("alice").await;
    for algorithm in [Algorithm::RS256, Algorithm::EdDSA] {
        let app = world
            .client(&format!("app-{algorithm}"), |metadata| {
                metadata.id_token_signed_response_alg = algorithm;
            })
            .await;
        let tokens = app.tokens("alice", "openid").await;
        let genuine = tokens["id_token"].as_str().unwrap();
        for (what, forged) in forgeries(&world, genuine, Type::IdToken).await {
            assert!(!is_believed_as_hint(&world, &app, &forged).await, "{what}: {forged}");
        }
        assert!(is_believed_as_hint(&world, &app, genuine).await);
        // An expired genuine one is a hint still (OpenID Connect RP-Initiated Logout §2).
        world.time_passes(std::time::Duration::from_secs(7200));
        assert!(is_believed_as_hint(&world, &app, genuine).await);
    }
}

#[tokio::test]
async fn tokens_hold_what_they_must_and_nothing_more() {
    let world = World::on_sqlite(&[]).await;
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid email offline_access").await;
    let members =
        |token: &str| claims(token).as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(members(access_token), "aud auth_time client_id exp grant_id iat iss jti scope sid sub");
    let id_token = tokens["id_token"].as_str().unwrap();
    assert_eq!(members(id_token), "amr at_hash aud auth_time exp iat iss nonce sid sub");
    assert_eq!((&header(access_token)["typ"], &header(id_token)["typ"]), (&json!("at+jwt"), &json!("JWT")));
}
