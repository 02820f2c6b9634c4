//! An app that nobody registered: its client_id is the URL of what it says about itself
//! (draft-ietf-oauth-client-id-metadata-document).

use std::time::Duration;

use futures_util::future::join_all;
use gatepass::id::Id;
use gatepass::jobs;
use gatepass::registration;
use gatepass::store::clients::{self, Client, Status};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::world::PASSWORD;
use crate::support::{AppHost, ClientSigner, RelyingParty, World};

const WEB: &str = "https://app.example/callback";
const NATIVE: &str = "http://127.0.0.1/callback";
const FIVE_MINUTES: Duration = Duration::from_secs(301);

async fn app(world: &World, redirect_uri: &str) -> (AppHost, RelyingParty) {
    let host = AppHost::with(redirect_uri).await;
    let party = host.party(world, &host.document(redirect_uri));
    (host, party)
}

async fn row(world: &World, id: &str) -> Option<Client> {
    clients::find(world.app.store.read(), id).await.unwrap()
}

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

on_both!(an_app_signs_people_in_without_a_registration_on_every_node(world) {
    world.user("alice").await;
    let (host, app) = app(&world, WEB).await;
    let mut browser = world.browser();
    let sent = app.ask("openid email offline_access", &[]);
    let to_sign_in = browser.get(&sent.target).await;
    assert!(to_sign_in.location().contains("/login?"), "{}", to_sign_in.location());
    assert!(row(&world, app.id()).await.is_none(), "strangers write no rows");

    let second = world.another_node().await;
    let answer = browser.at(&second).walk(to_sign_in.location(), "alice", PASSWORD).await;
    let code = answer.parameters().remove("code").expect("a code from the other node");
    let tokens = app.redeem(&code, &sent).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let tokens = tokens.json();
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 200);

    let third = world.another_node().await;
    host.answers(503, &[], "");
    let refreshed = app.at(&third).refresh(refresh_token(&tokens)).await;
    assert_eq!(refreshed.status, 200, "a node that never saw the document, while its host is down");
});

on_both!(many_people_who_agree_at_once_agree_to_one_app(world) {
    let (_, app) = app(&world, WEB).await;
    let mut waiting = Vec::new();
    for number in 0..8 {
        let name = format!("user{number}");
        world.user(&name).await;
        let mut browser = world.signed_in(&name).await;
        let target = browser.get(&app.ask("openid", &[]).target).await.location().to_owned();
        let page = browser.get(&target).await;
        waiting.push((browser, target, page));
    }
    let agreed = join_all(waiting.into_iter().map(|(mut browser, target, page)| async move {
        let onward = browser.submit(&page, &target, &[("action", "allow")]).await;
        browser.get(onward.location()).await.parameters().contains_key("code")
    }))
    .await;
    assert_eq!(agreed, [true; 8]);
});

on_both!(people_see_the_host_and_no_name_that_it_claims_as_its_own(world) {
    world.user("alice").await;
    let (host, app) = app(&world, NATIVE).await;
    let mut browser = world.signed_in("alice").await;
    let to_consent = browser.get(&app.ask("openid", &[]).target).await;
    let page = browser.get(to_consent.location()).await.body;
    assert!(page.contains(&format!("<bdi>{}</bdi> would like to use", host.authority)), "{page}");
    assert!(page.contains("It calls itself “<bdi>Well-Known Bank</bdi>”."), "{page}");
    assert!(page.contains("Any program on this device could have started this"), "{page}");

    let (_, app) = self::app(&world, WEB).await;
    let to_consent = browser.get(&app.ask("openid", &[]).target).await;
    let page = browser.get(to_consent.location()).await.body;
    assert!(!page.contains("Any program on this device"), "{page}");
});

on_both!(what_was_agreed_is_remembered_but_not_for_an_app_on_the_device(world) {
    world.user("alice").await;
    for (redirect_uri, is_remembered) in [(WEB, true), (NATIVE, false)] {
        let (_, app) = app(&world, redirect_uri).await;
        let mut browser = world.browser();
        app.tokens_in(&mut browser, "alice", "openid").await;
        let again = browser.get(&app.ask("openid", &[]).target).await;
        assert_eq!(!again.location().contains("/consent/"), is_remembered, "{redirect_uri}");
    }
});

