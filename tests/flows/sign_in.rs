//! Signing in on our own page: the way in, the refusals, how long it lasts.

use std::time::Duration;

use futures_util::FutureExt;
use gatepass::sign_in::hashing::{HashParameters, Hashing};
use gatepass::sign_in::password::Password;
use gatepass::store::credentials::{self, Kind};
use gatepass::store::sessions;
use gatepass::store::users::{self, Status};

use crate::on_both;
use crate::support::Browser;
use crate::support::browser::Answer;
use crate::support::world::PASSWORD;

const SESSION: &str = "gatepass-session";

async fn try_password(browser: &mut Browser, username: &str, password: &str) -> Answer {
    browser.sign_in("/login", username, password).await
}

async fn is_signed_in(browser: &mut Browser) -> bool {
    browser.get("/account").await.status == 200
}

/// Without what differs from one answer to the next by chance.
fn without_chance(answer: &Answer) -> String {
    let csrf = answer.hidden_fields("/login").into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    answer.body.replace(&csrf, "CSRF")
}

on_both!(the_way_to_ones_account_leads_through_the_sign_in_page(world) {
    world.user("alice").await;
    let mut browser = world.browser();
    assert_eq!(browser.get("/").await.location(), "/account");
    assert_eq!(browser.get("/account").await.location(), "/login");
    let page = browser.get("/login").await;
    assert!(!page.body.contains("sign-in-cancel"), "there is nobody to go back to");
    let entered = browser.sign_in("/login", " ALICE ", PASSWORD).await;
    assert_eq!((entered.status, entered.location()), (303, "/account"));
    assert!(browser.get("/account").await.body.contains("id=\"this-device\""));
    assert_eq!(browser.get("/login").await.location(), "/account");
});

on_both!(a_refusal_says_nothing_of_the_account(world) {
    let alice = world.user("alice").await;
    let disabled = world.user("bobby").await;
    let bare = world.user("carol").await;
    let now = world.now();
    world.app.store.write((disabled.id, bare.id, now), |tx, (disabled, bare, now)| Box::pin(async move {
        users::set_status(tx, *disabled, Status::Disabled(*now)).await?;
        credentials::remove_all(tx, *bare).await
    })).await.unwrap();

    let mut answers = Vec::new();
    for (username, password) in [
        ("alice", "wrong"), ("alice", ""), ("nobody", PASSWORD), ("bobby", PASSWORD), ("carol", PASSWORD),
        ("a b\u{200b}", PASSWORD), ("' OR 1=1 --", PASSWORD), ("*)(uid=*", PASSWORD),
    ] {
        let mut browser = world.browser();
        let computed = world.app.sign_in.hashing.computed();
        let answer = try_password(&mut browser, username, password).await;
        assert_eq!(answer.status, 422, "{username}: {}", answer.body);
        assert_eq!(world.app.sign_in.hashing.computed(), computed + 1, "{username} costs one hash");
        assert!(!is_signed_in(&mut browser).await);
        assert!(!browser.cookies.contains_key(SESSION));
        let shown = username.replace('\'', "&#39;");
        assert!(answer.body.contains(&format!("value=\"{shown}\"")), "{username} is kept in {}", answer.body);
        answers.push(without_chance(&answer).replace(&shown, "NAME"));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "all of them read alike");
    assert!(!answers[0].contains(&alice.id.to_string()));
});

on_both!(guesses_run_out_for_a_while_and_for_one_account_only(world) {
    world.user("alice").await;
    world.user("bobby").await;
    // One person under many spellings (LG-04), and many browsers.
    for variant in ["alice", "ALICE", " alice ", "\u{ff21}lice", "Alice"] {
        assert_eq!(try_password(&mut world.browser(), variant, "wrong").await.status, 422, "{variant}");
    }
    let refused = try_password(&mut world.browser(), "alice", PASSWORD).await;
    assert_eq!(refused.status, 429, "the right one has to wait too");
    assert_eq!(refused.header("retry-after"), Some("900"));
    assert!(refused.body.contains("Please wait 15 minutes"), "{}", refused.body);
    assert_eq!(try_password(&mut world.browser(), "bobby", PASSWORD).await.status, 303);

    world.time_passes(Duration::from_secs(901));
    assert_eq!(try_password(&mut world.browser(), "alice", PASSWORD).await.status, 303);
});

