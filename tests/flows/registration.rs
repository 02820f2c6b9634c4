//! A client that registers itself, signs people in, and looks after its registration.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gatepass::id::Id;
use gatepass::jobs;
use gatepass::store::clients;
use reqwest::Method;
use serde_json::json;

use crate::cli::Operator;
use crate::on_both;
use crate::support::registrant::{Registrant, register, send, sound, with};

on_both!(a_client_registers_itself_and_signs_alice_in(world) {
    world.user("alice").await;
    let before = world.now().secs();
    let notes = Registrant::new(&world, &sound()).await;
    assert_eq!(notes.told["client_secret_expires_at"], 0);
    let issued_at = notes.told["client_id_issued_at"].as_i64().unwrap();
    assert!((before..=world.now().secs()).contains(&issued_at), "{issued_at}");
    let party = notes.relying_party(&world).await;
    let tokens = party.tokens("alice", "openid email offline_access").await;
    assert_eq!(party.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 200);

    // It reads what is registered: everything but the secret, of which the server keeps no more than a fingerprint.
    let read = notes.ask(Method::GET).await;
    assert_eq!(read.status, 200);
    let mut expected = notes.told.clone();
    let members = expected.as_object_mut().unwrap();
    members.remove("client_secret");
    members.remove("client_secret_expires_at");
    assert_eq!(read.json(), expected);

    // It changes, and comes back with another token.
    let changed = notes.put(with(json!({ "redirect_uris": ["https://notes.example/new"], "client_name": null }))).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(changed.json()["redirect_uris"], json!(["https://notes.example/new"]));
    assert_eq!(changed.json().get("client_name"), None);
    assert_eq!(notes.ask(Method::GET).await.status, 401);
    let notes = Registrant::of(changed.json());
    assert_eq!(notes.ask(Method::GET).await.json()["redirect_uris"], json!(["https://notes.example/new"]));
    // What it was given goes on.
    let refreshed = party.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);

    // It goes, with everything that it holds.
    let gone = notes.ask(Method::DELETE).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert_eq!(notes.ask(Method::GET).await.status, 401);
    let refreshed = party.refresh(refreshed.json()["refresh_token"].as_str().unwrap()).await;
    assert_eq!((refreshed.status, refreshed.json()["error"].as_str()), (401, Some("invalid_client")));
    assert_eq!(party.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
    let shown = world.browser().get(&party.ask("openid", &[]).target).await;
    assert_eq!(shown.status, 400);
});

on_both!(a_public_client_becomes_confidential_and_is_given_a_secret(world) {
    let app = Registrant::new(&world, &with(json!({ "token_endpoint_auth_method": "none" }))).await;
    assert_eq!(app.told.get("client_secret"), None);
    assert_eq!(app.told.get("client_secret_expires_at"), None);
    let confidential = app.put(sound()).await.json();
    assert_eq!(confidential["client_secret_expires_at"], 0);
    let app = Registrant::of(confidential);
    // The secret stays, and need not be said; a wrong one is not taken for the right one.
    let changed = app.put(with(json!({ "client_secret": app.told["client_secret"] }))).await.json();
    assert_eq!(changed.get("client_secret"), None);
    let app = Registrant::of(changed);
    let public = app.put(with(json!({ "token_endpoint_auth_method": "none" }))).await;
    assert_eq!(public.status, 200, "{}", public.body);
    let kept = clients::find(world.app.store.read(), app.id()).await.unwrap().unwrap();
    assert!(kept.secret.is_none());
});

on_both!(a_native_app_and_a_single_page_app_register_what_they_need(world) {
    for (redirect_uri, application_type) in [
        ("http://127.0.0.1/cb", "native"),
        ("com.example.notes:/cb", "native"),
        ("http://localhost:6274/oauth/callback", "web"),
        ("https://notes.example/", "web"),
    ] {
        let told = Registrant::new(&world, &with(json!({
            "redirect_uris": [redirect_uri],
            "application_type": application_type,
            "token_endpoint_auth_method": "none",
        }))).await.told;
        assert_eq!(told["application_type"], application_type);
        assert_eq!(told["redirect_uris"], json!([redirect_uri]));
    }
});