on_both!(a_person_removes_such_an_app_like_any_other(world) {
    world.user("alice").await;
    let (_, app) = app(&world, WEB).await;
    let mut browser = world.browser();
    let tokens = app.tokens_in(&mut browser, "alice", "openid offline_access").await;
    let account = browser.get("/account").await;
    assert!(account.body.contains(&format!("id=\"app-{}\"", app.id())), "{}", account.body);
    let path = account.body.split("action=\"").map(|rest| rest.split('"').next().unwrap());
    let remove = path.into_iter().find(|path| path.ends_with("/remove")).unwrap().to_owned();
    let csrf = account.hidden_fields("/account/password").remove(0);
    assert_eq!(browser.post(&remove, &[("csrf", &csrf.1)]).await.status, 303);
    assert_eq!(app.refresh(refresh_token(&tokens)).await.error(), "invalid_grant");
    assert!(browser.get(&app.ask("openid", &[]).target).await.location().contains("/consent/"));
});

on_both!(an_operator_stops_such_an_app_and_it_stays_stopped(world) {
    world.user("alice").await;
    let (host, app) = app(&world, WEB).await;
    let tokens = app.tokens("alice", "openid").await;
    let kept = row(&world, app.id()).await.unwrap();
    let stopped = Client { status: Status::Disabled(world.now()), ..kept };
    registration::change(&world.app.store, stopped, world.now()).await.unwrap();
    assert_eq!(app.refresh(refresh_token(&tokens)).await.error(), "invalid_client");
    let visits = host.visits();
    // Also when the document changes, and when nobody has used it for long.
    let mut document = host.document(WEB);
    document["client_name"] = json!("Another name");
    host.publish(&document);
    for _ in 0..2 {
        let answer = world.browser().get(&app.ask("openid", &[]).target).await;
        assert_eq!((answer.status, answer.error_code()), (400, "invalid_client"));
        world.time_passes(Duration::from_secs(100 * 24 * 3600));
        jobs::prune(&world.app.store, Id::new(), Duration::from_secs(1), world.now()).await.unwrap();
    }
    assert_eq!(host.visits(), visits, "a disabled client is not even looked at");
});

on_both!(an_operator_removes_such_an_app_and_people_are_asked_anew(world) {
    world.user("alice").await;
    let (_, app) = app(&world, WEB).await;
    let mut browser = world.browser();
    let tokens = app.tokens_in(&mut browser, "alice", "openid").await;
    let removing = (app.id().to_owned(), world.now());
    let store = &world.app.store;
    store.write(removing, |tx, (id, now)| Box::pin(registration::remove(tx, id, *now))).await.unwrap();
    store.forget_client(app.id());
    assert_eq!(app.refresh(refresh_token(&tokens)).await.error(), "invalid_client");
    assert!(browser.get(&app.ask("openid", &[]).target).await.location().contains("/consent/"));
    assert_eq!(app.refresh(refresh_token(&tokens)).await.error(), "invalid_client");
});

on_both!(the_document_is_read_again_when_it_is_old_and_what_it_says_counts_from_then_on(world) {
    world.user("alice").await;
    let (host, app) = app(&world, WEB).await;
    let mut browser = world.browser();
    app.tokens_in(&mut browser, "alice", "openid").await;
    assert_eq!(host.visits(), 1, "one fetch for a whole sign-in");
    let moved = "https://app.example/moved";
    host.publish(&host.document(moved));
    assert!(browser.get(&app.ask("openid", &[]).target).await.parameters().contains_key("code"));

    world.time_passes(FIVE_MINUTES);
    let answer = browser.get(&app.ask("openid", &[]).target).await;
    assert_eq!(answer.error_code(), "invalid_redirect_uri");
    let sent = app.ask("openid", &[("redirect_uri", moved)]);
    assert!(browser.get(&sent.target).await.parameters().contains_key("code"));
    assert_eq!(row(&world, app.id()).await.unwrap().metadata.redirect_uris, [moved]);
    assert_eq!(host.visits(), 2);
});

