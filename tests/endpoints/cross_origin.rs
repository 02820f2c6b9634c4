//! Which endpoints the script of another origin's page may call (Fetch Standard, CORS protocol; RFC 9700 §2.6).

use crate::on_both;
use crate::support::browser::Answer;
use crate::support::{World, registrant};

const ORIGIN: (&str, &[u8]) = ("origin", b"https://app.example");

fn may_read(answer: &Answer) -> bool {
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    match answer.header("access-control-allow-origin") {
        None => false,
        Some(origin) => {
            assert_eq!(origin, "*", "an origin is never told back");
            true
        }
    }
}

async fn preflight(world: &World, path: &str, method: &str) -> Answer {
    let headers: [(&str, &[u8]); 3] = [
        ORIGIN,
        ("access-control-request-method", method.as_bytes()),
        ("access-control-request-headers", b"authorization, content-type"),
    ];
    world.send("OPTIONS", path, &headers, "").await
}

on_both!(a_page_of_any_origin_may_use_what_looks_at_no_cookie(world) {
    let notes = registrant::Registrant::new(&world, &registrant::sound()).await;
    let own = notes.uri.strip_prefix(&world.issuer).unwrap();
    for (method, path) in [
        ("POST", "/token"), ("POST", "/revoke"), ("GET", "/userinfo"), ("POST", "/userinfo"), ("GET", "/jwks"),
        ("GET", "/.well-known/openid-configuration"), ("GET", "/.well-known/oauth-authorization-server"),
        ("POST", "/register"), ("GET", own), ("PUT", own), ("DELETE", own),
    ] {
        let asked = preflight(&world, path, method).await;
        assert!((200..300).contains(&asked.status), "{path}: {}", asked.status);
        assert!(may_read(&asked), "{path}");
        assert!(asked.header("access-control-allow-methods").unwrap().contains(method), "{path}");
        let headers = asked.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{path}: {headers}");
        // Refusals too: a script must be able to read why.
        let answer = world.send(method, path, &[ORIGIN], "").await;
        assert!(may_read(&answer), "{method} {path}: {}", answer.status);
        assert!(answer.header("access-control-expose-headers").unwrap().contains("www-authenticate"), "{path}");
    }
});

on_both!(no_page_of_another_origin_reads_a_page_of_ours_or_introspects(world) {
    world.user("alice").await;
    let alice = world.signed_in("alice").await;
    let cookies = alice.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    for (method, path) in [
        ("GET", "/authorize"), ("POST", "/authorize"), ("GET", "/login"), ("POST", "/login"), ("GET", "/account"),
        ("GET", "/logout"), ("POST", "/introspect"), ("GET", "/consent/x"),
    ] {
        assert!(!may_read(&preflight(&world, path, method).await), "{path}");
        let answer = world.send(method, path, &[ORIGIN, ("cookie", cookies.as_bytes())], "").await;
        assert!(!may_read(&answer), "{method} {path}");
    }
});
