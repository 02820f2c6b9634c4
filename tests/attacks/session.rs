//! Sessions that are planted, guessed, kept or taken over.

use crate::on_both;
use crate::support::world::{PASSWORD, World};

const SESSION: &str = "gatepass-session";
const BROWSER: &str = "gatepass-browser";

on_both!(a_planted_cookie_never_becomes_a_session(world) {
    world.user("alice").await;
    let mut mallory = world.browser();
    mallory.get("/login").await;
    let planted = "A".repeat(43);
    let mut victim = world.browser();
    victim.cookies.insert(SESSION.to_owned(), planted.clone());
    victim.sign_in("/login", "alice", PASSWORD).await;
    assert_ne!(victim.cookies[SESSION], planted);
    mallory.cookies.insert(SESSION.to_owned(), planted);
    assert_eq!(mallory.get("/account").await.status, 303);
});

on_both!(every_sign_in_has_a_new_secret_and_the_old_one_is_dead(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.signed_in("alice").await;
    let first = browser.clone();
    let asked = browser.get(&shop.ask("openid", &[("prompt", "login")]).target).await;
    browser.sign_in(asked.location(), "alice", PASSWORD).await;
    assert_ne!(browser.cookies[SESSION], first.cookies[SESSION]);
    assert_eq!(first.clone().get("/account").await.status, 303);
    assert_eq!(browser.get("/account").await.status, 200);
});

on_both!(a_cookie_that_is_not_exactly_ours_is_nobodys(world) {
    world.user("alice").await;
    let browser = world.signed_in("alice").await;
    let secret = browser.cookies[SESSION].clone();
    for forged in [
        secret[1..].to_owned(), format!("{secret}="), format!("{secret}A"), format!("\"{secret}\""), secret.to_lowercase(),
        "null".to_owned(), "0".to_owned(), "%00".to_owned(), "'".to_owned(), "é".repeat(10), "A".repeat(4_000),
    ] {
        let mut forger = world.browser();
        forger.cookies.insert(SESSION.to_owned(), forged.clone());
        let answer = forger.get("/account").await;
        assert_eq!((answer.status, answer.location()), (303, "/login"), "{forged:.50}");
    }
    for name in ["Gatepass-Session", " gatepass-session", "gatepass-session ", "__Host-gatepass-session", "gatepass_session"] {
        let mut forger = world.browser();
        forger.headers.push(("cookie", format!("{name}={secret}")));
        let status = forger.get("/account").await.status;
        // White space around a name is no part of it (RFC 6265 §5.4).
        assert_eq!(status, if name.starts_with(' ') { 200 } else { 303 }, "{name:?}");
    }
    let mut tossed = world.browser();
    let many: Vec<_> = (0..60).map(|at| format!("c{at}=x")).collect();
    tossed.headers.push(("cookie", format!("{}; {SESSION}={secret}; {SESSION}={}", many.join("; "), "A".repeat(43))));
    assert_eq!(tossed.get("/account").await.status, 303, "of two cookies neither counts");
});

on_both!(an_old_cookie_is_dead_after_signing_out(world) {
    world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    let mut kept = browser.clone();
    let page = browser.get("/account").await;
    browser.submit(&page, "/logout/confirm", &[]).await;
    assert!(!browser.cookies.contains_key(SESSION));
    assert_eq!(kept.get("/account").await.status, 303);
});

on_both!(whoever_signs_in_second_takes_the_place_of_the_first(world) {
    world.user("alice").await;
    world.user("bobby").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let asked = browser.get(&shop.ask("openid", &[]).target).await;
    let signed_in = browser.sign_in(asked.location(), "alice", PASSWORD).await;
    let to_consent = browser.get(signed_in.location()).await.location().to_owned();
    let page = browser.get(&to_consent).await;
    let mut alices = browser.clone();

    let other_tab = browser.get(&shop.ask("openid", &[("prompt", "login")]).target).await;
    browser.sign_in(other_tab.location(), "bobby", PASSWORD).await;
    let refused = browser.submit(&page, &to_consent, &[("action", "allow")]).await;
    assert_eq!((refused.status, refused.error_code()), (400, "session_changed"), "bobby does not agree for alice");
    let reloaded = browser.get(&to_consent).await;
    assert_eq!(reloaded.error_code(), "session_changed");
    assert_eq!(alices.get("/account").await.status, 303, "her session in this browser is over");
});

