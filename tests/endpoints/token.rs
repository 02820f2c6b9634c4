//! The token endpoint (RFC 6749 §5.2).

use gatepass::protocol::grant_type::GrantType;

use super::assert_direct;
use crate::on_both;
use crate::support::relying_party::basic;

type Change = &'static [(&'static str, &'static str)];

/// Changes of a sound redemption; an empty value takes a parameter away. `CHALLENGE` stands for the challenge.
const REDEMPTIONS: &[(&str, Change, &str)] = &[
    ("no grant type", &[("grant_type", "")], "invalid_request"),
    ("the password grant", &[("grant_type", "password")], "unsupported_grant_type"),
    ("the implicit grant", &[("grant_type", "implicit")], "unsupported_grant_type"),
    ("a grant type in other letters", &[("grant_type", "Authorization_Code")], "unsupported_grant_type"),
    (
        "a grant type that is off",
        &[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")],
        "unsupported_grant_type",
    ),
    ("no code", &[("code", "")], "invalid_request"),
    ("a code of nobody", &[("code", "ac_bm9ib2R5")], "invalid_grant"),
    ("a code that is none", &[("code", "é\u{200b}")], "invalid_grant"),
    ("no redirect URI", &[("redirect_uri", "")], "invalid_grant"),
    ("another redirect URI", &[("redirect_uri", "https://shop.example/other")], "invalid_grant"),
    ("nearly the redirect URI", &[("redirect_uri", "https://shop.example/callback/")], "invalid_grant"),
    ("no verifier", &[("code_verifier", "")], "invalid_grant"),
    (
        "a wrong verifier",
        &[("code_verifier", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")],
        "invalid_grant",
    ),
    ("the challenge as verifier", &[("code_verifier", "CHALLENGE")], "invalid_grant"),
    (
        "a short verifier",
        &[("code_verifier", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")],
        "invalid_request",
    ),
    (
        "a verifier of other characters",
        &[("code_verifier", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=")],
        "invalid_request",
    ),
    (
        "a verifier with a line break",
        &[("code_verifier", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n")],
        "invalid_request",
    ),
];

on_both!(what_is_not_redeemed_is_told_why_and_burns_nothing(world) {
    world.user("alice").await;
    let (shop, bank) = (world.shop().await, world.client("bank", |_| {}).await);
    let mut browser = world.browser();
    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    let challenge = gatepass::secret::base64url(&gatepass::secret::sha256(sent.verifier.as_bytes()));
    for (what, change, error) in REDEMPTIONS {
        let change: Vec<_> = change
            .iter()
            .map(|(name, value)| (*name, if *value == "CHALLENGE" { challenge.as_str() } else { value }))
            .collect();
        assert_direct(&shop.redeem_changed(&code, &sent, &change).await, 400, error, what);
    }
    let long = "a".repeat(129);
    assert_direct(
        &shop.redeem_changed(&code, &sent, &[("code_verifier", &long)]).await, 400, "invalid_request", "129",
    );
    for spoilt in [&code[..code.len() - 1], &code[1..], &format!("{code}A"), &code.replacen("ac_", "rt_", 1)] {
        assert_direct(&shop.redeem(spoilt, &sent).await, 400, "invalid_grant", spoilt);
    }
    assert_direct(&bank.redeem(&code, &sent).await, 400, "invalid_grant", "another client");
    assert_eq!(shop.redeem(&code, &sent).await.status, 200);
    assert_direct(&shop.redeem(&code, &sent).await, 400, "invalid_grant", "a second time");
});

on_both!(a_code_that_named_no_redirect_uri_wants_none(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let sent = shop.ask("", &[("redirect_uri", ""), ("scope", "orders:read")]);
    let answer = world.browser().walk(&sent.target, "alice", crate::support::world::PASSWORD).await;
    let code = &answer.parameters()["code"];
    let other = shop.redeem_changed(code, &sent, &[("redirect_uri", "https://shop.example/other")]).await;
    assert_direct(&other, 400, "invalid_grant", "another one");
    let tokens = shop.redeem_changed(code, &sent, &[("redirect_uri", "")]).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    assert!(tokens.json()["id_token"].is_null());
});

on_both!(what_is_asked_for_beyond_the_registration_is_refused(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let machine = world.client("machine", |metadata| {
        metadata.grant_types = [GrantType::ClientCredentials].into();
        metadata.response_types = Vec::new();
        metadata.redirect_uris = Vec::new();
    }).await;
    let reader = world.client("reader", |metadata| {
        metadata.grant_types = [GrantType::AuthorizationCode].into();
    }).await;
    let app = world.public_client("app").await;
    for (client, grant_type) in [
        (&machine, "authorization_code"),
        (&machine, "refresh_token"),
        (&reader, "refresh_token"),
        (&reader, "client_credentials"),
        (&app, "client_credentials"),
    ] {
        let fields = [("grant_type", grant_type), ("code", "x"), ("refresh_token", "x")];
        let what = format!("{} and {grant_type}", client.id());
        assert_direct(&client.token(&fields).await, 400, "unauthorized_client", &what);
    }
    let tokens = reader.tokens("alice", "openid offline_access").await;
    assert!(tokens["refresh_token"].is_null(), "{tokens}");
    assert_eq!(tokens["scope"], "openid");

    for scope in ["openid", "orders:read offline_access", "email", "admin", "orders:read\"", "é", "orders:read\torders:write"] {
        let answer = shop.token(&[("grant_type", "client_credentials"), ("scope", scope)]).await;
        assert_direct(&answer, 400, "invalid_scope", scope);
    }
    assert_eq!(shop.token(&[("grant_type", "client_credentials")]).await.json()["scope"], "orders:read orders:write");
});

on_both!(a_refresh_that_cannot_be_is_told_why(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let refresh = |fields: Vec<(&'static str, String)>| {
        let shop = shop.clone();
        async move {
            let mut all = vec![("grant_type", "refresh_token")];
            all.extend(fields.iter().map(|(name, value)| (*name, value.as_str())));
            shop.token(&all).await
        }
    };
    assert_direct(&refresh(vec![]).await, 400, "invalid_request", "no token");
    assert_direct(&refresh(vec![("refresh_token", String::new())]).await, 400, "invalid_request", "an empty token");
    for scope in ["openid email", "admin", "a\"b", "openid\topenid"] {
        let asked = vec![("refresh_token", token.to_owned()), ("scope", scope.to_owned())];
        assert_direct(&refresh(asked).await, 400, "invalid_scope", scope);
    }
    let twice = vec![("refresh_token", token.to_owned()), ("refresh_token", token.to_owned())];
    assert_direct(&refresh(twice).await, 400, "invalid_request", "twice");
    assert_eq!(refresh(vec![("refresh_token", token.to_owned())]).await.status, 200);
});

on_both!(what_is_no_single_form_is_not_read(world) {
    let shop = world.shop().await;
    let good = basic("shop", shop.secret.as_ref().unwrap().reveal());
    let body = "grant_type=client_credentials&scope=orders:read";
    let authorization: (&str, &[u8]) = ("authorization", good.as_bytes());
    let form: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
    for door in ["/token", "/introspect", "/revoke"] {
        for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=utf-16"] {
            let answer = world.send("POST", door, &[authorization, ("content-type", kind.as_bytes())], body).await;
            assert_direct(&answer, 415, "invalid_request", kind);
        }
        assert_direct(&world.send("POST", door, &[authorization], body).await, 415, "invalid_request", "no type");
        for garbage in ["a=%", "a=%zz", "a=%00", "a=%ff", "a=%C0%80", "grant_type=x&grant_type=x", "token=x&token=y",
            "grant_type=client_credentials&token=x&unknown=1&unknown=1"] {
            let answer = world.send("POST", door, &[authorization, form], garbage).await;
            assert_direct(&answer, 400, "invalid_request", garbage);
        }
        let long = format!("{body}&x={}", "x".repeat(64 * 1024));
        let answer = world.send("POST", door, &[authorization, form], &long).await;
        assert_eq!(answer.status, 413, "{door}");
        // RFC 6749 §3.2: only POST, and the query is not read.
        let in_query = world.send("POST", &format!("{door}?{body}&token=x"), &[authorization, form], "").await;
        assert_direct(&in_query, 400, "invalid_request", "parameters in the query");
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
            let answer = world.send(method, &format!("{door}?{body}"), &[authorization], "").await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method} {door}");
        }
    }
});
