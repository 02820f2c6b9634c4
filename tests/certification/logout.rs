//! Logout: started by the client, told by the back and the front channel, and watched by the browser.

use std::time::Duration;

use gatepass::keys::jws::{self, SigningKey, Type};
use gatepass::protocol::algorithm::Algorithm;
use gatepass::secret;
use serde_json::{Value, json};

use super::{SETTINGS, answer, client, text, tokens, user};
use crate::on_both;
use crate::support::browser::Answer;
use crate::support::relying_party::{claims, header};
use crate::support::{Browser, Endpoint, RelyingParty};

const BYE: &str = "https://suite.example/bye";

fn target(parameters: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("/logout?{query}")
}

async fn is_signed_in(app: &RelyingParty, browser: &mut Browser) -> bool {
    answer(app, browser, "openid", &[("prompt", "none")]).await.parameters.contains_key("code")
}

/// Past the page that tells other apps, if there is one.
fn leads_to(answer: &Answer) -> String {
    let body = answer.body.replace("&#38;", "&").replace("&amp;", "&");
    match body.split_once("id=\"logout-continue\" class=\"button\" href=\"") {
        Some((_, rest)) => rest.split('"').next().unwrap().to_owned(),
        None => answer.location().to_owned(),
    }
}

on_both!(after_a_logout_nobody_is_signed_in_and_the_state_comes_back_alone(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    for state in [Some("a b&c=d"), None] {
        let mut browser = world.browser();
        let first = tokens(&app, &mut browser, "openid", &[]).await;
        // A genuine hint counts also after its end.
        world.time_passes(Duration::from_secs(3600));
        let mut parameters = vec![("id_token_hint", text(&first, "id_token")), ("post_logout_redirect_uri", BYE)];
        parameters.extend(state.map(|state| ("state", state)));
        let back = browser.get(&target(&parameters)).await;
        let query = state.map_or(String::new(), |_| "?state=a+b%26c%3Dd".to_owned());
        assert_eq!(leads_to(&back), format!("{BYE}{query}"));
        assert!(!is_signed_in(&app, &mut browser).await);
    }
});

on_both!(what_is_not_proven_stays_on_a_page(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    let id_token = text(&tokens(&app, &mut browser, "openid", &[]).await, "id_token").to_owned();
    let said = claims(&id_token);
    let part = |value: &Value| secret::base64url(value.to_string().as_bytes());
    let unsigned = format!("{}.{}.", part(&json!({ "alg": "none" })), part(&said));
    let foreign = SigningKey::from_pkcs8(Algorithm::RS256, &jws::generate(Algorithm::RS256)).unwrap().sign(Type::IdToken, &said);
    let added = format!("{BYE}?foo=bar");
    for (what, parameters) in [
        ("unregistered", vec![("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", "https://suite.example/other")]),
        ("query added", vec![("id_token_hint", id_token.as_str()), ("post_logout_redirect_uri", added.as_str())]),
        ("no hint", vec![("post_logout_redirect_uri", BYE), ("client_id", app.id())]),
        ("alg none", vec![("id_token_hint", unsigned.as_str()), ("post_logout_redirect_uri", BYE)]),
        ("foreign signature", vec![("id_token_hint", foreign.as_str()), ("post_logout_redirect_uri", BYE)]),
    ] {
        let shown = browser.get(&target(&parameters)).await;
        assert!(shown.header("location").is_none() && [200, 400].contains(&shown.status), "{what}: {}", shown.status);
        assert!(is_signed_in(&app, &mut browser).await, "{what}");
    }
});

on_both!(without_parameters_a_person_is_asked_and_then_told(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    tokens(&app, &mut browser, "openid", &[]).await;
    let asked = browser.get("/logout").await;
    assert!(asked.body.contains("id=\"logout-confirm\""));
    let done = browser.submit(&asked, "/logout/confirm", &[]).await;
    let told = browser.get(&leads_to(&done)).await;
    assert_eq!(told.status, 200);
    assert!(!is_signed_in(&app, &mut browser).await);
});

on_both!(the_back_channel_gets_a_logout_token_and_nothing_else(world, SETTINGS) {
    user(&world).await;
    let endpoint = Endpoint::start().await;
    let delivery = world.app.delivery();
    tokio::spawn(async move { delivery.run(std::future::pending()).await });
    let app = client(&world, json!({ "backchannel_logout_uri": format!("{}/logout", endpoint.origin) })).await;
    let mut browser = world.browser();
    let first = tokens(&app, &mut browser, "openid", &[]).await;
    browser.get(&target(&[("id_token_hint", text(&first, "id_token"))])).await;
    let received = endpoint.has_received(1).await.remove(0);
    assert_eq!((received.method.as_str(), received.headers["content-type"].to_str().unwrap()), ("POST", "application/x-www-form-urlencoded"));
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(received.body.as_bytes()).into_owned().collect();
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[0].0, "logout_token");
    let (said, id_token) = (claims(&fields[0].1), claims(text(&first, "id_token")));
    assert_eq!(header(&fields[0].1)["typ"], "logout+jwt");
    for same in ["iss", "aud", "sub", "sid"] {
        assert_eq!(said[same], id_token[same], "{same}");
    }
    assert!(said["iat"].is_i64() && said["jti"].is_string() && said.get("nonce").is_none());
    assert_eq!(said["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
});

on_both!(discovery_tells_of_every_kind_of_logout(world, SETTINGS) {
    let document = world.browser().get("/.well-known/openid-configuration").await.json();
    for flag in [
        "backchannel_logout_supported", "backchannel_logout_session_supported", "frontchannel_logout_supported",
        "frontchannel_logout_session_supported",
    ] {
        assert_eq!(document[flag], true, "{flag}");
    }
    assert!(document["end_session_endpoint"].is_string() && document["check_session_iframe"].is_string());
});

on_both!(the_front_channel_shows_frames_and_goes_on_by_itself(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({ "frontchannel_logout_uri": "https://suite.example/frame", "frontchannel_logout_session_required": true })).await;
    let mut browser = world.browser();
    let first = tokens(&app, &mut browser, "openid", &[]).await;
    let sid = text(&claims(text(&first, "id_token")), "sid").to_owned();
    let page = browser.get(&target(&[("id_token_hint", text(&first, "id_token")), ("post_logout_redirect_uri", BYE)])).await;
    let issuer: String = url::form_urlencoded::byte_serialize(world.issuer.as_bytes()).collect();
    let body = page.body.replace("&#38;", "&").replace("&amp;", "&");
    assert!(body.contains(&format!("<iframe src=\"https://suite.example/frame?iss={issuer}&sid={sid}\"")), "{body}");
    assert!(page.header("content-security-policy").unwrap().contains("frame-src https://suite.example"));
    assert!(body.contains(&format!("http-equiv=\"refresh\" content=\"3; url={BYE}\"")), "{body}");
});

on_both!(a_client_can_watch_whether_its_session_changes(world, SETTINGS) {
    user(&world).await;
    let app = client(&world, json!({})).await;
    let mut browser = world.browser();
    let front = answer(&app, &mut browser, "openid", &[]).await;
    let (hash, salt) = front.get("session_state").split_once('.').unwrap();
    // What the script of the check session endpoint computes.
    let now = |browser: &Browser| {
        let state = &browser.cookies["gatepass-browser-state"];
        let text = format!("{} https://suite.example {state} {salt}", app.id());
        secret::sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    assert_eq!(now(&browser), hash, "unchanged");
    let asked = browser.get("/logout").await;
    browser.submit(&asked, "/logout/confirm", &[]).await;
    assert_ne!(now(&browser), hash, "changed");
});
