//! How many statements each operation costs: the price of a hot path is known, and stays.

use crate::on_both;
use crate::support::World;
use crate::support::world::PASSWORD;

/// Reads and writes that `operation` costs, once what can be cached is.
async fn cost(world: &World, operation: impl AsyncFn()) -> (u64, u64) {
    operation().await;
    let (reads, writes) = world.statements();
    operation().await;
    let (reads_after, writes_after) = world.statements();
    (reads_after - reads, writes_after - writes)
}

on_both!(client_credentials_costs_no_statement(world) {
    let shop = world.shop().await;
    let spent = cost(&world, async || {
        let answer = shop.token(&[("grant_type", "client_credentials"), ("scope", "orders:read")]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    })
    .await;
    assert_eq!(spent, (0, 0));
});

on_both!(a_refresh_costs_one_write(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let current = std::sync::Mutex::new(tokens["refresh_token"].as_str().unwrap().to_owned());
    let spent = cost(&world, async || {
        let token = current.lock().unwrap().clone();
        let answer = shop.refresh(&token).await;
        *current.lock().unwrap() = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    })
    .await;
    assert_eq!(spent, (0, 1));
});

on_both!(the_exchange_of_a_code_costs_one_write(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let mut codes = Vec::new();
    for _ in 0..2 {
        codes.push(shop.code(&mut browser, "alice", "openid").await);
    }
    let codes = std::sync::Mutex::new(codes);
    let spent = cost(&world, async || {
        let (code, sent) = codes.lock().unwrap().pop().unwrap();
        assert_eq!(shop.redeem(&code, &sent).await.status, 200);
    })
    .await;
    assert_eq!(spent, (0, 1));
});

on_both!(introspection_of_a_jwt_costs_one_read_and_then_none(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let spent = cost(&world, async || {
        assert_eq!(shop.introspect(access_token).await["active"], true);
    })
    .await;
    assert_eq!(spent, (0, 0));
});

on_both!(userinfo_costs_one_read_and_then_none(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let access_token = tokens["access_token"].as_str().unwrap();
    let spent = cost(&world, async || {
        assert_eq!(shop.userinfo(access_token).await.status, 200);
    })
    .await;
    assert_eq!(spent, (0, 0));
});

on_both!(a_silent_authorization_costs_two_reads_and_no_write(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    shop.code(&mut browser, "alice", "openid").await;
    let spent = cost(&world, async || {
        let answer = browser.clone().get(&shop.ask("openid", &[]).target).await;
        assert!(answer.parameters().contains_key("code"));
    })
    .await;
    assert_eq!(spent, (2, 0));
});

on_both!(an_api_that_is_asked_for_costs_one_read_to_find_and_one_to_refresh(world) {
    world.user("alice").await;
    let orders = "https://orders.example";
    world.client("orders", |metadata| metadata.resources = vec![orders.to_owned()]).await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let sent = shop.ask("openid", &[("resource", orders)]);
    let answer = browser.walk(&sent.target, "alice", PASSWORD).await;
    let spent = cost(&world, async || {
        let answer = browser.clone().get(&shop.ask("openid", &[("resource", orders)]).target).await;
        assert!(answer.parameters().contains_key("code"));
    })
    .await;
    assert_eq!(spent, (3, 0));

    let tokens = shop.redeem(&answer.parameters()["code"], &sent).await.json();
    let current = std::sync::Mutex::new(tokens["refresh_token"].as_str().unwrap().to_owned());
    let spent = cost(&world, async || {
        let token = current.lock().unwrap().clone();
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("resource", orders)];
        let answer = shop.token(&fields).await;
        *current.lock().unwrap() = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    })
    .await;
    assert_eq!(spent, (1, 1));
});
