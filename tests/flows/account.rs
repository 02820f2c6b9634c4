//! One's own account: profile, password, devices, apps.

use std::time::Duration;

use serde_json::Value;

use crate::on_both;
use crate::support::Browser;
use crate::support::browser::Answer;
use crate::support::world::{PASSWORD, World};

const NEW_PASSWORD: &str = "a newer and longer horse";

/// The form of the account page that goes to `action`.
async fn post(browser: &mut Browser, action: &str, fields: &[(&str, &str)]) -> Answer {
    let page = browser.get("/account").await;
    browser.submit(&page, action, fields).await
}

/// The page after the redirect.
async fn after(browser: &mut Browser, answer: Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.body);
    browser.get(answer.location()).await.body
}

/// The identifiers behind `id="PREFIX-…"`.
fn ids(page: &str, prefix: &str) -> Vec<String> {
    let mark = format!("<li id=\"{prefix}-");
    page.split(&mark).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

fn notice(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("id=\"notice\"")?;
    let text = rest.split_once('>')?.1.split("</p>").next()?;
    Some(text.replace("<bdi>", "").replace("</bdi>", ""))
}

async fn change_password(browser: &mut Browser, current: &str, new: &str, again: &str) -> Answer {
    let fields = [("current_password", current), ("new_password", new), ("new_password_again", again)];
    post(browser, "/account/password", &fields).await
}

async fn refreshes(world: &World, app: &crate::support::RelyingParty, tokens: &Value) -> bool {
    // Past the grace in which a lost answer is given again.
    world.time_passes(Duration::from_secs(31));
    app.refresh(tokens["refresh_token"].as_str().unwrap()).await.status == 200
}

on_both!(a_claim_that_is_changed_is_what_apps_read(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.signed_in("alice").await;
    let tokens = shop.tokens_in(&mut browser, "alice", "openid profile email address").await;
    world.time_passes(Duration::from_secs(5));
    let fields = [
        ("name", " Alice <b>\"Ödön\"</b> 벨라 "), ("given_name", ""), ("birthdate", "0000-05-21"), ("locale", "ko"),
        ("zoneinfo", "Asia/Seoul"), ("website", "https://alice.example/"), ("street_address", "1 Main St\r\nTop floor"),
        ("locality", "Seoul"),
        // What is not in the form is not changed by it.
        ("email", "boss@example.com"), ("email_verified", "false"), ("sub", "1"), ("preferred_username", "boss"),
    ];
    let saved = post(&mut browser, "/account/profile", &fields).await;
    let page = after(&mut browser, saved).await;
    assert_eq!(notice(&page).as_deref(), Some("Your profile was saved."));
    assert!(page.contains("value=\"Alice &#60;b&#62;&#34;Ödön&#34;&#60;/b&#62; 벨라\""), "{page}");

    let read = shop.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(read["name"], "Alice <b>\"Ödön\"</b> 벨라");
    assert!(read["given_name"].is_null(), "what is emptied goes");
    assert!(read["family_name"].is_null());
    assert_eq!(read["birthdate"], "0000-05-21");
    assert_eq!(read["address"], serde_json::json!({ "street_address": "1 Main St\nTop floor", "locality": "Seoul" }));
    assert_eq!(read["email"], "alice@example.com");
    assert_eq!(read["email_verified"], true);
    assert_eq!(read["preferred_username"], "alice");
    let changed_at = read["updated_at"].as_i64().unwrap();
    assert!(changed_at >= world.now().secs() - 3, "{changed_at}");

    // Saving the same again changes nothing, not even the time.
    world.time_passes(Duration::from_secs(60));
    let saved = post(&mut browser, "/account/profile", &fields[..8]).await;
    assert_eq!(saved.status, 303);
    let read = shop.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(read["updated_at"].as_i64(), Some(changed_at));
});

on_both!(a_claim_that_cannot_be_is_not_taken_and_nothing_is_lost(world) {
    let alice = world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    for (claim, value) in [
        ("website", "javascript:alert(1)"), ("picture", "ftp://x/"), ("profile", "not a url"),
        ("birthdate", "1990-02-31"), ("birthdate", "21.5.1990"), ("zoneinfo", "Europe/Paris; DROP TABLE"),
        ("locale", "klingon!"), ("name", &"x".repeat(201)), ("country", &"x".repeat(2_000)),
    ] {
        let refused = post(&mut browser, "/account/profile", &[(claim, value), ("nickname", "Al")]).await;
        assert_eq!(refused.status, 422, "{claim}={value:.40}: {}", refused.body);
        assert!(refused.body.contains(&format!("id=\"claim-{claim}-error\"")), "{claim}");
        assert!(refused.body.contains("value=\"Al\""), "what else was typed is still there");
    }
    let stored = gatepass::store::users::find(world.app.store.read(), alice.id).await.unwrap().unwrap();
    assert_eq!(stored.claims, alice.claims);
});

on_both!(a_new_password_ends_everything_elsewhere_and_the_old_cookie_here(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut here = world.signed_in("alice").await;
    let mut elsewhere = world.browser();
    let own = shop.tokens_in(&mut here, "alice", "openid offline_access").await;
    let others = shop.tokens_in(&mut elsewhere, "alice", "openid offline_access").await;
    // Granted in a session that has ended since, and promised to outlive it.
    let mut past = world.browser();
    let outlived = shop.tokens_in(&mut past, "alice", "openid offline_access").await;
    let page = past.get("/account").await;
    past.submit(&page, "/logout/confirm", &[]).await;
    let outlived = shop.refresh(outlived["refresh_token"].as_str().unwrap()).await;
    assert_eq!(outlived.status, 200, "{}", outlived.body);
    let mut copied = here.clone();

    let changed = change_password(&mut here, PASSWORD, NEW_PASSWORD, NEW_PASSWORD).await;
    let page = after(&mut here, changed).await;
    assert!(notice(&page).unwrap().starts_with("Your password was changed."), "{page}");
    assert_eq!(ids(&page, "device").len(), 1, "this one stays");
    assert_eq!(elsewhere.get("/account").await.status, 303);
    assert_eq!(copied.get("/account").await.status, 303, "a copy of the cookie is worth nothing");
    assert!(refreshes(&world, &shop, &own).await);
    assert!(!refreshes(&world, &shop, &others).await);
    assert!(!refreshes(&world, &shop, &outlived.json()).await);

    assert_eq!(world.browser().sign_in("/login", "alice", PASSWORD).await.status, 422);
    assert_eq!(world.browser().sign_in("/login", "alice", NEW_PASSWORD).await.status, 303);
});

on_both!(a_password_that_is_not_taken_changes_nothing(world) {
    world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    let mut other = world.signed_in("alice").await;
    for (current, new, again, said) in [
        (PASSWORD, NEW_PASSWORD, "another", "differ"),
        ("wrong", NEW_PASSWORD, NEW_PASSWORD, "not your current password"),
        (PASSWORD, "short", "short", "at least 8 characters"),
        (PASSWORD, "", "", "at least 8 characters"),
        (PASSWORD, "password1234", "password1234", "easy to guess"),
        (PASSWORD, "alice@example.com", "alice@example.com", "your own name"),
        (PASSWORD, PASSWORD, PASSWORD, "is the current one"),
        (PASSWORD, &"x".repeat(2_000), &"x".repeat(2_000), "too long"),
    ] {
        let refused = change_password(&mut browser, current, new, again).await;
        assert_eq!(refused.status, 422, "{new:.40}: {}", refused.body);
        assert!(refused.body.contains(said), "{said}: {}", refused.body);
        world.time_passes(Duration::from_secs(901));
    }
    assert_eq!(other.get("/account").await.status, 200);
    assert_eq!(world.browser().sign_in("/login", "alice", PASSWORD).await.status, 303);
});

on_both!(guessing_the_current_password_is_guessing(world) {
    world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    for _ in 0..5 {
        assert_eq!(change_password(&mut browser, "wrong", NEW_PASSWORD, NEW_PASSWORD).await.status, 422);
    }
    let refused = change_password(&mut browser, PASSWORD, NEW_PASSWORD, NEW_PASSWORD).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("900"));
    // The same budget as at the sign-in page of this browser.
    browser.cookies.remove("gatepass-session");
    assert_eq!(browser.sign_in("/login", "alice", PASSWORD).await.status, 429);
});

