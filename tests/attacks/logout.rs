//! Signing people out against their will, and sending them where nobody proved (RP-Initiated Logout §2, §3; RFC
//! 9700 §4.11).

use std::time::Duration;

use reqwest::Method;

use crate::on_both;
use crate::support::world::World;
use crate::support::{Browser, RelyingParty};

const BYE: &str = "https://shop.example/bye";

/// Somebody who is signed in, at an app too, with the ID Token that it got.
async fn at_the_shop(world: &World, username: &str) -> (RelyingParty, Browser, String) {
    world.user(username).await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, username, "openid").await;
    (shop, browser, tokens["id_token"].as_str().unwrap().to_owned())
}

fn logout(parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/logout?{query}")
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/account").await.status == 200
}

on_both!(an_app_signs_its_person_out_and_gets_them_back(world) {
    let (_, mut browser, id_token) = at_the_shop(&world, "alice").await;
    // A genuine hint counts also after its end.
    world.time_passes(Duration::from_secs(3_600));
    let state = "a b&c=\"<é>";
    let target = logout(&[("id_token_hint", &id_token), ("post_logout_redirect_uri", BYE), ("state", state)]);
    let looked = browser.send(Method::HEAD, &target, None).await;
    assert_eq!(looked.status, 200);
    assert!(is_signed_in(&mut browser).await, "HEAD only looks");
    let answer = browser.get(&target).await;
    assert_eq!(answer.location(), "https://shop.example/bye?state=a+b%26c%3D%22%3C%C3%A9%3E");
    assert!(!is_signed_in(&mut browser).await);
    // Once more, with nobody there: the same.
    assert!(browser.get(&target).await.location().starts_with(BYE));
});

on_both!(whoever_proves_nothing_has_to_ask(world) {
    let (shop, mut browser, id_token) = at_the_shop(&world, "alice").await;
    let (head, rest) = id_token.split_once('.').unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", rest.split_once('.').unwrap().0);
    let bent = format!("{head}.{}x", rest);
    for parameters in [
        vec![],
        vec![("post_logout_redirect_uri", BYE), ("client_id", shop.id())],
        vec![("id_token_hint", unsigned.as_str()), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", bent.as_str()), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", "x"), ("logout_hint", "alice")],
    ] {
        let asked = browser.get(&logout(&parameters)).await;
        assert_eq!(asked.status, 200, "{parameters:?}");
        assert!(asked.body.contains("id=\"logout-confirm\""), "{parameters:?}");
        assert!(!asked.body.contains("shop.example"), "an unproven address is not even shown");
        let done = browser.clone().submit(&asked, "/logout/confirm", &[]).await;
        assert_eq!(done.location(), "/logout", "and nobody is sent there");
        // Another session for the next round.
        browser = world.signed_in("alice").await;
        assert!(is_signed_in(&mut browser).await);
    }
});

on_both!(an_unregistered_address_is_an_error_and_nobody_is_signed_out(world) {
    let (_, mut browser, id_token) = at_the_shop(&world, "alice").await;
    world.client("bank", |_| {}).await;
    for uri in [
        "https://evil.example/", "https://shop.example/bye/", "https://shop.example/bye?x", "https://shop.example/BYE",
        "https://shop.example@evil.example/bye", "javascript:alert(1)", "//evil.example", "/bye", "https://shop.example/bye\n",
    ] {
        let refused = browser.get(&logout(&[("id_token_hint", &id_token), ("post_logout_redirect_uri", uri)])).await;
        assert_eq!((refused.status, refused.error_code()), (400, "invalid_redirect_uri"), "{uri:?}");
        assert!(!refused.body.contains("evil.example") && !refused.body.contains("javascript:"));
    }
    for bad in [
        logout(&[("id_token_hint", &id_token), ("client_id", "bank"), ("post_logout_redirect_uri", BYE)]),
        logout(&[("id_token_hint", &id_token), ("id_token_hint", &id_token)]),
        "/logout?state=%ff".to_owned(),
    ] {
        assert_eq!(browser.get(&bad).await.error_code(), "invalid_request", "{bad:.60}");
    }
    assert!(is_signed_in(&mut browser).await);
});

on_both!(the_hint_of_another_person_asks_whoever_is_there(world) {
    let (_, _, id_token) = at_the_shop(&world, "alice").await;
    world.user("bobby").await;
    let mut bobby = world.signed_in("bobby").await;
    let asked = bobby.get(&logout(&[("id_token_hint", &id_token), ("post_logout_redirect_uri", BYE), ("state", "s")])).await;
    assert!(asked.body.contains("The shop") && asked.body.contains("bobby"), "{}", asked.body);
    assert!(is_signed_in(&mut bobby).await);
    let done = bobby.submit(&asked, "/logout/confirm", &[]).await;
    assert_eq!(done.location(), "https://shop.example/bye?state=s");
    assert!(!is_signed_in(&mut bobby).await);
});

on_both!(a_post_from_the_apps_own_page_finds_the_session(world) {
    let (_, mut browser, id_token) = at_the_shop(&world, "alice").await;
    let fields = [("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", BYE), ("state", "s"), ("x", "y")];
    // Cross-site: the browser holds its cookies back, and would take a new one for the old.
    let mut without_cookies = world.browser();
    let sent_on = without_cookies.post("/logout", &fields).await;
    assert_eq!(sent_on.status, 303);
    assert!(sent_on.location().starts_with("/logout?id_token_hint="), "{}", sent_on.location());
    assert!(without_cookies.cookies.is_empty());
    assert!(browser.get(sent_on.location()).await.location().starts_with(BYE));
    assert!(!is_signed_in(&mut browser).await);

    let mut same_site = world.signed_in("alice").await;
    assert!(same_site.post("/logout", &fields).await.location().starts_with(BYE));
    assert!(!is_signed_in(&mut same_site).await);
});

on_both!(no_code_is_issued_to_whoever_signed_out_meanwhile(world) {
    let (shop, mut browser, _) = at_the_shop(&world, "alice").await;
    let asked = browser.get(&shop.ask("openid email", &[]).target).await;
    let to_consent = asked.location().to_owned();
    let page = browser.get(&to_consent).await;
    let account = browser.get("/account").await;
    browser.submit(&account, "/logout/confirm", &[]).await;
    let next = browser.submit(&page, &to_consent, &[("action", "allow")]).await;
    assert!(next.location().contains("/login?authorization="), "{}", next.location());
    let resumed = browser.get(&to_consent.replace("/consent/", "/authorize/")).await;
    assert!(resumed.location().contains("/login?authorization="));
});

on_both!(with_nobody_signed_in_the_page_says_so(world) {
    let page = world.browser().get("/logout").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("You are signed out") && !page.body.contains("logout-confirm"));
});
