//! UserInfo as a protected resource (RFC 6750 §2 and §3, OpenID Connect Core §5.3.3).

use std::time::Duration;

use gatepass::keys::Expiry;
use gatepass::keys::jws::Type;
use gatepass::protocol::algorithm::Algorithm;
use serde_json::Value;

use crate::on_both;
use crate::support::browser::Answer;
use crate::support::relying_party::{claims, header};

const FORM: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");

/// RFC 6750 §3: status, challenge, code, and the scope that is missing.
fn assert_challenged(answer: &Answer, status: u16, error: Option<&str>, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    let challenge = answer.header("www-authenticate").unwrap_or_else(|| panic!("{what}: no challenge"));
    assert!(challenge.starts_with("Bearer realm=\"gatepass\""), "{what}: {challenge}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    match error {
        // §3.1: without authentication information "the resource server SHOULD NOT include an error code".
        None => assert_eq!(challenge, "Bearer realm=\"gatepass\"", "{what}"),
        Some(error) => assert!(challenge.contains(&format!("error=\"{error}\"")), "{what}: {challenge}"),
    }
    let names_scope = challenge.contains("scope=\"openid\"");
    assert_eq!(names_scope, error == Some("insufficient_scope"), "{what}: {challenge}");
    assert!(!challenge.contains("evil"), "{what}: {challenge}");
}

on_both!(a_token_stands_in_one_place_once(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let token = tokens["access_token"].as_str().unwrap();
    let bearer = |text: &str| text.replace("TOKEN", token).into_bytes();
    for (what, header, status, error) in [
        ("no scheme", "TOKEN", 400, Some("invalid_request")),
        ("nothing after the scheme", "Bearer", 400, Some("invalid_request")),
        ("two spaces", "Bearer  TOKEN", 400, Some("invalid_request")),
        ("a tab", "Bearer\tTOKEN", 400, Some("invalid_request")),
        ("two tokens", "Bearer TOKEN, Bearer TOKEN", 400, Some("invalid_request")),
        ("two words", "Bearer TOKEN TOKEN", 400, Some("invalid_request")),
        ("a quoted token", "Bearer \"TOKEN\"", 400, Some("invalid_request")),
        ("another scheme", "Basic TOKEN", 401, None),
        ("a scheme that is off", "DPoP TOKEN", 401, None),
        ("no token of ours", "Bearer evil", 401, Some("invalid_token")),
        ("a token and something", "Bearer TOKENevil", 401, Some("invalid_token")),
    ] {
        let header = bearer(header);
        for method in ["GET", "POST"] {
            let answer = world.send(method, "/userinfo", &[("authorization", &header)], "").await;
            assert_challenged(&answer, status, error, what);
        }
    }
    let good = bearer("Bearer TOKEN");
    let good: (&str, &[u8]) = ("authorization", &good);
    let in_body = format!("access_token={token}");
    let in_query = format!("/userinfo?access_token={token}");
    let strange: (&str, &[u8]) = ("authorization", b"Bearer \xff");
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a [u8])], &'a str, u16, Option<&'a str>);
    let rows: [Row<'_>; 9] = [
        ("nothing", "/userinfo", &[], "", 401, None),
        ("in the query, where logs would keep it", &in_query, &[FORM], "", 401, None),
        ("in header and body", "/userinfo", &[good, FORM], &in_body, 400, Some("invalid_request")),
        ("a header twice", "/userinfo", &[good, good], "", 400, Some("invalid_request")),
        ("strange bytes", "/userinfo", &[strange], "", 400, Some("invalid_request")),
        ("twice in the body", "/userinfo", &[FORM], "access_token=a&access_token=a", 400, Some("invalid_request")),
        ("a body that cannot be read", "/userinfo", &[FORM], "access_token=%ff", 400, Some("invalid_request")),
        ("an empty token", "/userinfo", &[FORM], "access_token=", 401, None),
        ("a body that is no form", "/userinfo", &[("content-type", b"application/json")], "{}", 401, None),
    ];
    for (what, path, headers, body, status, error) in rows {
        assert_challenged(&world.send("POST", path, headers, body).await, status, error, what);
    }
    for (headers, body) in [(vec![good], ""), (vec![FORM], in_body.as_str())] {
        assert_eq!(world.send("POST", "/userinfo", &headers, body).await.status, 200);
    }
    let lower = bearer("bearer TOKEN");
    assert_eq!(world.send("GET", "/userinfo", &[("authorization", &lower)], "").await.status, 200);
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = world.send(method, "/userinfo", &[good], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD,POST")), "{method}");
    }
});

on_both!(a_token_that_says_too_little_or_is_dead_opens_nothing(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let machine = shop.token(&[("grant_type", "client_credentials")]).await.json();
    let machine = machine["access_token"].as_str().unwrap();
    assert_challenged(&shop.userinfo(machine).await, 403, Some("insufficient_scope"), "a client's own token");
    let tokens = shop.tokens_in(&mut browser, "alice", "orders:read").await;
    let without_openid = tokens["access_token"].as_str().unwrap();
    assert_challenged(&shop.userinfo(without_openid).await, 403, Some("insufficient_scope"), "no openid");
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let token = tokens["access_token"].as_str().unwrap();
    for name in ["id_token", "refresh_token"] {
        let other = tokens[name].as_str().unwrap();
        assert_challenged(&shop.userinfo(other).await, 401, Some("invalid_token"), name);
    }
    world.time_passes(Duration::from_secs(560));
    assert_eq!(shop.userinfo(token).await.status, 200);
    world.time_passes(Duration::from_secs(41));
    assert_challenged(&shop.userinfo(token).await, 401, Some("invalid_token"), "expired");
});

on_both!(claims_follow_the_scope_of_the_token(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid email phone").await;
    let narrowed = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
        ("scope", "openid phone"),
    ];
    let narrowed = shop.token(&narrowed).await.json();
    let person = shop.userinfo(narrowed["access_token"].as_str().unwrap()).await.json();
    assert_eq!((person["email"].is_null(), person["phone_number"].as_str()), (true, Some("+1 555 0100")));
});

on_both!(a_client_that_registered_for_it_gets_a_signed_answer_that_is_no_id_token(world) {
    world.user("alice").await;
    for algorithm in Algorithm::ALL {
        let shop = world.client(&format!("shop-{algorithm}"), |metadata| {
            metadata.userinfo_signed_response_alg = Some(algorithm);
        }).await;
        let tokens = shop.tokens("alice", "openid email").await;
        let answer = shop.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let head = header(&answer.body);
        assert_eq!((head["alg"].as_str(), head["typ"].as_str()), (Some(algorithm.as_str()), Some("userinfo+jwt")));
        let ring = world.app.issuer.ring();
        let read = |typ| ring.verify::<Value>(&answer.body, typ, Expiry::Ignored, world.now());
        let said = read(Type::UserInfo).unwrap().claims;
        assert!(read(Type::IdToken).is_err() && read(Type::AccessToken).is_err() && read(Type::LogoutToken).is_err());
        assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some(world.issuer.as_str()), Some(shop.id())));
        assert_eq!(said["sub"], claims(tokens["id_token"].as_str().unwrap())["sub"]);
        assert_eq!(said["email"], "alice@example.com");
        // Core §5.3.2 names iss and aud; a nonce or an end would make it look like an ID Token.
        for absent in ["nonce", "exp", "name", "at_hash"] {
            assert!(said[absent].is_null(), "{absent}");
        }
    }
});
