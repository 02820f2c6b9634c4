//! Authentication requests.

use std::time::Duration;

use gatepass::protocol::algorithm::ClientAlgorithm::{self, ES256, EdDSA, PS256, RS256};
use gatepass::secret::base64url;
use reqwest::Method;
use serde_json::{Value, json};

use super::{CALLBACK, RESPONSE_TYPES, SETTINGS, answer, client, text, tokens, user};
use crate::on_both;
use crate::support::ClientSigner;
use crate::support::relying_party::claims;
use crate::support::world::PASSWORD;

const SILENT: (&str, &str) = ("prompt", "none");

on_both!(a_silent_request_fails_without_a_session_and_tells_the_same_with_one(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    assert_eq!(answer(&app, &mut browser, "openid", &[SILENT]).await.error(), "login_required");
    let first = claims(text(&tokens(&app, &mut browser, "openid", &[]).await, "id_token"));
    world.time_passes(Duration::from_secs(2));
    let silent = browser.get(&app.ask("openid", &[SILENT]).target).await;
    assert!(silent.location().starts_with(CALLBACK), "nobody is asked");
    let second = claims(text(&tokens(&app, &mut browser, "openid", &[SILENT]).await, "id_token"));
    assert_eq!((&second["sub"], &second["auth_time"]), (&first["sub"], &first["auth_time"]));
});

on_both!(who_must_sign_in_again_does_and_the_time_is_a_later_one(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    for change in [("prompt", "login"), ("max_age", "1")] {
        let mut browser = world.browser();
        let auth_time = async |browser: &mut _, change: &[(&str, &str)]| {
            claims(text(&tokens(&app, browser, "openid", change).await, "id_token"))["auth_time"].as_i64().unwrap()
        };
        let first = auth_time(&mut browser, &[]).await;
        world.time_passes(Duration::from_secs(2));
        let asked = browser.get(&app.ask("openid", &[change]).target).await;
        assert!(asked.location().contains("/login?"), "{change:?}");
        assert!(auth_time(&mut browser, &[change]).await > first, "{change:?}");
    }
});

on_both!(who_signed_in_lately_enough_is_not_asked(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    let first = claims(text(&tokens(&app, &mut browser, "openid", &[]).await, "id_token"));
    world.time_passes(Duration::from_secs(2));
    let answered = browser.get(&app.ask("openid", &[("max_age", "10000")]).target).await;
    assert!(answered.location().starts_with(CALLBACK), "nobody is asked");
    let second = claims(text(&tokens(&app, &mut browser, "openid", &[("max_age", "10000")]).await, "id_token"));
    assert_eq!(second["auth_time"], first["auth_time"]);
});

on_both!(what_a_client_registered_counts_where_its_request_says_nothing(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({
        "default_max_age": 10, "require_auth_time": true, "default_acr_values": ["1"],
    })).await;
    let mut browser = world.browser();
    let said = claims(text(&tokens(&app, &mut browser, "openid", &[]).await, "id_token"));
    assert!(said["auth_time"].is_i64());
    assert_eq!(said["acr"], "1");
    world.time_passes(Duration::from_secs(11));
    assert_eq!(answer(&app, &mut browser, "openid", &[SILENT]).await.error(), "login_required");
    assert!(answer(&app, &mut browser, "openid", &[SILENT, ("max_age", "60")]).await.parameters.contains_key("code"));
    let asked = browser.get(&app.ask("openid", &[]).target).await;
    assert!(asked.location().contains("/login?"));
});

on_both!(a_hint_at_the_current_user_succeeds_silently(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    let first = tokens(&app, &mut browser, "openid", &[]).await;
    let hint = ("id_token_hint", text(&first, "id_token"));
    let again = tokens(&app, &mut browser, "openid", &[SILENT, hint]).await;
    assert_eq!(claims(text(&again, "id_token"))["sub"], claims(text(&first, "id_token"))["sub"]);
});

on_both!(a_level_that_was_asked_for_and_met_comes_back(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let discovered = world.browser().get("/.well-known/openid-configuration").await.json();
    let acr = discovered["acr_values_supported"][0].as_str().unwrap().to_owned();
    let wanted = format!("{acr} 99");
    let said = claims(text(&tokens(&app, &mut world.browser(), "openid", &[("acr_values", &wanted)]).await, "id_token"));
    assert_eq!(said["acr"], acr);
});

on_both!(every_standard_claim_is_told_to_who_may_know_it(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let all = tokens(&app, &mut world.browser(), "openid profile email address phone", &[]).await;
    let told = app.userinfo(text(&all, "access_token")).await.json();
    for claim in [
        "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
        "website", "gender", "birthdate", "zoneinfo", "locale", "email", "phone_number",
    ] {
        assert!(told[claim].as_str().is_some_and(|value| !value.is_empty()), "{claim}: {told}");
    }
    assert!(told["updated_at"].is_i64() && told["email_verified"].is_boolean() && told["phone_number_verified"].is_boolean());
    assert!(told["address"]["formatted"].is_string());

    let asked = json!({ "userinfo": { "name": { "essential": true }, "birthdate": null } }).to_string();
    let named = tokens(&app, &mut world.browser(), "openid", &[("claims", &asked)]).await;
    let told = app.userinfo(text(&named, "access_token")).await.json();
    assert_eq!((&told["name"], &told["birthdate"]), (&json!("Suite User"), &json!("2000-02-03")));
    assert_eq!(told.get("email"), None);
});