on_both!(nobody_locks_a_person_out_of_their_own_browser(world) {
    world.user("alice").await;
    let mut own = world.signed_in("alice").await;
    own.cookies.remove(SESSION);
    for _ in 0..6 {
        try_password(&mut world.browser(), "alice", "wrong").await;
    }
    assert_eq!(try_password(&mut world.browser(), "alice", PASSWORD).await.status, 429);
    assert_eq!(try_password(&mut own, "alice", PASSWORD).await.status, 303);
});

on_both!(one_address_has_one_budget_whatever_it_claims(world) {
    for guess in 0..20 {
        let mut browser = world.browser();
        browser.headers.push(("x-forwarded-for", format!("203.0.113.{guess}")));
        browser.headers.push(("forwarded", format!("for=203.0.113.{guess}")));
        assert_eq!(try_password(&mut browser, &format!("user{guess}"), "wrong").await.status, 422);
    }
    let refused = try_password(&mut world.browser(), "user20", "wrong").await;
    assert_eq!(refused.status, 429);
    // The clock runs on meanwhile.
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((40..=60).contains(&wait), "{wait}");
    world.time_passes(Duration::from_secs(wait + 1));
    assert_eq!(try_password(&mut world.browser(), "user20", "wrong").await.status, 422);
});

on_both!(what_is_typed_is_taken_as_it_is(world) {
    world.user("alice").await;
    for (typed, status) in [
        (format!(" {PASSWORD}"), 422),
        (format!("{PASSWORD} "), 422),
        (PASSWORD.to_uppercase(), 422),
        ("x".repeat(2_000), 422),
        ("x".repeat(60_000), 422),
        ("x".repeat(70_000), 413),
        ("x".repeat(1_000_000), 413),
        // A NUL stands in no form that a browser sends.
        (format!("{PASSWORD}\0"), 400),
    ] {
        let mut browser = world.browser();
        let answer = try_password(&mut browser, "alice", &typed).await;
        assert_eq!(answer.status, status, "{typed:.40?}");
        assert!(!is_signed_in(&mut browser).await);
        world.time_passes(Duration::from_secs(1000));
    }
    // Full-width letters are the same letters (NFKC).
    let wide: String = PASSWORD.chars().map(|c| match c {
        'a'..='z' => char::from_u32(c as u32 - 'a' as u32 + 'ａ' as u32).unwrap(),
        other => other,
    }).collect();
    assert_eq!(try_password(&mut world.browser(), "alice", &wide).await.status, 303);
});

