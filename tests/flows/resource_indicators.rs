//! Tokens for the APIs that the client names, and for no others (RFC 8707).

use serde_json::{Value, json};

use crate::on_both;
use crate::support::browser::Answer;
use crate::support::relying_party::{Sent, claims};
use crate::support::world::PASSWORD;
use crate::support::{Browser, RelyingParty, World};

const ORDERS: &str = "https://orders.example";
const STOCK: &str = "https://stock.example/v1";

/// An API that is registered under its name.
async fn api(world: &World, name: &str, identifier: &str) -> RelyingParty {
    world
        .client(name, |metadata| {
            metadata.redirect_uris = Vec::new();
            metadata.response_types = Vec::new();
            metadata.grant_types = [gatepass::protocol::grant_type::GrantType::ClientCredentials].into();
            metadata.resources = vec![identifier.to_owned()];
        })
        .await
}

/// A request for `resources`, several of them or none.
fn ask(shop: &RelyingParty, scope: &str, resources: &[&str]) -> Sent {
    let mut sent = shop.ask(scope, &[]);
    for resource in resources {
        let pair =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("resource", resource).finish();
        sent.target += &format!("&{pair}");
    }
    sent
}

async fn agree(browser: &mut Browser, sent: &Sent) -> String {
    let answer = browser.walk(&sent.target, "alice", PASSWORD).await;
    answer.parameters().remove("code").unwrap_or_else(|| panic!("no code in {}", answer.location()))
}

async fn redeem(shop: &RelyingParty, code: &str, sent: &Sent, resources: &[&str]) -> Answer {
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", shop.client.metadata.redirect_uris[0].as_str()),
        ("code_verifier", &sent.verifier),
    ];
    fields.extend(resources.iter().map(|resource| ("resource", *resource)));
    shop.token(&fields).await
}

async fn refresh(shop: &RelyingParty, tokens: &Value, resources: &[&str]) -> Answer {
    let token = tokens["refresh_token"].as_str().unwrap();
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    fields.extend(resources.iter().map(|resource| ("resource", *resource)));
    shop.token(&fields).await
}

fn audience(tokens: &Value) -> Value {
    claims(tokens["access_token"].as_str().unwrap())["aud"].clone()
}

on_both!(a_token_is_for_the_apis_that_were_asked_for(world) {
    world.user("alice").await;
    let (orders, stock) = (api(&world, "orders-api", ORDERS).await, api(&world, "stock-api", STOCK).await);
    let shop = world.shop().await;
    let sent = ask(&shop, "orders:read", &[ORDERS, STOCK]);
    let code = agree(&mut world.browser(), &sent).await;

    let beyond = redeem(&shop, &code, &sent, &["https://elsewhere.example"]).await;
    assert_eq!((beyond.status, beyond.error().as_str()), (400, "invalid_target"), "and the code is not burnt");
    let one = redeem(&shop, &code, &sent, &[ORDERS]).await.json();
    assert_eq!(audience(&one), ORDERS);
    let token = one["access_token"].as_str().unwrap();
    assert_eq!(orders.introspect(token).await["active"], true);
    assert_eq!(stock.introspect(token).await["active"], false, "it is not for this API");
    assert_eq!(shop.userinfo(token).await.status, 401, "nor for ours");

    let both = refresh(&shop, &one, &[]).await.json();
    assert_eq!(audience(&both), json!([ORDERS, STOCK]), "all of the grant's");
    let beyond = refresh(&shop, &both, &[ORDERS, "https://elsewhere.example"]).await;
    assert_eq!((beyond.status, beyond.error().as_str()), (400, "invalid_target"));
    let narrow = refresh(&shop, &both, &[STOCK]).await.json();
    assert_eq!(audience(&narrow), STOCK, "the refusal has not turned the counter");
});

on_both!(an_api_beside_openid_leaves_userinfo_open(world) {
    world.user("alice").await;
    api(&world, "orders-api", ORDERS).await;
    let shop = world.shop().await;
    let sent = ask(&shop, "openid orders:read", &["https://orders.example/"]);
    let code = agree(&mut world.browser(), &sent).await;
    let tokens = redeem(&shop, &code, &sent, &["https://orders.example/"]).await.json();
    // As the API itself writes it.
    assert_eq!(audience(&tokens), json!([world.issuer, ORDERS]));
    assert_eq!(shop.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 200);
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["aud"], "shop");
});

on_both!(what_no_api_here_serves_is_refused_at_the_client(world) {
    world.user("alice").await;
    let disabled = api(&world, "old-api", "https://old.example").await;
    world.disable_client(&disabled).await;
    api(&world, "orders-api", ORDERS).await;
    let shop = world.shop().await;
    let many = vec![ORDERS; 11];
    for resources in [
        &["https://elsewhere.example"][..],
        &[ORDERS, "https://elsewhere.example"],
        &["https://old.example"],
        &["/orders"],
        &["orders.example"],
        &["https://orders.example#all"],
        &["https://orders.example/v2"],
        &["HTTPS://orders.example"],
        &many,
    ] {
        let sent = ask(&shop, "openid", resources);
        let answer = world.browser().get(&sent.target).await.parameters();
        assert_eq!(answer.get("error").map(String::as_str), Some("invalid_target"), "{resources:?}");
        assert_eq!(answer["state"], sent.state);
    }
});

