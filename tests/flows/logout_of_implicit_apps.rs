//! Apps that get nothing but an ID Token hear of sign-outs too (Back-Channel Logout §2.1).

use std::time::Duration;

use gatepass::jobs;
use gatepass::protocol::client_metadata::{ClientMetadata, Profile};
use gatepass::protocol::grant_type::GrantType;
use gatepass::protocol::response_type::ResponseType;
use gatepass::store::{grants, outbox};

use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::world::PASSWORD;
use crate::support::{Browser, RelyingParty, World};

const LISTENER: &str = "http://127.0.0.1:9/logout";

async fn implicit(world: &World, id: &str, change: impl FnOnce(&mut ClientMetadata)) -> RelyingParty {
    world
        .client(id, |metadata| {
            metadata.profile = Profile::OidcCompat;
            metadata.grant_types = [GrantType::Implicit].into();
            metadata.response_types = vec![ResponseType::IdToken, ResponseType::IdTokenToken];
            change(metadata);
        })
        .await
}

/// The ID Token of an answer of that type.
async fn answered(app: &RelyingParty, browser: &mut Browser, response_type: ResponseType) -> String {
    let sent = app.ask("openid", &[("response_type", response_type.as_str())]);
    let front = browser.walk(&sent.target, "alice", PASSWORD).await.parameters();
    front.get("id_token").unwrap_or_else(|| panic!("{front:?}")).clone()
}

async fn told(world: &World) -> Vec<String> {
    let letters = outbox::list(world.app.store.read(), None, 100).await.unwrap();
    letters.into_iter().map(|letter| letter.client_id).collect()
}

async fn sign_out(browser: &mut Browser) {
    let account = browser.get("/account").await;
    assert_eq!(browser.submit(&account, "/logout/confirm", &[]).await.status, 303);
}

on_both!(an_app_that_got_only_an_id_token_is_told_and_joins_once(world) {
    let alice = world.user("alice").await;
    let listening = implicit(&world, "app", |metadata| metadata.backchannel_logout_uri = Some(LISTENER.to_owned())).await;
    let deaf = implicit(&world, "deaf", |_| {}).await;
    let mut browser = world.browser();
    for _ in 0..3 {
        answered(&listening, &mut browser, ResponseType::IdToken).await;
        answered(&deaf, &mut browser, ResponseType::IdToken).await;
    }
    let joined = grants::list_live(world.app.store.read(), alice.id, world.now()).await.unwrap();
    assert_eq!(joined.len(), 1, "not one for each answer, and none for who does not listen");
    sign_out(&mut browser).await;
    assert_eq!(told(&world).await, ["app"]);
    assert!(grants::list_live(world.app.store.read(), alice.id, world.now()).await.unwrap().is_empty());
});

on_both!(a_frame_is_shown_of_an_app_that_got_only_an_id_token(world, [("sign_in.frontchannel_logout", "true")]) {
    world.user("alice").await;
    let app = implicit(&world, "app", |metadata| {
        metadata.frontchannel_logout_uri = Some("https://shop.example/out".to_owned());
    }).await;
    let mut browser = world.browser();
    let sid = claims(&answered(&app, &mut browser, ResponseType::IdToken).await)["sid"].as_str().unwrap().to_owned();
    let account = browser.get("/account").await;
    let page = browser.submit(&account, "/logout/confirm", &[]).await;
    assert!(page.body.contains("https://shop.example/out?iss=") && page.body.contains(&sid), "{}", page.body);
});

on_both!(an_app_is_told_however_long_ago_its_tokens_expired(world, [("sign_in.session_idle_hours", "336")]) {
    world.user("alice").await;
    let app = implicit(&world, "app", |metadata| metadata.backchannel_logout_uri = Some(LISTENER.to_owned())).await;
    let deaf = implicit(&world, "deaf", |_| {}).await;
    let mut browser = world.browser();
    answered(&app, &mut browser, ResponseType::IdTokenToken).await;
    answered(&deaf, &mut browser, ResponseType::IdTokenToken).await;
    // The access tokens are dead for days.
    world.time_passes(Duration::from_secs(3 * 24 * 3600));
    let gone = jobs::resting::prune(&world.app.store, Duration::from_secs(1), world.now()).await.unwrap();
    assert_eq!(gone, 1, "what nobody waits for is gone");
    sign_out(&mut browser).await;
    assert_eq!(told(&world).await, ["app"]);
});
