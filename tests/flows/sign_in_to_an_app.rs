//! A person signs in on our pages, agrees, and an app gets tokens and uses them.

use std::time::Duration;

use gatepass::protocol::algorithm::Algorithm;
use gatepass::protocol::client_metadata::{AccessTokenFormat, AuthMethod, ConsentPolicy};

use crate::on_both;
use crate::support::relying_party::{claims, header};
use crate::support::world::PASSWORD;

on_both!(alice_signs_in_agrees_and_the_shop_gets_tokens(world) {
    let alice = world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();

    let sent = shop.ask("openid profile email", &[]);
    let to_sign_in = browser.get(&sent.target).await;
    assert_eq!(to_sign_in.status, 303);
    assert!(to_sign_in.location().contains("/login?authorization="), "{}", to_sign_in.location());
    let signed_in = browser.sign_in(to_sign_in.location(), "alice", PASSWORD).await;
    let resumed = browser.get(signed_in.location()).await;
    assert!(resumed.location().contains("/consent/"), "{}", resumed.location());
    let agreed = browser.allow(resumed.location()).await;
    let answer = browser.get(agreed.location()).await;
    assert!(answer.location().starts_with("https://shop.example/callback?code="), "{}", answer.location());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let parameters = answer.parameters();
    assert_eq!(parameters["state"], sent.state);
    assert_eq!(parameters["iss"], world.issuer);

    let tokens = shop.redeem(&parameters["code"], &sent).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    assert_eq!(tokens.header("cache-control"), Some("no-store"));
    let tokens = tokens.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert_eq!(tokens["scope"], "email openid profile");

    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(header(access_token)["typ"], "at+jwt");
    assert_eq!(header(access_token)["alg"], "ES256");
    let access = claims(access_token);
    assert_eq!(access["iss"], world.issuer);
    assert_eq!(access["sub"], alice.id.to_string());
    assert_eq!(access["client_id"], "shop");
    for claim in ["aud", "exp", "iat", "jti", "sid", "grant_id", "auth_time"] {
        assert!(!access[claim].is_null(), "{claim}");
    }

    let id_token = tokens["id_token"].as_str().unwrap();
    assert_eq!(header(id_token)["alg"], "RS256");
    let id = claims(id_token);
    assert_eq!(id["iss"], world.issuer);
    assert_eq!(id["aud"], "shop");
    assert_eq!(id["sub"], alice.id.to_string());
    assert_eq!(id["nonce"], sent.nonce);
    assert_eq!(id["amr"][0], "pwd");
    assert_eq!(id["sid"], access["sid"]);
    // Certification: claims of a scope go to UserInfo, nothing unrequested stands in the ID Token.
    for claim in ["name", "email", "acr"] {
        assert!(id[claim].is_null(), "{claim}");
    }

    let userinfo = shop.userinfo(access_token).await;
    assert_eq!(userinfo.status, 200, "{}", userinfo.body);
    let person = userinfo.json();
    assert_eq!(person["sub"], alice.id.to_string());
    assert_eq!(person["name"], "alice Example");
    assert_eq!(person["email"], "alice@example.com");
    assert_eq!(person["email_verified"], true);
    assert!(person["updated_at"].is_number());
    assert!(person["phone_number"].is_null());

    let seen = shop.introspect(access_token).await;
    assert_eq!(seen["active"], true);
    assert_eq!(seen["username"], "alice");
});

on_both!(whoever_is_signed_in_and_has_agreed_is_not_asked_again(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid email").await;

    let silent = browser.get(&shop.ask("openid email", &[("prompt", "none")]).target).await;
    assert!(silent.parameters().contains_key("code"), "{:?}", silent.parameters());
    let narrower = browser.get(&shop.ask("openid", &[]).target).await;
    assert!(narrower.parameters().contains_key("code"));
    let wider = browser.get(&shop.ask("openid email profile", &[]).target).await;
    assert!(wider.location().contains("/consent/"));
    let wider = browser.get(&shop.ask("openid email profile", &[("prompt", "none")]).target).await;
    assert_eq!(wider.parameters()["error"], "consent_required");
});

on_both!(prompt_login_asks_again_and_the_time_is_new(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let first = shop.tokens_in(&mut browser, "alice", "openid").await;
    world.time_passes(Duration::from_secs(90));

    for change in [[("prompt", "login")], [("max_age", "1")], [("max_age", "0")], [("prompt", "select_account")]] {
        let sent = shop.ask("openid", &change);
        let asked = browser.get(&sent.target).await;
        assert!(asked.location().contains("/login?"), "{change:?}");
        let answer = browser.walk(asked.location(), "alice", PASSWORD).await;
        let again = shop.redeem(&answer.parameters()["code"], &sent).await.json();
        let time = |tokens: &serde_json::Value| {
            claims(tokens["id_token"].as_str().unwrap())["auth_time"].as_i64().unwrap()
        };
        assert!(time(&again) >= time(&first) + 90, "{change:?}");
        world.time_passes(Duration::from_secs(5));
    }
    let unasked = browser.get(&shop.ask("openid", &[("max_age", "10000")]).target).await;
    assert!(unasked.parameters().contains_key("code"));
});

