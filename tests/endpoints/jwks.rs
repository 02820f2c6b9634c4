//! The JWK Set (RFC 7517 §5).

use crate::support::World;

#[tokio::test]
async fn keys_are_public_distinct_and_readable_by_every_page() {
    let world = World::on_sqlite(&[]).await;
    let answer = world.send("GET", "/jwks", &[("origin", b"https://app.example")], "").await;
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(answer.header("access-control-allow-credentials").is_none());
    assert!(answer.header("set-cookie").is_none());
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    let mut ids: Vec<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), keys.len());
    let known = ["kid", "kty", "alg", "use", "crv", "x", "y", "n", "e"];
    for key in &keys {
        assert_eq!(key["use"], "sig");
        assert!(key.as_object().unwrap().keys().all(|member| known.contains(&member.as_str())), "{key}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let answer = world.send(method, "/jwks", &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")), "{method}");
    }
}
