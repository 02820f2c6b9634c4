//! What `doctor` says of the Redis that nodes share.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tokio::net::TcpListener;

use super::Operator;
use crate::support::Redis;

/// The verdicts on the cache, with what was said.
fn verdicts(operator: Operator, url: &str) -> Vec<(String, String)> {
    let operator = operator.knowing("GATEPASS_DATABASE__CACHE", url);
    let said = operator.says(&["doctor", "--json"]);
    assert!(!format!("{said:?}").contains("hunter2"), "{said:?}");
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    let found = answer["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == "cache");
    let text = |finding: &Value, member: &str| finding[member].as_str().unwrap().to_owned();
    found.map(|finding| (text(finding, "verdict"), text(finding, "message"))).collect()
}

fn verdict(url: &str) -> String {
    match verdicts(Operator::new(), url).as_slice() {
        [(verdict, message)] => format!("{verdict}: {message}"),
        found => panic!("{found:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_whether_redis_can_be_used() {
    let Some(mut redis) = Redis::start_with(&["--requirepass", "another"]).await else { return };
    let with = |login: &str| redis.url().replace("//", &format!("//{login}@"));
    assert_eq!(verdict(&with(":another")), "ok: Redis answers");
    for (url, why) in [(with(":hunter2"), "authentication failed"), (redis.url(), "NOAUTH")] {
        let said = verdict(&url);
        assert!(said.starts_with("warning: Redis cannot be used (") && said.contains(why), "{said}");
    }
    let url = redis.url();
    redis.dies();
    let said = verdict(&url);
    assert!(said.starts_with("warning: Redis cannot be used ("), "{said}");
}

#[test]
fn doctor_warns_of_a_password_that_goes_over_the_network_in_the_clear() {
    let found = verdicts(Operator::new(), "redis://:hunter2@192.0.2.1");
    assert!(
        found.iter().any(|(verdict, says)| verdict == "warning" && says.contains("rediss://")),
        "{found:?}"
    );
    let found = verdicts(Operator::new(), "rediss://:hunter2@192.0.2.1");
    assert!(!found.iter().any(|(_, says)| says.contains("in the clear")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_spoken_to_over_tls_and_only_if_its_certificate_is_trusted() {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let folder = Operator::new();
    let (certificate, key) = (folder.home.join("redis.crt"), folder.home.join("redis.key"));
    std::fs::write(&certificate, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port().to_string();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let tls = [
        "--tls-port",
        &port,
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        certificate,
        "--tls-auth-clients",
        "no",
    ];
    let Some(_redis) = Redis::start_with(&tls).await else { return };
    let url = format!("rediss://127.0.0.1:{port}");
    let trusting = Operator::new().knowing("SSL_CERT_FILE", certificate);
    assert_eq!(verdicts(trusting, &url), [("ok".to_owned(), "Redis answers".to_owned())]);
    assert!(verdict(&url).starts_with("warning: Redis cannot be used ("));
    let said = Operator::new()
        .knowing("GATEPASS_DATABASE__CACHE", &format!("{url}/#insecure"))
        .says(&["config", "check"]);
    assert!(said.code != 0 && said.err.contains("database.cache"), "{said:?}");
}
