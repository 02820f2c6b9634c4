//! What strangers write onto our pages, and pages in other people's frames (RFC 9700 §4.16).

use std::time::Duration;

use serde_json::Value;

use crate::on_both;
use crate::support::Browser;
use crate::support::browser::Answer;
use crate::support::world::PASSWORD;

const HOSTILE: &str = "\"><svg onload=alert(1)>'{{31337*31337}}\u{202e}";

fn is_fenced(answer: &Answer) {
    let content_type = answer.header("content-type").unwrap_or_default();
    assert_eq!(content_type, "text/html; charset=utf-8");
    let policy = answer.header("content-security-policy").unwrap();
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("x-request-id").is_some());
}

on_both!(every_page_is_fenced_also_the_ones_that_report_a_mistake(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let asked = browser.get(&shop.ask("openid", &[]).target).await;
    let mut pages = vec![browser.get(asked.location()).await];
    pages.push(browser.sign_in(asked.location(), "alice", "wrong").await);
    let signed_in = browser.sign_in(asked.location(), "alice", PASSWORD).await;
    let consent = browser.get(signed_in.location()).await.location().to_owned();
    pages.push(browser.get(&consent).await);
    for target in ["/account", "/logout", "/no-such-page", "/consent/x", "/authorize", "/login?authorization=x", "/login?a=%zz"] {
        pages.push(browser.get(target).await);
    }
    pages.push(browser.post("/account/password", &[]).await);
    pages.push(browser.post("/account", &[]).await);
    pages.push(browser.get(&format!("/login?{}", "x".repeat(9_000))).await);
    pages.push(browser.post("/login", &[("password", &"x".repeat(70_000))]).await);
    let statuses: Vec<u16> = pages.iter().map(|page| page.status).collect();
    assert_eq!(statuses, [200, 422, 200, 200, 200, 404, 400, 400, 400, 400, 403, 405, 414, 413]);
    pages.iter().for_each(is_fenced);
    assert_eq!(pages[11].header("allow"), Some("GET,HEAD"));
});

on_both!(programs_get_no_pages(world) {
    let mut program = world.browser();
    program.headers = vec![("accept", "application/json".to_owned())];
    let missing = program.get("/no-such-page").await;
    assert_eq!((missing.status, missing.body.as_str()), (404, "not_found"));
    let mut curious = world.browser();
    for path in ["/token", "/introspect", "/revoke"] {
        let refused = curious.get(path).await;
        assert_eq!(refused.status, 405);
        assert!(!refused.body.contains("<html"), "{path}");
    }
});

on_both!(names_of_strangers_are_only_names(world) {
    let hostile: Browser = {
        let mut browser = world.browser();
        browser.headers.push(("user-agent", "\"><svg onload=alert(1)>/1.0".to_owned()));
        browser
    };
    let user = world.user("alice").await;
    let mut claims = user.claims.clone();
    claims.insert("name".to_owned(), Value::from(HOSTILE));
    claims.insert("email".to_owned(), Value::from(format!("{HOSTILE}@x")));
    let now = world.now();
    world.app.store.write((user.id, claims, now), |tx, (user, claims, now)| {
        Box::pin(gatepass::store::users::set_claims(tx, *user, claims, *now))
    }).await.unwrap();
    let shop = world.client("shop", |metadata| {
        metadata.client_name = Some("\"><svg onload=alert(1)>'{{31337*31337}}".to_owned());
        metadata.policy_uri = Some("https://shop.example/?'&lt;svg&gt;".to_owned());
        metadata.tos_uri = Some("https://shop.example/#javascript:alert(1)".to_owned());
    }).await;
    let mut browser = hostile;
    let sent = shop.ask("openid email", &[("state", HOSTILE), ("login_hint", HOSTILE), ("ui_locales", "en \"><svg>")]);
    let asked = browser.get(&sent.target).await;
    let mut pages = vec![browser.get(asked.location()).await];
    pages.push(browser.sign_in(asked.location(), HOSTILE, "x").await);
    let signed_in = browser.sign_in(asked.location(), "alice", PASSWORD).await;
    let consent = browser.get(signed_in.location()).await.location().to_owned();
    pages.push(browser.get(&consent).await);
    let answer = browser.allow(&consent).await;
    browser.get(answer.location()).await;
    pages.push(browser.get("/account").await);
    pages.push(browser.post("/account/profile", &[("name", HOSTILE)]).await);
    for page in &pages {
        assert!(!page.body.contains("<svg") && !page.body.contains("982007569"), "{}", page.body);
        is_fenced(page);
    }
    let fields = [("website", HOSTILE), ("nickname", HOSTILE), ("street_address", "</textarea><svg onload=alert(1)>")];
    let account = browser.get("/account").await;
    let refused = browser.submit(&account, "/account/profile", &fields).await;
    assert_eq!(refused.status, 422);
    assert!(!refused.body.contains("<svg"));
});

on_both!(an_error_page_repeats_nothing_and_leads_nowhere(world) {
    let shop = world.shop().await;
    let mut browser = world.browser();
    let evil = "https://evil.example/\"><script>alert(1)</script>";
    for change in [
        [("redirect_uri", evil), ("state", HOSTILE)],
        [("client_id", evil), ("state", HOSTILE)],
        [("redirect_uri", "javascript:alert(1)"), ("error_description", HOSTILE)],
    ] {
        let refused = browser.get(&shop.ask("openid", &change).target).await;
        assert_eq!(refused.status, 400);
        is_fenced(&refused);
        for piece in ["evil.example", "alert(1)", "<svg", "javascript:", "{{31337*31337}}"] {
            assert!(!refused.body.contains(piece), "{piece} in {}", refused.body);
        }
    }
    assert_eq!(browser.get(&format!("/{}", "%3Cscript%3E")).await.error_code(), "not_found");
});

on_both!(no_parameter_of_ours_leads_elsewhere(world) {
    world.user("alice").await;
    for name in ["return_to", "next", "redirect", "continue", "default_redirect", "done"] {
        for value in ["//evil.example", "https:evil.example", "/\\evil.example", "javascript:alert(1)"] {
            let mut browser = world.browser();
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            let target = format!("/login?{name}={encoded}");
            let page = browser.get(&target).await;
            assert!(!page.body.contains("evil.example") && !page.body.contains("javascript:"));
            let fields = [("username", "alice"), ("password", PASSWORD), (name, value)];
            let entered = browser.submit(&page, "/login", &fields).await;
            assert_eq!(entered.location(), "/account", "{name}={value}");
            world.time_passes(Duration::from_secs(10));
        }
    }
});