on_both!(a_sign_in_that_waits_ends_when_its_redirect_uri_is_withdrawn(world) {
    world.user("alice").await;
    let (host, app) = app(&world, WEB).await;
    let mut browser = world.browser();
    let to_sign_in = browser.get(&app.ask("openid", &[]).target).await;
    host.publish(&host.document("https://app.example/moved"));
    world.time_passes(FIVE_MINUTES);
    let answer = browser.get(to_sign_in.location()).await;
    assert_eq!((answer.status, answer.error_code()), (400, "invalid_redirect_uri"));
});

on_both!(how_long_a_document_is_kept_has_bounds(world) {
    let (host, app) = app(&world, WEB).await;
    let document = host.document(WEB);
    for (said, before, after) in [
        ("no-store", 299, 301),
        ("max-age=1", 299, 301),
        ("max-age=600", 599, 601),
        ("max-age=31536000", 24 * 3600 - 1, 24 * 3600 + 1),
    ] {
        host.answers(200, &[("cache-control", said)], &document);
        world.time_passes(Duration::from_secs(25 * 3600));
        let ask = async || world.browser().get(&app.ask("openid", &[]).target).await.status;
        assert_eq!(ask().await, 303);
        let visits = host.visits();
        world.time_passes(Duration::from_secs(before));
        assert_eq!((ask().await, host.visits()), (303, visits), "{said}");
        world.time_passes(Duration::from_secs(after - before));
        assert_eq!((ask().await, host.visits()), (303, visits + 1), "{said}");
    }
});

on_both!(an_app_with_a_key_proves_itself_by_it(world) {
    world.user("alice").await;
    let host = AppHost::with(WEB).await;
    let mut document = host.document(WEB);
    document["token_endpoint_auth_method"] = json!("private_key_jwt");
    document["jwks"] = ClientSigner::shared().jwks();
    host.publish(&document);
    let app = host.party(&world, &document);
    let tokens = app.tokens("alice", "openid").await;
    assert_eq!(app.refresh(refresh_token(&tokens)).await.status, 200);
    let public = [("grant_type", "refresh_token"), ("refresh_token", refresh_token(&tokens)), ("client_id", app.id())];
    assert_eq!(app.raw("/token", &public, None).await.error(), "invalid_client");
});

on_both!(an_app_that_nobody_uses_any_more_is_forgotten(world) {
    world.user("alice").await;
    let (_, app) = app(&world, WEB).await;
    app.tokens("alice", "openid").await;
    let thirty_days = Duration::from_secs(30 * 24 * 3600);
    let prune = async || {
        jobs::resting::prune(&world.app.store, thirty_days, world.now()).await.unwrap();
        jobs::prune(&world.app.store, Id::new(), thirty_days, world.now()).await.unwrap();
    };
    world.time_passes(thirty_days * 4);
    prune().await;
    assert!(row(&world, app.id()).await.is_some(), "somebody agreed to it");
    world.app.store.write(app.id().to_owned(), |tx, id| {
        Box::pin(gatepass::store::consents::remove_all_for(tx, id))
    }).await.unwrap();
    world.time_passes(Duration::from_secs(600));
    prune().await;
    assert!(row(&world, app.id()).await.is_none());
});

on_both!(an_operator_may_register_a_url_and_then_nothing_is_fetched(world) {
    world.user("alice").await;
    let host = AppHost::with(WEB).await;
    let app = world.public_client(&host.url()).await;
    app.tokens("alice", "openid").await;
    assert_eq!(host.visits(), 0);
});

on_both!(documents_are_not_read_unless_that_is_on(
    world, [("registration.client_id_metadata_documents", "false")]
) {
    let (host, app) = app(&world, WEB).await;
    let answer = world.browser().get(&app.ask("openid", &[]).target).await;
    assert_eq!((answer.status, answer.error_code()), (400, "invalid_client"));
    assert_eq!(host.visits(), 0);
    let metadata = world.send("GET", "/.well-known/openid-configuration", &[], "").await.json();
    assert_eq!(metadata.get("client_id_metadata_document_supported"), None);
});

on_both!(discovery_says_that_documents_are_read(world) {
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let metadata = world.send("GET", path, &[], "").await.json();
        assert_eq!(metadata["client_id_metadata_document_supported"], true);
    }
});