on_both!(ending_a_device_ends_what_was_granted_there(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut laptop = world.browser();
    laptop.headers.push(("user-agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/145.0 \"><svg>".to_owned()));
    let on_laptop = shop.tokens_in(&mut laptop, "alice", "openid offline_access").await;
    let mut phone = world.browser();
    let on_phone = shop.tokens_in(&mut phone, "alice", "openid").await;

    let page = phone.get("/account").await.body;
    let devices = ids(&page, "device");
    assert_eq!(devices.len(), 2);
    assert!(page.contains("Firefox on Windows") && !page.contains("<svg>"));
    let (here, rest) = page.split_once(&format!("<li id=\"device-{}\"", devices[1])).unwrap();
    assert!(here.contains("id=\"this-device\"") && !rest.contains("id=\"this-device\""), "this one comes first");

    let ended = post(&mut phone, &format!("/account/devices/{}/end", devices[1]), &[]).await;
    let page = after(&mut phone, ended).await;
    assert_eq!(notice(&page).as_deref(), Some("Signed out of Firefox on Windows."));
    assert_eq!(ids(&page, "device"), devices[..1]);
    assert_eq!(laptop.get("/account").await.status, 303);
    assert!(!refreshes(&world, &shop, &on_laptop).await, "offline access dies with a device");
    assert!(refreshes(&world, &shop, &on_phone).await);
    assert_eq!(shop.introspect(on_laptop["access_token"].as_str().unwrap()).await["active"], false);
});

