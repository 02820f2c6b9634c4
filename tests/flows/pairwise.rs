//! Subjects that apps of two sectors cannot compare (OpenID Connect Core §8.1).

use std::collections::BTreeSet;

use gatepass::protocol::client_metadata::{AuthMethod, ClientMetadata, Profile, SubjectType};
use gatepass::protocol::grant_type::GrantType;
use gatepass::protocol::response_type::ResponseType;
use gatepass::tokens::{logout_token, subject_of};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::world::PASSWORD;
use crate::support::{RelyingParty, World};

async fn pairwise(world: &World, id: &str, change: impl FnOnce(&mut ClientMetadata)) -> RelyingParty {
    world
        .client(id, |metadata| {
            metadata.subject_type = SubjectType::Pairwise;
            change(metadata);
        })
        .await
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

fn subject(tokens: &Value) -> String {
    text(&claims(text(tokens, "id_token")), "sub").to_owned()
}

on_both!(one_sector_has_one_subject_and_every_other_sector_another(world) {
    let (alice, bobby) = (world.user("alice").await, world.user("bobby").await);
    let at = |host: &str| {
        let uri = format!("https://{host}/callback");
        move |metadata: &mut ClientMetadata| metadata.redirect_uris = vec![uri]
    };
    let notes = pairwise(&world, "notes", at("notes.example")).await;
    let mobile = pairwise(&world, "notes-mobile", at("notes.example")).await;
    let other = pairwise(&world, "other", at("other.notes.example")).await;
    let public = world.shop().await;

    let alice_at_notes = subject(&notes.tokens("alice", "openid").await);
    assert_eq!(subject(&notes.tokens("alice", "openid").await), alice_at_notes, "it stays");
    assert_eq!(subject(&mobile.tokens("alice", "openid").await), alice_at_notes, "the sector's, not the client's");
    let subjects = BTreeSet::from([
        alice_at_notes.clone(),
        subject(&notes.tokens("bobby", "openid").await),
        subject(&other.tokens("alice", "openid").await),
        subject(&public.tokens("alice", "openid").await),
        subject_of(bobby.id),
    ]);
    assert_eq!(subjects.len(), 5);
    assert!(subjects.contains(&subject_of(alice.id)), "the public client's");
    // Core §2: "MUST NOT exceed 255 ASCII characters in length".
    assert!(subjects.iter().all(|subject| subject.is_ascii() && subject.len() <= 255));
    // Another node derives the same.
    let node = world.another_node().await;
    let (code, sent) = notes.code(&mut world.browser(), "alice", "openid").await;
    assert_eq!(subject(&notes.at(&node).redeem(&code, &sent).await.json()), alice_at_notes);
});

on_both!(whoever_is_told_of_the_person_is_told_the_same_subject(world) {
    let alice = world.user("alice").await;
    let api = world.client("orders", |metadata| {
        metadata.grant_types = [GrantType::ClientCredentials].into();
        (metadata.response_types, metadata.redirect_uris) = (Vec::new(), Vec::new());
        metadata.resources = vec!["https://orders.example".to_owned()];
    }).await;
    let notes = pairwise(&world, "notes", |metadata| {
        metadata.profile = Profile::OidcCompat;
        metadata.grant_types.insert(GrantType::Implicit);
        metadata.response_types = ResponseType::ALL.to_vec();
        metadata.audience = vec!["https://orders.example".to_owned()];
    }).await;
    let mut browser = world.browser();
    let tokens = notes.tokens_in(&mut browser, "alice", "openid profile orders:read").await;
    let expected = subject(&tokens);
    assert_ne!(expected, subject_of(alice.id));

    let (access_token, refresh_token) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    assert_eq!(claims(access_token)["sub"], expected);
    assert_eq!(notes.userinfo(access_token).await.json()["sub"], expected);
    // The client itself and the API; neither is told a name that is the same everywhere.
    for asker in [&notes, &api] {
        let told = asker.introspect(access_token).await;
        assert_eq!((&told["active"], &told["sub"]), (&json!(true), &json!(expected)));
        assert_eq!(told.get("username"), None);
    }
    assert_eq!(notes.introspect(refresh_token).await["sub"], expected);
    let refreshed = notes.refresh(refresh_token).await.json();
    assert_eq!(subject(&refreshed), expected);

    for response_type in ResponseType::ALL {
        let sent = notes.ask("openid", &[("response_type", response_type.as_str())]);
        let front = browser.walk(&sent.target, "alice", PASSWORD).await.parameters();
        for token in ["id_token", "access_token"].into_iter().filter_map(|name| front.get(name)) {
            assert_eq!(claims(token)["sub"], expected, "{response_type:?}");
        }
    }

    let sid = text(&claims(text(&tokens, "id_token")), "sid").parse().unwrap();
    let logout_token = logout_token::mint(
        &world.app.issuer, &notes.client, gatepass::id::Id::new(), alice.id, sid, world.now(),
    );
    assert_eq!(claims(&logout_token.unwrap())["sub"], expected);
});

on_both!(an_opaque_token_speaks_of_the_same_subject(world) {
    world.user("alice").await;
    let notes = pairwise(&world, "notes", |metadata| {
        metadata.access_token_format = gatepass::protocol::client_metadata::AccessTokenFormat::Opaque;
    }).await;
    let tokens = notes.tokens("alice", "openid").await;
    let access_token = text(&tokens, "access_token");
    assert_eq!(notes.introspect(access_token).await["sub"], subject(&tokens));
    assert_eq!(notes.userinfo(access_token).await.json()["sub"], subject(&tokens));
});

on_both!(a_client_asks_for_a_person_by_the_subject_that_it_knows(world) {
    let alice = world.user("alice").await;
    world.user("bobby").await;
    let notes = pairwise(&world, "notes", |metadata| metadata.token_endpoint_auth_method = AuthMethod::ClientSecretPost).await;
    let mut browser = world.browser();
    let tokens = notes.tokens_in(&mut browser, "alice", "openid").await;
    let bobbys = notes.tokens("bobby", "openid").await;

    let wants = |subject: &str| json!({ "id_token": { "sub": { "value": subject } } }).to_string();
    for (name, value, succeeds) in [
        ("id_token_hint", text(&tokens, "id_token").to_owned(), true),
        ("id_token_hint", text(&bobbys, "id_token").to_owned(), false),
        ("claims", wants(&subject(&tokens)), true),
        ("claims", wants(&subject(&bobbys)), false),
        // It does not know her public one, and shall not find out whether it is hers.
        ("claims", wants(&subject_of(alice.id)), false),
    ] {
        let sent = notes.ask("openid", &[("prompt", "none"), (name, &value)]);
        let parameters = browser.get(&sent.target).await.parameters();
        assert_eq!(parameters.contains_key("code"), succeeds, "{name}={value}: {parameters:?}");
        assert_eq!(parameters.get("error").map_or("", String::as_str), if succeeds { "" } else { "login_required" });
    }

    // And signs her out by it, but nobody else.
    let logout = |tokens: &Value| format!("/logout?id_token_hint={}", text(tokens, "id_token"));
    let asked = browser.get(&logout(&bobbys)).await;
    assert!(asked.body.contains("id=\"logout-confirm\""));
    assert_eq!(browser.get(&logout(&tokens)).await.status, 303);
    assert_ne!(browser.get("/account").await.status, 200);
});
