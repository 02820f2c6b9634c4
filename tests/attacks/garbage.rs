//! Bytes that nobody should have sent, in every field: refused, never broken by (PostgreSQL takes no NUL in text).

use reqwest::Method;

use crate::on_both;
use crate::support::relying_party::basic;

/// Percent-encoded, as they stand in a form.
const STRANGE: &[&str] = &[
    "%00",
    "a%00b",
    "%ff",
    "%C0%80",
    "%ED%A0%80",
    "%F4%90%80%80",
    "%C3",
    "%",
    "%zz",
    "%EF%BF%BE",
    "%EF%BF%BD",
    "%0d%0aX-Evil:%201",
    "%E2%80%AE",
    "%27%20OR%201=1%20--",
    "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    "%F0%9F%92%A9",
    "..%2f..%2fetc%2fpasswd",
    "$%7Bx%7D",
    "%5Cu0000",
    "-1",
    "9223372036854775808",
    "1e999",
    "NaN",
    "null",
    "%5B%5D",
];

const AUTHORIZE: &[&str] = &[
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "ui_locales",
    "id_token_hint",
    "acr_values",
    "claims",
    "resource",
    "display",
    "claims_locales",
    "registration",
    "request",
    "request_uri",
];

const DIRECT: &[&str] = &[
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "token",
    "token_type_hint",
    "access_token",
];

fn with(sound: &[(&str, &str)], name: &str, strange: &str) -> String {
    let rest: Vec<_> = sound.iter().filter(|(own, _)| *own != name).collect();
    let rest = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
    format!("{rest}&{name}={strange}")
}

on_both!(no_field_breaks_the_server(world, [("sign_in.address_attempts", "1000"), ("sign_in.account_attempts", "1000")]) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let fine = |status: u16| (200..500).contains(&status);

    let (_, parameters) = shop.request("openid");
    let sound: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for name in AUTHORIZE {
        for strange in STRANGE {
            let query = with(&sound, name, strange);
            let answer = browser.clone().get(&format!("/authorize?{query}")).await;
            assert!(fine(answer.status), "{} for {query}", answer.status);
            assert!(!answer.body.contains("<script>alert"), "{query}: {}", answer.body);
            assert!(answer.header("x-evil").is_none(), "{query}");
            // What cannot be read is refused as a whole: no byte of it is replaced or dropped.
            let unreadable = ["%00", "%ff", "%C0%80", "%C3", "%zz"].contains(strange);
            assert!(!unreadable || (answer.status, answer.error_code()) == (400, "invalid_request"), "{query}");
        }
    }
    let secret = shop.secret.as_ref().unwrap().reveal();
    let good = basic("shop", secret);
    let form: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
    let headers = [form, ("authorization", good.as_bytes())];
    for (door, grant_type) in [
        ("/token", "authorization_code"), ("/token", "refresh_token"), ("/token", "client_credentials"),
        ("/introspect", ""), ("/revoke", ""), ("/userinfo", ""),
    ] {
        for name in DIRECT {
            for strange in STRANGE {
                let body = with(&[("grant_type", grant_type)], name, strange);
                let answer = world.send("POST", door, &headers, &body).await;
                assert!(fine(answer.status), "{} for {body} at {door}", answer.status);
                assert!(!answer.body.contains("alert"), "{body}: {}", answer.body);
            }
        }
    }
    let page = browser.get("/login").await;
    let hidden = page.hidden_fields("/login");
    let sound: Vec<_> = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sound = [&sound[..], &[("username", "alice"), ("password", "wrong"), ("action", "sign-in")]].concat();
    for name in ["username", "password", "remember", "csrf", "authorization", "action", "ui_locales"] {
        for strange in STRANGE {
            let body = with(&sound, name, strange);
            let answer = browser.clone().send(Method::POST, "/login", Some(body.clone())).await;
            assert!((400..500).contains(&answer.status), "{} for {body}", answer.status);
            assert!(!answer.body.contains("<script>alert"), "{body}: {}", answer.body);
        }
    }
});

on_both!(no_header_and_no_path_breaks_the_server(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let target = shop.ask("openid", &[]).target;
    let session = gatepass::secret::Secret::new().reveal().to_owned();
    for name in ["cookie", "accept", "accept-language", "user-agent", "origin", "referer", "x-request-id", "x-forwarded-for", "forwarded", "sec-fetch-site"] {
        for value in [
            &b"\xff\xfe"[..], b"\xc3\x28", b"gatepass-session=\xff", b"gatepass-session=", b"=;=;;;=", b"\"", b",;q=,",
            b"for=\"[::1", b"999.999.999.999", b"%00", &b"en;q=0.1,".repeat(1000)[..],
            format!("gatepass-session={session}; gatepass-session={session}").as_bytes(),
            "gatepass-session=".repeat(900).as_bytes(),
        ] {
            for path in ["/login", target.as_str(), "/userinfo", "/.well-known/openid-configuration"] {
                let answer = world.send("GET", path, &[(name, value)], "").await;
                assert!(answer.status < 500, "{} for {name}: {} at {path}", answer.status, value.escape_ascii());
            }
        }
    }
    // HD-07, HD-16 and HD-17: one spelling of every path, and nothing behind it.
    for path in [
        "/userinfo/a.js", "/userinfo;.css", "/userinfo%2f", "/login/x.css", "/jwks/", "//jwks", "/./jwks%2f", "/JWKS",
        "/%6awks", "/assets/..%2f..%2fetc%2fpasswd", "/assets/%5c..%5c", "/assets/%00", "/assets/%ff", "/assets/",
        "/.well-known/openid-configuration/x", "/token/", "/authorize/x/y", "/metrics", "/health/live", "/admin",
    ] {
        let answer = world.send("GET", path, &[], "").await;
        assert!(matches!(answer.status, 400 | 404), "{} for {path}", answer.status);
        assert!(!answer.header("cache-control").is_some_and(|cache| cache.contains("public")), "{path}");
    }
    for id in ["%00", "%ff", "%C0%80", "x", "..%2f", &"a".repeat(5000)] {
        for page in ["/authorize/", "/consent/"] {
            let answer = world.send("GET", &format!("{page}{id}"), &[], "").await;
            assert_eq!(answer.status, 400, "{page}{id}");
        }
    }
});
