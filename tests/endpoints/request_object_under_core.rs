//! Request objects under OpenID Connect Core §6: what stands inside wins, the rest may stand outside.

use gatepass::protocol::algorithm::ClientAlgorithm::{self, ES256, RS256};
use gatepass::protocol::algorithm::RequestObjectAlgorithm::{Signed, Unsigned};
use gatepass::protocol::client_metadata::Profile;
use gatepass::protocol::response_type::ResponseType;
use serde_json::json;

use super::request_object::{assert_sent, assert_shown, by_value, request, signing_client, unsigned, with};
use crate::on_both;
use crate::support::ClientSigner;
use crate::support::world::{PASSWORD, REDIRECT_URI};

on_both!(under_core_what_stands_inside_wins_and_the_rest_may_stand_outside(world) {
    world.user("alice").await;
    let signer = ClientSigner::new("a", RS256);
    let party = signing_client(&world, "shop", &signer, Profile::OidcCompat, |_| {}).await;
    let mut browser = world.browser();
    let (sent, claims) = request(&world, &party, "openid email");
    for object in [signer.sign(&claims), unsigned(&claims)] {
        // An outer redirect_uri that is not registered changes nothing, nor does a state or a scope.
        let change = [
            ("request", object.as_str()),
            ("redirect_uri", "https://evil.example/"),
            ("scope", "openid"),
            ("state", "other"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ];
        let answer = browser.walk(&party.ask("openid", &change).target, "alice", PASSWORD).await;
        assert!(answer.location().starts_with(&format!("{REDIRECT_URI}?")), "{}", answer.location());
        assert_eq!(answer.parameters()["state"], sent.state);
        let tokens = party.redeem(&answer.parameters()["code"], &sent).await.json();
        assert_eq!(tokens["scope"], "email openid");
    }
    // Only what differs inside, and nothing that a JWT could say of itself.
    for object in [signer.sign(&json!({ "state": "inside" })), unsigned(&json!({ "state": "inside" }))] {
        let sent = party.ask("openid", &[("request", &object)]);
        let answer = browser.walk(&sent.target, "alice", PASSWORD).await;
        assert_eq!(answer.parameters()["state"], "inside");
        assert_eq!(party.redeem(&answer.parameters()["code"], &sent).await.status, 200);
    }
});

on_both!(under_core_a_flawed_object_is_told_where_the_query_is_proven(world) {
    let signer = ClientSigner::new("a", RS256);
    let party = signing_client(&world, "shop", &signer, Profile::OidcCompat, |_| {}).await;
    let (_, claims) = request(&world, &party, "openid");
    let now = world.now().secs();
    let mut browser = world.browser();
    for change in [
        json!({ "client_id": "other" }),
        json!({ "response_type": "id_token" }),
        json!({ "iss": "other" }),
        json!({ "aud": "https://other.example" }),
        json!({ "exp": now - 1 }),
        json!({ "sub": "shop" }),
        json!({ "request": "a.b.c" }),
        json!({ "prompt": ["login"] }),
    ] {
        for object in [signer.sign(&with(claims.clone(), &change)), unsigned(&with(claims.clone(), &change))] {
            let sent = party.ask("openid", &[("request", &object)]);
            let answer = browser.get(&sent.target).await;
            assert_sent(&answer, "invalid_request_object", Some(&sent.state), &change.to_string());
            let lost = party.ask("openid", &[("request", &object), ("redirect_uri", "https://evil.example/")]);
            assert_shown(&browser.get(&lost.target).await, "invalid_request_object", &change.to_string());
        }
    }
    let fragment = party.ask("openid", &[("request", "bogus"), ("response_mode", "fragment")]);
    assert!(browser.get(&fragment.target).await.location().starts_with(&format!("{REDIRECT_URI}#error=")));
    let both = party.ask("openid", &[("request", "a.b.c"), ("request_uri", "https://shop.example/r")]);
    assert_sent(&browser.get(&both.target).await, "invalid_request", Some(&both.state), "both ways");
});

on_both!(only_the_registered_algorithm_counts_and_unsigned_ones_only_under_core(world) {
    world.user("alice").await;
    let signer = ClientSigner::new("a", RS256);
    let mut browser = world.signed_in("alice").await;
    let rows = [
        // what is registered; whether a signed object must be, whether RS256 is fine, whether none is
        ("any", None, false, true, true),
        ("rs256", Some(Signed(RS256)), false, true, false),
        ("ps256", Some(Signed(ClientAlgorithm::PS256)), false, false, false),
        ("none", Some(Unsigned), false, false, true),
        ("signed", None, true, true, false),
        ("signed-rs256", Some(Signed(RS256)), true, true, false),
    ];
    for (id, registered, required, rs256, none) in rows {
        let party = signing_client(&world, id, &signer, Profile::OidcCompat, |metadata| {
            metadata.request_object_signing_alg = registered;
            metadata.require_signed_request_object = required;
        }).await;
        let (_, claims) = request(&world, &party, "openid");
        for (object, fine) in [(signer.sign(&claims), rs256), (unsigned(&claims), none)] {
            let sent = party.ask("openid", &[("request", &object)]);
            let answer = browser.walk(&sent.target, "alice", PASSWORD).await;
            match fine {
                true => assert!(answer.parameters().contains_key("code"), "{id}: {}", answer.location()),
                false => assert_sent(&answer, "invalid_request_object", Some(&sent.state), id),
            }
        }
        let plain = party.ask("openid", &[]);
        let answer = browser.walk(&plain.target, "alice", PASSWORD).await;
        match required {
            true => assert_sent(&answer, "invalid_request", Some(&plain.state), id),
            false => assert!(answer.parameters().contains_key("code"), "{id}"),
        }
    }
});

on_both!(a_hybrid_answer_comes_in_the_mode_that_the_object_asks_for(world) {
    world.user("alice").await;
    let signer = ClientSigner::new("a", ES256);
    let party = signing_client(&world, "shop", &signer, Profile::OidcCompat, |metadata| {
        metadata.grant_types.insert(gatepass::protocol::grant_type::GrantType::Implicit);
        metadata.response_types = ResponseType::ALL.to_vec();
    }).await;
    let (sent, claims) = request(&world, &party, "openid");
    let change = json!({ "response_type": "code id_token", "scope": "openid admin" });
    let object = signer.sign(&with(claims.clone(), &change));
    let refused = world.browser().get(&by_value(&party, &object)).await;
    assert!(refused.location().starts_with(&format!("{REDIRECT_URI}#error=invalid_scope")), "{}", refused.location());
    assert_eq!(refused.parameters()["state"], sent.state);
    let object = signer.sign(&with(claims, &json!({ "response_type": "code id_token" })));
    let front = world.browser().walk(&by_value(&party, &object), "alice", PASSWORD).await.parameters();
    let said = crate::support::relying_party::claims(&front["id_token"]);
    assert_eq!(said["nonce"], sent.nonce);
});
