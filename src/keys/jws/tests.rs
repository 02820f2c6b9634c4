//! What the signing and the verifying side promise each other, and forgeries (RFC 8725 §2).

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::*;
use crate::secret::{base64url, from_base64url};

fn key(algorithm: Algorithm) -> &'static SigningKey {
    static KEYS: [OnceLock<SigningKey>; 3] = [const { OnceLock::new() }; 3];
    KEYS[algorithm as usize].get_or_init(|| SigningKey::from_pkcs8(algorithm, &generate(algorithm)).unwrap())
}

fn claims() -> Value {
    json!({"iss": "https://id.example", "sub": "alice", "exp": 4_000_000_000_i64})
}

fn verify(key: &SigningKey, token: &str, typ: Type) -> Result<Vec<u8>, Refusal> {
    key.verification_key().verify(Compact::parse(token)?, typ)
}

/// A token with the given header, genuinely signed by `key`.
fn signed(key: &SigningKey, header: &str) -> String {
    let mut token =
        format!("{}.{}", base64url(header.as_bytes()), base64url(claims().to_string().as_bytes()));
    key.append_signature(&mut token);
    token
}

fn refusal(header: &str) -> Option<Refusal> {
    let key = key(Algorithm::ES256);
    verify(key, &signed(key, header), Type::AccessToken).err()
}

/// `token` with its part number `at` replaced.
fn with_part(token: &str, at: usize, part: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[at] = part;
    parts.join(".")
}

#[test]
fn what_is_signed_verifies_with_the_type_key_and_algorithm_in_its_header() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let token = key.sign(Type::AccessToken, &claims());
        let header: Value =
            serde_json::from_slice(&from_base64url(token.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!(header, json!({"typ": "at+jwt", "alg": algorithm, "kid": key.kid()}));
        let payload = verify(key, &token, Type::AccessToken).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&payload).unwrap(), claims());
    }
}

/// Which has not signed it, and so cannot just remember it.
#[test]
fn another_process_verifies_what_this_one_has_signed() {
    for algorithm in Algorithm::ALL {
        let pkcs8 = generate(algorithm);
        let [ours, theirs] = [(); 2].map(|()| SigningKey::from_pkcs8(algorithm, &pkcs8).unwrap());
        let token = ours.sign(Type::AccessToken, &claims());
        assert!(ours.public.signed.has(&token) && !theirs.public.signed.has(&token));
        assert!(verify(&theirs, &token, Type::AccessToken).is_ok(), "{algorithm}");
    }
}