on_both!(what_one_person_agreed_to_is_not_agreed_by_the_next(world) {
    world.user("alice").await;
    world.user("bobby").await;
    let shop = world.shop().await;
    let mut browser = world.signed_in("alice").await;
    let asked = browser.get(&shop.ask("openid", &[("prompt", "consent")]).target).await;
    let to_consent = asked.location().to_owned();
    let agreed = browser.allow(&to_consent).await;
    let resume = agreed.location().to_owned();
    // Before the answer leaves, somebody else signs in for the same request.
    let id = resume.rsplit('/').next().unwrap();
    let page = browser.get(&format!("/login?authorization={id}")).await;
    browser.submit(&page, "/login", &[("username", "bobby"), ("password", PASSWORD)]).await;
    let next = browser.get(&resume).await;
    assert!(next.location().contains("/consent/"), "{}", next.location());
});

on_both!(a_request_belongs_to_the_browser_that_began_it(world) {
    world.user("alice").await;
    world.user("mallory").await;
    let shop = world.shop().await;
    let mut mallory = world.browser();
    let asked = mallory.get(&shop.ask("openid", &[]).target).await;
    let signed_in = mallory.sign_in(asked.location(), "mallory", PASSWORD).await;
    let to_consent = mallory.get(signed_in.location()).await.location().to_owned();

    let mut victim = world.signed_in("alice").await;
    for target in [asked.location(), &to_consent, signed_in.location()] {
        let refused = victim.get(target).await;
        assert_eq!((refused.status, refused.error_code()), (403, "other_browser"), "{target}");
    }
    let own = victim.get("/account").await.hidden_fields("/account/password").remove(0).1;
    let refused = victim.post(&to_consent, &[("csrf", &own), ("action", "allow")]).await;
    assert_eq!(refused.error_code(), "other_browser");
    let id = to_consent.rsplit('/').next().unwrap();
    let page = world.browser().get("/login").await;
    let refused = world.browser().submit(&page, "/login", &[("authorization", id), ("action", "cancel")]).await;
    assert_eq!(refused.status, 403);
    assert!(mallory.allow(&to_consent).await.location().contains("/authorize/"), "nothing was spoilt");
});

on_both!(a_cookie_is_for_our_eyes_only(world, [("issuer.url", "https://id.example")]) {
    cookies_are(&world, "__Host-", "; Path=/; Secure; HttpOnly; SameSite=Lax").await;
});

on_both!(a_cookie_on_loopback_cannot_be_secure_but_all_else(world) {
    cookies_are(&world, "", "; Path=/; HttpOnly; SameSite=Lax").await;
});

async fn cookies_are(world: &World, prefix: &str, attributes: &str) {
    world.user("alice").await;
    // A proxy has taken the TLS off.
    let mut browser = world.browser().at(world);
    let page = browser.get("/login").await;
    let entered = browser.submit(&page, "/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(entered.status, 303, "{}", entered.body);
    let set = |answer: &crate::support::browser::Answer| -> Vec<String> {
        answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()).collect()
    };
    let (browser_cookie, session_cookie) = (set(&page), set(&entered));
    assert_eq!((browser_cookie.len(), session_cookie.len()), (1, 1));
    let value = |line: &str, name: &str| {
        let rest = line.strip_prefix(&format!("{prefix}{name}=")).unwrap_or_else(|| panic!("{line}"));
        let (value, rest) = rest.split_at(43);
        (value.to_owned(), rest.to_owned())
    };
    let (_, rest) = value(&browser_cookie[0], BROWSER);
    assert_eq!(rest, format!("{attributes}; Max-Age=34560000"));
    let (secret, rest) = value(&session_cookie[0], SESSION);
    assert_eq!(rest, attributes, "it goes with the browser's window");
    assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
}
