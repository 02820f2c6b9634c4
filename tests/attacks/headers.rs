//! Host, forwarded and cross-origin headers (RFC 9700 §4.13): who we are stands in the configuration.

use crate::on_both;
use crate::support::world::PASSWORD;

const LIES: [(&str, &[u8]); 10] = [
    ("x-forwarded-host", b"evil.example"),
    ("x-forwarded-proto", b"https"),
    ("x-forwarded-port", b"443"),
    ("x-forwarded-prefix", b"/evil"),
    ("x-forwarded-for", b"6.6.6.6"),
    ("forwarded", b"for=6.6.6.6;host=evil.example;proto=https"),
    ("x-original-url", b"/evil"),
    ("x-rewrite-url", b"/evil"),
    ("x-host", b"evil.example"),
    ("origin", b"https://evil.example"),
];

on_both!(no_header_changes_who_we_are(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let honest = world.send("GET", "/.well-known/openid-configuration", &[], "").await;
    let lying = world.send("GET", "/.well-known/openid-configuration", &LIES, "").await;
    assert_eq!(honest.body, lying.body);
    let mut browser = world.browser();
    browser.headers.extend(LIES[..9].iter().map(|(name, value)| (*name, String::from_utf8(value.to_vec()).unwrap())));
    let sent = shop.ask("openid", &[]);
    let begun = browser.get(&sent.target).await;
    assert!(begun.location().starts_with("/login?"), "{}", begun.location());
    let page = browser.get(begun.location()).await;
    assert!(!page.body.contains("evil"), "{}", page.body);
    let answer = browser.walk(begun.location(), "alice", PASSWORD).await;
    assert_eq!(answer.parameters()["iss"], world.issuer);
    let tokens = shop.redeem(&answer.parameters()["code"], &sent).await.json();
    assert_eq!(crate::support::relying_party::claims(tokens["id_token"].as_str().unwrap())["iss"], world.issuer);
    let missing = world.send("GET", "/nowhere", &[("accept", b"text/html"), LIES[0], LIES[5]], "").await;
    assert!(missing.status == 404 && !missing.body.contains("evil"), "{}", missing.body);
    for session in gatepass::store::sessions::list_live_of_all(
        world.app.store.read(), &world.app.sign_in.idle, 10, world.now(),
    ).await.unwrap() {
        assert_eq!(session.0.address, "127.0.0.1");
    }
    // Asked for under another name nothing is served, whatever the path.
    for path in ["/.well-known/openid-configuration", "/login", &sent.target, "/token", "/nowhere"] {
        let answer = world.send("GET", path, &[("host", b"evil.example")], "").await;
        assert_eq!(answer.status, 421, "{path}");
        assert!(!answer.body.contains("evil") && answer.header("location").is_none(), "{path}: {}", answer.body);
    }
});

on_both!(other_origins_read_nothing_that_a_cookie_opens(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let session = world.signed_in("alice").await.cookies["gatepass-session"].clone();
    let cookie = format!("gatepass-session={session}");
    let target = shop.ask("openid", &[]).target;
    for (method, path) in [
        ("GET", "/.well-known/openid-configuration"), ("GET", "/.well-known/oauth-authorization-server"), ("GET", "/jwks"),
        ("GET", "/login"), ("GET", &target), ("GET", "/userinfo"), ("GET", "/nowhere"),
        ("POST", "/token"), ("POST", "/introspect"), ("POST", "/revoke"), ("POST", "/login"),
        ("OPTIONS", "/token"), ("OPTIONS", "/userinfo"), ("OPTIONS", "/login"),
    ] {
        let headers: [(&str, &[u8]); 4] = [
            ("origin", b"https://evil.example"),
            ("access-control-request-method", b"POST"),
            ("cookie", cookie.as_bytes()),
            ("authorization", bearer.as_bytes()),
        ];
        let answer = world.send(method, path, &headers, "").await;
        assert!(answer.header("access-control-allow-credentials").is_none(), "{method} {path}");
        // What looks at no cookie gives a foreign page nothing that any program would not get.
        let is_open = ["/.well-known", "/jwks", "/token", "/revoke", "/userinfo"].iter().any(|open| path.starts_with(open));
        let expected = is_open.then_some("*");
        assert_eq!(answer.header("access-control-allow-origin"), expected, "{method} {path}");
    }
});

on_both!(a_form_post_shows_no_state_as_markup_and_goes_to_the_client_only(world) {
    let shop = world.shop().await;
    let change =
        [("response_mode", "form_post"), ("state", "\"><script>alert(1)</script>"), ("prompt", "none")];
    let page = world.browser().get(&shop.ask("openid", &change).target).await;
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    let fields = page.hidden_fields("https://shop.example/callback");
    assert!(fields.contains(&("state".to_owned(), "\"><script>alert(1)</script>".to_owned())), "{fields:?}");
    let policy = page.header("content-security-policy").unwrap();
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "form-action https://shop.example"] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
});