#[test]
fn no_type_passes_for_another() {
    let key = key(Algorithm::EdDSA);
    for typ in Type::ALL {
        let token = key.sign(typ, &claims());
        for expected in Type::ALL {
            let refusal = verify(key, &token, expected).err();
            assert_eq!(refusal, (typ != expected).then_some(Refusal::Type));
        }
    }
    assert_eq!(refusal(r#"{"alg":"ES256"}"#), Some(Refusal::Type));
    assert_eq!(refusal(r#"{"alg":"ES256","typ":"AT+JWT"}"#), Some(Refusal::Type));
}

#[test]
fn no_bit_of_a_token_may_change() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let token = key.sign(Type::AccessToken, &claims());
        for at in (0..token.len()).step_by(7) {
            let mut bent = token.clone().into_bytes();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).unwrap();
            assert!(verify(key, &bent, Type::AccessToken).is_err(), "{algorithm} at {at}");
        }
    }
}

#[test]
fn a_token_without_a_signature_is_refused_in_any_case() {
    for alg in ["none", "None", "NONE", "nOnE", "", "es256", "HS256", "ES384", "ES256 "] {
        let header = json!({"alg": alg, "typ": "at+jwt"}).to_string();
        assert_eq!(refusal(&header), Some(Refusal::Algorithm), "{alg}");
        let unsigned =
            format!("{}.{}.", base64url(header.as_bytes()), base64url(claims().to_string().as_bytes()));
        assert_eq!(
            verify(key(Algorithm::ES256), &unsigned, Type::AccessToken).err(),
            Some(Refusal::Malformed)
        );
    }
    assert_eq!(refusal(r#"{"alg":null,"typ":"at+jwt"}"#), Some(Refusal::Malformed));
    assert_eq!(refusal(r#"{"typ":"at+jwt"}"#), Some(Refusal::Malformed));
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    use aws_lc_rs::hmac;
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let der: &[u8] = match &key.pair {
            Pair::ES256(pair) => pair.public_key().as_ref(),
            Pair::RS256(pair) => pair.public_key().as_ref(),
            Pair::EdDSA(pair) => pair.public_key().as_ref(),
        };
        for secret in [der, key.public_jwk().as_bytes(), key.kid().as_bytes(), b""] {
            for alg in ["HS256", algorithm.as_str()] {
                let header = json!({"alg": alg, "typ": "at+jwt", "kid": key.kid()}).to_string();
                let message = format!(
                    "{}.{}",
                    base64url(header.as_bytes()),
                    base64url(claims().to_string().as_bytes())
                );
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
                let token = format!("{message}.{}", base64url(tag.as_ref()));
                assert!(verify(key, &token, Type::AccessToken).is_err());
            }
        }
    }
}

#[test]
fn a_key_of_one_algorithm_verifies_no_other() {
    for algorithm in Algorithm::ALL {
        let token = key(algorithm).sign(Type::AccessToken, &claims());
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert_eq!(verify(key(other), &token, Type::AccessToken).err(), Some(Refusal::Algorithm));
        }
    }
}

#[test]
fn keys_that_come_with_the_token_are_not_looked_at() {
    let genuine = key(Algorithm::ES256);
    let stranger = SigningKey::from_pkcs8(Algorithm::ES256, &generate(Algorithm::ES256)).unwrap();
    let jwk: Value = serde_json::from_str(stranger.public_jwk()).unwrap();
    for member in [
        json!({"jwk": jwk}),
        json!({"jku": "http://127.0.0.1:1/jwks"}),
        json!({"x5u": "http://127.0.0.1:1/cert"}),
        json!({"x5c": ["MIIB"]}),
    ] {
        let mut header = json!({"alg": "ES256", "typ": "at+jwt", "kid": genuine.kid()});
        header.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        let header = header.to_string();
        assert_eq!(
            verify(genuine, &signed(&stranger, &header), Type::AccessToken).err(),
            Some(Refusal::Signature)
        );
        assert!(verify(genuine, &signed(genuine, &header), Type::AccessToken).is_ok());
    }
}

#[test]
fn extensions_are_refused_even_when_named_by_a_genuine_header() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""b64":null"#,
    ] {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt",{member}}}"#);
        assert_eq!(refusal(&header), Some(Refusal::Extension), "{member}");
    }
}

#[test]
fn a_header_that_two_readers_read_differently_is_refused() {
    for header in [
        r#"{"alg":"none","alg":"ES256","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","alg":"ES256","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","x":{"y":1,"y":2}}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":null}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":1}"#,
        r#"{"alg":"ES256","typ":"at+jwt\u0000"}"#,
        r#"{"alg":"ES256","typ":"at+jwt"} "x""#,
        r#"["ES256","kid","at+jwt"]"#,
        r#""ES256""#,
        "",
    ] {
        assert_eq!(refusal(header), Some(Refusal::Malformed), "{header}");
    }
}

#[test]
fn only_three_parts_of_canonical_base64url_are_a_token() {
    let key = key(Algorithm::EdDSA);
    let token = key.sign(Type::AccessToken, &claims());
    let parts: Vec<&str> = token.split('.').collect();
    let (message, signature) = token.rsplit_once('.').unwrap();
    // 64 bytes leave four unused bits in the last character: another spelling of the same signature.
    let last = signature.chars().last().unwrap();
    let respelled = signature[..85].to_owned() + if last == 'A' { "B" } else { "_" };
    for bent in [
        message.to_owned(),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(".{token}"),
        format!("{token}="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{message}.{respelled}"),
        format!("{}..{}", parts[0], parts[2]),
        format!("{}.{}=.{}", parts[0], parts[1], parts[2]),
        token.replace('.', ".."),
        token.replacen('.', "\u{ff0e}", 1),
        String::new(),
        "..".to_owned(),
        ".".repeat(1_000_000),
        "a".repeat(100_000_000),
        format!("{message}.{}", "A".repeat(16 * 1024)),
    ] {
        let refusal = verify(key, &bent, Type::AccessToken).err();
        assert_eq!(refusal, Some(Refusal::Malformed), "{}", &bent[..bent.len().min(300)]);
    }
    let standard = with_part(&token, 2, &signature.replace('-', "+").replace('_', "/"));
    assert!(standard == token || verify(key, &standard, Type::AccessToken).is_err());
}

#[test]
fn an_ecdsa_signature_is_two_numbers_in_range_and_nothing_else() {
    // The order of P-256.
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let key = key(Algorithm::ES256);
    let token = key.sign(Type::AccessToken, &claims());
    let raw = from_base64url(token.rsplit_once('.').unwrap().1).unwrap();
    let (r, s) = raw.split_at(32);
    let zero = [0; 32];
    let integer = |bytes: &[u8]| {
        let padding: &[u8] = if bytes[0] & 0x80 == 0 { &[] } else { &[0] };
        [&[2, (bytes.len() + padding.len()) as u8], padding, bytes].concat()
    };
    let body = [integer(r), integer(s)].concat();
    let der = [&[0x30, body.len() as u8][..], &body].concat();
    for forged in [
        [&zero[..], &zero].concat(),
        [r, &zero].concat(),
        [&zero[..], s].concat(),
        [&N[..], s].concat(),
        [r, &N].concat(),
        [&[0xff; 32][..], &[0xff; 32]].concat(),
        der,
        raw[..63].to_vec(),
        [&raw[..], &[0]].concat(),
        [&[0], r, &[0], s].concat(),
    ] {
        let token = with_part(&token, 2, &base64url(&forged));
        assert_eq!(verify(key, &token, Type::AccessToken).err(), Some(Refusal::Signature));
    }
}

#[test]
fn the_name_of_a_key_is_its_thumbprint_and_its_jwk_is_public() {
    for (algorithm, required) in [
        (Algorithm::ES256, &["crv", "kty", "x", "y"][..]),
        (Algorithm::RS256, &["e", "kty", "n"]),
        (Algorithm::EdDSA, &["crv", "kty", "x"]),
    ] {
        let key = key(algorithm);
        let jwk: Value = serde_json::from_str(key.public_jwk()).unwrap();
        let jwk = jwk.as_object().unwrap();
        // "the members ... in lexicographic order" without white space (RFC 7638 §3)
        let members: Vec<String> = required.iter().map(|name| format!("\"{name}\":{}", jwk[*name])).collect();
        let thumbprint = base64url(&secret::sha256(format!("{{{}}}", members.join(",")).as_bytes()));
        assert_eq!(key.kid(), thumbprint);
        assert_eq!(jwk["kid"], json!(thumbprint));
        assert_eq!(jwk["alg"], json!(algorithm));
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk.len(), required.len() + 3, "and no private member: {jwk:?}");
    }
}

#[test]
fn a_private_key_of_another_kind_is_not_loaded() {
    for algorithm in Algorithm::ALL {
        let pkcs8 = generate(algorithm);
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            assert_eq!(SigningKey::from_pkcs8(other, &pkcs8).unwrap_err(), UnusableKey(other));
        }
        assert!(SigningKey::from_pkcs8(algorithm, &pkcs8[..pkcs8.len() - 1]).is_err());
        assert!(SigningKey::from_pkcs8(algorithm, b"").is_err());
    }
}

#[test]
fn a_signing_key_is_not_printed() {
    let key = key(Algorithm::ES256);
    assert_eq!(format!("{key:?}"), format!("SigningKey(ES256 {})", key.kid()));
}
