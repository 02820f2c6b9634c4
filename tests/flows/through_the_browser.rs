//! The implicit and hybrid flows, for clients that are registered for them (OpenID Connect Core §3.2 and §3.3).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepass::protocol::algorithm::Algorithm;
use gatepass::protocol::client_metadata::Profile;
use gatepass::protocol::grant_type::GrantType;
use gatepass::protocol::response_type::ResponseType;
use gatepass::secret;

use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::world::PASSWORD;
use crate::support::{RelyingParty, World};

async fn classic_app(world: &World, id: &str, algorithm: Algorithm) -> RelyingParty {
    world
        .client(id, |metadata| {
            metadata.profile = Profile::OidcCompat;
            metadata.grant_types.insert(GrantType::Implicit);
            metadata.response_types = ResponseType::ALL.to_vec();
            metadata.id_token_signed_response_alg = algorithm;
        })
        .await
}

fn half_hash(algorithm: Algorithm, value: &str) -> String {
    URL_SAFE_NO_PAD.encode(match algorithm {
        Algorithm::EdDSA => secret::sha512(value.as_bytes())[..32].to_vec(),
        Algorithm::ES256 | Algorithm::RS256 => secret::sha256(value.as_bytes())[..16].to_vec(),
    })
}

on_both!(each_response_type_brings_what_it_names_and_hashes_of_what_travels_beside(world) {
    world.user("alice").await;
    for algorithm in Algorithm::ALL {
        let app = classic_app(&world, &format!("app-{algorithm}"), algorithm).await;
        let mut browser = world.signed_in("alice").await;
        for response_type in ResponseType::ALL {
            let sent = app.ask("openid email", &[("response_type", response_type.as_str())]);
            let answer = browser.walk(&sent.target, "alice", PASSWORD).await;
            let front = answer.parameters();
            assert_eq!(answer.location().contains('#'), response_type != ResponseType::Code, "{front:?}");
            assert_eq!(front["state"], sent.state);
            assert_eq!(front.contains_key("code"), response_type.has_code(), "{front:?}");
            assert_eq!(front.contains_key("access_token"), response_type.has_access_token(), "{front:?}");
            assert_eq!(front.contains_key("id_token"), response_type.has_id_token(), "{front:?}");
            if let Some(id_token) = front.get("id_token") {
                let said = claims(id_token);
                assert_eq!(said["nonce"], sent.nonce);
                let hash_of = |name: &str| front.get(name).map(|value| half_hash(algorithm, value));
                assert_eq!(said["at_hash"].as_str().map(str::to_owned), hash_of("access_token"));
                assert_eq!(said["c_hash"].as_str().map(str::to_owned), hash_of("code"));
                // Core §5.4: the claims stand in the ID Token only where nothing could fetch them.
                assert_eq!(said["email"].is_string(), response_type == ResponseType::IdToken);
            }
            if let Some(access_token) = front.get("access_token") {
                assert_eq!(front["token_type"], "Bearer");
                assert_eq!(app.userinfo(access_token).await.json()["email"], "alice@example.com");
            }
            if let Some(code) = front.get("code") {
                let tokens = app.redeem(code, &sent).await;
                assert_eq!(tokens.status, 200, "{}", tokens.body);
                let tokens = tokens.json();
                let said = claims(tokens["id_token"].as_str().unwrap());
                let access_token = tokens["access_token"].as_str().unwrap();
                assert_eq!(said["at_hash"], half_hash(algorithm, access_token));
            }
        }
    }
});

on_both!(tokens_through_the_browser_die_with_the_session(world) {
    world.user("alice").await;
    let app = classic_app(&world, "app", Algorithm::ES256).await;
    let mut browser = world.signed_in("alice").await;
    let sent = app.ask("openid", &[("response_type", "id_token token")]);
    let front = browser.walk(&sent.target, "alice", PASSWORD).await.parameters();
    assert_eq!(app.introspect(&front["access_token"]).await["active"], true);
    let page = browser.get("/logout").await;
    browser.submit(&page, "/logout/confirm", &[]).await;
    assert_eq!(app.introspect(&front["access_token"]).await["active"], false);
});

on_both!(what_the_browser_flows_refuse(world) {
    world.user("alice").await;
    let (app, shop) = (classic_app(&world, "app", Algorithm::ES256).await, world.shop().await);
    let mut browser = world.signed_in("alice").await;
    let rows = [
        (&app, vec![("response_type", "id_token"), ("nonce", "")], "#", "invalid_request"),
        (&app, vec![("response_type", "code id_token token"), ("nonce", "")], "#", "invalid_request"),
        (&app, vec![("response_type", "id_token"), ("response_mode", "query")], "#", "invalid_request"),
        (&app, vec![("response_type", "id_token"), ("scope", "email")], "#", "invalid_scope"),
        (&app, vec![("response_type", "id_token"), ("prompt", "none")], "#", "consent_required"),
        (&app, vec![("response_type", "token")], "?", "unsupported_response_type"),
        (&shop, vec![("response_type", "id_token")], "#", "unauthorized_client"),
    ];
    for (client, change, place, error) in rows {
        let answer = browser.get(&client.ask("openid", &change).target).await;
        assert_eq!(answer.parameters()["error"], error, "{change:?}");
        assert!(answer.location().contains(&format!("{place}error=")), "{change:?}");
        assert!(!answer.parameters().contains_key("code"));
    }
    let posted = app.ask("openid", &[("response_type", "id_token"), ("nonce", ""), ("response_mode", "form_post")]);
    let page = browser.get(&posted.target).await;
    let fields = page.hidden_fields("https://shop.example/callback");
    assert!(fields.contains(&("error".to_owned(), "invalid_request".to_owned())));
});

on_both!(a_confidential_client_of_the_compatible_profile_needs_no_pkce(world) {
    world.user("alice").await;
    let app = classic_app(&world, "app", Algorithm::RS256).await;
    let mut browser = world.signed_in("alice").await;
    let sent = app.ask("openid", &[("code_challenge", ""), ("code_challenge_method", "")]);
    let answer = browser.walk(&sent.target, "alice", PASSWORD).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", answer.parameters()["code"].as_str()),
        ("redirect_uri", "https://shop.example/callback"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let tokens = app.token(&fields).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
});
