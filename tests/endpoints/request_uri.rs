//! Request objects at a URI of the client's (RFC 9101 §5.2 and §10.4, OpenID Connect Core §6.2): fetched from where it
//! registered, and never a way into our network.

use gatepass::protocol::algorithm::ClientAlgorithm::RS256;
use gatepass::protocol::client_metadata::{ClientMetadata, Profile};
use gatepass::registration;

use super::request_object::{assert_sent, assert_shown, request, signing_client, target};
use crate::support::world::PASSWORD;
use crate::support::{ClientSigner, Published, World};

async fn world(published: &Published) -> World {
    let authority = published.authority.to_str().unwrap();
    World::on_sqlite(&[
        ("outbound.allowed_hosts", published.host.as_str()),
        ("outbound.extra_ca_file", authority),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_is_fetched_from_where_it_is_registered_fragment_and_all() {
    let signer = ClientSigner::new("a", RS256);
    let published = Published::new("").await;
    let world = world(&published).await;
    world.user("alice").await;
    let uri = format!("https://{}/request?of=shop#a-fragment-that-is-no-hash", published.host);
    for profile in Profile::ALL {
        let party = signing_client(&world, profile.as_str(), &signer, profile, |metadata| {
            metadata.request_uris = vec!["https://shop.example/other".to_owned(), uri.clone()];
        })
        .await;
        let (sent, claims) = request(&world, &party, "openid");
        published.publish(format!("{}\n", signer.sign(&claims)));
        let own = target(&[("client_id", party.id()), ("request_uri", &uri)]);
        let before = published.visits();
        let answer = world.browser().walk(&own, "alice", PASSWORD).await;
        assert_eq!(published.visits() - before, 1, "{profile:?}");
        assert_eq!(answer.parameters()["state"], sent.state);
        assert_eq!(party.redeem(&answer.parameters()["code"], &sent).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_registered_to_the_letter_is_never_connected_to() {
    let signer = ClientSigner::new("a", RS256);
    let published = Published::new("").await;
    let world = world(&published).await;
    let registered = format!("https://{}/request#v1", published.host);
    let strict = signing_client(&world, "strict", &signer, Profile::Default, |metadata| {
        metadata.request_uris = vec![registered.clone()];
    })
    .await;
    let lenient = signing_client(&world, "lenient", &signer, Profile::OidcCompat, |metadata| {
        metadata.request_uris = vec!["https://shop.example/request".to_owned()];
    })
    .await;
    let host = &published.host;
    for uri in [
        format!("https://{host}/request"),
        format!("https://{host}/request#v2"),
        format!("https://{host}/request?x#v1"),
        format!("https://{host}/other/../request#v1"),
        format!("https://{host}/other"),
        "https://evil.example/".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "urn:ietf:params:oauth:request_uri:x".to_owned(),
        "x".to_owned(),
    ] {
        let mut browser = world.browser();
        let answer = browser.get(&target(&[("client_id", "strict"), ("request_uri", &uri)])).await;
        assert_shown(&answer, "invalid_request_uri", &uri);
        let sent = lenient.ask("openid", &[("request_uri", &uri)]);
        assert_sent(&browser.get(&sent.target).await, "invalid_request_uri", Some(&sent.state), &uri);
    }
    // Nor is what another client has registered.
    let borrowed = lenient.ask("openid", &[("request_uri", &registered)]);
    let answer = world.browser().get(&borrowed.target).await;
    assert_sent(&answer, "invalid_request_uri", Some(&borrowed.state), "another client's");
    assert_eq!(published.visits(), 0);
    drop(strict);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_there_must_be_a_sound_object() {
    let signer = ClientSigner::new("a", RS256);
    let published = Published::new("").await;
    let world = world(&published).await;
    let uri = format!("https://{}/request", published.host);
    let party = signing_client(&world, "shop", &signer, Profile::OidcCompat, |metadata| {
        metadata.request_uris = vec![uri.clone()];
    })
    .await;
    let sent = party.ask("openid", &[("request_uri", &uri)]);
    let (_, claims) = request(&world, &party, "openid");
    let stranger = ClientSigner::new("a", RS256).sign(&claims);
    for (document, error) in [
        ("<html>", "invalid_request_object"),
        ("", "invalid_request_object"),
        ("{}", "invalid_request_object"),
        (stranger.as_str(), "invalid_request_object"),
        (&" ".repeat(70_000), "invalid_request_uri"),
    ] {
        published.publish(document);
        let answer = world.browser().get(&sent.target).await;
        assert_sent(&answer, error, Some(&sent.state), &document[..document.len().min(20)]);
    }
    published.fails();
    assert_sent(&world.browser().get(&sent.target).await, "invalid_request_uri", Some(&sent.state), "503");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_address_that_is_not_public_is_not_fetched_from() {
    let signer = ClientSigner::new("a", RS256);
    let published = Published::new("").await;
    let world = World::on_sqlite(&[]).await;
    let port = published.host.split_once(':').unwrap().1;
    let uris = [
        format!("https://{}/request", published.host),
        format!("https://127.0.0.1:{port}/request"),
        "https://169.254.169.254/request".to_owned(),
    ];
    let party = signing_client(&world, "shop", &signer, Profile::OidcCompat, |metadata| {
        metadata.request_uris = uris.to_vec();
    })
    .await;
    for uri in &uris {
        let sent = party.ask("openid", &[("request_uri", uri)]);
        assert_sent(&world.browser().get(&sent.target).await, "invalid_request_uri", Some(&sent.state), uri);
    }
    assert_eq!(published.visits(), 0);
}

#[test]
fn request_uris_are_https_and_short() {
    let of = |uris: Vec<String>| {
        let metadata = ClientMetadata {
            redirect_uris: vec!["https://shop.example/callback".to_owned()],
            request_uris: uris,
            ..ClientMetadata::default()
        };
        registration::check(&metadata).len()
    };
    assert_eq!(of(vec!["https://shop.example/r?a=b#c".to_owned(); 50]), 0);
    assert_eq!(of(vec!["https://shop.example/r".to_owned(); 51]), 1);
    for uri in ["http://shop.example/r", "http://127.0.0.1/r", "urn:x", "/r", "", "file:///r", "https://a b/"]
    {
        assert_eq!(of(vec![uri.to_owned()]), 1, "{uri}");
    }
    assert_eq!(of(vec![format!("https://shop.example/{}", "a".repeat(512))]), 1);
}
