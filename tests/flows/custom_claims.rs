//! Scopes and claims of the operator's own (OpenID Connect Core §5.1.2 and §5.4), from the configuration to UserInfo.

use gatepass::protocol::client_metadata::{ClientMetadata, Profile};
use gatepass::protocol::grant_type::GrantType;
use gatepass::protocol::response_type::ResponseType;
use serde_json::{Value, json};

use crate::cli::Operator;
use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::world::PASSWORD;
use crate::support::{RelyingParty, World};

const SCOPES: [(&str, &str); 1] = [(
    "issuer.scopes",
    "{ employee = { description = \"See where you <work>\", description_ko = \"근무 정보 보기\", \
     claims = [\"department\", \"badges\"] }, orders = \"See your orders\" }",
)];

async fn intranet(world: &World, change: impl FnOnce(&mut ClientMetadata)) -> RelyingParty {
    world
        .client("intranet", |metadata| {
            metadata.scope = "openid email employee".parse().unwrap();
            change(metadata);
        })
        .await
}

/// Alice, of whom the operator has said where she works.
async fn alice(world: &World) -> Operator {
    world.user("alice").await;
    let operator = Operator::beside(world).knowing("GATEPASS_ISSUER__SCOPES", SCOPES[0].1);
    let own = r#"{"department": "Ships", "badges": ["a", {"b": 1}], "nickname": "Al", "email": null}"#;
    operator.pipes(own, &["user", "set-claims", "alice", "-", "--merge"]).words();
    operator
}

fn access_token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

on_both!(what_the_operator_says_of_a_user_is_told_to_who_may_ask_for_it(world, SCOPES) {
    let operator = alice(&world).await;
    let shown = operator.json(&["user", "show", "alice"])["claims"].clone();
    assert_eq!((&shown["department"], &shown["name"]), (&json!("Ships"), &json!("alice Example")), "the others stay");
    assert_eq!(shown.get("email"), None, "null takes one away");

    let app = intranet(&world, |_| {}).await;
    let tokens = app.tokens("alice", "openid employee").await;
    let told = app.userinfo(access_token(&tokens)).await.json();
    assert_eq!((&told["department"], &told["badges"]), (&json!("Ships"), &json!(["a", { "b": 1 }])));
    assert_eq!(claims(tokens["id_token"].as_str().unwrap()).get("department"), None, "UserInfo's");
    let told = app.userinfo(access_token(&app.tokens("alice", "openid").await)).await.json();
    assert_eq!(told.get("department"), None, "it did not ask");
    // A client that is not registered for it cannot ask.
    let shop = world.shop().await;
    let refused = world.browser().get(&shop.ask("openid employee", &[]).target).await;
    assert_eq!(refused.parameters()["error"], "invalid_scope");
    // A user without such claims has none, not null.
    world.user("bobby").await;
    let told = app.userinfo(access_token(&app.tokens("bobby", "openid employee").await)).await.json();
    assert_eq!(told.get("department"), None);
});

on_both!(a_custom_claim_can_be_asked_for_by_its_name(world, SCOPES) {
    alice(&world).await;
    let app = intranet(&world, |_| {}).await;
    let asked = json!({ "userinfo": { "department": null, "salary": null }, "id_token": { "badges": { "essential": true } } });
    let sent = app.ask("openid", &[("claims", &asked.to_string())]);
    let mut browser = world.signed_in("alice").await;
    let begun = browser.get(&sent.target).await;
    let page = browser.get(begun.location()).await;
    assert!(page.body.contains("See where you"), "what it asks for is named: {}", page.body);
    let code = browser.walk(begun.location(), "alice", PASSWORD).await.parameters()["code"].clone();
    let tokens = app.redeem(&code, &sent).await.json();
    let told = app.userinfo(access_token(&tokens)).await.json();
    assert_eq!((&told["department"], told.get("badges")), (&json!("Ships"), None));
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["badges"], json!(["a", { "b": 1 }]));
});

on_both!(without_an_access_token_they_stand_in_the_id_token(world, SCOPES) {
    alice(&world).await;
    let app = intranet(&world, |metadata| {
        metadata.profile = Profile::OidcCompat;
        metadata.grant_types = [GrantType::Implicit].into();
        metadata.response_types = vec![ResponseType::IdToken];
    }).await;
    let sent = app.ask("openid employee", &[("response_type", "id_token")]);
    let front = world.browser().walk(&sent.target, "alice", PASSWORD).await.parameters();
    assert_eq!(claims(&front["id_token"])["department"], "Ships");
});

on_both!(people_read_what_a_scope_is_for_in_their_language(world, SCOPES) {
    world.user("alice").await;
    let app = intranet(&world, |metadata| metadata.scope = "openid employee orders".parse().unwrap()).await;
    for (language, employee) in [("en", "See where you &#60;work&#62;"), ("ko", "근무 정보 보기"), ("fr", "See where you")] {
        let mut browser = world.signed_in("alice").await;
        let begun = browser.get(&app.ask("openid employee orders", &[("ui_locales", language)]).target).await;
        let page = browser.get(begun.location()).await;
        assert!(page.body.contains(employee) && page.body.contains("See your orders"), "{language}: {}", page.body);
        assert!(!page.body.contains("<work>"));
    }
    let mut browser = world.browser();
    let discovered = browser.get("/.well-known/openid-configuration").await.json();
    for (member, name) in [("scopes_supported", "employee"), ("scopes_supported", "orders"), ("claims_supported", "department"), ("claims_supported", "badges")] {
        assert!(discovered[member].as_array().unwrap().contains(&json!(name)), "{member}: {discovered}");
    }
});

on_both!(a_claim_that_no_scope_asks_for_is_nobodys(world, SCOPES) {
    let operator = alice(&world).await;
    let refused = |claims: &str| {
        let said = operator.pipes(claims, &["user", "set-claims", "alice", "-", "--json"]);
        (said.code, said.out + &said.err)
    };
    for (claims, named) in [
        (r#"{"salary": 5}"#, "salary"),
        (r#"{"sub": "x"}"#, "sub"),
        (r#"{"department": null}"#, "department"),
        (r#"{"department": ""}"#, "department"),
        (&format!(r#"{{"department": "{}"}}"#, "a".repeat(5000)), "department"),
        (r#"{"department": "a", "birthdate": "soon"}"#, "birthdate"),
    ] {
        let (code, said) = refused(claims);
        assert_ne!(code, 0, "{claims:.60}");
        assert!(said.contains(named), "{said}");
    }
});
