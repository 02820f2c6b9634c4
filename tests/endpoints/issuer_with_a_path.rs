//! An issuer with a path (RFC 8414 §3.1): every door, form and cookie stands below it.

use crate::on_both;

on_both!(everything_stands_below_the_path(world, [("issuer.url", "http://LISTENER/tenant")]) {
    world.user("alice").await;
    let shop = world.shop().await;
    assert!(world.issuer.ends_with("/tenant"));
    let authority = world.issuer.strip_suffix("/tenant").unwrap().to_owned();
    let elsewhere = crate::support::Browser::new(&authority);

    let appended = world.send("GET", "/.well-known/openid-configuration", &[], "").await.json();
    assert_eq!(appended["issuer"], world.issuer);
    for form in [
        "/tenant/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
    ] {
        assert_eq!(elsewhere.clone().get(form).await.json(), appended, "{form}");
    }
    for (name, url) in appended.as_object().unwrap() {
        if let Some(url) = url.as_str().filter(|url| url.starts_with("http")) {
            assert!(url.starts_with(&world.issuer), "{name}: {url}");
        }
    }
    // Nothing of it answers beside the path.
    for path in ["/authorize", "/token", "/jwks", "/login", "/userinfo", "/.well-known/openid-configuration"] {
        assert_eq!(elsewhere.clone().get(path).await.status, 404, "{path}");
    }
    let mut browser = world.browser();
    let sent = shop.ask("openid", &[]);
    let begun = browser.get(&sent.target).await;
    assert!(begun.location().starts_with("/tenant/login?authorization="), "{}", begun.location());
    let page = browser.get(begun.location()).await;
    assert!(page.body.contains("action=\"/tenant/login"), "{}", page.body);
    assert!(page.body.contains("href=\"/tenant/assets/"), "{}", page.body);
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(crate::support::relying_party::claims(access_token)["iss"], world.issuer);
    assert_eq!(shop.userinfo(access_token).await.status, 200);
    assert_eq!(shop.introspect(access_token).await["active"], true);
    let answer = browser.get(&sent.target).await;
    assert_eq!(answer.parameters()["iss"], world.issuer);
    let missing = browser.get("/nowhere").await;
    assert_eq!((missing.status, missing.error_code()), (404, "not_found"));
    assert!(missing.body.contains("href=\"/tenant/account\""), "{}", missing.body);
});
