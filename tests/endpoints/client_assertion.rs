//! private_key_jwt and client_secret_jwt: what proves a client, and what does not (RFC 7523 §3, OIDC Core §9).

use std::time::Duration;

use futures_util::future::join_all;
use gatepass::id::Id;
use gatepass::jobs;
use gatepass::protocol::algorithm::ClientAlgorithm::{self, ES256, EdDSA, RS256};
use gatepass::protocol::client_metadata::{AuthMethod, ClientMetadata, Jwks, Profile};
use gatepass::registration;
use gatepass::secret::Secret;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::browser::Answer;
use crate::support::relying_party::JWT_BEARER as TYPE;
use crate::support::{ClientSigner, RelyingParty, World};

fn set(jwks: Value) -> Option<Jwks> {
    Some(serde_json::from_value(jwks).unwrap())
}

/// A client of private_key_jwt whose key is registered by value.
async fn signing_client(world: &World, id: &str, signer: &ClientSigner, profile: Profile) -> RelyingParty {
    world
        .client(id, |metadata| {
            metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            metadata.jwks = set(signer.jwks());
            metadata.profile = profile;
        })
        .await
}

/// The claims of a sound assertion of `party` at `world`'s time.
pub fn claims(world: &World, party: &RelyingParty) -> Value {
    let now = world.now().secs();
    json!({
        "iss": party.id(), "sub": party.id(), "aud": party.issuer,
        "iat": now, "exp": now + 300, "jti": Secret::new().reveal(),
    })
}

/// `claims` with one member set otherwise; `null` in the place of a value takes it away.
fn with(mut claims: Value, member: &str, value: &Value) -> Value {
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(member),
        value => claims.as_object_mut().unwrap().insert(member.to_owned(), value.clone()),
    };
    claims
}

pub async fn present(party: &RelyingParty, path: &str, assertion: &str) -> Answer {
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", "orders:read"),
        ("token", "unknown"),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    party.raw(path, &fields, None).await
}

#[track_caller]
pub fn assert_refused(answer: &Answer, about: &str) {
    assert_eq!((answer.status, answer.json()["error"].as_str()), (401, Some("invalid_client")), "{about}");
    assert!(!answer.headers.contains_key("www-authenticate"), "{about}");
}

on_both!(a_client_proves_itself_with_its_key_at_every_endpoint(world) {
    for algorithm in ClientAlgorithm::ASYMMETRIC {
        let signer = ClientSigner::new("a", algorithm);
        let party = signing_client(&world, algorithm.as_str(), &signer, Profile::Default).await;
        assert!(party.secret.is_none(), "it has no secret");
        for path in ["/token", "/introspect", "/revoke"] {
            let answer = present(&party, path, &signer.sign(&claims(&world, &party))).await;
            assert_eq!(answer.status, 200, "{algorithm:?} {path} {}", answer.body);
        }
    }
});

on_both!(a_client_proves_itself_with_its_secret_and_never_shows_it(world) {
    let party =
        world.client("shop", |metadata| metadata.token_endpoint_auth_method = AuthMethod::ClientSecretJwt).await;
    let secret = party.secret.clone().unwrap();
    let signer = ClientSigner::of_secret(secret.reveal().as_bytes());
    for path in ["/token", "/introspect", "/revoke"] {
        let answer = present(&party, path, &signer.sign(&claims(&world, &party))).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.body);
    }
    let sealed = party.client.sealed_secret.clone().unwrap();
    assert!(!sealed.windows(8).any(|part| part == &secret.reveal().as_bytes()[..8]), "it lies there sealed");
    let stranger = ClientSigner::of_secret(Secret::new().reveal().as_bytes());
    assert_refused(&present(&party, "/token", &stranger.sign(&claims(&world, &party))).await, "another secret");
    let fields = [("grant_type", "client_credentials"), ("client_id", "shop"), ("client_secret", secret.reveal())];
    assert_refused(&party.raw("/token", &fields, None).await, "the secret itself");
    let key = ClientSigner::new("a", RS256);
    assert_refused(&present(&party, "/token", &key.sign(&claims(&world, &party))).await, "a key");
});