on_both!(the_consent_page_names_the_apis_and_remembers_them(world) {
    world.user("alice").await;
    api(&world, "orders-api", ORDERS).await;
    api(&world, "stock-api", STOCK).await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    agree(&mut browser, &ask(&shop, "openid", &[])).await;
    let silent = |resources: &[&str]| {
        let sent = ask(&shop, "openid", resources);
        (sent.target.clone() + "&prompt=none", sent)
    };
    let error = browser.get(&silent(&[ORDERS]).0).await.parameters();
    assert_eq!(error["error"], "consent_required", "an API is more than was agreed to");

    let (_, sent) = silent(&[ORDERS]);
    let to_consent = browser.get(&sent.target).await;
    let page = browser.get(to_consent.location()).await;
    for shown in ["The orders-api", ORDERS] {
        assert!(page.body.contains(shown), "{}", page.body);
    }
    agree(&mut browser, &sent).await;
    assert!(browser.get(&silent(&[ORDERS]).0).await.parameters().contains_key("code"));
    let error = browser.get(&silent(&[ORDERS, STOCK]).0).await.parameters();
    assert_eq!(error["error"], "consent_required");
    assert!(browser.get(&silent(&[]).0).await.parameters().contains_key("code"));

    let account = browser.get("/account").await.body;
    assert!(account.contains("Act for you at <bdi>The orders-api</bdi>"), "{account}");
});

on_both!(the_operators_own_app_asks_before_it_calls_what_nobody_registered_for_it(world) {
    world.user("alice").await;
    api(&world, "orders-api", ORDERS).await;
    let own = world
        .client("own", |metadata| {
            metadata.consent = gatepass::protocol::client_metadata::ConsentPolicy::Implied;
            metadata.audience = vec!["https://registered.example".to_owned()];
        })
        .await;
    let mut browser = world.signed_in("alice").await;
    let sent = ask(&own, "openid", &["https://registered.example"]);
    let code = browser.get(&sent.target).await.parameters().remove("code").unwrap();
    let tokens = redeem(&own, &code, &sent, &[]).await.json();
    assert_eq!(audience(&tokens), json!([world.issuer, "https://registered.example"]));
    let sent = ask(&own, "openid", &[ORDERS]);
    assert!(browser.get(&sent.target).await.location().contains("/consent/"));
    let code = agree(&mut browser, &sent).await;
    assert_eq!(audience(&redeem(&own, &code, &sent, &[]).await.json()), json!([world.issuer, ORDERS]));
});

on_both!(a_client_that_speaks_for_itself_reaches_only_what_is_registered_for_it(world) {
    api(&world, "orders-api", ORDERS).await;
    let shop = world
        .client("shop", |metadata| metadata.audience = vec![STOCK.to_owned(), "urn:example:mail".to_owned()])
        .await;
    let speak = async |resource: &str| {
        let fields = [("grant_type", "client_credentials"), ("scope", "orders:read"), ("resource", resource)];
        shop.token(&fields).await
    };
    assert_eq!(audience(&speak(STOCK).await.json()), STOCK);
    assert_eq!(audience(&speak("").await.json()), json!([STOCK, "urn:example:mail"]));
    for other in [ORDERS, "nowhere", "https://stock.example/v1#x"] {
        let refused = speak(other).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_target"), "{other}");
    }
});

on_both!(an_api_that_is_removed_is_known_no_more(world) {
    world.user("alice").await;
    let orders = api(&world, "orders-api", ORDERS).await;
    let shop = world.shop().await;
    assert_ne!(world.browser().get(&ask(&shop, "openid", &[ORDERS]).target).await.location(), "");
    let mut moved = orders.client.clone();
    moved.metadata.resources = vec!["https://orders.example/v2".to_owned()];
    gatepass::registration::change(&world.app.store, moved, world.now()).await.unwrap();
    let answer = async |resource: &str| world.browser().get(&ask(&shop, "openid", &[resource]).target).await;
    assert_eq!(answer(ORDERS).await.parameters()["error"], "invalid_target");
    assert!(answer("https://orders.example/v2").await.location().contains("/login?"));
    world
        .app
        .store
        .write(world.now(), |tx, now| Box::pin(gatepass::registration::remove(tx, "orders-api", *now)))
        .await
        .unwrap();
    world.app.store.forget_client("orders-api");
    assert_eq!(answer("https://orders.example/v2").await.parameters()["error"], "invalid_target");
});

on_both!(a_database_of_before_knows_the_apis_of_its_clients(world) {
    world.user("alice").await;
    api(&world, "orders-api", ORDERS).await;
    let shop = world.shop().await;
    let store = &world.app.store;
    let migrations = store.migrations().await.unwrap();
    let from = migrations.iter().position(|one| one.name.ends_with("_000008_resources")).unwrap();
    store.migrate_down((migrations.len() - from) as u32).await.unwrap();
    store.migrate().await.unwrap();
    let answer = world.browser().get(&ask(&shop, "openid", &[ORDERS]).target).await;
    assert!(answer.location().contains("/login?"), "{}", answer.location());
});

on_both!(a_developers_own_api_needs_no_registration(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let own = "http://localhost:3000/mcp";
    let sent = ask(&shop, "openid", &[own]);
    let code = agree(&mut world.browser(), &sent).await;
    assert_eq!(audience(&redeem(&shop, &code, &sent, &[own]).await.json()), json!([world.issuer, own]));
    for other in ["http://mcp.example/", "https://localhost/mcp", "http://localhost.mcp.example/"] {
        let answer = world.browser().get(&ask(&shop, "openid", &[other]).target).await;
        assert_eq!(answer.parameters()["error"], "invalid_target", "{other}");
    }
});

on_both!(nobody_elses_machine_is_known(world, [("registration.client_id_metadata_documents", "false")]) {
    let shop = world.shop().await;
    let answer = world.browser().get(&ask(&shop, "openid", &["http://localhost:3000/mcp"]).target).await;
    assert_eq!(answer.parameters()["error"], "invalid_target");
});
