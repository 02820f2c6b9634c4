//! The server as an open redirector: an app that anybody could register sends people here to have them sent on (RFC
//! 9700 §4.11.2).

use serde_json::json;

use crate::cli::Operator;
use crate::on_both;
use crate::support::browser::Answer;
use crate::support::registrant::{Registrant, sound, with};
use crate::support::world::PASSWORD;
use crate::support::{RelyingParty, World};

async fn stranger(world: &World) -> RelyingParty {
    Registrant::new(world, &sound()).await.relying_party(world).await
}

/// A page that says what is wrong, and a link that somebody would have to follow.
fn assert_detained(answer: &Answer, error: &str, what: &str) {
    assert_eq!((answer.status, answer.error_code()), (400, error), "{what}");
    assert_eq!(answer.header("location"), None, "{what}");
    assert!(answer.body.contains("id=\"leave\""), "{what}: {}", answer.body);
    assert!(
        !answer.body.contains("http-equiv") && !answer.body.contains("<script"),
        "{what}: {}",
        answer.body
    );
}

on_both!(nobody_is_sent_on_to_an_app_that_nobody_knows_by_a_request_that_fails(world) {
    world.user("alice").await;
    let app = stranger(&world).await;
    let rows = [
        (vec![("scope", "bad")], "invalid_scope"),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
        (vec![("scope", "bad"), ("prompt", "none")], "invalid_scope"),
        (vec![("scope", "bad"), ("response_mode", "form_post")], "invalid_scope"),
        (vec![("scope", "bad"), ("response_mode", "fragment")], "invalid_scope"),
    ];
    for (change, error) in &rows {
        let target = app.ask("openid", change).target;
        assert_detained(&world.browser().get(&target).await, error, &format!("{change:?}"));
        let (path, query) = target.split_once('?').unwrap();
        let body = query.to_owned();
        let posted = world.browser().send(reqwest::Method::POST, path, Some(body)).await;
        // Nothing is known yet of who posts across sites: what is sound is taken up by a GET.
        match posted.status {
            303 => {
                let taken_up = world.browser().get(posted.location()).await;
                assert_detained(&taken_up, error, &format!("{change:?} by POST"));
            }
            _ => assert_detained(&posted, error, &format!("{change:?} by POST")),
        }
    }
    // Signed in is not yet agreed.
    let mut browser = world.signed_in("alice").await;
    assert_detained(&browser.get(&app.ask("openid", &[("scope", "bad")]).target).await, "invalid_scope", "signed in");
    let silent = app.ask("openid", &[("prompt", "none")]).target;
    assert_detained(&browser.get(&silent).await, "consent_required", "signed in");
    // Who refuses is not led there by the refusal.
    let asked = browser.get(&app.ask("openid", &[]).target).await;
    let denied = browser.decide(asked.location(), "deny").await;
    assert_detained(&denied, "access_denied", "denied");
    // The link leads to the app, with what it must know.
    assert!(denied.body.contains("https://notes.example/cb?error=access_denied"), "{}", denied.body);
});

on_both!(an_app_that_the_person_has_allowed_is_answered_at_once(world) {
    world.user("alice").await;
    let app = stranger(&world).await;
    let mut browser = world.browser();
    app.tokens_in(&mut browser, "alice", "openid").await;
    let refused = browser.get(&app.ask("openid", &[("scope", "bad")]).target).await;
    assert_eq!(refused.parameters()["error"], "invalid_scope");
    assert_eq!(browser.get(&app.ask("openid", &[("prompt", "none")]).target).await.parameters().get("error"), None);
    // Another person in another browser has not.
    world.user("bobby").await;
    let mut browser = world.signed_in("bobby").await;
    assert_detained(&browser.get(&app.ask("openid", &[("scope", "bad")]).target).await, "invalid_scope", "bobby");
});

on_both!(an_app_that_the_operator_has_looked_at_is_answered_at_once_until_it_changes(world) {
    let notes = Registrant::new(&world, &sound()).await;
    let operator = Operator::beside(&world);
    assert_eq!(operator.json(&["client", "show", notes.id()])["standing"], "unverified");
    assert_eq!(operator.json(&["client", "update", notes.id(), "--verified"])["standing"], "verified");
    let app = notes.relying_party(&world).await;
    let refused = app.ask("openid", &[("scope", "bad")]).target;
    assert_eq!(world.browser().get(&refused).await.parameters()["error"], "invalid_scope");
    let page = world.browser().get(world.browser().get(&app.ask("openid", &[]).target).await.location()).await;
    assert!(!page.body.contains("id=\"unverified\""), "{}", page.body);

    assert_eq!(notes.put(with(json!({ "client_name": "Your bank" }))).await.status, 200);
    assert_detained(&world.browser().get(&refused).await, "invalid_scope", "changed");
    assert_eq!(operator.json(&["client", "show", notes.id()])["standing"], "unverified");
});

on_both!(an_app_of_the_compatible_profile_is_promised_answers(world, [("registration.profile", "oidc-compat")]) {
    let app = stranger(&world).await;
    let silent = world.browser().get(&app.ask("openid", &[("prompt", "none")]).target).await;
    assert_eq!(silent.parameters()["error"], "login_required");
});

on_both!(people_are_told_that_an_app_registered_itself(world) {
    world.user("alice").await;
    let logo = Some("https://notes.example/logo.png");
    let stranger = Registrant::new(&world, &with(json!({ "logo_uri": logo }))).await.relying_party(&world).await;
    let known = world.client("shop", |metadata| metadata.logo_uri = logo.map(str::to_owned)).await;
    for (app, is_warned) in [(stranger, true), (known, false)] {
        let mut browser = world.browser();
        let begun = browser.get(&app.ask("openid", &[]).target).await;
        let page = browser.get(begun.location()).await;
        assert_eq!(page.body.contains("id=\"unverified\""), is_warned, "{}", page.body);
        // A stranger's picture could be anybody's.
        assert_eq!(page.body.contains("logo.png"), !is_warned);
        assert_eq!(page.header("content-security-policy").unwrap().contains("notes.example"), !is_warned);
        let resumed = browser.sign_in(begun.location(), "alice", PASSWORD).await;
        let consent = browser.get(resumed.location()).await;
        let page = browser.get(consent.location()).await;
        assert!(page.body.contains("id=\"consent-allow\""), "{}", page.body);
        assert_eq!(page.body.contains("id=\"unverified\""), is_warned, "{}", page.body);
    }
});
