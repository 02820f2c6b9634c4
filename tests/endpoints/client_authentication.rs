//! Client authentication (RFC 6749 §2.3 and §5.2), the same at every endpoint that wants it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepass::protocol::client_metadata::AuthMethod;
use gatepass::secret::Secret;

use super::assert_direct;
use crate::on_both;
use crate::support::browser::Answer;
use crate::support::relying_party::basic;

const DOORS: [&str; 3] = ["/token", "/introspect", "/revoke"];

/// RFC 6749 §5.2: the challenge comes back if the client tried the header.
fn assert_unauthenticated(answer: &Answer, tried_header: bool, what: &str) {
    assert_direct(answer, 401, "invalid_client", what);
    let challenge = answer.header("www-authenticate");
    assert_eq!(
        challenge.is_some_and(|challenge| challenge.starts_with("Basic realm=")),
        tried_header,
        "{what}"
    );
}

on_both!(whoever_does_not_prove_it_is_nobody(world) {
    let shop = world.shop().await;
    let poster = world.client("poster", |metadata| {
        metadata.token_endpoint_auth_method = AuthMethod::ClientSecretPost;
    }).await;
    world.public_client("app").await;
    let gone = world.client("gone", |_| {}).await;
    world.disable_client(&gone).await;
    let secret = |client: &crate::support::RelyingParty| client.secret.as_ref().unwrap().reveal().to_owned();
    let (shops, posters, gones) = (secret(&shop), secret(&poster), secret(&gone));
    let wrong = Secret::new().reveal().to_owned();
    let encoded = |text: &str| Some(format!("Basic {}", STANDARD.encode(text)));

    type Row<'a> = (&'a str, Option<String>, Vec<(&'a str, &'a str)>);
    let rows: Vec<Row<'_>> = vec![
        ("nobody", None, vec![]),
        ("a wrong secret in the header", Some(basic("shop", &wrong)), vec![]),
        ("an unknown client in the header", Some(basic("nobody", &wrong)), vec![]),
        ("another client's secret", Some(basic("shop", &posters)), vec![]),
        ("no secret in the header", encoded("shop:"), vec![]),
        ("no colon", encoded("shop"), vec![]),
        ("no client in the header", encoded(&format!(":{shops}")), vec![]),
        ("no base64", Some("Basic ***".to_owned()), vec![]),
        ("nothing after the scheme", Some("Basic".to_owned()), vec![]),
        ("a byte order mark", encoded(&format!("\u{feff}shop:{shops}")), vec![]),
        ("bytes that are not UTF-8", Some("Basic //86Og==".to_owned()), vec![]),
        ("a NUL in the client", encoded(&format!("shop%00:{shops}")), vec![]),
        ("a space behind the secret", encoded(&format!("shop:{shops} ")), vec![]),
        ("another scheme", Some(format!("Bearer {shops}")), vec![]),
        ("a disabled client", Some(basic("gone", &gones)), vec![]),
        ("the header though the body is registered", Some(basic("poster", &posters)), vec![]),
        ("a public client with a secret in the header", Some(basic("app", &wrong)), vec![]),
        ("an unknown client in the body", None, vec![("client_id", "nobody"), ("client_secret", &wrong)]),
        ("a wrong secret in the body", None, vec![("client_id", "poster"), ("client_secret", &wrong)]),
        ("the body though the header is registered", None, vec![("client_id", "shop"), ("client_secret", &shops)]),
        ("a confidential client as if it were public", None, vec![("client_id", "shop")]),
        ("a confidential client with an empty secret", None, vec![("client_id", "poster"), ("client_secret", "")]),
        ("a public client with a secret", None, vec![("client_id", "app"), ("client_secret", &wrong)]),
        ("a secret without a client", None, vec![("client_secret", &posters)]),
        ("an assertion without its type", None, vec![("client_id", "shop"), ("client_assertion", "a.b.c")]),
        (
            "an assertion type beside a good secret",
            Some(basic("shop", &shops)),
            vec![("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")],
        ),
    ];
    let mut said = std::collections::BTreeSet::new();
    for door in DOORS {
        for (what, authorization, fields) in &rows {
            let mut all = vec![("grant_type", "client_credentials"), ("token", "x")];
            all.extend(fields);
            let answer = shop.raw(door, &all, authorization.as_deref()).await;
            let in_header = authorization.is_some() && !what.starts_with("an assertion");
            assert_unauthenticated(&answer, in_header, &format!("{what} at {door}"));
            said.insert(answer.body);
        }
    }
    // Nobody learns from the answer which clients exist.
    assert_eq!(said.len(), 1, "{said:?}");
});

on_both!(two_proofs_in_one_request_are_an_error(world) {
    let shop = world.shop().await;
    let secret = shop.secret.as_ref().unwrap().reveal();
    let good = basic("shop", secret);
    for door in DOORS {
        for (what, fields) in [
            ("a secret in the body too", vec![("client_id", "shop"), ("client_secret", secret)]),
            ("a wrong secret in the body too", vec![("client_secret", "wrong")]),
            ("another client in the body", vec![("client_id", "other")]),
            ("a client twice in the body", vec![("client_id", "shop"), ("client_id", "shop")]),
        ] {
            let mut all = vec![("grant_type", "client_credentials"), ("token", "x")];
            all.extend(fields);
            let answer = shop.raw(door, &all, Some(&good)).await;
            assert_direct(&answer, 400, "invalid_request", &format!("{what} at {door}"));
        }
        let headers: [(&str, &[u8]); 3] = [
            ("content-type", b"application/x-www-form-urlencoded"),
            ("authorization", good.as_bytes()),
            ("authorization", good.as_bytes()),
        ];
        let answer = world.send("POST", door, &headers, "grant_type=client_credentials&token=x").await;
        assert_direct(&answer, 400, "invalid_request", &format!("the header twice at {door}"));
    }
});

on_both!(an_identifier_and_a_secret_may_hold_what_a_form_encodes(world) {
    let odd = world.client("https://odd.example/?a=1&b=2:3%", |_| {}).await;
    let fields = [("grant_type", "client_credentials"), ("scope", "orders:read")];
    let secret = odd.secret.as_ref().unwrap().reveal();
    let good = basic(odd.id(), secret);
    for header in [good.clone(), good.replacen("Basic", "basic", 1), good.replacen("Basic", "BASIC", 1)] {
        assert_eq!(odd.raw("/token", &fields, Some(&header)).await.status, 200, "{header}");
    }
    // Its own identifier in the body too is no second proof.
    let twice_named = [&fields[..], &[("client_id", odd.id())]].concat();
    assert_eq!(odd.raw("/token", &twice_named, Some(&good)).await.status, 200);
    let undecoded = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", odd.id())));
    assert_unauthenticated(&odd.raw("/token", &fields, Some(&undecoded)).await, true, "not form-encoded");
});

on_both!(a_header_of_strange_bytes_or_of_great_length_is_no_proof(world) {
    let form: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
    for door in DOORS {
        for strange in [&b"Basic \xff\xfe"[..], b"\xc3\x28", &[b'B'; 20_000]] {
            let answer = world.send("POST", door, &[form, ("authorization", strange)], "token=x").await;
            assert_unauthenticated(&answer, true, door);
        }
    }
});