on_both!(a_post_from_the_clients_own_page_works_without_cookies(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.signed_in("alice").await;
    let (sent, parameters) = shop.request("openid");
    let fields: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut without_cookies = world.browser();
    let begun = without_cookies.post("/authorize", &fields).await;
    assert_eq!(begun.status, 303);
    // The browser goes on by GET, and with it come its cookies.
    let answer = browser.walk(begun.location(), "alice", PASSWORD).await;
    assert_eq!(answer.parameters()["state"], sent.state);
    assert!(answer.parameters().contains_key("code"));
});

on_both!(two_tabs_with_two_clients_both_finish(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let bank = world.client("bank", |metadata| {
        metadata.redirect_uris = vec!["https://bank.example/callback".to_owned()];
    }).await;
    let mut browser = world.browser();
    let (at_shop, at_bank) = (shop.ask("openid", &[]), bank.ask("openid", &[]));
    let shop_tab = browser.get(&at_shop.target).await;
    let bank_tab = browser.get(&at_bank.target).await;
    let signed_in = browser.sign_in(shop_tab.location(), "alice", PASSWORD).await;
    let bank_answer = browser.walk(bank_tab.location(), "alice", PASSWORD).await;
    assert!(bank_answer.location().starts_with("https://bank.example/callback"));
    assert_eq!(bank_answer.parameters()["state"], at_bank.state);
    let shop_answer = browser.walk(signed_in.location(), "alice", PASSWORD).await;
    assert!(shop_answer.location().starts_with("https://shop.example/callback"));
    assert_eq!(shop_answer.parameters()["state"], at_shop.state);
});

on_both!(every_response_mode_carries_code_state_and_issuer(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid").await;

    let fragment = browser.get(&shop.ask("openid", &[("response_mode", "fragment")]).target).await;
    assert!(fragment.location().starts_with("https://shop.example/callback#code="));
    let form = browser.get(&shop.ask("openid", &[("response_mode", "form_post")]).target).await;
    assert_eq!(form.status, 200);
    let fields = form.hidden_fields("https://shop.example/callback");
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
});

on_both!(every_algorithm_and_format_verifies(world) {
    world.user("alice").await;
    for algorithm in Algorithm::ALL {
        let app = world.client(&format!("app-{algorithm}"), |metadata| {
            metadata.id_token_signed_response_alg = algorithm;
            metadata.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
            metadata.access_token_format = AccessTokenFormat::Opaque;
        }).await;
        let tokens = app.tokens("alice", "openid email").await;
        assert_eq!(header(tokens["id_token"].as_str().unwrap())["alg"], algorithm.as_str());
        let access_token = tokens["access_token"].as_str().unwrap();
        assert!(access_token.starts_with("at_"));
        assert_eq!(app.userinfo(access_token).await.json()["email"], "alice@example.com");
        assert_eq!(app.introspect(access_token).await["active"], true);
    }
});

on_both!(a_public_client_proves_itself_by_pkce(world) {
    world.user("alice").await;
    let app = world.public_client("app").await;
    let tokens = app.tokens("alice", "openid offline_access").await;
    let refreshed = app.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
});

on_both!(a_trusted_client_is_not_asked_about(world) {
    world.user("alice").await;
    let intranet = world.client("intranet", |metadata| metadata.consent = ConsentPolicy::Implied).await;
    let mut browser = world.signed_in("alice").await;
    let answer = browser.get(&intranet.ask("openid email", &[]).target).await;
    assert!(answer.parameters().contains_key("code"));
});

on_both!(an_api_speaks_for_itself_and_verifies_what_it_gets(world) {
    world.user("alice").await;
    let shop = world.client("shop", |metadata| metadata.audience = vec!["https://api.example".to_owned()]).await;
    let api = world.client("api", |metadata| metadata.resources = vec!["https://api.example".to_owned()]).await;
    let stranger = world.client("stranger", |_| {}).await;
    let machine = api.token(&[("grant_type", "client_credentials"), ("scope", "orders:read")]).await;
    assert_eq!(machine.status, 200, "{}", machine.body);
    let machine = machine.json();
    assert!(machine["refresh_token"].is_null() && machine["id_token"].is_null());
    assert_eq!(claims(machine["access_token"].as_str().unwrap())["sub"], "api");

    let tokens = shop.tokens("alice", "openid orders:read").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(api.introspect(access_token).await["scope"], "openid orders:read");
    assert_eq!(stranger.introspect(access_token).await, serde_json::json!({ "active": false }));
    assert_eq!(api.introspect(tokens["refresh_token"].as_str().unwrap()).await["active"], false);
});
