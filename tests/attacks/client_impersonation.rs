//! Clients that pretend to be somebody else (RFC 9700 §2.5 and §4.15, RFC 6749 §10.1).

use gatepass::id::Id;
use gatepass::protocol::client_metadata::ClientMetadata;
use gatepass::registration::{self, Identity};
use gatepass::store::users::User;

use crate::on_both;
use crate::support::world::PASSWORD;

on_both!(a_client_cannot_be_named_like_a_person(world) {
    let alice = world.user("alice").await;
    for name in [alice.id.to_string(), Id::<User>::new().to_string()] {
        let identity = Identity { client_id: Some(name), secret: None, master: None };
        let refused =
            registration::register(&world.app.store, identity, ClientMetadata::default(), world.now()).await;
        assert!(refused.is_err());
    }
});

on_both!(what_belongs_to_one_client_is_nothing_to_another(world) {
    world.user("alice").await;
    let (shop, bank, app) =
        (world.shop().await, world.client("bank", |_| {}).await, world.public_client("app").await);
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    for thief in [&bank, &app] {
        assert_eq!(thief.redeem(&code, &sent).await.error(), "invalid_grant");
        assert_eq!(thief.refresh(refresh_token).await.error(), "invalid_grant");
    }
    // Without the secret the thief is not even the shop.
    let named = [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", "shop")];
    assert_eq!(shop.raw("/token", &named, None).await.error(), "invalid_client");
    assert_eq!(shop.refresh(refresh_token).await.status, 200);
    assert_eq!(shop.redeem(&code, &sent).await.status, 200);
});

on_both!(an_app_that_others_can_pretend_to_be_is_asked_about_every_time(world) {
    // RFC 8252 §8.6: any app on the device can open a port.
    world.user("alice").await;
    let native = world.client("native", |metadata| {
        metadata.token_endpoint_auth_method = gatepass::protocol::client_metadata::AuthMethod::None;
        metadata.grant_types.remove(&gatepass::protocol::grant_type::GrantType::ClientCredentials);
        metadata.redirect_uris = vec!["http://127.0.0.1/callback".to_owned()];
    }).await;
    let mut browser = world.browser();
    for _ in 0..2 {
        let begun = browser.get(&native.ask("openid", &[]).target).await;
        let begun = match begun.location().contains("/login?") {
            true => {
                let signed_in = browser.sign_in(begun.location(), "alice", PASSWORD).await;
                browser.get(signed_in.location()).await
            }
            false => begun,
        };
        assert!(begun.location().contains("/consent/"), "{}", begun.location());
        let agreed = browser.allow(begun.location()).await;
        assert!(browser.get(agreed.location()).await.parameters().contains_key("code"));
    }
    let silent = browser.get(&native.ask("openid", &[("prompt", "none")]).target).await;
    assert_eq!(silent.parameters()["error"], "consent_required");
});
