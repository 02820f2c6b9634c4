//! What the keys of a client verify, and which are not taken (RFC 7517, RFC 7518 §6, RFC 8725).

use gatepass::clock::Timestamp;
use gatepass::keys::client_jwt::{ClientJwt, Kind};
use gatepass::keys::client_keys::{ClientKeys, UnusableKeys};
use gatepass::keys::{Refusal, Verified};
use gatepass::protocol::algorithm::ClientAlgorithm::{self, ES256, EdDSA, HS256, PS256, RS256};
use gatepass::secret::{Secret, base64url};
use serde_json::{Value, json};

use crate::support::ClientSigner;

const NOON: Timestamp = Timestamp::from_secs(43_200);

fn claims() -> Value {
    json!({"iss": "shop", "exp": 43_260})
}

fn verify(jwks: &Value, token: &str, allowed: &[ClientAlgorithm]) -> Result<Value, Refusal> {
    let keys = ClientKeys::from_jwks(jwks.to_string().as_bytes()).unwrap();
    let jwt = ClientJwt::parse(token, Kind::Assertion)?;
    keys.verify(&jwt, allowed, NOON).map(|verified: Verified<Value>| verified.claims)
}

fn refused(jwk: Value) -> Option<UnusableKeys> {
    ClientKeys::from_jwks(json!({"keys": [jwk]}).to_string().as_bytes()).err()
}

fn with(mut jwk: Value, member: &str, value: impl Into<Value>) -> Value {
    jwk[member] = value.into();
    jwk
}

#[test]
fn what_a_client_signs_verifies_with_the_algorithms_that_it_may_use() {
    for algorithm in ClientAlgorithm::ASYMMETRIC {
        let signer = ClientSigner::new("a", algorithm);
        let token = signer.sign(&claims());
        assert_eq!(verify(&signer.jwks(), &token, &[algorithm]), Ok(claims()));
        let others: Vec<_> = ClientAlgorithm::ALL.into_iter().filter(|other| *other != algorithm).collect();
        assert_eq!(verify(&signer.jwks(), &token, &others), Err(Refusal::Algorithm));
        assert_eq!(verify(&signer.jwks(), &token, &[]), Err(Refusal::Algorithm));
    }
}

#[test]
fn a_key_verifies_only_what_its_kind_and_its_alg_can_sign() {
    let rsa = ClientSigner::new("a", RS256);
    let pinned = json!({"keys": [with(rsa.jwk(), "alg", "PS256")]});
    assert_eq!(verify(&pinned, &rsa.sign(&claims()), &ClientAlgorithm::ALL), Err(Refusal::Algorithm));
    let curve = ClientSigner::new("a", ES256);
    assert_eq!(verify(&curve.jwks(), &rsa.sign(&claims()), &ClientAlgorithm::ALL), Err(Refusal::Algorithm));
}

#[test]
fn a_token_without_a_signature_is_refused_in_any_case() {
    let signer = ClientSigner::new("a", ES256);
    for alg in ["none", "None", "NONE", "nOnE", "", "es256", "ES384"] {
        let header = json!({"alg": alg, "kid": "a"});
        let signed = signer.sign_with(&header, &claims());
        assert_eq!(verify(&signer.jwks(), &signed, &ClientAlgorithm::ALL), Err(Refusal::Algorithm), "{alg}");
        let (message, _) = signed.rsplit_once('.').unwrap();
        let bare = verify(&signer.jwks(), &format!("{message}."), &ClientAlgorithm::ALL);
        assert_eq!(bare, Err(Refusal::Malformed));
    }
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    for algorithm in ClientAlgorithm::ASYMMETRIC {
        let signer = ClientSigner::new("a", algorithm);
        let jwk = signer.jwk();
        for secret in [jwk.to_string(), jwk["x"].to_string(), jwk["n"].to_string(), String::new()] {
            let forger = ClientSigner::of_secret(secret.as_bytes());
            for alg in [HS256, algorithm] {
                let token = forger.sign_with(&json!({"alg": alg, "kid": "a"}), &claims());
                assert!(verify(&signer.jwks(), &token, &ClientAlgorithm::ALL).is_err());
            }
        }
    }
}

