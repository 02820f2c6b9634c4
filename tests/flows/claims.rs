//! Single claims and levels of assurance (OpenID Connect Core §5.5).

use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::world::PASSWORD;

on_both!(claims_that_are_asked_for_by_name_go_where_they_are_asked_for(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let wanted = r#"{"userinfo":{"name":{"essential":true},"nickname":null},"id_token":{"email":null,"acr":null}}"#;
    let sent = shop.ask("openid", &[("claims", wanted)]);
    let answer = world.browser().walk(&sent.target, "alice", PASSWORD).await;
    let tokens = shop.redeem(&answer.parameters()["code"], &sent).await.json();
    let said = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(said["email"], "alice@example.com");
    assert_eq!(said["acr"], "1");
    assert!(said["name"].is_null());
    let person = shop.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(person["name"], "alice Example");
    for absent in ["email", "nickname", "given_name"] {
        assert!(person[absent].is_null(), "{absent}");
    }
    // They go on after a refresh.
    let renewed = shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.json();
    let person = shop.userinfo(renewed["access_token"].as_str().unwrap()).await.json();
    assert_eq!(person["name"], "alice Example");
});

on_both!(claims_beyond_what_was_agreed_are_not_given_silently(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid email").await;
    let ask = |claims: &'static str| shop.ask("openid", &[("prompt", "none"), ("claims", claims)]).target;
    let within = browser.get(&ask(r#"{"userinfo":{"email":null}}"#)).await;
    assert!(within.parameters().contains_key("code"));
    for beyond in [r#"{"userinfo":{"birthdate":null}}"#, r#"{"id_token":{"phone_number":null}}"#] {
        assert_eq!(browser.get(&ask(beyond)).await.parameters()["error"], "consent_required");
    }
});

on_both!(nobody_gets_an_answer_about_somebody_else(world) {
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid").await;
    for (subject, outcome) in [(alice.id.to_string(), "code"), (bob.id.to_string(), "error")] {
        let claims = format!(r#"{{"id_token":{{"sub":{{"value":"{subject}"}}}}}}"#);
        let sent = shop.ask("openid", &[("prompt", "none"), ("claims", &claims)]);
        assert!(browser.get(&sent.target).await.parameters().contains_key(outcome));
    }
    let hint = shop.tokens("bob", "openid").await["id_token"].as_str().unwrap().to_owned();
    let sent = shop.ask("openid", &[("prompt", "none"), ("id_token_hint", &hint)]);
    assert_eq!(browser.get(&sent.target).await.parameters()["error"], "login_required");
});

on_both!(an_essential_level_that_cannot_be_met_is_refused_and_a_voluntary_one_is_not_invented(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid").await;
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["9"]}}}"#;
    let refused = browser.get(&shop.ask("openid", &[("claims", essential)]).target).await;
    assert_eq!(refused.parameters()["error"], "unmet_authentication_requirements");
    for (wanted, reached) in [("9 1", Some("1")), ("9", None)] {
        let sent = shop.ask("openid", &[("acr_values", wanted)]);
        let answer = browser.get(&sent.target).await;
        let tokens = shop.redeem(&answer.parameters()["code"], &sent).await.json();
        assert_eq!(claims(tokens["id_token"].as_str().unwrap())["acr"].as_str(), reached);
    }
});

on_both!(a_malformed_claims_parameter_is_said_to_be_one(world) {
    let shop = world.shop().await;
    for claims in ["[]", "{", r#"{"userinfo":{"name":1}}"#] {
        let answer = world.browser().get(&shop.ask("openid", &[("claims", claims)]).target).await;
        assert_eq!(answer.parameters()["error"], "invalid_request", "{claims}");
    }
});
