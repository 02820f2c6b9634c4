//! Documents of clients that nobody registered: no way to speak for another client, none into our network, and none to
//! send us against somebody (draft-ietf-oauth-client-id-metadata-document §8, RFC 9700 §4.13).

use std::time::Duration;

use futures_util::future::join_all;
use gatepass::outbound::{Outbound, Reach};
use gatepass::protocol::client_id_url::Loopback;
use gatepass::registration::discovery::{Discovery, Documents, Failure};
use serde_json::{Value, json};

use crate::support::browser::Answer;
use crate::support::{AppHost, Published, RelyingParty, World};

const WEB: &str = "https://app.example/callback";

async fn setting() -> (World, AppHost, RelyingParty) {
    let world = World::on_sqlite(&[]).await;
    let host = AppHost::with(WEB).await;
    let app = host.party(&world, &host.document(WEB));
    (world, host, app)
}

/// What the page of a refusal says to developers.
fn detail(answer: &Answer) -> &str {
    assert_eq!((answer.status, answer.error_code()), (400, "invalid_client_metadata"), "{}", answer.body);
    assert!(answer.headers.get("location").is_none());
    let (_, rest) = answer.body.split_once("id=\"error-detail\"><bdi>").expect("the detail");
    rest.split("</bdi>").next().unwrap()
}

async fn ask(world: &World, app: &RelyingParty) -> Answer {
    world.time_passes(Duration::from_secs(301));
    world.browser().get(&app.ask("openid", &[]).target).await
}

#[tokio::test]
async fn a_document_that_speaks_for_another_client_is_refused() {
    let (world, host, app) = setting().await;
    let with = |change: Value| {
        let mut document = host.document(WEB);
        for (member, value) in change.as_object().unwrap() {
            document[member] = value.clone();
        }
        document
    };
    for (change, said) in [
        (json!({ "client_id": "https://bank.example/client.json" }), "client_id: it must be the URL"),
        (json!({ "client_id": format!("{}/", host.url()) }), "client_id: it must be the URL"),
        (json!({ "client_id": null }), "client_id: it must be the URL"),
        (json!({ "client_secret": "s" }), "client_secret: "),
        (
            json!({ "token_endpoint_auth_method": "client_secret_basic" }),
            "token_endpoint_auth_method: none or",
        ),
        (json!({ "token_endpoint_auth_method": "client_secret_jwt" }), "token_endpoint_auth_method: none or"),
        (json!({ "redirect_uris": ["https://*.app.example/"] }), "there are no wildcards"),
        (json!({ "redirect_uris": "https://app.example/" }), "redirect_uris: a list of URIs"),
        (json!({ "grant_types": ["client_credentials"] }), "grant_types: "),
    ] {
        host.publish(&with(change.clone()));
        let answer = ask(&world, &app).await;
        assert!(detail(&answer).contains(said), "{change}: {}", detail(&answer));
    }
    host.publish(&host.document(WEB));
    assert_eq!(ask(&world, &app).await.status, 303, "and what is corrected works");
}

#[tokio::test]
async fn only_json_of_five_kilobytes_at_the_url_itself_is_a_document() {
    let (world, host, app) = setting().await;
    let sound = host.document(WEB).to_string();
    let elsewhere = AppHost::with(WEB).await;
    elsewhere.publish(&host.document(WEB));
    let padded = |bytes: usize| format!("{sound}{}", " ".repeat(bytes - sound.len()));
    let moved = elsewhere.url();
    for (status, headers, body, said) in [
        (302, vec![("location", moved.as_str())], sound.clone(), "status 302"),
        (404, vec![], sound.clone(), "status 404"),
        (201, vec![], sound.clone(), "status 201"),
        (200, vec![("content-type", "text/html")], sound.clone(), "no JSON"),
        (200, vec![], padded(5 * 1024 + 1), "larger than 5 KB"),
        (200, vec![], " ".repeat(70_000), "larger than 64 KB"),
        (200, vec![], format!("{sound}{sound}"), "not one JSON object"),
        (200, vec![], sound.replacen('{', "{\"client_name\":\"a\",", 1), "no member stands twice"),
        (200, vec![], "<script>alert(1)</script>".to_owned(), "not one JSON object"),
    ] {
        host.answers(status, &headers, body);
        let answer = ask(&world, &app).await;
        assert!(detail(&answer).contains(said), "{said}: {}", detail(&answer));
        assert!(!answer.body.contains("<script>alert"));
    }
    assert_eq!(elsewhere.visits(), 0, "redirects are not followed");
    host.answers(200, &[("content-type", "application/cimd+json")], padded(5 * 1024));
    assert_eq!(ask(&world, &app).await.status, 303);
}

