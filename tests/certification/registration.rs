//! Registration, the provider's own keys, and sign-ins that a third party starts.

use std::time::Instant;

use gatepass::protocol::algorithm::Algorithm;
use reqwest::Method;
use serde_json::json;

use super::{CALLBACK, SETTINGS, client, registered, text, tokens, user};
use crate::flows::keys::{published, rotate};
use crate::on_both;
use crate::support::registrant::register;
use crate::support::relying_party::header;
use crate::support::world::PASSWORD;
use crate::support::{Published, World};

on_both!(a_registration_is_created_read_and_removed(world, SETTINGS) {
    let document = json!({ "redirect_uris": [CALLBACK] });
    let created = register(&world, None, &document).await;
    assert_eq!((created.status, created.header("content-type")), (201, Some("application/json")));
    let told = created.json();
    assert_eq!((told["client_secret"].is_string(), &told["client_secret_expires_at"]), (true, &json!(0)));
    assert!(told["registration_client_uri"].is_string() && told["registration_access_token"].is_string());
    let app = registered(&world, json!({})).await;
    assert_eq!(app.ask(Method::GET).await.status, 200);
    assert_eq!(app.ask(Method::DELETE).await.status, 204);
    assert_eq!(app.ask(Method::GET).await.status, 401);
});

on_both!(a_redirect_uri_with_a_fragment_is_refused(world, SETTINGS) {
    let answer = register(&world, None, &json!({ "redirect_uris": [format!("{CALLBACK}#foo")] })).await;
    assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_redirect_uri"));
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sector_identifier_is_fetched_and_must_list_the_redirect_uris() {
    let published = Published::new(json!([CALLBACK])).await;
    let world = World::on_sqlite(&[
        ("outbound.allowed_hosts", published.host.as_str()),
        ("outbound.extra_ca_file", published.authority.to_str().unwrap()),
    ])
    .await;
    let sector = format!("https://{}/sector.json", published.host);
    for (redirect_uri, status) in [(CALLBACK, 201), ("https://suite.example/other", 400)] {
        let document = json!({
            "redirect_uris": [redirect_uri], "sector_identifier_uri": sector, "subject_type": "pairwise",
        });
        assert_eq!(register(&world, None, &document).await.status, status, "{redirect_uri}");
    }
    assert_eq!(published.visits(), 2);
}

on_both!(initiate_login_uri_is_echoed_and_must_be_https(world, SETTINGS) {
    let app = registered(&world, json!({ "initiate_login_uri": "https://suite.example/start" })).await;
    assert_eq!(app.told["initiate_login_uri"], "https://suite.example/start");
    let plain = json!({ "redirect_uris": [CALLBACK], "initiate_login_uri": "http://suite.example/start" });
    let answer = register(&world, None, &plain).await;
    assert_eq!((answer.status, answer.error().as_str()), (400, "invalid_client_metadata"));
});

on_both!(a_third_party_starts_a_sign_in_at_the_client(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({ "initiate_login_uri": "https://suite.example/start?from=link" })).await;
    // The third party sends the browser to the client (Core §4) …
    let mut link: url::Url = app.client.metadata.initiate_login_uri.as_ref().unwrap().parse().unwrap();
    link.query_pairs_mut().append_pair("iss", &world.issuer).append_pair("login_hint", "suite");
    // … which knows the issuer, and asks it.
    let told: std::collections::BTreeMap<_, _> = link.query_pairs().into_owned().collect();
    assert_eq!((told["iss"].as_str(), told["from"].as_str()), (app.issuer.as_str(), "link"));
    let sent = app.ask("openid", &[("login_hint", &told["login_hint"])]);
    let mut browser = world.browser();
    let begun = browser.get(&sent.target).await;
    let page = browser.get(begun.location()).await;
    assert!(page.body.contains("value=\"suite\""), "the hint stands in the field: {}", page.body);
    let back = browser.walk(begun.location(), "suite", PASSWORD).await.parameters();
    assert_eq!(app.redeem(&back["code"], &sent).await.status, 200);
});

on_both!(a_registration_takes_no_time(world, SETTINGS) {
    let document = json!({ "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks": crate::support::ClientSigner::shared().jwks() });
    register(&world, None, &document).await;
    let mut times = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(register(&world, None, &document).await.status, 201);
        times.push(begun.elapsed().as_millis());
    }
    times.sort_unstable();
    // 20 ms is the promise of a release build. This is none, it makes a new connection each time, and the machine
    // may be busy: the quickest one shows what the work itself takes.
    assert!(times[0] <= 20, "{times:?} ms");
});

on_both!(a_rotated_key_is_a_new_one_beside_the_old_one(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let tokens = tokens(&app, &mut world.browser(), "openid", &[]).await;
    let signed_with = text(&header(text(&tokens, "id_token")), "kid").to_owned();
    let before = published(&world).await;
    for (added, algorithm) in [(1, Algorithm::RS256), (2, Algorithm::ES256)] {
        rotate(&world, algorithm).await;
        let after = published(&world).await;
        assert_eq!(after.len(), before.len() + added);
        assert!(before.iter().all(|kid| after.contains(kid)) && after.contains(&signed_with));
    }
});
