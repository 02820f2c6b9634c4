//! What a request may wish of the pages (OpenID Connect Core §3.1.2.1): every `prompt`, and hints that never hurt.

use gatepass::protocol::authorization_request::Prompt;

use crate::on_both;
use crate::support::Browser;
use crate::support::browser::Answer;
use crate::support::world::PASSWORD;

/// Goes through the pages, and says which were shown on the way.
async fn walk(browser: &mut Browser, target: &str) -> (Vec<&'static str>, Answer) {
    let (mut seen, mut next) = (Vec::new(), target.to_owned());
    loop {
        let answer = if next.contains("/login?") {
            seen.push("sign-in");
            browser.sign_in(&next, "alice", PASSWORD).await
        } else if next.contains("/consent/") {
            seen.push("consent");
            browser.allow(&next).await
        } else {
            browser.get(&next).await
        };
        if !answer.location().starts_with('/') {
            return (seen, answer);
        }
        next = answer.location().to_owned();
        assert!(seen.len() < 5, "{target} leads in a circle");
    }
}

on_both!(every_combination_of_prompts_shows_what_it_asks_for_once(
    world,
    [("sign_in.account_attempts", "1000"), ("sign_in.address_attempts", "1000")]
) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid").await;
    for chosen in 0..1 << Prompt::ALL.len() {
        let chosen: Vec<Prompt> =
            Prompt::ALL.into_iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1).map(|(_, one)| one).collect();
        // In either order, and twice: it is a set.
        for reversed in [false, true] {
            let mut words: Vec<&str> = chosen.iter().map(|prompt| prompt.as_str()).collect();
            if reversed {
                words.reverse();
                words.extend(words.clone());
            }
            let prompt = words.join(" ");
            let sent = shop.ask("openid", &[("prompt", &prompt)]);
            let (seen, answer) = walk(&mut browser, &sent.target).await;
            let has = |prompt| chosen.contains(&prompt);
            if has(Prompt::None) && chosen.len() > 1 {
                assert_eq!(answer.parameters()["error"], "invalid_request", "{prompt}");
                assert_eq!(answer.parameters()["state"], sent.state);
                continue;
            }
            let mut expected = Vec::new();
            if has(Prompt::Login) || has(Prompt::SelectAccount) {
                expected.push("sign-in");
            }
            if has(Prompt::Consent) {
                expected.push("consent");
            }
            assert_eq!(seen, expected, "{prompt:?}");
            assert!(answer.parameters().contains_key("code"), "{prompt:?}: {}", answer.location());
        }
    }
});

on_both!(no_wish_about_looks_or_language_is_an_error(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid").await;
    for (name, value) in [
        ("display", "page"),
        ("display", "popup"),
        ("display", "touch"),
        ("display", "wap"),
        ("display", "hologram"),
        ("claims_locales", "ko en"),
        ("claims_locales", "xx-YY-zz"),
        ("claims_locales", "\u{1f4d3}"),
        ("ui_locales", "fr-CA fr en"),
        ("ui_locales", "not a language"),
        ("login_hint", "somebody@else.example"),
        ("acr_values", "urn:unknown 9"),
        ("extra", "foobar"),
        // Seconds that no session will ever be old.
        ("max_age", "1000000000"),
        ("max_age", "18446744073709551615"),
    ] {
        for prompt in ["none", ""] {
            let answer = browser.get(&shop.ask("openid", &[(name, value), ("prompt", prompt)]).target).await;
            assert!(answer.parameters().contains_key("code"), "{name}={value}: {}", answer.location());
        }
        let stranger = world.browser().get(&shop.ask("openid", &[(name, value)]).target).await;
        assert!(stranger.location().contains("/login?"), "{name}={value}");
    }
});