on_both!(a_session_ends_when_nobody_uses_it_and_in_any_case_one_day(world) {
    let alice = world.user("alice").await;
    let hours = |hours: u64| Duration::from_secs(3600 * hours);
    let mut resting = world.signed_in("alice").await;
    let mut busy = world.signed_in("alice").await;
    let mut kept = world.browser();
    let page = kept.get("/login").await;
    let fields = [("username", "alice"), ("password", PASSWORD), ("remember", "on"), ("action", "sign-in")];
    let entered = kept.submit(&page, "/login", &fields).await;
    let cookie = |answer: &Answer| {
        let all = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned());
        all.filter(|line| line.starts_with(SESSION)).collect::<Vec<_>>().join("\n")
    };
    assert!(cookie(&entered).contains("; Max-Age=1209600"), "{}", cookie(&entered));

    for _ in 0..28 {
        world.time_passes(hours(11));
        let now = world.now();
        assert!(is_signed_in(&mut busy).await);
        // "Last seen" is written without the page waiting for it.
        let (store, limits) = (world.app.store.read(), &world.app.sign_in.idle);
        while sessions::list_live(store, alice.id, limits, now).await.unwrap()[0].last_seen_at < now {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(!is_signed_in(&mut resting).await);
    assert!(is_signed_in(&mut kept).await, "who asked to be kept signed in may rest");
    world.time_passes(hours(11));
    assert!(is_signed_in(&mut busy).await);
    world.time_passes(hours(18));
    assert!(!is_signed_in(&mut busy).await, "activity extends nothing beyond 14 days");
    assert!(!is_signed_in(&mut kept).await);
});

on_both!(cancelling_tells_the_app(world) {
    let shop = world.shop().await;
    let mut browser = world.browser();
    let sent = shop.ask("openid", &[]);
    let asked = browser.get(&sent.target).await;
    let page = browser.get(asked.location()).await;
    let cancelled = browser.submit(&page, "/login", &[("username", ""), ("action", "cancel")]).await;
    let parameters = cancelled.parameters();
    assert_eq!(parameters["error"], "access_denied");
    assert_eq!(parameters["state"], sent.state);
    assert_eq!(parameters["iss"], world.issuer);
    let again = browser.submit(&page, "/login", &[("action", "cancel")]).await;
    assert!(again.body.contains("already_completed"), "{}", again.body);
});

on_both!(the_page_speaks_the_language_that_was_asked_for(world) {
    let shop = world.shop().await;
    for (ui_locales, accept_language, spoken) in [
        ("ko", "en", "ko"), ("fr ko-KR", "en", "ko"), ("", "ko-KR,ko;q=0.9", "ko"), ("fr", "fr", "en"), ("", "", "en"),
    ] {
        let mut browser = world.browser();
        browser.headers.push(("accept-language", accept_language.to_owned()));
        let asked = browser.get(&shop.ask("openid", &[("ui_locales", ui_locales)]).target).await;
        let page = browser.get(asked.location()).await;
        assert!(page.body.contains(&format!("<html lang=\"{spoken}\">")), "{ui_locales}/{accept_language}");
        let refused = browser.sign_in(asked.location(), "nobody", "wrong").await;
        assert!(refused.body.contains(&format!("<html lang=\"{spoken}\">")));
    }
    let mut browser = world.browser();
    assert!(browser.get("/login?ui_locales=ko").await.body.contains("<html lang=\"ko\">"));
});

on_both!(the_hint_stands_in_the_field_and_somebody_signed_in_is_asked_again(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.signed_in("alice").await;
    let again = browser.get(&shop.ask("openid", &[("prompt", "login")]).target).await;
    let page = browser.get(again.location()).await;
    assert!(page.body.contains("confirm that it is you") && page.body.contains("value=\"alice\""), "{}", page.body);
    let other = browser.get(&shop.ask("openid", &[("prompt", "select_account")]).target).await;
    let page = browser.get(other.location()).await;
    assert!(!page.body.contains("value=\"alice\""), "another account may be meant");
    let hinted = browser.get(&shop.ask("openid", &[("prompt", "login"), ("login_hint", "\"><b>")]).target).await;
    let page = browser.get(hinted.location()).await;
    assert!(page.body.contains("value=\"&#34;&#62;&#60;b&#62;\""), "{}", page.body);
});

on_both!(a_store_that_does_not_answer_signs_nobody_in_or_out(world) {
    world.user("alice").await;
    let mut known = world.signed_in("alice").await;
    let mut stranger = world.browser();
    let page = stranger.get("/login").await;
    world.app.store.close().await;

    let account = known.get("/account").await;
    assert_eq!(account.status, 503, "{}", account.body);
    assert!(account.header("retry-after").is_some());
    assert!(account.body.contains(">temporarily_unavailable<"), "{}", account.body);
    assert!(known.cookies.contains_key(SESSION), "the cookie stays");
    let entered = stranger.submit(&page, "/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(entered.status, 503);
    assert!(!stranger.cookies.contains_key(SESSION));
});

on_both!(a_crowd_of_one_person_signs_in(world, [("sign_in.address_attempts", "1000"), ("sign_in.account_attempts", "1000")]) {
    let alice = world.user("alice").await;
    let entering = (0..50).map(|_| async {
        let mut browser = world.browser();
        try_password(&mut browser, "alice", PASSWORD).await.status
    });
    let statuses = futures_util::future::join_all(entering).await;
    assert_eq!(statuses, [303; 50]);
    let (store, limits) = (world.app.store.read(), &world.app.sign_in.idle);
    assert_eq!(sessions::list_live(store, alice.id, limits, world.now()).await.unwrap().len(), 50);
});

on_both!(a_hundred_guesses_at_once_are_still_five(world, [("sign_in.address_attempts", "1000")]) {
    world.user("alice").await;
    let computed = world.app.sign_in.hashing.computed();
    let guessing = (0..100).map(|guess| {
        let password = format!("guess {guess}");
        let mut browser = world.browser();
        async move { try_password(&mut browser, "alice", &password).await.status }
    });
    let statuses = futures_util::future::join_all(guessing).await;
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 95, "{statuses:?}");
    // The right one comes too late.
    assert_eq!(try_password(&mut world.browser(), "alice", PASSWORD).await.status, 429);
    assert_eq!(world.app.sign_in.hashing.computed(), computed + 5);
});

on_both!(in_a_crowd_nobody_begins_to_type_and_whoever_has_is_served(
    world,
    [("sign_in.argon2_memory_kib", "65536"), ("sign_in.hash_permits", "1")]
) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut typing = world.browser();
    let begun = typing.get(&shop.ask("openid", &[]).target).await;
    let page = typing.get(begun.location()).await;

    let hashing = &world.app.sign_in.hashing;
    let nobody = || Box::pin(hashing.verify_nothing(Password::typed("a password").unwrap()));
    let mut crowd: Vec<_> = (0..140).map(|_| nobody()).collect();
    for one in &mut crowd {
        assert!(one.now_or_never().is_none());
    }
    let refused = world.browser().get(&shop.ask("openid", &[]).target).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.header("retry-after"), Some("5"));
    let silent = world.browser().get(&shop.ask("openid", &[("prompt", "none")]).target).await;
    assert_eq!(silent.parameters()["error"], "login_required");
    // Everybody in front of her goes home.
    crowd.truncate(1);
    let entered = typing.submit(&page, "/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(entered.status, 303, "{}", entered.body);

    let tries = world.app.store.statements();
    let mut crowd: Vec<_> = (0..300).map(|_| nobody()).collect();
    for one in &mut crowd {
        let _ = one.now_or_never();
    }
    let full = try_password(&mut world.browser(), "alice", PASSWORD).await;
    assert_eq!(full.status, 503, "{}", full.body);
    assert_eq!(world.app.store.statements(), tries, "it was not counted as a try");
});

on_both!(a_weak_hash_becomes_a_strong_one_at_the_next_sign_in(world, [("sign_in.argon2_memory_kib", "64")]) {
    let alice = world.user("alice").await;
    let weak = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$nkKfXtW1UqIaFWq8YkzmAQ";
    let hashing = Hashing::new(HashParameters { memory_kib: 8, passes: 1, lanes: 1 }, 1, 1).unwrap();
    let weak_of_hers = hashing.hash(Password::typed(PASSWORD).unwrap()).await.unwrap();
    for (verifier, status, stored_after) in [(weak_of_hers, 303, "m=64,"), (weak.to_owned(), 422, "m=8,")] {
        let set = (alice.id, verifier, world.now());
        world.app.store.write(set, |tx, (user, verifier, now)| {
            Box::pin(credentials::set(tx, *user, Kind::Password, verifier, *now))
        }).await.unwrap();
        assert_eq!(try_password(&mut world.browser(), "alice", PASSWORD).await.status, status);
        let stored = credentials::find(world.app.store.read(), alice.id, Kind::Password).await.unwrap().unwrap();
        assert!(stored.contains(stored_after), "{stored}");
    }
    assert_eq!(try_password(&mut world.browser(), "alice", "anything").await.status, 422);
});
