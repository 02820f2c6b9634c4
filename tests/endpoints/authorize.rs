//! The authorization endpoint (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6): what is shown to the person, and
//! what is sent to the client.

use std::time::Duration;

use gatepass::protocol::grant_type::GrantType;
use gatepass::protocol::response_type::ResponseMode;
use reqwest::Method;

use super::is_description;
use crate::on_both;
use crate::support::World;
use crate::support::browser::Answer;
use crate::support::relying_party::{RelyingParty, Sent};
use crate::support::world::{PASSWORD, REDIRECT_URI};

/// What of a sound request is changed; an empty value takes a parameter away.
type Change = &'static [(&'static str, &'static str)];

/// Sent to the client: the exact `state`, the issuer, and nothing that RFC 6749 §4.1.2.1 and RFC 9207 do not name.
fn assert_sent(issuer: &str, answer: &Answer, sent: &Sent, error: &str, what: &str) {
    assert_eq!(answer.status, 303, "{what}: {}", answer.body);
    assert!(answer.location().starts_with(&format!("{REDIRECT_URI}?")), "{what}: {}", answer.location());
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{what}");
    let parameters = answer.parameters();
    assert_eq!(parameters["error"], error, "{what}: {parameters:?}");
    assert_eq!(parameters["state"], sent.state, "{what}");
    assert_eq!(parameters["iss"], issuer, "{what}");
    assert!(is_description(&parameters["error_description"]), "{what}: {parameters:?}");
    assert_eq!(parameters.len(), 4, "{what}: {parameters:?}");
}