on_both!(a_nonce_is_needed_as_soon_as_an_id_token_comes_through_the_browser(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    for response_type in RESPONSE_TYPES {
        let front = answer(&app, &mut browser, "openid", &[("response_type", response_type), ("nonce", "")]).await;
        match response_type.contains("id_token") {
            true => assert_eq!(front.error(), "invalid_request", "{response_type}"),
            false => assert!(front.parameters.contains_key("code"), "{response_type}"),
        }
    }
});

on_both!(what_is_unknown_or_a_wish_is_no_error(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    for wish in [
        ("extra", "foobar"), ("display", "page"), ("display", "popup"), ("ui_locales", "se"), ("claims_locales", "se"),
        ("login_hint", "nobody@suite.example"), ("acr_values", "urn:nothing"),
    ] {
        let front = answer(&app, &mut browser, "openid", &[wish]).await;
        assert!(front.parameters.contains_key("code"), "{wish:?}: {:?}", front.parameters);
    }
});

on_both!(a_post_from_another_site_is_answered_too(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    tokens(&app, &mut browser, "openid", &[]).await;
    let sent = app.ask("openid", &[]);
    let (path, query) = sent.target.split_once('?').unwrap();
    // Another site's POST carries no cookie (SameSite=Lax); the GET after it does.
    let posted = world.browser().send(Method::POST, path, Some(query.to_owned())).await;
    let back = browser.get(posted.location()).await;
    assert_eq!(app.redeem(&back.parameters()["code"], &sent).await.status, 200);
});

on_both!(a_redirect_uri_that_is_not_registered_to_the_letter_is_shown_and_never_followed(world, SETTINGS) {
    user(&world).await;
    let with_query = format!("{CALLBACK}?foo=bar");
    let app = client(&world, json!({ "redirect_uris": [with_query, CALLBACK] })).await;
    let mut browser = world.browser();
    let (changed, added) = (format!("{CALLBACK}?foo=other"), format!("{CALLBACK}?foo=bar&more=1"));
    for redirect_uri in ["https://suite.example/callback2", &changed, &added, ""] {
        let shown = browser.get(&app.ask("openid", &[("redirect_uri", redirect_uri)]).target).await;
        assert_eq!((shown.status, shown.header("location")), (400, None), "{redirect_uri}");
        assert_eq!(shown.error_code(), "invalid_redirect_uri");
    }
    let front = answer(&app, &mut browser, "openid", &[("redirect_uri", &with_query)]).await;
    assert!(front.location.starts_with(&format!("{with_query}&code=")), "{}", front.location);
});

on_both!(a_request_object_says_it_all_signed_by_the_client_or_not_at_all(world, SETTINGS) {
    user(&world).await;
    let outside = |claims: &Value, object: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in ["client_id", "response_type", "scope", "redirect_uri"] {
            query.append_pair(name, text(claims, name));
        }
        format!("/authorize?{}", query.append_pair("request", object).append_pair("state", "outside").finish())
    };
    let algorithms: [Option<ClientAlgorithm>; 5] = [Some(RS256), Some(PS256), Some(ES256), Some(EdDSA), None];
    for algorithm in algorithms {
        let signer = ClientSigner::new("suite", algorithm.unwrap_or(ES256));
        let app = client(&world, json!({
            "jwks": signer.jwks(),
            "request_object_signing_alg": algorithm.map_or(json!("none"), |algorithm| json!(algorithm)),
        })).await;
        let (sent, parameters) = app.request("openid");
        let claims = json!(parameters);
        let object = match algorithm {
            Some(_) => signer.sign(&claims),
            None => format!("{}.{}.", base64url(br#"{"alg":"none"}"#), base64url(claims.to_string().as_bytes())),
        };
        let back = world.browser().walk(&outside(&claims, &object), "suite", PASSWORD).await.parameters();
        assert_eq!(back.get("state"), Some(&sent.state), "what stands inside wins: {algorithm:?} {back:?}");
        assert_eq!(app.redeem(&back["code"], &sent).await.status, 200, "{algorithm:?}");
    }
});

on_both!(people_see_whom_they_sign_in_for_and_may_decline(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({
        "logo_uri": "https://suite.example/logo.png", "policy_uri": "https://suite.example/policy",
        "tos_uri": "https://suite.example/tos",
    })).await;
    let mut browser = world.browser();
    let sent = app.ask("openid", &[]);
    let begun = browser.get(&sent.target).await;
    let page = browser.get(begun.location()).await;
    for shown in ["src=\"https://suite.example/logo.png\"", "href=\"https://suite.example/policy\"", "href=\"https://suite.example/tos\""] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    for id in ["username", "password", "sign-in", "sign-in-cancel"] {
        assert!(page.body.contains(&format!("id=\"{id}\"")), "{id}");
    }
    let cancelled = browser.submit(&page, "/login", &[("action", "cancel")]).await.parameters();
    assert_eq!((&cancelled["error"], &cancelled["state"]), (&"access_denied".to_owned(), &sent.state));

    let mut browser = world.signed_in("suite").await;
    let begun = browser.get(&app.ask("openid", &[]).target).await;
    let page = browser.get(begun.location()).await;
    assert!(page.body.contains("id=\"consent-allow\"") && page.body.contains("id=\"consent-deny\""));
    let denied = browser.decide(begun.location(), "deny").await.parameters();
    assert_eq!(denied["error"], "access_denied");
});

on_both!(offline_access_with_prompt_consent_asks_again(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    let change = [("prompt", "consent")];
    for _ in 0..2 {
        let asked = browser.get(&app.ask("openid offline_access", &change).target).await;
        assert!(!asked.location().starts_with(CALLBACK), "{}", asked.location());
        let tokens = tokens(&app, &mut browser, "openid offline_access", &change).await;
        assert!(tokens["refresh_token"].is_string());
    }
});