on_both!(fifty_changes_of_one_client_have_one_winner(world) {
    let mut notes = Registrant::new(&world, &sound()).await;
    for _ in 0..3 {
        let answers = join_all((0..50).map(|number| {
            let notes = &notes;
            async move { notes.put(with(json!({ "client_name": format!("Notes {number}") }))).await }
        }))
        .await;
        let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(winners.len(), 1);
        assert!(answers.iter().all(|answer| [200, 401].contains(&answer.status)));
        let winner = Registrant::of(winners[0].json());
        assert_eq!(winner.ask(Method::GET).await.json()["client_name"], winner.told["client_name"]);
        notes = winner;
    }
});

on_both!(a_client_that_nobody_uses_is_removed_after_thirty_days(world) {
    world.user("alice").await;
    let used = Registrant::new(&world, &sound()).await;
    used.relying_party(&world).await.tokens("alice", "openid").await;
    let unused = Registrant::new(&world, &sound()).await;
    let by_the_operator = world.shop().await;
    let thirty_days = world.app.config.registration.unused();
    world.time_passes(thirty_days - Duration::from_secs(3600));
    let young = Registrant::new(&world, &sound()).await;
    world.time_passes(Duration::from_secs(2 * 3600));
    jobs::prune(&world.app.store, Id::new(), thirty_days, world.now()).await.unwrap();
    for (client, is_there) in
        [(used.id(), true), (unused.id(), false), (young.id(), true), (by_the_operator.id(), true)]
    {
        let found = clients::find(world.app.store.read(), client).await.unwrap();
        assert_eq!(found.is_some(), is_there);
    }
    assert_eq!(unused.ask(Method::GET).await.status, 401);
});

on_both!(a_hundred_clients_have_a_hundred_names_and_come_quickly(world) {
    let start = Instant::now();
    let mut names = BTreeSet::new();
    for _ in 0..100 {
        names.insert(Registrant::new(&world, &sound()).await.id().to_owned());
    }
    assert_eq!(names.len(), 100);
    // 20 ms each is the promise; a debug build on a busy machine is not what it was made for.
    let each = start.elapsed() / 100;
    assert!(each < Duration::from_millis(100), "{each:?}");
});

on_both!(one_address_registers_no_more_than_its_budget(world, [("registration.address_clients", "3")]) {
    for expected in [201, 201, 201, 429] {
        let answer = register(&world, None, &sound()).await;
        assert_eq!(answer.status, expected);
        assert_eq!(answer.header("retry-after").is_some(), expected == 429);
    }
    world.time_passes(Duration::from_secs(3601));
    assert_eq!(register(&world, None, &sound()).await.status, 201);
});

on_both!(nobody_registers_a_client_unless_the_operator_lets_them(world, [("registration.mode", "off")]) {
    let uri = format!("{}/register", world.issuer);
    for (method, uri) in [(Method::POST, uri.clone()), (Method::GET, format!("{uri}/x")), (Method::DELETE, format!("{uri}/x"))] {
        assert_eq!(send(method, &uri, None, &sound().to_string()).await.status, 404);
    }
    let discovery = world.browser().get("/.well-known/openid-configuration").await.json();
    assert_eq!(discovery.get("registration_endpoint"), None);
});

on_both!(who_brings_a_token_registers_as_often_as_it_says(world, [("registration.mode", "token")]) {
    let operator = Operator::beside(&world);
    let token = operator.json(&["client", "token"])["token"].as_str().unwrap().to_owned();
    // A stranger learns nothing of what would be wrong with a document.
    for (token, document) in [(None, sound()), (Some("x"), sound()), (None, json!({}))] {
        let answer = register(&world, token, &document).await;
        assert_eq!(answer.status, 401);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer "));
    }
    // What is refused has used nothing up.
    assert_eq!(register(&world, Some(&token), &with(json!({ "contacts": 7 }))).await.status, 400);
    let answers = join_all((0..20).map(|_| {
        let (world, token) = (&world, &token);
        async move { register(world, Some(token), &sound()).await.status }
    }))
    .await;
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [201, 401].contains(status)), "{answers:?}");

    let made = operator.json(&["client", "token", "--uses", "3", "--days", "1"]);
    assert_eq!(made["uses"], 3);
    let token = made["token"].as_str().unwrap();
    for _ in 0..2 {
        assert_eq!(register(&world, Some(token), &sound()).await.status, 201);
    }
    world.time_passes(Duration::from_secs(24 * 3600));
    assert_eq!(register(&world, Some(token), &sound()).await.status, 401);
    assert_eq!(operator.refused(&["client", "token", "--uses", "0"]).0, "usage");
});
