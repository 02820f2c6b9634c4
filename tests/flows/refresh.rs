//! Refresh tokens over time (RFC 9700 §4.14).

use std::time::Duration;

use crate::on_both;
use crate::support::relying_party::claims;

const DAY: Duration = Duration::from_secs(24 * 3600);

on_both!(each_refresh_gives_a_successor_and_the_same_person(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid email").await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let answer = shop.refresh(first).await.json();
    let second = answer["refresh_token"].as_str().unwrap();
    assert_ne!(first, second);
    let (before, after) =
        (claims(tokens["id_token"].as_str().unwrap()), claims(answer["id_token"].as_str().unwrap()));
    for claim in ["iss", "sub", "aud", "auth_time", "sid"] {
        assert_eq!(before[claim], after[claim], "{claim}");
    }
    assert!(after["nonce"].is_null());
});

on_both!(a_lost_answer_is_given_again(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let lost = shop.refresh(first).await.json();
    world.time_passes(Duration::from_secs(20));
    let again = shop.refresh(first).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(again.json()["refresh_token"], lost["refresh_token"]);
    let next = shop.refresh(lost["refresh_token"].as_str().unwrap()).await;
    assert_eq!(next.status, 200, "{}", next.body);
});

on_both!(a_token_that_comes_back_after_the_grace_ends_the_grant(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let second = shop.refresh(first).await.json();
    world.time_passes(Duration::from_secs(31));
    let stolen = shop.refresh(first).await;
    assert_eq!((stolen.status, stolen.json()["error"].as_str()), (400, Some("invalid_grant")));
    let honest = shop.refresh(second["refresh_token"].as_str().unwrap()).await;
    assert_eq!((honest.status, honest.json()["error"].as_str()), (400, Some("invalid_grant")));
    let access_token = second["access_token"].as_str().unwrap();
    assert_eq!(shop.introspect(access_token).await["active"], false);
    assert_eq!(shop.userinfo(access_token).await.status, 401);
    let events = gatepass::store::audit::list(world.app.store.read(), None, 100).await.unwrap();
    assert_eq!(events.iter().filter(|entry| entry.event == "refresh_reuse").count(), 1);
});

on_both!(an_older_generation_ends_the_grant_even_within_the_grace(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let first = tokens["refresh_token"].as_str().unwrap().to_owned();
    let second = shop.refresh(&first).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let third = shop.refresh(&second).await.json()["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(shop.refresh(&first).await.status, 400);
    assert_eq!(shop.refresh(&third).await.status, 400);
});

on_both!(a_refresh_that_is_overtaken_by_two_others_gets_nothing_and_ends_nothing(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let first = tokens["refresh_token"].as_str().unwrap().to_owned();
    world.time_passes(Duration::from_secs(1));
    let second = shop.refresh(&first).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let third = shop.refresh(&second).await.json()["refresh_token"].as_str().unwrap().to_owned();
    // A moment before both.
    world.clock.set_back(Duration::from_secs(1));
    assert_eq!(shop.refresh(&first).await.json()["error"], "invalid_grant");
    assert_eq!(shop.refresh(&third).await.status, 200);
});

on_both!(a_stranger_cannot_end_a_grant_by_guessing(world) {
    world.user("alice").await;
    let (shop, bank) = (world.shop().await, world.client("bank", |_| {}).await);
    let tokens = shop.tokens("alice", "openid").await;
    let current = tokens["refresh_token"].as_str().unwrap().to_owned();
    let (body, _) = current.rsplit_once('.').unwrap();
    let (_, seal) = current.rsplit_once('.').unwrap();
    let flipped = format!("{body}.{}", seal.chars().rev().collect::<String>());
    for forged in [format!("{current}x"), current[..current.len() - 1].to_owned(), flipped, body.to_owned()] {
        assert_eq!(shop.refresh(&forged).await.json()["error"], "invalid_grant");
    }
    // A true token in a wrong hand: refused, and nothing happens to it.
    assert_eq!(bank.refresh(&current).await.json()["error"], "invalid_grant");
    assert_eq!(shop.refresh(&current).await.status, 200);
});

on_both!(a_refresh_token_dies_of_rest_and_of_age(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let idle = shop.tokens("alice", "openid offline_access").await;
    let mut used = shop.tokens("alice", "openid offline_access").await;
    for _ in 0..4 {
        world.time_passes(20 * DAY);
        used = shop.refresh(used["refresh_token"].as_str().unwrap()).await.json();
        assert!(used["refresh_token"].is_string(), "{used}");
    }
    assert_eq!(shop.refresh(idle["refresh_token"].as_str().unwrap()).await.json()["error"], "invalid_grant");
    // 90 days after its birth the first grant is over, however much it was used.
    world.time_passes(11 * DAY);
    assert_eq!(shop.refresh(used["refresh_token"].as_str().unwrap()).await.json()["error"], "invalid_grant");
});

on_both!(scope_narrows_for_one_token_and_never_widens(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid email orders:read").await;
    let refresh = async |token: &str, scope: &str| {
        shop.token(&[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]).await
    };
    let first = tokens["refresh_token"].as_str().unwrap();
    let wider = refresh(first, "openid email orders:write").await;
    assert_eq!(wider.json()["error"], "invalid_scope");
    let narrow = refresh(first, "orders:read").await.json();
    assert_eq!(narrow["scope"], "orders:read");
    let full = shop.refresh(narrow["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(full["scope"], "email openid orders:read");
});

on_both!(a_clock_set_back_revives_nothing_and_ends_nothing(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let second = shop.refresh(first).await.json();
    world.clock.set_back(Duration::from_secs(300));
    assert_eq!(shop.refresh(first).await.json()["error"], "invalid_grant");
    world.time_passes(Duration::from_secs(300));
    assert_eq!(shop.refresh(second["refresh_token"].as_str().unwrap()).await.status, 200);
});