/// Shown: a page that leads nowhere but home (RFC 9700 §4.11.2).
fn assert_shown(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert_eq!(answer.error_code(), code, "{what}");
    assert!(answer.header("location").is_none(), "{what}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert!(!answer.body.contains("evil"), "{what}: {}", answer.body);
    assert!(!answer.body.contains("http://") && !answer.body.contains("https://"), "{what}: {}", answer.body);
}

const SHOWN: &[(&str, Change, &str, u16, &str)] = &[
    // what, changes, appended to the query, status, #error-code
    ("no client", &[("client_id", "")], "", 400, "invalid_client"),
    ("an unknown client", &[("client_id", "evil")], "", 400, "invalid_client"),
    ("a client with a strange name", &[("client_id", "shop\u{200b}")], "", 400, "invalid_client"),
    ("a client in other letters", &[("client_id", "SHOP")], "", 400, "invalid_client"),
    ("a client twice", &[], "&client_id=shop", 400, "invalid_request"),
    ("two clients", &[], "&client_id=evil", 400, "invalid_request"),
    ("no redirect URI though openid is asked for", &[("redirect_uri", "")], "", 400, "invalid_redirect_uri"),
    (
        "an unregistered redirect URI",
        &[("redirect_uri", "https://evil.example/")],
        "",
        400,
        "invalid_redirect_uri",
    ),
    (
        "a redirect URI twice",
        &[],
        "&redirect_uri=https%3A%2F%2Fshop.example%2Fcallback",
        400,
        "invalid_request",
    ),
    ("two redirect URIs", &[], "&redirect_uri=https%3A%2F%2Fevil.example%2F", 400, "invalid_request"),
    (
        "a wrong scope and a wrong redirect URI",
        &[("scope", "evil"), ("redirect_uri", "https://evil.example/")],
        "",
        400,
        "invalid_redirect_uri",
    ),
    (
        "no response type and a wrong redirect URI",
        &[("response_type", ""), ("redirect_uri", "https://evil.example/")],
        "",
        400,
        "invalid_redirect_uri",
    ),
    ("what is no request object", &[("request", "a.b.c")], "", 400, "invalid_request_object"),
    (
        "a request object elsewhere",
        &[("request_uri", "https://evil.example/r")],
        "",
        400,
        "invalid_request_uri",
    ),
    ("a pushed request, which nobody can push", &[("request_uri", "urn:x")], "", 400, "invalid_request_uri"),
    ("a percent sign alone", &[], "&evil=%", 400, "invalid_request"),
    ("a NUL", &[], "&evil=%00", 400, "invalid_request"),
    ("bytes that are not UTF-8", &[], "&evil=%ff", 400, "invalid_request"),
];

on_both!(what_cannot_be_sent_is_shown(world) {
    let shop = world.shop().await;
    let mut browser = world.browser();
    for (what, change, suffix, status, code) in SHOWN {
        let target = format!("{}{suffix}", shop.ask("openid", change).target);
        assert_shown(&browser.get(&target).await, *status, code, what);
        // By POST nothing else is said.
        let (_, body) = target.split_once('?').unwrap();
        let posted = browser.send(Method::POST, "/authorize", Some(body.to_owned())).await;
        assert_shown(&posted, *status, code, what);
    }
    let many: String = (0..100).map(|number| format!("&p{number}=1")).collect();
    let answer = browser.get(&format!("{}{many}", shop.ask("openid", &[]).target)).await;
    assert_shown(&answer, 400, "invalid_request", "more than a hundred parameters");
    assert_eq!(world.statements().1, writes_of_setting_up(&world, &shop).await);
});

/// Writes so far, when a request that is answered without any is the last one.
async fn writes_of_setting_up(world: &World, shop: &RelyingParty) -> u64 {
    let before = world.statements().1;
    assert_eq!(shop.introspect("nothing").await["active"], false);
    assert_eq!(world.statements().1, before);
    before
}

on_both!(unknown_and_disabled_clients_look_alike(world) {
    let (shop, gone) = (world.shop().await, world.client("gone", |_| {}).await);
    world.disable_client(&gone).await;
    let page = async |client: &str| {
        let answer = world.browser().get(&shop.ask("openid", &[("client_id", client)]).target).await;
        let request_id = answer.header("x-request-id").unwrap().to_owned();
        (answer.status, answer.body.replace(&request_id, ""))
    };
    assert_eq!(page("gone").await, page("never").await);
});

on_both!(a_post_that_is_no_form_is_shown_an_error(world) {
    for (kind, status, code) in [
        ("application/json", 415, "unsupported_media_type"),
        ("text/plain", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=x", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded; charset=utf-16", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", 413, "too_large"),
    ] {
        let body = if status == 413 { "a".repeat(65 * 1024) } else { "{}".to_owned() };
        let answer = world.send("POST", "/authorize", &[("content-type", kind.as_bytes())], &body).await;
        assert_shown(&answer, status, code, kind);
    }
});

const SENT: &[(&str, Change, &str)] = &[
    ("no response type", &[("response_type", "")], "invalid_request"),
    ("a response type twice in one", &[("response_type", "code code")], "unsupported_response_type"),
    ("an unknown response type beside code", &[("response_type", "code foo")], "unsupported_response_type"),
    ("other letters", &[("response_type", "Code")], "unsupported_response_type"),
    ("the implicit grant", &[("response_type", "token")], "unsupported_response_type"),
    ("no response at all", &[("response_type", "none")], "unsupported_response_type"),
    ("an unknown response mode", &[("response_mode", "x")], "invalid_request"),
    ("a response mode of another profile", &[("response_mode", "query.jwt")], "invalid_request"),
    ("a form post of another profile", &[("response_mode", "form_post.jwt")], "invalid_request"),
    ("a web message", &[("response_mode", "web_message")], "invalid_request"),
    ("a mode in other letters", &[("response_mode", "Fragment")], "invalid_request"),
    ("a scope with a quotation mark", &[("scope", "openid a\"b")], "invalid_scope"),
    ("a scope with a backslash", &[("scope", "openid a\\b")], "invalid_scope"),
    ("a scope beyond ASCII", &[("scope", "openid é")], "invalid_scope"),
    ("scopes with a tab between them", &[("scope", "openid email\tprofile")], "invalid_scope"),
    ("scopes with a line break between them", &[("scope", "openid email\nprofile")], "invalid_scope"),
    ("a scope that is not registered", &[("scope", "openid admin")], "invalid_scope"),
    ("a scope in other letters", &[("scope", "openid Email")], "invalid_scope"),
    ("no challenge", &[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
    ("a method without a challenge", &[("code_challenge", "")], "invalid_request"),
    ("a challenge without a method, which means plain", &[("code_challenge_method", "")], "invalid_request"),
    ("plain", &[("code_challenge_method", "plain")], "invalid_request"),
    ("S256 in small letters", &[("code_challenge_method", "s256")], "invalid_request"),
    ("an unknown method", &[("code_challenge_method", "S512")], "invalid_request"),
    (
        "a short challenge",
        &[("code_challenge", "9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")],
        "invalid_request",
    ),
    (
        "a padded challenge",
        &[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=")],
        "invalid_request",
    ),
    (
        "a challenge in the standard alphabet",
        &[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")],
        "invalid_request",
    ),
    ("none beside login", &[("prompt", "none login")], "invalid_request"),
    ("an unknown prompt", &[("prompt", "bogus")], "invalid_request"),
    ("an unknown prompt beside a known one", &[("prompt", "login bogus")], "invalid_request"),
    ("registration by prompt, which is off", &[("prompt", "create")], "invalid_request"),
    ("a prompt in other letters", &[("prompt", "Login")], "invalid_request"),
    ("a negative max_age", &[("max_age", "-1")], "invalid_request"),
    ("a max_age that is no number", &[("max_age", "abc")], "invalid_request"),
    ("a max_age beyond every number", &[("max_age", "99999999999999999999")], "invalid_request"),
    ("a max_age with a sign", &[("max_age", "+5")], "invalid_request"),
    ("a max_age with a space", &[("max_age", " 5")], "invalid_request"),
    ("a max_age with a fraction", &[("max_age", "5.0")], "invalid_request"),
    ("a max_age with an exponent", &[("max_age", "1e9")], "invalid_request"),
    ("a max_age in other digits", &[("max_age", "٥")], "invalid_request"),
    ("a hint that is no token", &[("id_token_hint", "bogus")], "invalid_request"),
    ("a client that registers itself", &[("registration", "{}")], "registration_not_supported"),
    ("nobody is signed in", &[("prompt", "none")], "login_required"),
];

const TWICE: &[&str] = &[
    "response_type=code",
    "scope=admin",
    "nonce=x",
    "code_challenge_method=plain",
    "code_challenge=x",
    "response_mode=fragment",
    "prompt=none",
    "unknown=1&unknown=1",
];

on_both!(what_can_be_sent_is_sent_with_state_and_issuer(world) {
    let shop = world.shop().await;
    let mut browser = world.browser();
    for (what, change, error) in SENT {
        let sent = shop.ask("openid email profile", change);
        assert_sent(&world.issuer, &browser.get(&sent.target).await, &sent, error, what);
    }
    for suffix in TWICE {
        let sent = shop.ask("openid", &[("prompt", "login"), ("response_mode", "query")]);
        let answer = browser.get(&format!("{}&{suffix}", sent.target)).await;
        assert_sent(&world.issuer, &answer, &sent, "invalid_request", suffix);
    }
    for name in ["nonce", "login_hint", "ui_locales", "acr_values"] {
        let sent = shop.ask("openid", &[(name, &"x".repeat(2049))]);
        assert_sent(&world.issuer, &browser.get(&sent.target).await, &sent, "invalid_request", name);
    }
    // RFC 6749 §3.1: of two states neither is believed.
    let sent = shop.ask("openid", &[]);
    let answer = browser.get(&format!("{}&state=other", sent.target)).await;
    assert_eq!(answer.parameters()["error"], "invalid_request");
    assert!(!answer.parameters().contains_key("state"));
    assert_eq!(world.statements().1, writes_of_setting_up(&world, &shop).await);
});

on_both!(a_parameter_in_the_query_and_in_the_body_stands_twice(world) {
    let shop = world.shop().await;
    let mut browser = world.browser();
    let sent = shop.ask("openid", &[("scope", "")]);
    let (_, body) = sent.target.split_once('?').unwrap();
    let body = |scope: &str| Some(format!("{body}&scope={scope}"));
    let answer = browser.send(Method::POST, "/authorize?scope=openid", body("email")).await;
    assert_sent(&world.issuer, &answer, &sent, "invalid_request", "scope");
    let answer = browser.send(Method::POST, "/authorize?client_id=shop", body("openid")).await;
    assert_shown(&answer, 400, "invalid_request", "client_id");
});

on_both!(an_error_is_answered_in_the_mode_that_was_asked_for(world) {
    let shop = world.shop().await;
    for mode in ResponseMode::ALL {
        let sent = shop.ask("openid", &[("response_mode", mode.as_str()), ("prompt", "none")]);
        let answer = world.browser().get(&sent.target).await;
        let (error, state, issuer) = match mode {
            ResponseMode::Query | ResponseMode::Fragment => {
                let mark = if mode == ResponseMode::Query { '?' } else { '#' };
                assert!(answer.location().starts_with(&format!("{REDIRECT_URI}{mark}")), "{}", answer.location());
                let parameters = answer.parameters();
                (parameters["error"].clone(), parameters["state"].clone(), parameters["iss"].clone())
            }
            ResponseMode::FormPost => {
                assert_eq!(answer.status, 200);
                let fields = answer.hidden_fields(REDIRECT_URI);
                let field = |name: &str| fields.iter().find(|(own, _)| own == name).unwrap().1.clone();
                (field("error"), field("state"), field("iss"))
            }
        };
        assert_eq!((error.as_str(), &state, &issuer), ("login_required", &sent.state, &world.issuer), "{mode:?}");
    }
});

on_both!(a_client_that_is_not_registered_for_the_code_flow_is_told_so(world) {
    let machine = world.client("machine", |metadata| {
        metadata.grant_types = [GrantType::ClientCredentials].into();
        metadata.response_types = Vec::new();
    }).await;
    let sent = machine.ask("openid", &[]);
    let answer = world.browser().get(&sent.target).await;
    assert_sent(&world.issuer, &answer, &sent, "unauthorized_client", "client_credentials only");
});

on_both!(without_openid_the_only_redirect_uri_may_be_left_out(world) {
    let shop = world.shop().await;
    let two = world.client("two", |metadata| {
        metadata.redirect_uris.push("https://shop.example/other".to_owned());
    }).await;
    let mut browser = world.browser();
    let plain = [("redirect_uri", ""), ("scope", "orders:read")];
    let answer = browser.get(&shop.ask("", &plain).target).await;
    assert!(answer.location().contains("/login?"), "{}", answer.location());
    assert_shown(&browser.get(&two.ask("", &plain).target).await, 400, "invalid_redirect_uri", "two of them");
});

on_both!(a_silent_request_says_what_it_lacks(world) {
    world.user("alice").await;
    let bob = world.user("bob").await;
    let shop = world.shop().await;
    let bobs = shop.tokens("bob", "openid").await;
    let bobs_id_token = bobs["id_token"].as_str().unwrap();
    let mut browser = world.signed_in("alice").await;
    let mut refused = async |change: &[(&str, &str)], error: &str, what: &str| {
        let all = [change, &[("prompt", "none")]].concat();
        let sent = shop.ask("openid", &all);
        assert_sent(&world.issuer, &browser.get(&sent.target).await, &sent, error, what);
    };
    refused(&[], "consent_required", "nothing was agreed").await;
    refused(&[("id_token_hint", bobs_id_token)], "login_required", "somebody else is signed in").await;
    refused(&[("max_age", "0")], "login_required", "a sign-in for this very request").await;
    world.time_passes(Duration::from_secs(100));
    refused(&[("max_age", "99")], "login_required", "a sign-in that is too old").await;
    world.disable_user(&bob).await;
    refused(&[("id_token_hint", bobs_id_token)], "login_required", "a hint at somebody who is gone").await;
});

on_both!(whoever_does_not_want_to_says_no_on_either_page(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();

    let sent = shop.ask("openid", &[]);
    let begun = browser.get(&sent.target).await;
    let page = browser.get(begun.location()).await;
    let cancelled = browser.submit(&page, "/login", &[("action", "cancel")]).await;
    assert_sent(&world.issuer, &cancelled, &sent, "access_denied", "on the sign-in page");

    let sent = shop.ask("openid", &[]);
    let begun = browser.get(&sent.target).await;
    let signed_in = browser.sign_in(begun.location(), "alice", PASSWORD).await;
    let resumed = browser.get(signed_in.location()).await;
    let denied = browser.decide(resumed.location(), "deny").await;
    assert_sent(&world.issuer, &denied, &sent, "access_denied", "on the consent page");
    // What is finished is finished.
    assert_shown(&browser.get(signed_in.location()).await, 400, "already_completed", "the back button");
    assert_shown(&browser.get(resumed.location()).await, 400, "already_completed", "the consent page again");
});

on_both!(what_is_unknown_or_empty_is_left_out(world) {
    let shop = world.shop().await;
    let sent = shop.ask("openid", &[("foo", "bar"), ("display", "popup"), ("claims_locales", "fr")]);
    let answer = world.browser().get(&format!("{}&prompt=&max_age=&response_mode=&request=", sent.target)).await;
    assert!(answer.location().contains("/login?"), "{}", answer.location());
});

on_both!(a_waiting_request_is_known_and_not_old(world) {
    let shop = world.shop().await;
    let mut browser = world.browser();
    let begun = browser.get(&shop.ask("openid", &[]).target).await;
    let other = "/authorize/00000000000000000000000000";
    for path in ["/authorize/x", "/authorize/%00", "/login?authorization=x", "/consent/x", other] {
        assert_shown(&browser.get(path).await, 400, "unknown_authorization", path);
    }
    world.time_passes(Duration::from_secs(31 * 60));
    let late = browser.get(begun.location()).await;
    assert_shown(&late, 400, "expired_authorization", "half an hour later");
});

on_both!(only_get_and_post_ask_and_nothing_else_leaves_a_row(world) {
    let shop = world.shop().await;
    let target = shop.ask("openid", &[]).target;
    let before = world.statements().1;
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let answer = world.send(method, &target, &[], "").await;
        assert_eq!(answer.status, 405, "{method}");
        // RFC 9110 §15.5.6: "The origin server MUST generate an Allow header field in a 405 response".
        let allowed = answer.header("allow").unwrap_or_else(|| panic!("{method} without Allow"));
        assert!(allowed.contains("GET") && allowed.contains("POST"), "{method}: {allowed}");
    }
    assert_eq!(world.statements().1, before);
});
