//! What the browser itself tells apps: frames on the way out (Front-Channel Logout 1.0), and `session_state`
//! (Session Management 1.0).

use std::collections::BTreeMap;

use gatepass::secret;

use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::{Browser, World};

const FRONT: [(&str, &str); 1] = [("sign_in.frontchannel_logout", "true")];
const MANAGED: [(&str, &str); 1] = [("sign_in.session_management", "true")];
const STATE: &str = "gatepass-browser-state";

/// Somebody who signed in to the shop and the bank, and the shop's ID Token.
async fn at_two_apps(world: &World) -> (Browser, String) {
    world.user("alice").await;
    let shop = world
        .client("shop", |metadata| {
            metadata.frontchannel_logout_uri = Some("https://shop.example/bye-frame?a=b".to_owned());
        })
        .await;
    let bank = world
        .client("bank", |metadata| {
            metadata.redirect_uris = vec!["http://127.0.0.1:9/callback".to_owned()];
            metadata.frontchannel_logout_uri = Some("http://127.0.0.1:9/out".to_owned());
        })
        .await;
    let mut browser = world.browser();
    bank.tokens_in(&mut browser, "alice", "openid").await;
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    (browser, tokens["id_token"].as_str().unwrap().to_owned())
}

on_both!(a_sign_out_shows_a_frame_of_each_app_and_goes_on(world, FRONT) {
    let (mut browser, id_token) = at_two_apps(&world).await;
    let target = format!(
        "/logout?id_token_hint={id_token}&state=s&post_logout_redirect_uri=https%3A%2F%2Fshop.example%2Fbye"
    );
    let page = browser.get(&target).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let policy = page.header("content-security-policy").unwrap();
    let frames = policy.split("; ").find_map(|part| part.strip_prefix("frame-src ")).unwrap();
    let mut origins: Vec<&str> = frames.split(' ').collect();
    origins.sort_unstable();
    assert_eq!(origins, ["http://127.0.0.1:9", "https://shop.example"]);
    assert!(policy.contains("frame-ancestors 'none'"));

    let sid = claims(&id_token)["sid"].as_str().unwrap().to_owned();
    let issuer: String = url::form_urlencoded::byte_serialize(world.issuer.as_bytes()).collect();
    let body = page.body.replace("&#38;", "&").replace("&amp;", "&");
    assert!(body.contains(&format!("src=\"https://shop.example/bye-frame?a=b&iss={issuer}&sid={sid}\"")), "{body}");
    assert!(body.contains(&format!("src=\"http://127.0.0.1:9/out?iss={issuer}&sid={sid}\"")), "{body}");
    assert!(body.contains("http-equiv=\"refresh\" content=\"3; url=https://shop.example/bye?state=s\""), "{body}");
    assert!(body.contains("id=\"logout-continue\" class=\"button\" href=\"https://shop.example/bye?state=s\""), "{body}");
    assert!(!page.body.contains("<script"));
    assert_eq!(browser.get("/account").await.status, 303, "signed out");
    // Nobody is left to tell.
    assert!(browser.get(&target).await.location().starts_with("https://shop.example/bye"));
});

on_both!(a_sign_out_of_ones_own_ends_at_the_signed_out_page(world, FRONT) {
    let (mut browser, _) = at_two_apps(&world).await;
    let account = browser.get("/account").await;
    let page = browser.submit(&account, "/logout/confirm", &[]).await;
    assert!(page.body.contains("content=\"3; url=/logout\""), "{}", page.body);
    let discovered = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(discovered["frontchannel_logout_supported"], true);
    assert_eq!(discovered["frontchannel_logout_session_supported"], true);
    assert_eq!(discovered["backchannel_logout_session_supported"], true);
    assert!(discovered.get("check_session_iframe").is_none());

    // Without such an app there is nothing to show.
    world.client("plain", |_| {}).await.tokens_in(&mut browser, "alice", "openid").await;
    let account = browser.get("/account").await;
    assert_eq!(browser.submit(&account, "/logout/confirm", &[]).await.location(), "/logout");
});

on_both!(neither_happens_unless_the_operator_wants_it(world) {
    let (mut browser, _) = at_two_apps(&world).await;
    assert!(!browser.cookies.contains_key(STATE));
    let account = browser.get("/account").await;
    assert_eq!(browser.submit(&account, "/logout/confirm", &[]).await.location(), "/logout");
    assert_eq!(browser.get("/check-session").await.status, 404);
    let discovered = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(discovered["frontchannel_logout_supported"], false);
    assert_eq!(discovered["backchannel_logout_supported"], true);
    assert!(discovered.get("check_session_iframe").is_none());
});

/// What the script of the check session endpoint computes (Session Management §3.2).
fn is_unchanged(browser: &Browser, client_id: &str, origin: &str, session_state: &str) -> bool {
    let (hash, salt) = session_state.split_once('.').unwrap();
    let text = format!("{client_id} {origin} {} {salt}", browser.cookies[STATE]);
    let own: String = secret::sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    own == hash
}

on_both!(an_app_notices_that_somebody_signed_out(world, MANAGED) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let answered = browser.walk(&shop.ask("openid", &[]).target, "alice", crate::support::world::PASSWORD).await;
    let first: BTreeMap<_, _> = answered.parameters();
    let state = &first["session_state"];
    let shop_origin = "https://shop.example";
    assert!(is_unchanged(&browser, "shop", shop_origin, state));
    assert!(!is_unchanged(&browser, "shop", "https://evil.example", state), "the origin is part of it");
    assert!(!is_unchanged(&browser, "bank", shop_origin, state));
    // A silent answer later: another salt, the same state of the browser.
    let silent = browser.get(&shop.ask("openid", &[("prompt", "none")]).target).await.parameters();
    assert_ne!(&silent["session_state"], state);
    assert!(is_unchanged(&browser, "shop", shop_origin, &silent["session_state"]));
    assert!(is_unchanged(&browser, "shop", shop_origin, state));
    let account = browser.get("/account").await;
    browser.submit(&account, "/logout/confirm", &[]).await;
    assert!(!is_unchanged(&browser, "shop", shop_origin, state));
    // It asks, and the refusal tells what to watch from now on.
    let refused = browser.get(&shop.ask("openid", &[("prompt", "none")]).target).await.parameters();
    assert_eq!(refused["error"], "login_required");
    assert!(is_unchanged(&browser, "shop", shop_origin, &refused["session_state"]));
});

on_both!(the_check_session_page_may_be_framed_and_runs_one_script(world, MANAGED) {
    let mut browser = world.browser();
    let page = browser.get("/check-session").await;
    assert_eq!(page.status, 200);
    assert!(page.headers.get("x-frame-options").is_none() && page.headers.get("set-cookie").is_none());
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("frame-ancestors"));
    let discovered = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(discovered["check_session_iframe"], format!("{}/check-session", world.issuer));
    let sign_in = browser.get("/login").await;
    assert_eq!(sign_in.header("x-frame-options"), Some("DENY"), "that page only");
    let cookies: Vec<&str> =
        sign_in.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    let state = cookies.iter().find(|cookie| cookie.starts_with(STATE)).unwrap();
    assert!(!state.contains("HttpOnly"), "{state}");
});