#[tokio::test]
async fn a_url_that_could_be_read_in_two_ways_leads_to_no_fetch() {
    let (world, host, app) = setting().await;
    for path in ["", "?a=b", "/client.json?a", "/client.json#a", "/a/../client.json", "/%2e%2e/client.json"] {
        let url = format!("http://{}{path}", host.authority);
        let answer = world.browser().get(&app.ask("openid", &[("client_id", &url)]).target).await;
        assert!(detail(&answer).starts_with("client_id: "), "{url}: {}", detail(&answer));
    }
    let user = format!("http://user@{}/client.json", host.authority);
    assert_eq!(
        detail(&world.browser().get(&app.ask("openid", &[("client_id", &user)]).target).await),
        "client_id: the URL must have no user name, no query and no fragment"
    );
    assert_eq!(host.visits(), 0);
}

/// In production: no developer's exceptions.
#[tokio::test]
async fn nobody_looks_through_us_into_our_network() {
    let world = World::on_sqlite(&[]).await;
    let published = Published::new("{}").await;
    let discovery = Discovery::new(
        world.app.store.clone(),
        Outbound::new(Reach::Public).unwrap(),
        Documents::Read(Loopback::Refused),
        "openid".parse().unwrap(),
    );
    let port = published.host.rsplit(':').next().unwrap();
    let mut said = Vec::new();
    for url in [
        format!("https://{}/client.json", published.host),
        format!("https://127.0.0.1:{port}/client.json"),
        "https://127.0.0.1/client.json".to_owned(),
        "https://localhost/client.json".to_owned(),
        "https://[::1]/client.json".to_owned(),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/client.json".to_owned(),
        "https://nowhere.invalid/client.json".to_owned(),
        format!("http://127.0.0.1:{port}/client.json"),
    ] {
        match discovery.find(&url, world.now()).await {
            Err(Failure::Unusable(why)) => said.push(why),
            Err(Failure::Malformed(why)) => said.push(why.to_owned()),
            other => panic!("{url}: {other:?}"),
        }
    }
    assert_eq!(published.visits(), 0);
    // A private address, and a name that does not exist, look alike.
    assert_eq!(said[2..8].iter().collect::<std::collections::BTreeSet<_>>().len(), 1, "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_causes_one_fetch_and_a_broken_host_is_left_in_peace() {
    let (world, host, app) = setting().await;
    let crowd = async || {
        let target = app.ask("openid", &[]).target;
        join_all((0..20).map(|_| {
            let (mut browser, target) = (world.browser(), target.clone());
            async move { browser.get(&target).await.status }
        }))
        .await
    };
    assert_eq!(crowd().await, [303; 20]);
    assert_eq!(host.visits(), 1);
    world.time_passes(Duration::from_secs(301));
    host.answers(503, &[], "");
    assert_eq!(crowd().await, [400; 20]);
    assert_eq!(host.visits(), 2);
    // What is broken is not remembered for longer than that.
    host.publish(&host.document(WEB));
    world.time_passes(Duration::from_secs(6));
    assert_eq!(crowd().await, [303; 20]);
}

#[tokio::test]
async fn strangers_cannot_send_us_against_a_host() {
    let (world, host, app) = setting().await;
    let mut answers = Vec::new();
    for number in 0..80 {
        let url = format!("http://{}/{number}", host.authority);
        let sent = app.ask("openid", &[("client_id", &url)]);
        answers.push(world.browser().get(&sent.target).await.status);
    }
    assert_eq!(host.visits(), 60, "in a minute");
    assert_eq!((answers[..60].to_vec(), answers[60..].to_vec()), (vec![400; 60], vec![503; 20]));
    world.time_passes(Duration::from_secs(61));
    assert_eq!(ask(&world, &app).await.status, 303);
}

#[tokio::test]
async fn an_app_on_the_device_uses_only_its_own_redirect_uri() {
    let (world, _, app) = setting().await;
    for uri in ["https://app.example/callback/", "https://app.example/callback?x=1", "https://evil.example/"]
    {
        let answer = world.browser().get(&app.ask("openid", &[("redirect_uri", uri)]).target).await;
        assert_eq!((answer.status, answer.error_code()), (400, "invalid_redirect_uri"), "{uri}");
    }
    // PKCE is no choice for a public client.
    let sent = app.ask("openid", &[("code_challenge", ""), ("code_challenge_method", "")]);
    assert_eq!(world.browser().get(&sent.target).await.error_code(), "invalid_request");
}

#[tokio::test]
async fn at_the_token_endpoint_nothing_is_fetched() {
    let (_world, host, app) = setting().await;
    let answer = app.token(&[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
    assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
    assert_eq!(host.visits(), 0);
}
