//! Agreements that nobody gave (RFC 9700 §4.15, RFC 8252 §8.6, OpenID Connect Core §11).

use gatepass::protocol::client_metadata::{AuthMethod, ConsentPolicy};
use gatepass::protocol::grant_type::GrantType;
use gatepass::store::clients;

use crate::on_both;
use crate::support::{Browser, RelyingParty, World};

/// Where a request ends for somebody who is signed in: at the client with a code, or on the consent page.
async fn is_asked(browser: &mut Browser, app: &RelyingParty, scope: &str) -> bool {
    let answer = browser.get(&app.ask(scope, &[]).target).await;
    assert!(
        answer.location().contains("/consent/") || answer.location().contains("code="),
        "{}",
        answer.location()
    );
    answer.location().contains("/consent/")
}

/// The words under the two headings of the page: what is asked, and what was allowed before.
async fn lists(browser: &mut Browser, app: &RelyingParty, scope: &str) -> (String, String) {
    let answer = browser.get(&app.ask(scope, &[]).target).await;
    let page = browser.get(answer.location()).await.body;
    let asked = page.split_once("It will be able to:").unwrap().1;
    let (asked, before) = asked.split_once("You already allowed it to:").unwrap_or((asked, ""));
    let list = |text: &str| text.split("</ul>").next().unwrap().to_owned();
    (list(asked), list(before))
}

on_both!(only_what_is_new_is_asked_and_all_of_that(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "alice", "openid email").await;
    assert!(!is_asked(&mut browser, &shop, "openid email").await);
    for wider in ["openid email profile", "email phone", "orders:write"] {
        assert!(is_asked(&mut browser, &shop, wider).await, "{wider}");
    }
    let (asked, before) = lists(&mut browser, &shop, "openid email phone").await;
    assert!(asked.contains("phone number") && !asked.contains("email"), "{asked}");
    assert!(before.contains("email address") && before.contains("Recognise you"), "{before}");
    // Agreeing adds to what was agreed before.
    let to_consent = browser.get(&shop.ask("phone", &[]).target).await;
    browser.allow(to_consent.location()).await;
    assert!(!is_asked(&mut browser, &shop, "openid email phone").await);
});

on_both!(denying_is_not_agreeing_to_less(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.signed_in("alice").await;
    let sent = shop.ask("openid email", &[]);
    let asked = browser.get(&sent.target).await;
    let denied = browser.decide(asked.location(), "deny").await;
    assert_eq!(denied.parameters()["error"], "access_denied");
    assert_eq!(denied.parameters()["state"], sent.state);
    assert!(is_asked(&mut browser, &shop, "openid").await);
    let page = browser.get(&shop.ask("openid", &[]).target).await;
    let form = browser.get(page.location()).await;
    let target = page.location().to_owned();
    for action in ["", "ALLOW", "allow ", "yes"] {
        assert_eq!(browser.submit(&form, &target, &[("action", action)]).await.status, 400, "{action:?}");
    }
    let looked = browser.get(&format!("{target}?action=allow")).await;
    assert_eq!(looked.status, 200);
    assert!(is_asked(&mut browser, &shop, "openid").await);
});

on_both!(what_is_shown_is_what_was_requested_and_no_form_says_otherwise(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.signed_in("alice").await;
    let asked = browser.get(&shop.ask("openid", &[]).target).await;
    let page = browser.get(asked.location()).await;
    let more = [("action", "allow"), ("scope", "openid email phone address"), ("client_id", "other")];
    let agreed = browser.submit(&page, asked.location(), &more).await;
    browser.get(agreed.location()).await;
    assert!(is_asked(&mut browser, &shop, "openid email").await);
});

on_both!(going_on_while_the_person_is_away_is_always_asked_for(world) {
    world.user("alice").await;
    let intranet = world.client("intranet", |metadata| metadata.consent = ConsentPolicy::Implied).await;
    let mut browser = world.signed_in("alice").await;
    assert!(!is_asked(&mut browser, &intranet, "openid email").await);
    assert!(is_asked(&mut browser, &intranet, "openid offline_access").await);
});

async fn native(world: &World, id: &str, redirect_uri: &str) -> RelyingParty {
    world
        .client(id, |metadata| {
            metadata.token_endpoint_auth_method = AuthMethod::None;
            metadata.grant_types = [GrantType::AuthorizationCode, GrantType::RefreshToken].into();
            metadata.redirect_uris = vec![redirect_uri.to_owned()];
        })
        .await
}

on_both!(an_app_that_others_can_pretend_to_be_is_never_waved_through(world) {
    world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    let by_scheme = native(&world, "by-scheme", "com.example.app:/callback").await;
    let by_loopback = native(&world, "by-loopback", "http://127.0.0.1/callback").await;
    let claimed = native(&world, "claimed", "https://app.example/callback").await;
    for app in [&by_scheme, &by_loopback, &claimed] {
        assert!(is_asked(&mut browser, app, "openid").await);
        app.code(&mut browser, "alice", "openid").await;
    }
    assert!(is_asked(&mut browser, &by_scheme, "openid").await);
    assert!(is_asked(&mut browser, &by_loopback, "openid").await);
    assert!(!is_asked(&mut browser, &claimed, "openid").await);
    let (asked, before) = lists(&mut browser, &by_scheme, "openid").await;
    assert!(asked.contains("Recognise you") && before.is_empty(), "all of it is asked again");
    let silent = browser.get(&by_scheme.ask("openid", &[("prompt", "none")]).target).await;
    assert_eq!(silent.parameters()["error"], "consent_required");
});

on_both!(what_a_client_may_ask_for_later_was_not_agreed_to(world) {
    world.user("alice").await;
    let shop = world.client("shop", |metadata| metadata.scope = "openid".parse().unwrap()).await;
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "alice", "openid").await;
    let mut wider = shop.client.clone();
    wider.metadata.scope = "openid email".parse().unwrap();
    world.app.store.write(wider, |tx, wider| Box::pin(clients::update(tx, wider))).await.unwrap();
    world.app.store.forget_client("shop");
    assert!(is_asked(&mut browser, &shop, "openid email").await);
    assert!(!is_asked(&mut browser, &shop, "openid").await);
});

on_both!(the_page_names_the_place_that_comes_next(world, [("issuer.scopes", "{ \"orders:read\" = \"See your <b>orders</b>\" }")]) {
    world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    for (id, uri, shown) in [
        ("web", "https://shop.example:8443/callback", "You will continue at <bdi>shop.example</bdi>"),
        ("loopback", "http://127.0.0.1:8081/callback", "an app on this device (<bdi>127.0.0.1</bdi>)"),
        ("scheme", "com.example.app:/callback", "an app on this device (<bdi>com.example.app</bdi>)"),
    ] {
        let app = native(&world, id, uri).await;
        let asked = browser.get(&app.ask("openid orders:read", &[]).target).await;
        let page = browser.get(asked.location()).await;
        assert!(page.body.contains(shown), "{id}: {}", page.body);
        assert!(page.body.contains("<bdi>See your &#60;b&#62;orders&#60;/b&#62;</bdi>"), "{}", page.body);
    }
});