#[test]
fn keys_that_come_with_the_token_are_not_looked_at() {
    let (genuine, stranger) = (ClientSigner::new("a", ES256), ClientSigner::new("a", ES256));
    for (member, value) in [
        ("jwk", stranger.jwk()),
        ("jku", json!("http://127.0.0.1:1/")),
        ("x5u", json!("http://127.0.0.1:1/")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = with(json!({"alg": "ES256", "kid": "a"}), member, value);
        let forged = stranger.sign_with(&header, &claims());
        assert_eq!(verify(&genuine.jwks(), &forged, &[ES256]), Err(Refusal::Signature), "{member}");
        let sound = genuine.sign_with(&header, &claims());
        assert_eq!(verify(&genuine.jwks(), &sound, &[ES256]), Ok(claims()), "{member}");
    }
}

#[test]
fn a_name_is_only_compared() {
    let signer = ClientSigner::new("a", ES256);
    for kid in ["../../etc/passwd", "' OR 1=1", "A", "", "a "] {
        let token = signer.sign_with(&json!({"alg": "ES256", "kid": kid}), &claims());
        assert_eq!(verify(&signer.jwks(), &token, &[ES256]), Err(Refusal::Key), "{kid}");
    }
    let nameless = signer.sign_with(&json!({"alg": "ES256"}), &claims());
    assert_eq!(verify(&signer.jwks(), &nameless, &[ES256]), Ok(claims()));
}

#[test]
fn extensions_are_refused_and_so_is_what_says_that_it_is_something_else() {
    let signer = ClientSigner::new("a", ES256);
    let refusal =
        |header: Value| verify(&signer.jwks(), &signer.sign_with(&header, &claims()), &[ES256]).err();
    assert_eq!(refusal(json!({"alg": "ES256", "crit": ["exp"]})), Some(Refusal::Extension));
    assert_eq!(refusal(json!({"alg": "ES256", "b64": false})), Some(Refusal::Extension));
    for typ in ["at+jwt", "oauth-authz-req+jwt", "logout+jwt", ""] {
        assert_eq!(refusal(json!({"alg": "ES256", "typ": typ})), Some(Refusal::Type), "{typ}");
    }
    for typ in ["JWT", "jwt", "application/jwt", "client-authentication+jwt"] {
        assert_eq!(refusal(json!({"alg": "ES256", "typ": typ})), None, "{typ}");
    }
    let twice = signer.sign_text(r#"{"alg":"ES256","alg":"ES256"}"#, &claims().to_string());
    assert_eq!(verify(&signer.jwks(), &twice, &[ES256]), Err(Refusal::Malformed));
    let twice = signer.sign_text(r#"{"alg":"ES256"}"#, r#"{"iss":"shop","iss":"bank","exp":43260}"#);
    assert_eq!(verify(&signer.jwks(), &twice, &[ES256]), Err(Refusal::Malformed));
}

#[test]
fn a_name_that_stands_twice_is_tried_three_times_at_most() {
    let signers: Vec<_> = (0..4).map(|_| ClientSigner::new("a", EdDSA)).collect();
    let jwks = json!({"keys": signers.iter().map(ClientSigner::jwk).collect::<Vec<_>>()});
    let answers: Vec<_> =
        signers.iter().map(|signer| verify(&jwks, &signer.sign(&claims()), &[EdDSA]).is_ok()).collect();
    assert_eq!(answers, [true, true, true, false]);
}

#[test]
fn a_private_or_symmetric_key_refuses_the_set() {
    for algorithm in ClientAlgorithm::ASYMMETRIC {
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            let jwk = with(ClientSigner::new("a", algorithm).jwk(), member, "AQAB");
            assert_eq!(refused(jwk), Some(UnusableKeys::Secret), "{member}");
        }
    }
    assert_eq!(refused(json!({"kty": "oct", "k": "AQAB"})), Some(UnusableKeys::Secret));
    assert_eq!(refused(json!({"kty": "oct"})), Some(UnusableKeys::Secret));
}

#[test]
fn an_rsa_key_has_2048_to_8192_bits_and_a_sane_exponent() {
    let key = |bits: usize, e: &str| {
        let mut n = vec![0xff; bits / 8];
        if !bits.is_multiple_of(8) {
            n.insert(0, (1 << (bits % 8)) - 1);
        }
        json!({"kty": "RSA", "n": base64url(&n), "e": e})
    };
    for bits in [2048, 3072, 4096, 8192] {
        assert_eq!(refused(key(bits, "AQAB")), None, "{bits}");
    }
    for bits in [8, 512, 1024, 2047, 8193, 16_384] {
        assert_eq!(refused(key(bits, "AQAB")), Some(UnusableKeys::Rsa), "{bits}");
    }
    assert_eq!(refused(key(2048, "Aw")), None);
    for e in ["AQ", "Ag", "AQAA", "AQAAAAE"] {
        assert_eq!(refused(key(2048, e)), Some(UnusableKeys::Rsa), "{e}");
    }
    for e in ["", "AAEAAQ", "AQAB=", "AQ AB"] {
        assert_eq!(refused(key(2048, e)), Some(UnusableKeys::Key), "{e}");
    }
    let even = [vec![0xff; 255], vec![0xfe]].concat();
    assert_eq!(refused(json!({"kty": "RSA", "n": base64url(&even), "e": "AQAB"})), Some(UnusableKeys::Rsa));
}

#[test]
fn a_point_off_the_curve_is_no_key() {
    let sound = ClientSigner::new("a", ES256).jwk();
    assert_eq!(refused(sound.clone()), None);
    for (x, y) in [(1, 1), (0, 0), (0xff, 0xff)] {
        let (x, y) = (base64url(&[x; 32]), base64url(&[y; 32]));
        assert_eq!(refused(with(with(sound.clone(), "x", x), "y", y)), Some(UnusableKeys::Curve));
    }
    assert_eq!(refused(with(sound.clone(), "x", base64url(&[1; 31]))), Some(UnusableKeys::Key));
    assert_eq!(refused(with(sound, "y", Value::Null)), Some(UnusableKeys::Key));
    assert_eq!(refused(json!({"kty": "OKP", "crv": "Ed25519", "x": "AQ"})), Some(UnusableKeys::Key));
}

#[test]
fn keys_that_are_not_for_us_are_passed_over() {
    let signer = ClientSigner::new("a", PS256);
    let jwks = json!({"keys": [
        {"kty": "EC", "crv": "P-384", "x": "AQ", "y": "AQ"},
        {"kty": "OKP", "crv": "X25519", "x": "AQ"},
        {"kty": "new"},
        with(signer.jwk(), "use", "enc"),
        with(signer.jwk(), "alg", "RSA-OAEP"),
        with(signer.jwk(), "key_ops", json!(["encrypt"])),
    ]});
    assert!(ClientKeys::from_jwks(jwks.to_string().as_bytes()).unwrap().is_empty());
    assert_eq!(verify(&jwks, &signer.sign(&claims()), &[PS256]), Err(Refusal::Key));
}

#[test]
fn a_set_is_small_and_unambiguous() {
    let keys = |count: usize| json!({"keys": vec![json!({"kty": "new"}); count]}).to_string();
    assert!(ClientKeys::from_jwks(keys(100).as_bytes()).is_ok());
    let large = format!("{}{}", keys(1), " ".repeat(64 * 1024));
    for set in [
        keys(101),
        keys(1000),
        large,
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"keys":{}}"#.to_owned(),
        r#"{"keys":[],"keys":[]}"#.to_owned(),
        r#"{"keys":[{"kty":"new","kty":"oct"}]}"#.to_owned(),
        r#"{"keys":["key"]}"#.to_owned(),
        "<html>".to_owned(),
    ] {
        assert_eq!(ClientKeys::from_jwks(set.as_bytes()).err(), Some(UnusableKeys::Malformed));
    }
    for jwk in [json!({"kty": 1}), json!({}), json!({"kty": "RSA", "kid": "a".repeat(257)})] {
        assert_eq!(refused(jwk), Some(UnusableKeys::Key));
    }
}

#[test]
fn a_secret_signs_with_hs256_and_nothing_else() {
    let secret = Secret::new();
    let signer = ClientSigner::of_secret(secret.reveal().as_bytes());
    let read = |token: &str, secret: &Secret| {
        let jwt = ClientJwt::parse(token, Kind::Assertion).unwrap();
        jwt.verify_by_secret::<Value>(secret, NOON).map(|verified| verified.claims)
    };
    let token = signer.sign(&claims());
    assert_eq!(read(&token, &secret), Ok(claims()));
    assert_eq!(read(&token, &Secret::new()), Err(Refusal::Signature));
    for alg in ["none", "HS512", "RS256", "hs256"] {
        let token = signer.sign_with(&json!({"alg": alg}), &claims());
        assert_eq!(read(&token, &secret), Err(Refusal::Algorithm), "{alg}");
    }
}

#[test]
fn an_ecdsa_signature_is_two_numbers_in_range() {
    let signer = ClientSigner::new("a", ES256);
    let sound = signer.sign(&claims());
    let (message, signature) = sound.rsplit_once('.').unwrap();
    let (r, s) = signature.split_at(43);
    // The order of P-256: as good as zero.
    let order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";
    let order: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&order[2 * at..2 * at + 2], 16).unwrap()).collect();
    let der = [&[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01][..], &[0; 56]].concat();
    // CVE-2022-21449 took zeros for a signature of everything.
    for forged in [
        base64url(&[0; 64]),
        base64url(&[&order[..], &order].concat()),
        base64url(&[&[0; 32][..], &[1; 32]].concat()),
        base64url(&[0xff; 64]),
        base64url(&der),
        base64url(&der[..8]),
        base64url(&[1; 63]),
        format!("{s}{r}"),
    ] {
        let refusal = verify(&signer.jwks(), &format!("{message}.{forged}"), &[ES256]).unwrap_err();
        assert!(matches!(refusal, Refusal::Signature | Refusal::Malformed), "{forged}: {refusal:?}");
    }
    assert_eq!(verify(&signer.jwks(), &sound, &[ES256]), Ok(claims()));
}
