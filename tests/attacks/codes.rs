//! Authorization code injection, PKCE downgrade and cross-site request forgery (RFC 9700 §4.5, §4.7 and §4.8).

use gatepass::protocol::client_metadata::{AuthMethod, PkceDuty, Profile};
use gatepass::protocol::grant_type::GrantType;
use gatepass::{registration, revocation};

use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::world::PASSWORD;

on_both!(a_code_of_one_flow_is_worth_nothing_in_another(world) {
    world.user("alice").await;
    world.user("mallory").await;
    let shop = world.shop().await;
    let (victims, _) = shop.code(&mut world.browser(), "alice", "openid").await;
    let (own, attackers) = shop.code(&mut world.browser(), "mallory", "openid").await;
    // The thief holds the victim's code and only a verifier of their own.
    assert_eq!(shop.redeem(&victims, &attackers).await.error(), "invalid_grant");
    assert_eq!(shop.redeem(&own, &attackers).await.status, 200);
});

on_both!(pkce_cannot_be_stripped(world) {
    world.user("alice").await;
    let lenient = world.client("lenient", |metadata| metadata.pkce = PkceDuty::Optional).await;
    let stripped = [("code_challenge", ""), ("code_challenge_method", "")];
    let mut browser = world.browser();
    let sent = lenient.ask("openid", &stripped);
    let answer = browser.walk(&sent.target, "alice", PASSWORD).await;
    let code = &answer.parameters()["code"];
    // RFC 9700 §4.8.2: a verifier where no challenge was is somebody's stripped challenge.
    assert_eq!(lenient.redeem(code, &sent).await.error(), "invalid_grant");
    assert_eq!(lenient.redeem_changed(code, &sent, &[("code_verifier", "")]).await.status, 200);

    // Who sends a challenge is held to it, duty or not.
    let (code, sent) = lenient.code(&mut browser, "alice", "openid").await;
    assert_eq!(lenient.redeem_changed(&code, &sent, &[("code_verifier", "")]).await.error(), "invalid_grant");

    // RFC 9700 §2.1.1: without OpenID Connect there is no nonce that could stand in for it.
    let plain = browser.get(&lenient.ask("orders:read", &stripped).target).await;
    assert_eq!(plain.parameters()["error"], "invalid_request");
});

on_both!(a_code_without_a_challenge_is_worth_nothing_where_one_is_a_duty(world) {
    world.user("alice").await;
    let lenient = world.client("lenient", |metadata| metadata.pkce = PkceDuty::Optional).await;
    let sent = lenient.ask("openid", &[("code_challenge", ""), ("code_challenge_method", "")]);
    let answer = world.browser().walk(&sent.target, "alice", PASSWORD).await;
    let mut strict = lenient.client.clone();
    strict.metadata.pkce = PkceDuty::Required;
    registration::change(&world.app.store, strict, world.now()).await.unwrap();
    for change in [&[("code_verifier", "")][..], &[]] {
        let answer = lenient.redeem_changed(&answer.parameters()["code"], &sent, change).await;
        assert_eq!(answer.error(), "invalid_grant");
    }
});

on_both!(a_public_client_proves_itself_by_pkce_whatever_its_profile(world) {
    world.user("alice").await;
    let app = world.client("app", |metadata| {
        metadata.token_endpoint_auth_method = AuthMethod::None;
        metadata.grant_types.remove(&GrantType::ClientCredentials);
        metadata.profile = Profile::OidcCompat;
    }).await;
    let stripped = [("code_challenge", ""), ("code_challenge_method", "")];
    let answer = world.signed_in("alice").await.get(&app.ask("openid", &stripped).target).await;
    assert_eq!(answer.parameters()["error"], "invalid_request");
});

on_both!(what_ended_meanwhile_gets_no_tokens_for_its_code(world) {
    let alice = world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let sid = claims(tokens["id_token"].as_str().unwrap())["sid"].as_str().unwrap().parse().unwrap();

    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    let removing = (alice.id, world.now());
    let removed = world.app.store.write(removing, |tx, (user, now)| {
        Box::pin(revocation::end_app(tx, *user, "shop", *now))
    });
    assert!(!removed.await.unwrap().is_nothing());
    assert_eq!(shop.redeem(&code, &sent).await.error(), "invalid_grant", "the app was removed");

    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    let ending = (alice.id, sid, world.now());
    let ended = world.app.store.write(ending, |tx, (user, session, now)| {
        let (reach, reason) = (revocation::Reach::Online, gatepass::events::Reason::SignedOut);
        Box::pin(revocation::end_session(tx, *user, *session, reach, reason, *now))
    });
    assert!(!ended.await.unwrap().is_nothing());
    assert_eq!(shop.redeem(&code, &sent).await.error(), "invalid_grant", "the person signed out");
});

on_both!(a_code_gets_nothing_that_is_not_agreed_any_more(world) {
    let alice = world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "alice", "openid email").await;
    let (code, sent) = shop.code(&mut browser, "alice", "openid email").await;
    let removing = (alice.id, world.now());
    let removed = world.app.store.write(removing, |tx, (user, now)| {
        Box::pin(revocation::end_app(tx, *user, "shop", *now))
    });
    assert!(!removed.await.unwrap().is_nothing());
    shop.tokens_in(&mut browser, "alice", "openid").await;
    assert_eq!(shop.redeem(&code, &sent).await.error(), "invalid_grant", "now only openid is agreed");
});

on_both!(what_a_form_says_beside_its_answer_changes_nothing(world) {
    // The request stands in the database: a form names it and brings nothing along.
    world.user("alice").await;
    let (shop, _) = (world.shop().await, world.client("evil", |_| {}).await);
    let mut browser = world.browser();
    let sent = shop.ask("openid", &[]);
    let begun = browser.get(&sent.target).await;
    let tampered = [
        ("client_id", "evil"),
        ("redirect_uri", "https://evil.example/"),
        ("scope", "openid email phone address"),
        ("user_id", "x"),
        ("state", "x"),
    ];
    let page = browser.get(begun.location()).await;
    let fields = [("username", "alice"), ("password", PASSWORD), ("action", "sign-in")];
    let signed_in = browser.submit(&page, "/login", &[&fields[..], &tampered].concat()).await;
    let resumed = browser.get(&format!("{}?scope=email&client_id=evil", signed_in.location())).await;
    let consent = browser.get(resumed.location()).await;
    let path = resumed.location().to_owned();
    let agreed = browser.submit(&consent, &path, &[&[("action", "allow")][..], &tampered].concat()).await;
    let answer = browser.get(agreed.location()).await;
    assert!(answer.location().starts_with("https://shop.example/callback?"), "{}", answer.location());
    assert_eq!(answer.parameters()["state"], sent.state);
    let tokens = shop.redeem(&answer.parameters()["code"], &sent).await.json();
    assert_eq!(tokens["scope"], "openid");
    // Once more, by the back button: one request, one code.
    let again = browser.submit(&consent, &path, &[("action", "allow")]).await;
    assert_eq!((again.status, again.error_code()), (400, "already_completed"));
    let resumed = browser.get(signed_in.location()).await;
    assert_eq!((resumed.status, resumed.error_code()), (400, "already_completed"));
});
