//! Insufficient redirect URI validation and open redirection (RFC 9700 §4.1 and §4.11).

use gatepass::registration;

use crate::on_both;
use crate::support::world::PASSWORD;

const REGISTERED: [&str; 4] = [
    "https://client.example/cb",
    "https://client.example/query?tenant=a",
    "http://127.0.0.1/cb",
    "http://[::1]:8081/cb",
];

const TRICKS: &[&str] = &[
    // Added to, cut, or spelt otherwise.
    "https://client.example/cb/",
    "https://client.example/cb/../x",
    "https://client.example/cbX",
    "https://client.example/cb?x=1",
    "https://client.example/cb?",
    "https://client.example/cb#",
    "https://client.example/cb#code",
    "https://client.example/c",
    "https://client.example",
    "https://client.example/CB",
    "https://CLIENT.example/cb",
    "HTTPS://client.example/cb",
    "https://client.example:443/cb",
    "https://client.example./cb",
    "https:/client.example/cb",
    "https:client.example/cb",
    "//client.example/cb",
    "/cb",
    "client.example/cb",
    " https://client.example/cb",
    "https://client.example/cb ",
    "https://client.example/cb\n",
    "https://client.example/cb\r\nLocation: https://evil.example",
    "http://client.example/cb",
    // Another host that looks like it.
    "https://client.example@evil.example/cb",
    "https://client.example:x@evil.example@client.example/cb",
    "https://client.example.evil.example/cb",
    "https://evil.example/https://client.example/cb",
    "https://evil.example#https://client.example/cb",
    "https://evil.example\\@client.example/cb",
    "https://evil.example%2f@client.example/cb",
    "https://сlient.example/cb",
    "https://xn--lient-9of.example/cb",
    // Encodings that somebody else might resolve.
    "https://client.example/%63b",
    "https://client.example/%2e%2e/cb",
    "https://client.example/%252e%252e%252fcb",
    "https://client.example/..;/cb",
    "https://client.example/cb%00",
    "https://client.example/cb%0d%0a",
    // The query belongs to it.
    "https://client.example/query",
    "https://client.example/query?tenant=b",
    "https://client.example/query?tenant=a&tenant=b",
    "https://client.example/query?tenant=a&code=x",
    // Only the port of a loopback address may differ, and only where none was registered.
    "http://127.0.0.1:5555/other",
    "http://127.0.0.1:5555/cb?x",
    "https://127.0.0.1:5555/cb",
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:99999/cb",
    "http://127.0.0.1:5555@evil.example/cb",
    "http://127.0.0.2/cb",
    "http://localhost:5555/cb",
    "http://[::1]:8082/cb",
    "http://[::1]/cb",
    // What a browser would run or open.
    "javascript:alert(1)",
    "JaVaScRiPt://client.example/%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://client.example/x",
    "*",
    "https://*/cb",
];

on_both!(only_what_was_registered_is_ever_redirected_to(world) {
    world.user("alice").await;
    let app = world.client("app", |metadata| metadata.redirect_uris = REGISTERED.map(str::to_owned).to_vec()).await;
    let mut browser = world.browser();
    for trick in TRICKS {
        // Whatever else is wrong with the request.
        for scope in ["openid", "bad"] {
            let sent = app.ask(scope, &[("redirect_uri", trick), ("prompt", "none")]);
            let answer = browser.get(&sent.target).await;
            assert_eq!((answer.status, answer.header("location")), (400, None), "{trick}");
            assert_eq!(answer.error_code(), "invalid_redirect_uri", "{trick}");
            assert!(!answer.body.contains("evil.example") && !answer.body.contains("script:"), "{trick}");
        }
    }
    for good in [REGISTERED[0], REGISTERED[1], "http://127.0.0.1:5555/cb", "http://127.0.0.1/cb", REGISTERED[3]] {
        let sent = app.ask("openid", &[("redirect_uri", good)]);
        let answer = browser.walk(&sent.target, "alice", PASSWORD).await;
        let joint = if good.contains('?') { '&' } else { '?' };
        assert!(answer.location().starts_with(&format!("{good}{joint}code=")), "{}", answer.location());
        let code = &answer.parameters()["code"];
        // RFC 6749 §4.1.3: the same again at the token endpoint, port and all.
        for other in REGISTERED.iter().filter(|other| **other != good) {
            let answer = app.redeem_changed(code, &sent, &[("redirect_uri", other)]).await;
            assert_eq!(answer.error(), "invalid_grant", "{other}");
        }
        assert_eq!(app.redeem_changed(code, &sent, &[("redirect_uri", good)]).await.status, 200);
    }
});

on_both!(only_what_was_registered_is_ever_gone_to_after_a_sign_out(world) {
    world.user("alice").await;
    let registered = || REGISTERED.map(str::to_owned).to_vec();
    let app = world.client("app", |metadata| metadata.post_logout_redirect_uris = registered()).await;
    let mut browser = world.browser();
    let tokens = app.tokens_in(&mut browser, "alice", "openid").await;
    let logout = |uri: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("id_token_hint", tokens["id_token"].as_str().unwrap());
        format!("/logout?{}", query.append_pair("post_logout_redirect_uri", uri).finish())
    };
    for trick in TRICKS {
        let answer = browser.get(&logout(trick)).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{trick}");
        assert_eq!(answer.error_code(), "invalid_redirect_uri", "{trick}");
    }
    assert_eq!(browser.get("/account").await.status, 200, "and nobody was signed out");
    for good in [REGISTERED[0], REGISTERED[1], "http://127.0.0.1:5555/cb", REGISTERED[3]] {
        assert_eq!(browser.get(&logout(good)).await.location(), good);
    }
});

on_both!(a_redirect_uri_that_was_taken_away_gets_no_code(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let begun = browser.get(&shop.ask("openid", &[]).target).await;
    let signed_in = browser.sign_in(begun.location(), "alice", PASSWORD).await;
    let mut changed = shop.client.clone();
    changed.metadata.redirect_uris = vec!["https://shop.example/new".to_owned()];
    registration::change(&world.app.store, changed, world.now()).await.unwrap();
    let answer = browser.get(signed_in.location()).await;
    assert_eq!((answer.status, answer.header("location")), (400, None));
    assert_eq!(answer.error_code(), "invalid_redirect_uri");
});

on_both!(after_a_password_the_browser_is_never_told_to_send_it_on(world) {
    // RFC 9700 §4.12: 303, which makes the browser forget the body.
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let begun = browser.get(&shop.ask("openid", &[]).target).await;
    let page = browser.get(begun.location()).await;
    let fields = [("username", "alice"), ("password", PASSWORD), ("action", "sign-in")];
    let signed_in = browser.submit(&page, "/login", &fields).await;
    let consent = browser.get(signed_in.location()).await;
    let agreed = browser.allow(consent.location()).await;
    for answer in [begun, signed_in, consent, agreed] {
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert!(answer.location().starts_with('/'), "{}", answer.location());
    }
});
