//! Cross-site request forgery (RFC 9700 §4.7): forms that our own pages did not send from this browser.

use crate::on_both;
use crate::support::Browser;
use crate::support::browser::Answer;
use crate::support::world::PASSWORD;

/// The token of the form on `page` that posts to `action`.
fn token(page: &Answer, action: &str) -> String {
    page.hidden_fields(action).into_iter().find(|(name, _)| name == "csrf").unwrap().1
}

/// Every form of somebody who is signed in, with fields that would do harm.
const FORMS: [(&str, &[(&str, &str)]); 6] = [
    ("/account/profile", &[("name", "Mallory")]),
    (
        "/account/password",
        &[
            ("current_password", PASSWORD),
            ("new_password", "chosen by mallory 1"),
            ("new_password_again", "chosen by mallory 1"),
        ],
    ),
    ("/account/devices/end-others", &[]),
    ("/account/devices/SESSION/end", &[]),
    ("/account/apps/shop/remove", &[]),
    ("/logout/confirm", &[]),
];

async fn send(browser: &mut Browser, action: &str, fields: &[(&str, &str)], csrf: Option<&str>) -> Answer {
    let fields: Vec<_> = fields.iter().copied().chain(csrf.map(|csrf| ("csrf", csrf))).collect();
    browser.post(action, &fields).await
}

on_both!(no_form_is_taken_that_our_page_did_not_send_from_this_browser(world) {
    let alice = world.user("alice").await;
    world.user("mallory").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let mut other = world.signed_in("alice").await;
    let mut mallory = world.signed_in("mallory").await;

    let own = token(&browser.get("/account").await, "/account/password");
    let of_other_session = token(&other.get("/account").await, "/account/password");
    let of_mallory = token(&mallory.get("/account").await, "/account/password");
    let before_sign_in = token(&world.browser().get("/login").await, "/login");
    // This very browser, before anybody signed in (SE-10).
    let mut nobody = browser.clone();
    nobody.cookies.remove("gatepass-session");
    let of_nobody = token(&nobody.get("/login").await, "/login");
    let flipped = format!("{}{}", if own.starts_with('A') { 'B' } else { 'A' }, &own[1..]);
    let session = gatepass::store::sessions::list_live(
        world.app.store.read(), alice.id, &world.app.sign_in.idle, world.now(),
    ).await.unwrap()[0].id.to_string();

    for (action, fields) in FORMS {
        let action = action.replace("SESSION", &session);
        for bad in [None, Some(""), Some("x"), Some(&*of_other_session), Some(&of_mallory), Some(&before_sign_in),
            Some(&of_nobody), Some(&flipped), Some(&own[1..])]
        {
            let refused = send(&mut browser, &action, fields, bad).await;
            assert!([400, 403].contains(&refused.status), "{action} with {bad:?}: {}", refused.status);
            assert!(["forged_form", "session_changed"].contains(&refused.error_code()), "{action} with {bad:?}");
        }
        let twice = browser.post(&action, &[("csrf", &own), ("csrf", &own)]).await;
        assert_eq!(twice.error_code(), "forged_form");
        // With the right token, from another site.
        for header in [
            ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example"),
            ("origin", "http://127.0.0.1"), ("origin", "http://127.0.0.1.evil.example"),
        ] {
            browser.headers.push((header.0, header.1.to_owned()));
            let refused = send(&mut browser, &action, fields, Some(&own)).await;
            assert_eq!((refused.status, refused.error_code()), (403, "forged_form"), "{action} with {header:?}");
            browser.headers.pop();
        }
        // By GET nothing happens.
        let read = browser.get(&format!("{action}?csrf={own}")).await;
        match read.status {
            303 => assert_eq!(read.location(), "/account"),
            status => assert_eq!((status, read.header("allow")), (405, Some("POST")), "{action}"),
        }
    }
    let account = browser.get("/account").await;
    assert_eq!(account.status, 200, "nobody was signed out");
    assert!(account.body.contains("id=\"app-shop\"") && !account.body.contains("Mallory"));
    assert_eq!(other.get("/account").await.status, 200);
    assert_eq!(shop.introspect(tokens["access_token"].as_str().unwrap()).await["active"], true);
    assert_eq!(world.browser().sign_in("/login", "alice", PASSWORD).await.status, 303);
    assert_eq!(send(&mut browser, "/account/devices/end-others", &[], Some(&own)).await.status, 303, "ours is taken");
});