on_both!(nobody_ends_the_device_of_somebody_else(world) {
    world.user("alice").await;
    world.user("mallory").await;
    let mut alice = world.signed_in("alice").await;
    let mut mallory = world.signed_in("mallory").await;
    let hers = ids(&alice.get("/account").await.body, "device");
    let his = mallory.get("/account").await;
    assert!(!his.body.contains(&hers[0]));
    let csrf = his.hidden_fields("/account/password").into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    for id in [&hers[0], "AZqfLNPUcBC8Ff9YiEJKiw", "x", "..%2f..", "%00", "%ff"] {
        let refused = mallory.post(&format!("/account/devices/{id}/end"), &[("csrf", &csrf)]).await;
        assert!([400, 404].contains(&refused.status), "{id}: {}", refused.status);
    }
    assert_eq!(alice.get("/account").await.status, 200);
});

on_both!(ending_this_device_signs_out(world) {
    world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    let here = ids(&browser.get("/account").await.body, "device");
    let ended = post(&mut browser, &format!("/account/devices/{}/end", here[0]), &[]).await;
    assert!(!browser.cookies.contains_key("gatepass-session"));
    assert!(after(&mut browser, ended).await.contains("You are signed out"));
});

on_both!(signing_out_everywhere_else_leaves_this_device(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut here = world.signed_in("alice").await;
    let mut others = [world.signed_in("alice").await, world.signed_in("alice").await];
    let elsewhere = shop.tokens_in(&mut others[0], "alice", "openid offline_access").await;
    let ended = post(&mut here, "/account/devices/end-others", &[]).await;
    let page = after(&mut here, ended).await;
    assert_eq!(notice(&page).as_deref(), Some("Signed out of 2 other devices."));
    assert_eq!(ids(&page, "device").len(), 1);
    for other in &mut others {
        assert_eq!(other.get("/account").await.status, 303);
    }
    assert!(!refreshes(&world, &shop, &elsewhere).await);
});

on_both!(a_removed_app_loses_its_tokens_and_has_to_ask_again(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let bank = world.client("bank/1?x#\"<&>", |_| {}).await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid email offline_access").await;
    let kept = bank.tokens_in(&mut browser, "alice", "openid").await;
    let page = browser.get("/account").await;
    assert_eq!(ids(&page.body, "app").len(), 2);
    assert!(page.body.contains("The shop") && page.body.contains("Keep this access while you are away"));

    let removed = post(&mut browser, "/account/apps/shop/remove", &[]).await;
    let page = after(&mut browser, removed).await;
    assert_eq!(notice(&page).as_deref(), Some("The shop can no longer use your account."));
    assert_eq!(ids(&page, "app").len(), 1);
    assert!(!refreshes(&world, &shop, &tokens).await);
    assert!(refreshes(&world, &bank, &kept).await);
    assert!(browser.get(&shop.ask("openid", &[]).target).await.location().contains("/consent/"));

    let action = "/account/apps/bank%2F1%3Fx%23%22%3C%26%3E/remove";
    assert_eq!(post(&mut browser, action, &[]).await.status, 303, "whatever a client is called");
    let csrf = browser.get("/account").await.hidden_fields("/account/password").remove(0);
    assert_eq!(csrf.0, "csrf");
    for unknown in ["shop", "nobody", "%00", "a%2fb"] {
        let refused = browser.post(&format!("/account/apps/{unknown}/remove"), &[("csrf", &csrf.1)]).await;
        assert_eq!(refused.status, 404, "{unknown}");
    }
});

on_both!(a_notice_that_somebody_made_up_is_not_shown(world) {
    world.user("alice").await;
    let mut browser = world.signed_in("alice").await;
    let told = change_password(&mut browser, PASSWORD, NEW_PASSWORD, NEW_PASSWORD).await.location().to_owned();
    assert!(notice(&browser.get(&told).await.body).is_some());
    let now = world.now().secs();
    for forged in [
        "/account?done=password-changed".to_owned(),
        format!("/account?done={now}.password-changed.AAAA"),
        told.replace("password-changed", "profile-saved"),
        format!("{told}x"),
        "/account?done=.".to_owned(),
        "/account?done=%F0%9F%A6%80.x.y".to_owned(),
    ] {
        let page = browser.get(&forged).await;
        assert_eq!(page.status, 200, "{forged}");
        assert_eq!(notice(&page.body), None, "{forged}");
    }
    let mut other = world.browser();
    other.sign_in("/login", "alice", NEW_PASSWORD).await;
    assert_eq!(notice(&other.get(&told).await.body), None, "it is told to one session");
    world.time_passes(Duration::from_secs(61));
    assert_eq!(notice(&browser.get(&told).await.body), None, "and once");
});