on_both!(an_assertion_counts_once_on_all_nodes_and_after_a_restart(world) {
    let signer = ClientSigner::new("a", ES256);
    let party = signing_client(&world, "shop", &signer, Profile::Default).await;
    let node = world.another_node().await;
    let there = party.at(&node);
    let claims = claims(&world, &party);
    // Another signature over the same claims is the same assertion.
    let (first, second) = (signer.sign(&claims), signer.sign(&claims));
    let answers = join_all((0..50).map(|turn| {
        let party = if turn % 2 == 0 { &party } else { &there };
        present(party, "/token", if turn % 3 == 0 { &first } else { &second })
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_refused(answer, "again");
    }
    node.stops().await;
    let restarted = world.another_node().await;
    assert_refused(&present(&party.at(&restarted), "/introspect", &first).await, "after a restart");

    let other = signing_client(&world, "bank", &signer, Profile::Default).await;
    let same_jti = with(with(claims.clone(), "iss", &json!("bank")), "sub", &json!("bank"));
    assert_eq!(present(&other, "/token", &signer.sign(&same_jti)).await.status, 200, "another client's jti");
    // Nothing is pruned that could still be shown.
    world.time_passes(Duration::from_secs(290));
    jobs::prune(&world.app.store, Id::new(), Duration::from_secs(3600), world.now()).await.unwrap();
    assert_refused(&present(&party, "/token", &first).await, "before it ends");
});

on_both!(claims_that_are_missing_wrong_or_of_another_kind_prove_nothing(world) {
    let signer = ClientSigner::new("a", ES256);
    let party = signing_client(&world, "shop", &signer, Profile::OidcCompat).await;
    let now = world.now().secs();
    let issuer = party.issuer.clone();
    let cases = [
        ("iss", vec![json!(null), json!("bank"), json!(""), json!(1), json!(["shop"])]),
        ("sub", vec![json!(null), json!("bank"), json!("SHOP"), json!(1)]),
        ("aud", vec![
            json!(null), json!([]), json!(""), json!(1), json!(format!("{issuer}/")), json!("https://evil.example"),
            json!(format!("{issuer}/revoke")), json!(format!("{issuer}/token/")), json!("/token"), json!([1]),
        ]),
        ("exp", vec![
            json!(null), json!((now + 300).to_string()), json!(300.5 + now as f64), json!(-1), json!(now - 1),
            json!(now + 660), json!([now + 300]), json!(true), json!(u64::MAX),
        ]),
        ("nbf", vec![json!(now + 120), json!(now.to_string()), json!(0.5)]),
        ("iat", vec![json!(now + 120), json!(now.to_string()), json!([now])]),
        ("jti", vec![json!(null), json!(""), json!(1), json!("j".repeat(257))]),
    ];
    for (member, values) in cases {
        for value in values {
            let claims = with(claims(&world, &party), member, &value);
            let answer = present(&party, "/token", &signer.sign(&claims)).await;
            assert_refused(&answer, &format!("{member} {value}"));
        }
    }
    for member in ["exp", "nbf", "iat"] {
        for number in ["1e400", "null", "9223372036854775808"] {
            let marked = with(claims(&world, &party), member, &json!("MARK")).to_string();
            let text = marked.replace("\"MARK\"", number);
            let assertion = signer.sign_text(r#"{"alg":"ES256","kid":"a"}"#, &text);
            assert_refused(&present(&party, "/token", &assertion).await, &text);
        }
    }
    for (member, value) in [
        ("jti", json!("j".repeat(256))),
        ("exp", json!(now + 590)),
        ("nbf", json!(now + 30)),
        ("iat", json!(now + 30)),
        ("iat", json!(null)),
        ("more", json!({"of": "its own"})),
    ] {
        let claims = with(claims(&world, &party), member, &value);
        let answer = present(&party, "/token", &signer.sign(&claims)).await;
        assert_eq!(answer.status, 200, "{member} {value} {}", answer.body);
    }
});

on_both!(the_strict_profile_takes_the_issuer_alone_and_the_compatible_one_also_the_endpoint(world) {
    let signer = ClientSigner::new("a", EdDSA);
    let strict = signing_client(&world, "strict", &signer, Profile::Default).await;
    let lenient = signing_client(&world, "lenient", &signer, Profile::OidcCompat).await;
    let issuer = world.issuer.clone();
    let (token, introspect) = (format!("{issuer}/token"), format!("{issuer}/introspect"));
    for (aud, path, strictly, leniently) in [
        (json!(issuer), "/token", 200, 200),
        (json!([issuer]), "/token", 200, 200),
        (json!(token), "/token", 401, 200),
        (json!([issuer, token]), "/token", 401, 200),
        (json!([issuer, "https://evil.example"]), "/token", 401, 200),
        (json!(token), "/introspect", 401, 200),
        (json!(introspect), "/introspect", 401, 200),
        (json!(introspect), "/token", 401, 401),
    ] {
        for (party, expected) in [(&strict, strictly), (&lenient, leniently)] {
            let claims = with(claims(&world, party), "aud", &aud);
            let answer = present(party, path, &signer.sign(&claims)).await;
            assert_eq!(answer.status, expected, "{} {aud} {path}", party.id());
        }
    }
});

on_both!(no_header_talks_us_into_another_key_or_algorithm(world) {
    let (signer, stranger) = (ClientSigner::new("a", RS256), ClientSigner::new("a", RS256));
    let pinned = world
        .client("pinned", |metadata| {
            metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
            metadata.token_endpoint_auth_signing_alg = Some(ClientAlgorithm::PS256);
            metadata.jwks = set(signer.jwks());
        })
        .await;
    assert_refused(&present(&pinned, "/token", &signer.sign(&claims(&world, &pinned))).await, "RS256, not PS256");

    let party = signing_client(&world, "shop", &signer, Profile::Default).await;
    let sign = |signer: &ClientSigner, header: Value| signer.sign_with(&header, &claims(&world, &party));
    let public = signer.jwk().to_string();
    let ours = world.app.issuer.ring().jwks(world.now());
    let [forger, our_forger] = [public.as_bytes(), &ours[..]].map(ClientSigner::of_secret);
    let sound = sign(&signer, json!({"alg": "RS256", "kid": "a"}));
    let (message, _) = sound.rsplit_once('.').unwrap();
    for (about, assertion) in [
        ("none", sign(&signer, json!({"alg": "none", "kid": "a"}))),
        ("no signature", format!("{message}.")),
        ("its public key as a secret", sign(&forger, json!({"alg": "HS256", "kid": "a"}))),
        ("our public keys as a secret", sign(&our_forger, json!({"alg": "HS256", "kid": "a"}))),
        ("jwk", sign(&stranger, json!({"alg": "RS256", "kid": "a", "jwk": stranger.jwk()}))),
        ("jku", sign(&stranger, json!({"alg": "RS256", "kid": "a", "jku": "http://127.0.0.1:1/"}))),
        ("x5u", sign(&stranger, json!({"alg": "RS256", "kid": "a", "x5u": "http://127.0.0.1:1/"}))),
        ("a path as kid", sign(&signer, json!({"alg": "RS256", "kid": "../../etc/passwd"}))),
        ("SQL as kid", sign(&signer, json!({"alg": "RS256", "kid": "' OR 1=1"}))),
        ("crit", sign(&signer, json!({"alg": "RS256", "kid": "a", "crit": ["exp"]}))),
        ("an access token's type", sign(&signer, json!({"alg": "RS256", "kid": "a", "typ": "at+jwt"}))),
        ("no JWT", "assertion".to_owned()),
        ("a large one", format!("{message}.{}", "A".repeat(20_000))),
    ] {
        assert_refused(&present(&party, "/token", &assertion).await, about);
    }
    assert_eq!(present(&party, "/token", &sound).await.status, 200);
});

on_both!(a_client_uses_its_registered_method_and_one_at_a_time(world) {
    let signer = ClientSigner::new("a", ES256);
    let party = signing_client(&world, "signer", &signer, Profile::Default).await;
    let shop = world.shop().await;
    let secret = shop.secret.clone().unwrap();
    let basic = crate::support::relying_party::basic("shop", secret.reveal());
    let sound = || signer.sign(&claims(&world, &party));
    let (a, b, c, d, e) = (sound(), sound(), sound(), sound(), sound());
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    let forged = signer.sign(&claims(&world, &shop));
    for (about, fields, authorization, status, error) in [
        ("only its name", vec![("client_id", "signer")], None, 401, "invalid_client"),
        ("a secret", vec![("client_id", "signer"), ("client_secret", "x")], None, 401, "invalid_client"),
        ("a client with a secret", vec![("client_assertion_type", TYPE), ("client_assertion", &forged)], None, 401,
            "invalid_client"),
        ("another client's name beside it",
            vec![("client_id", "shop"), ("client_assertion_type", TYPE), ("client_assertion", &a)], None, 401,
            "invalid_client"),
        ("SAML", vec![("client_assertion_type", saml), ("client_assertion", &b)], None, 401, "invalid_client"),
        ("no type", vec![("client_assertion", &c)], None, 401, "invalid_client"),
        ("no assertion", vec![("client_assertion_type", TYPE), ("client_id", "signer")], None, 401,
            "invalid_client"),
        ("a header too", vec![("client_assertion_type", TYPE), ("client_assertion", &d)], Some(&*basic), 400,
            "invalid_request"),
        ("a secret too",
            vec![("client_assertion_type", TYPE), ("client_assertion", &e), ("client_secret", secret.reveal())],
            None, 400, "invalid_request"),
    ] {
        let fields = [vec![("grant_type", "client_credentials")], fields].concat();
        let answer = party.raw("/token", &fields, authorization).await;
        assert_eq!((answer.status, answer.json()["error"].as_str()), (status, Some(error)), "{about}");
    }
    let fields =
        [("grant_type", "client_credentials"), ("client_id", "signer"), ("client_assertion_type", TYPE)];
    let fresh = sound();
    let named = [&fields[..], &[("client_assertion", fresh.as_str())]].concat();
    assert_eq!(party.raw("/token", &named, None).await.status, 200, "its own name beside it");
});

#[test]
fn a_client_that_signs_registers_one_set_of_sound_keys() {
    let signer = ClientSigner::new("a", ES256);
    let of = |change: &dyn Fn(&mut ClientMetadata)| {
        let mut metadata = ClientMetadata {
            redirect_uris: vec!["https://shop.example/callback".to_owned()],
            token_endpoint_auth_method: AuthMethod::PrivateKeyJwt,
            ..ClientMetadata::default()
        };
        change(&mut metadata);
        registration::check(&metadata)
    };
    let jwks = |jwks: Value| of(&|metadata| metadata.jwks = set(jwks.clone()));
    let jwks_uri = |uri: &str| of(&|metadata| metadata.jwks_uri = Some(uri.to_owned()));
    assert!(jwks(signer.jwks()).is_empty());
    assert!(jwks_uri("https://shop.example/jwks").is_empty());
    for wrong in [
        of(&|_| {}),
        of(&|metadata| {
            metadata.jwks = set(signer.jwks());
            metadata.jwks_uri = Some("https://shop.example/jwks".to_owned());
        }),
        of(&|metadata| {
            metadata.jwks = set(signer.jwks());
            metadata.token_endpoint_auth_signing_alg = Some(ClientAlgorithm::HS256);
        }),
        jwks(json!({"keys": []})),
        jwks(json!({"keys": [{"kty": "oct", "k": "AQAB"}]})),
        jwks(with(signer.jwks(), "keys", &json!([with(signer.jwk(), "d", &json!("AQAB"))]))),
        jwks_uri("http://shop.example/jwks"),
        jwks_uri("jwks"),
    ] {
        assert_eq!(wrong.len(), wrong.iter().filter(|one| one.error() == "invalid_client_metadata").count());
        assert!(!wrong.is_empty());
    }
}
