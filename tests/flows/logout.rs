//! What other clients are told when something ends (OpenID Connect Back-Channel Logout 1.0).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gatepass::events::Reason;
use gatepass::revocation;
use gatepass::store::outbox::{self, Letter, State};
use gatepass::tokens::subject_of;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::on_both;
use crate::support::endpoint::{Received, Reply};
use crate::support::relying_party::{claims, header};
use crate::support::world::PASSWORD;
use crate::support::{Browser, Endpoint, RelyingParty, World};

/// A client that wants to hear of sign-outs at `endpoint`.
async fn listening(world: &World, id: &str, endpoint: &Endpoint) -> RelyingParty {
    let uri = format!("{}/{id}?a=b", endpoint.origin);
    world.client(id, |metadata| metadata.backchannel_logout_uri = Some(uri)).await
}

/// Carries the outbox out from now on.
fn delivers(world: &World) {
    let delivery = world.app.delivery();
    tokio::spawn(async move { delivery.run(std::future::pending()).await });
}

async fn letters(world: &World) -> Vec<Letter> {
    outbox::list(world.app.store.read(), None, 100).await.unwrap()
}

/// Waits until every letter is settled, or waits for another attempt.
async fn settled(world: &World, is: impl Fn(&Letter) -> bool) -> Vec<Letter> {
    for _ in 0..400 {
        let letters = letters(world).await;
        if !letters.is_empty() && letters.iter().all(&is) {
            return letters;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{:?}", letters(world).await);
}

fn is_delivered(letter: &Letter) -> bool {
    matches!(letter.state, State::Delivered(_))
}

fn token(received: &Received) -> String {
    let fields: Vec<(String, String)> =
        url::form_urlencoded::parse(received.body.as_bytes()).into_owned().collect();
    let [(name, token)] = &fields[..] else { panic!("{}", received.body) };
    assert_eq!(name, "logout_token");
    token.clone()
}

async fn sign_out(browser: &mut Browser) {
    let account = browser.get("/account").await;
    assert_eq!(browser.submit(&account, "/logout/confirm", &[]).await.status, 303);
}

/// The clients for which letters were posted since `before`.
async fn told(world: &World, before: &mut BTreeSet<String>) -> Vec<String> {
    let mut clients = Vec::new();
    for letter in letters(world).await {
        if before.insert(letter.id.to_string()) {
            clients.push(letter.client_id);
        }
    }
    clients.sort();
    clients
}

on_both!(a_sign_out_is_told_to_each_client_that_listens_and_took_part(world) {
    let alice = world.user("alice").await;
    let endpoint = Endpoint::start().await;
    let shop = listening(&world, "shop", &endpoint).await;
    let bank = world
        .client("bank", |metadata| {
            metadata.backchannel_logout_uri = Some(format!("{}/bank", endpoint.origin));
            metadata.id_token_signed_response_alg = "ES256".parse().unwrap();
        })
        .await;
    let deaf = world.client("deaf", |_| {}).await;
    listening(&world, "stranger", &endpoint).await;
    delivers(&world);

    let mut browser = world.browser();
    let id_token = shop.tokens_in(&mut browser, "alice", "openid").await["id_token"].as_str().unwrap().to_owned();
    shop.tokens_in(&mut browser, "alice", "openid").await;
    bank.tokens_in(&mut browser, "alice", "openid").await;
    deaf.tokens_in(&mut browser, "alice", "openid").await;
    sign_out(&mut browser).await;

    let mut received = endpoint.has_received(2).await;
    received.sort_by(|one, other| one.path.cmp(&other.path));
    let [to_bank, to_shop] = &received[..] else { panic!("{received:?}") };
    assert_eq!((to_bank.path.as_str(), to_shop.path.as_str()), ("/bank", "/shop?a=b"));
    assert_eq!(to_shop.method, "POST");
    assert_eq!(to_shop.headers["content-type"], "application/x-www-form-urlencoded");
    let shop_token = token(to_shop);
    let head = header(&shop_token);
    assert_eq!((head["typ"].as_str(), head["alg"].as_str()), (Some("logout+jwt"), Some("RS256")));
    assert_eq!(header(&token(to_bank))["alg"], "ES256");
    let mut payload = claims(&shop_token);
    let before = claims(&id_token);
    let jti = payload["jti"].as_str().unwrap().to_owned();
    let (iat, exp) = (payload["iat"].as_i64().unwrap(), payload["exp"].as_i64().unwrap());
    assert!((world.now().secs() - iat).abs() < 60);
    assert_eq!(exp - iat, 120);
    for moving in ["iat", "exp", "jti"] {
        payload.as_object_mut().unwrap().remove(moving);
    }
    assert_eq!(payload, json!({
        "iss": world.issuer,
        "sub": subject_of(alice.id),
        "aud": "shop",
        "sid": before["sid"],
        "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    }));
    let letters = settled(&world, is_delivered).await;
    assert_eq!(letters.len(), 2);
    let letter = letters.iter().find(|letter| letter.client_id == "shop").unwrap();
    assert_eq!((letter.id.to_string(), letter.attempts, letter.last_outcome.as_deref()), (jti, 1, Some("200")));

    // LO-14: it opens no door of ours.
    assert_eq!(shop.userinfo(&shop_token).await.status, 401);
    assert_eq!(shop.introspect(&shop_token).await, json!({ "active": false }));
    let hinted = world.signed_in("alice").await.get(&format!("/logout?id_token_hint={shop_token}")).await;
    assert!(hinted.body.contains("id=\"logout-confirm\""));
});

on_both!(what_fails_is_tried_again_with_the_same_jti_until_it_is_taken(world) {
    world.user("alice").await;
    let endpoint = Endpoint::start().await;
    let shop = listening(&world, "shop", &endpoint).await;
    endpoint.will_answer([Reply::Status(500), Reply::RedirectTo("/elsewhere"), Reply::Silence, Reply::Status(204)]);
    delivers(&world);
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "alice", "openid").await;
    sign_out(&mut browser).await;

    for (attempt, (outcome, pause)) in
        [("500", 5), ("302", 30), ("no answer within 5 seconds", 120)].into_iter().enumerate()
    {
        endpoint.has_received(attempt + 1).await;
        let letters = settled(&world, |letter| letter.last_outcome.as_deref() == Some(outcome)).await;
        let State::Waiting(until) = letters[0].state else { panic!("{letters:?}") };
        let wait = until.since(world.now());
        assert!((pause - 4..=pause).contains(&(wait.as_secs() as i64 + 1)), "{outcome}: {wait:?}");
        world.time_passes(Duration::from_secs(pause as u64));
        world.app.store.posted().notify_one();
    }
    let received = endpoint.has_received(4).await;
    let letters = settled(&world, is_delivered).await;
    assert_eq!((letters[0].attempts, letters[0].last_outcome.as_deref()), (4, Some("204")));
    let tokens: Vec<Value> = received.iter().map(|one| claims(&token(one))).collect();
    assert!(received.iter().all(|one| one.path == "/shop?a=b"), "no redirect is followed");
    assert!(tokens.iter().all(|claims| claims["jti"] == tokens[0]["jti"]));
    assert!(tokens[3]["iat"].as_i64() > tokens[0]["iat"].as_i64(), "signed anew");
});

on_both!(after_a_day_of_failures_it_is_given_up(world) {
    world.user("alice").await;
    let endpoint = Endpoint::start().await;
    let shop = listening(&world, "shop", &endpoint).await;
    endpoint.will_answer([Reply::Status(503); 20]);
    delivers(&world);
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "alice", "openid").await;
    sign_out(&mut browser).await;
    for attempt in 1..=9 {
        endpoint.has_received(attempt).await;
        settled(&world, |letter| letter.last_outcome.is_some() && letter.attempts == attempt as i64
            && !matches!(letter.state, State::Waiting(at) if at <= world.now())).await;
        world.time_passes(Duration::from_secs(12 * 3600));
        world.app.store.posted().notify_one();
    }
    settled(&world, |letter| matches!(letter.state, State::GivenUp(_))).await;
    assert_eq!(endpoint.received().len(), 9);
});

on_both!(a_restart_between_the_ending_and_the_delivery_loses_nothing(world) {
    world.user("alice").await;
    let endpoint = Endpoint::start().await;
    let shop = listening(&world, "shop", &endpoint).await;
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "alice", "openid").await;
    sign_out(&mut browser).await;
    world.stops().await;
    assert!(endpoint.received().is_empty());

    let (after, another) = (world.another_node().await, world.another_node().await);
    delivers(&after);
    delivers(&another);
    endpoint.has_received(1).await;
    settled(&after, is_delivered).await;
    // Two nodes have looked, and one has delivered.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(endpoint.received().len(), 1);
});

on_both!(an_attempt_that_died_with_its_node_is_made_again(world) {
    world.user("alice").await;
    let endpoint = Endpoint::start().await;
    let shop = listening(&world, "shop", &endpoint).await;
    endpoint.will_answer([Reply::Silence]);
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "alice", "openid").await;
    let delivery = world.app.delivery();
    let killed = tokio::spawn(async move { delivery.run(std::future::pending()).await });
    sign_out(&mut browser).await;
    endpoint.has_received(1).await;
    killed.abort();
    world.time_passes(Duration::from_secs(31));
    delivers(&world.another_node().await);
    let received = endpoint.has_received(2).await;
    assert_eq!(claims(&token(&received[0]))["jti"], claims(&token(&received[1]))["jti"]);
});

on_both!(a_node_that_stops_ends_what_it_has_begun_and_leaves_the_rest_to_others(world) {
    world.user("alice").await;
    let endpoint = Endpoint::start().await;
    let shop = listening(&world, "shop", &endpoint).await;
    endpoint.will_answer([Reply::Silence]);
    let (mut first, mut second) = (world.browser(), world.browser());
    shop.tokens_in(&mut first, "alice", "openid").await;
    shop.tokens_in(&mut second, "alice", "openid").await;
    let (delivery, stop) = (world.app.delivery(), Arc::new(Notify::new()));
    let stopped = stop.clone();
    let stopping = tokio::spawn(async move { delivery.run(stopped.notified()).await });
    sign_out(&mut first).await;
    endpoint.has_received(1).await;

    stop.notify_one();
    tokio::time::sleep(Duration::from_millis(100)).await;
    sign_out(&mut second).await;
    stopping.await.unwrap();
    let attempts = |letters: Vec<Letter>| letters.iter().map(|letter| letter.attempts).collect::<BTreeSet<_>>();
    assert_eq!(attempts(letters(&world).await), BTreeSet::from([0, 1]));
    assert_eq!(endpoint.received().len(), 1);
    // Nobody has to wait until a dead node's claim is over, only for the pause after a failure.
    world.time_passes(Duration::from_secs(6));
    delivers(&world.another_node().await);
    settled(&world, is_delivered).await;
});

on_both!(each_height_of_an_ending_tells_the_right_clients(world) {
    let alice = world.user("alice").await;
    world.user("bobby").await;
    let endpoint = Endpoint::start().await;
    let shop = listening(&world, "shop", &endpoint).await;
    let bank = listening(&world, "bank", &endpoint).await;
    let mut before = BTreeSet::new();
    let now = || world.now();

    // Another person in the same browser.
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "alice", "openid").await;
    let again = browser.get(&shop.ask("openid", &[("prompt", "login")]).target).await;
    let again = browser.sign_in(again.location(), "bobby", PASSWORD).await;
    assert_eq!(again.status, 303);
    assert_eq!(told(&world, &mut before).await, ["shop"]);

    // One device, also for an app that was promised to go on.
    let mut laptop = world.browser();
    let tokens = shop.tokens_in(&mut laptop, "alice", "openid offline_access").await;
    let sid = claims(tokens["id_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
    let mut phone = world.signed_in("alice").await;
    bank.tokens_in(&mut phone, "alice", "openid").await;
    let devices = phone.get("/account").await;
    let action = format!("/account/devices/{sid}/end");
    phone.submit(&devices, &action, &[]).await;
    assert_eq!(told(&world, &mut before).await, ["shop"]);

    // Everything but this device.
    let mut tablet = world.browser();
    shop.tokens_in(&mut tablet, "alice", "openid").await;
    let devices = phone.get("/account").await;
    phone.submit(&devices, "/account/devices/end-others", &[]).await;
    assert_eq!(told(&world, &mut before).await, ["shop"], "the bank's session goes on");

    // An app.
    shop.tokens_in(&mut phone, "alice", "openid").await;
    let apps = phone.get("/account").await;
    phone.submit(&apps, "/account/apps/bank/remove", &[]).await;
    assert_eq!(told(&world, &mut before).await, ["bank"]);

    // A person: what lives, and what outlived its session.
    let mut laptop = world.browser();
    bank.tokens_in(&mut laptop, "alice", "openid offline_access").await;
    sign_out(&mut laptop).await;
    assert_eq!(told(&world, &mut before).await, ["bank"]);
    let ending = (alice.id, now());
    world.app.store.write(ending, |tx, (user, now)| {
        Box::pin(revocation::end_user(tx, *user, Reason::UserDisabled, *now))
    }).await.unwrap();
    // The bank of two sessions: it had taken part in the phone's.
    assert_eq!(told(&world, &mut before).await, ["bank", "bank", "shop"]);

    // A removed client hears nothing.
    let mut browser = world.browser();
    shop.tokens_in(&mut browser, "bobby", "openid").await;
    world.app.store.write((), |tx, ()| Box::pin(gatepass::store::clients::remove(tx, "shop"))).await.unwrap();
    sign_out(&mut browser).await;
    assert_eq!(told(&world, &mut before).await, Vec::<String>::new());
});

on_both!(a_slow_endpoint_delays_neither_the_sign_out_nor_the_others(world) {
    world.user("alice").await;
    let (slow, quick) = (Endpoint::start().await, Endpoint::start().await);
    slow.will_answer([Reply::Silence; 50]);
    let shop = listening(&world, "shop", &slow).await;
    let bank = listening(&world, "bank", &quick).await;
    delivers(&world);
    let begun = std::time::Instant::now();
    for _ in 0..10 {
        let mut browser = world.browser();
        shop.tokens_in(&mut browser, "alice", "openid").await;
        sign_out(&mut browser).await;
    }
    let mut browser = world.browser();
    bank.tokens_in(&mut browser, "alice", "openid").await;
    sign_out(&mut browser).await;
    quick.has_received(1).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(!slow.received().is_empty() && slow.received().len() <= 6, "two at a time");
});

on_both!(a_session_that_many_clients_joined_ends_in_few_statements(world) {
    world.user("alice").await;
    let endpoint = Endpoint::start().await;
    let mut browser = world.browser();
    let shop = listening(&world, "shop", &endpoint).await;
    shop.tokens_in(&mut browser, "alice", "openid").await;
    let (reads, writes) = world.statements();
    sign_out(&mut browser).await;
    let one = world.statements();
    let one = (one.0 - reads, one.1 - writes);

    let mut browser = world.browser();
    for number in 0..5 {
        listening(&world, &format!("app{number}"), &endpoint).await.tokens_in(&mut browser, "alice", "openid").await;
    }
    let (reads, writes) = world.statements();
    sign_out(&mut browser).await;
    let many = world.statements();
    assert_eq!((many.0 - reads, many.1 - writes), one);
    assert_eq!(letters(&world).await.len(), 6);
});