on_both!(nobody_is_signed_in_by_another_sites_form(world) {
    world.user("mallory").await;
    let mut victim = world.browser();
    let credentials = [("username", "mallory"), ("password", PASSWORD), ("action", "sign-in")];
    let by_mallory = token(&world.browser().get("/login").await, "/login");
    // A victim without and with a cookie of ours.
    for _ in 0..2 {
        for bad in [None, Some(&*by_mallory)] {
            let refused = send(&mut victim, "/login", &credentials, bad).await;
            assert!([400, 403].contains(&refused.status), "{}", refused.status);
            assert!(!victim.cookies.contains_key("gatepass-session"));
        }
        victim.get("/login").await;
    }
    let page = victim.get("/login").await;
    victim.headers.push(("sec-fetch-site", "cross-site".to_owned()));
    assert_eq!(victim.submit(&page, "/login", &credentials).await.status, 403);
    victim.headers.pop();
    assert_eq!(victim.submit(&page, "/login", &credentials).await.status, 303);
});

on_both!(two_tabs_of_one_browser_both_sign_in(world) {
    world.user("alice").await;
    world.user("bobby").await;
    let mut browser = world.browser();
    let (first, second) = (browser.get("/login").await, browser.get("/login").await);
    let enter = |username| [("username", username), ("password", PASSWORD)];
    assert_eq!(browser.submit(&first, "/login", &enter("alice")).await.status, 303);
    assert_eq!(browser.submit(&second, "/login", &enter("bobby")).await.status, 303);
    assert!(browser.get("/account").await.body.contains("bobby Example"), "the last one counts");
});

on_both!(a_form_that_is_none_is_refused(world) {
    world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    let csrf = token(&browser.get("/account").await, "/account/password");
    let client = reqwest::Client::new();
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for (content_type, body) in [
        ("application/json", format!("{{\"csrf\":\"{csrf}\"}}")),
        ("text/plain", format!("csrf={csrf}")),
        ("multipart/form-data; boundary=x", format!("--x\r\ncontent-disposition: form-data; name=csrf\r\n\r\n{csrf}\r\n--x--")),
    ] {
        let request = client.post(format!("{}/account/devices/end-others", world.issuer));
        let request = request.header("cookie", cookies.join("; ")).header("content-type", content_type).body(body);
        assert_eq!(request.send().await.unwrap().status(), 415, "{content_type}");
    }
});

on_both!(a_look_ahead_agrees_to_nothing_and_ends_nothing(world) {
    world.user("alice").await;
    let (shop, bank) = (world.shop().await, world.client("bank", |_| {}).await);
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let begun = browser.get(&bank.ask("openid", &[]).target).await;
    let consent = begun.location().to_owned();
    let waiting = consent.replace("/consent/", "/authorize/");
    let sid = crate::support::relying_party::claims(tokens["id_token"].as_str().unwrap())["sid"].clone();
    let mut ahead = browser.clone();
    ahead.headers.extend([("sec-purpose", "prefetch".to_owned()), ("purpose", "prefetch".to_owned())]);
    for target in [
        format!("{consent}?action=allow"),
        format!("{consent}?action=deny"),
        waiting.clone(),
        format!("/account/devices/{}/end", sid.as_str().unwrap()),
        "/account/devices/end-others".to_owned(),
        "/account/apps/shop/remove".to_owned(),
        "/logout".to_owned(),
        "/logout/confirm".to_owned(),
        format!("/revoke?token={}", tokens["access_token"].as_str().unwrap()),
    ] {
        let answer = ahead.get(&target).await;
        assert!(answer.header("location").is_none_or(|location| location.starts_with('/')), "{target}");
    }
    assert_eq!(shop.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 200);
    // Nobody has agreed, and nobody has said no.
    assert_eq!(browser.get(&waiting).await.location(), consent);
    assert_eq!(browser.allow(&consent).await.location(), waiting);
    assert!(browser.get(&waiting).await.parameters().contains_key("code"));
});
