//! The revocation feed: an API that asks nobody hears of every ending, whatever the height of the cut.

use std::time::Duration;

use futures_util::future::join_all;
use gatepass::events::Reason;
use gatepass::registration;
use gatepass::revocation;
use gatepass::store::ConnectionTrait;
use gatepass::store::revocations::{self, Dead};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::{Browser, Follower, World};

/// What stands in an access token.
fn claim(tokens: &Value, name: &str) -> Value {
    claims(tokens["access_token"].as_str().unwrap())[name].clone()
}

async fn end_device(world: &World, tokens: &Value) {
    let sid = claim(tokens, "sid");
    let mut here = world.signed_in("alice").await;
    let account = here.get("/account").await;
    let path = format!("/account/devices/{}/end", sid.as_str().unwrap());
    assert_eq!(here.submit(&account, &path, &[]).await.status, 303);
}

async fn sign_out(browser: &mut Browser) {
    let page = browser.get("/logout").await;
    browser.submit(&page, "/logout/confirm", &[]).await;
}

on_both!(a_newcomer_is_greeted_told_everything_and_then_current(world) {
    let api = world.api("orders").await;
    let mut follower = Follower::begin(&api, &world, None).await;
    let hello = follower.next().await.unwrap();
    assert_eq!((hello.id, hello.name.as_str()), (None, "hello"));
    assert_eq!(hello.data["issuer"], world.issuer);
    assert!((hello.data["at"].as_f64().unwrap() - world.now().secs() as f64).abs() < 10.0);
    let current = follower.next().await.unwrap();
    assert_eq!((current.id, current.name.as_str()), (Some(0), "current"));
    let heartbeat = follower.next().await.unwrap();
    assert_eq!((heartbeat.id, heartbeat.name.as_str()), (Some(0), "heartbeat"));
    assert!(heartbeat.data["at"].as_f64() > current.data["at"].as_f64());
});

on_both!(ending_a_device_names_its_session(world) {
    world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let tokens = shop.tokens("alice", "openid offline_access").await;
    let began = std::time::Instant::now();
    end_device(&world, &tokens).await;
    let told = follower.next_entry().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(told.id, Some(1));
    assert_eq!(told.data["sid"], json!([claim(&tokens, "sid")]));
    // The tokens that it concerns have expired by then, whatever the clocks say.
    let forget_at = told.data["forget_at"].as_i64().unwrap();
    assert!(forget_at >= claim(&tokens, "exp").as_i64().unwrap() + 60);
    assert!(forget_at <= world.now().secs() + 600 + 62);
    assert!(["jti", "grant_id", "sub", "client_id", "issued_before"].iter().all(|name| told.data.get(name).is_none()));
});

on_both!(signing_out_names_the_grants_that_end_and_not_the_session(world) {
    world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let mut browser = world.browser();
    let online = shop.tokens_in(&mut browser, "alice", "openid").await;
    let _offline = shop.tokens_in(&mut browser, "alice", "openid offline_access").await;
    sign_out(&mut browser).await;
    let told = follower.next_entry().await;
    assert_eq!(told.data["grant_id"], json!([claim(&online, "grant_id")]));
    assert!(told.data.get("sid").is_none());
});

on_both!(signing_out_everywhere_else_names_every_other_session_at_once(world) {
    world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let mut sids = Vec::new();
    for _ in 0..3 {
        sids.push(claim(&shop.tokens("alice", "openid").await, "sid").as_str().unwrap().to_owned());
    }
    let mut here = world.signed_in("alice").await;
    let account = here.get("/account").await;
    here.submit(&account, "/account/devices/end-others", &[]).await;
    let told = follower.next_entry().await;
    let mut named: Vec<_> =
        told.data["sid"].as_array().unwrap().iter().map(|sid| sid.as_str().unwrap().to_owned()).collect();
    named.sort();
    sids.sort();
    assert_eq!(named, sids);
});

on_both!(removing_an_app_names_its_grants(world) {
    world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let mut browser = world.browser();
    let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    let account = browser.get("/account").await;
    browser.submit(&account, "/account/apps/shop/remove", &[]).await;
    assert_eq!(follower.next_entry().await.data["grant_id"], json!([claim(&tokens, "grant_id")]));
});

on_both!(revoking_a_token_names_it_until_it_expires(world) {
    world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let of_alice = shop.tokens("alice", "openid").await;
    let of_itself = shop.token(&[("grant_type", "client_credentials")]).await.json();
    for tokens in [&of_alice, &of_itself] {
        let access_token = tokens["access_token"].as_str().unwrap();
        shop.revoke(access_token).await;
        // A second time says nothing new.
        shop.revoke(access_token).await;
        let told = follower.next_entry().await;
        assert_eq!(told.data["jti"], json!([claim(tokens, "jti")]));
        assert_eq!(told.data["forget_at"].as_i64(), Some(claim(tokens, "exp").as_i64().unwrap() + 61));
    }
    shop.revoke(of_alice["refresh_token"].as_str().unwrap()).await;
    assert_eq!(follower.next_entry().await.data["grant_id"], json!([claim(&of_alice, "grant_id")]));
});

on_both!(a_code_and_a_refresh_token_that_come_back_end_their_grant_at_the_apis(world) {
    world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let (code, sent) = shop.code(&mut world.browser(), "alice", "openid").await;
    let tokens = shop.redeem(&code, &sent).await.json();
    shop.redeem(&code, &sent).await;
    assert_eq!(follower.next_entry().await.data["grant_id"], json!([claim(&tokens, "grant_id")]));

    let tokens = shop.tokens("alice", "openid").await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let renewed = shop.refresh(refresh_token).await.json();
    world.time_passes(Duration::from_secs(31));
    shop.refresh(refresh_token).await;
    let told = follower.next_entry().await;
    assert_eq!(told.data["grant_id"], json!([claim(&renewed, "grant_id")]));
});

on_both!(disabling_a_person_names_their_sessions_and_what_outlived_them(world) {
    let alice = world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut browser = world.browser();
    let offline = shop.tokens_in(&mut browser, "alice", "openid offline_access").await;
    sign_out(&mut browser).await;
    // Outlived its session too, but holds no access token any more.
    let mut browser = world.browser();
    let resting = shop.tokens_in(&mut browser, "alice", "openid offline_access").await;
    sign_out(&mut browser).await;
    world.time_passes(Duration::from_secs(2 * 3600));
    let renewed = shop.refresh(offline["refresh_token"].as_str().unwrap()).await.json();
    let live = shop.tokens("alice", "openid").await;

    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    world.disable_user(&alice).await;
    let told = follower.next_entry().await;
    assert_eq!(told.data["sid"], json!([claim(&live, "sid")]));
    assert_eq!(told.data["grant_id"], json!([claim(&renewed, "grant_id")]));
    assert_ne!(told.data["grant_id"], json!([claim(&resting, "grant_id")]));
});

on_both!(a_client_that_is_removed_or_disabled_loses_all_that_was_issued_before(world) {
    world.user("alice").await;
    let (shop, bank) = (world.shop().await, world.client("bank", |_| {}).await);
    let api = world.api("orders").await;
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let tokens = shop.tokens("alice", "openid").await;
    let mut disabled = shop.client.clone();
    disabled.status = gatepass::store::clients::Status::Disabled(world.now());
    let at = world.now();
    registration::change(&world.app.store, disabled, at).await.unwrap();
    let told = follower.next_entry().await;
    assert_eq!(told.data["client_id"], json!(["shop"]));
    let issued_before = told.data["issued_before"].as_i64().unwrap();
    assert!(claim(&tokens, "iat").as_i64().unwrap() < issued_before && issued_before <= at.secs() + 31);
    let mut enabled = shop.client.clone();
    enabled.status = gatepass::store::clients::Status::Active;
    registration::change(&world.app.store, enabled, world.now()).await.unwrap();
    assert_eq!(shop.refresh(tokens["refresh_token"].as_str().unwrap()).await.error(), "invalid_grant");

    let removal = (bank.id().to_owned(), world.now());
    let removed = world.app.store.write(removal, |tx, (id, now)| Box::pin(registration::remove(tx, id, *now)));
    removed.await.unwrap();
    assert_eq!(follower.next_entry().await.data["client_id"], json!(["bank"]));
});

on_both!(who_comes_back_hears_what_was_missed_and_a_newcomer_what_is_live(world) {
    world.user("alice").await;
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut jtis = Vec::new();
    for _ in 0..3 {
        let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
        shop.revoke(tokens["access_token"].as_str().unwrap()).await;
        jtis.push(claim(&tokens, "jti"));
    }
    let mut back = Follower::begin(&api, &world, Some(1)).await;
    let missed = back.caught_up().await;
    assert_eq!(missed.iter().map(|told| told.id.unwrap()).collect::<Vec<_>>(), [2, 3]);
    let mut newcomer = Follower::begin(&api, &world, None).await;
    let snapshot = newcomer.caught_up().await;
    let told: Vec<_> = snapshot.iter().map(|told| told.data["jti"][0].clone()).collect();
    assert_eq!(told, jtis);

    // What has expired by itself is told to nobody, and the numbers go on.
    world.time_passes(Duration::from_secs(700));
    let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
    shop.revoke(tokens["access_token"].as_str().unwrap()).await;
    let mut later = Follower::begin(&api, &world, None).await;
    let snapshot = later.caught_up().await;
    assert_eq!(snapshot.iter().map(|told| told.id.unwrap()).collect::<Vec<_>>(), [4]);
});

on_both!(a_position_that_this_installation_has_not_reached_starts_again(world) {
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
    shop.revoke(tokens["access_token"].as_str().unwrap()).await;
    let mut follower = Follower::begin(&api, &world, Some(7)).await;
    assert_eq!(follower.next().await.unwrap().name, "hello");
    assert_eq!(follower.next().await.unwrap().name, "reset");
    assert_eq!(follower.next().await.unwrap().id, Some(1));
    assert_eq!(follower.next().await.unwrap().name, "current");
});

on_both!(endings_of_several_nodes_reach_everybody_in_one_order(world) {
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let other = world.another_node().await;
    let mut here = Follower::begin(&api, &world, None).await;
    let mut there = Follower::begin(&api, &other, None).await;
    here.caught_up().await;
    there.caught_up().await;
    let at = [shop.at(&world), shop.at(&other)];
    let endings = (0..40).map(|number| {
        let shop = &at[number % 2];
        async move {
            let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
            assert_eq!(shop.revoke(tokens["access_token"].as_str().unwrap()).await.status, 200);
        }
    });
    join_all(endings).await;
    let mut heard = [Vec::new(), Vec::new()];
    for (follower, heard) in [&mut here, &mut there].into_iter().zip(&mut heard) {
        for number in 1..=40 {
            let told = follower.next_entry().await;
            assert_eq!(told.id, Some(number));
            heard.push(told.data["jti"].clone());
        }
    }
    assert_eq!(heard[0], heard[1]);
});

on_both!(an_ending_on_one_node_is_heard_at_another_within_a_second(world) {
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let other = world.another_node().await;
    let mut follower = Follower::begin(&api, &other, None).await;
    follower.caught_up().await;
    for _ in 0..5 {
        let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
        let began = std::time::Instant::now();
        shop.revoke(tokens["access_token"].as_str().unwrap()).await;
        follower.next_entry().await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
});

/// PostgreSQL lets transactions run beside each other; on SQLite there is one writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ending_that_commits_late_is_skipped_by_nobody() {
    let Some(world) = World::on_postgres(&[]).await else { return };
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let late = world.app.store.write(world.now(), |tx, now| {
        Box::pin(async move {
            let dead = Dead { client_id: vec!["late".to_owned()], ..Dead::default() };
            let number = revocations::append(tx, &dead, *now, *now).await?;
            tokio::time::sleep(Duration::from_millis(1500)).await;
            Ok(number)
        })
    });
    let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
    let early = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        shop.revoke(tokens["access_token"].as_str().unwrap()).await
    };
    let (late, _) = tokio::join!(late, early);
    assert_eq!(late.unwrap(), 1);
    let (first, second) = (follower.next_entry().await, follower.next_entry().await);
    assert_eq!((first.id, &first.data["client_id"]), (Some(1), &json!(["late"])));
    assert_eq!((second.id, &second.data["jti"]), (Some(2), &json!([claim(&tokens, "jti")])));
}

/// The connection on which a node hears of other nodes breaks: it looks by itself, and hears again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ending_is_heard_also_when_the_notices_break_off() {
    let Some(world) = World::on_postgres(&[]).await else { return };
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let other = world.another_node().await;
    let mut follower = Follower::begin(&api, &other, None).await;
    follower.caught_up().await;
    for _ in 0..4 {
        let listeners = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE datname = current_database() AND query LIKE 'LISTEN%'";
        world.app.store.read().execute_unprepared(listeners).await.unwrap();
        let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
        let began = std::time::Instant::now();
        shop.revoke(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(follower.next_entry().await.data["jti"], json!([claim(&tokens, "jti")]));
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}

on_both!(an_ending_that_is_undone_takes_no_number_and_is_told_to_nobody(world) {
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let mut follower = Follower::begin(&api, &world, None).await;
    follower.caught_up().await;
    let undone = world.app.store.write(world.now(), |tx, now| {
        Box::pin(async move {
            let dead = Dead { client_id: vec!["nobody".to_owned()], ..Dead::default() };
            revocations::append(tx, &dead, *now, *now).await?;
            Err::<(), _>(gatepass::store::Error::Overloaded)
        })
    });
    assert!(undone.await.is_err());
    let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
    shop.revoke(tokens["access_token"].as_str().unwrap()).await;
    let told = follower.next_entry().await;
    assert_eq!((told.id, &told.data["jti"]), (Some(1), &json!([claim(&tokens, "jti")])));
});

on_both!(a_stream_ends_with_its_node_and_goes_on_at_another(world) {
    let (shop, api) = (world.shop().await, world.api("orders").await);
    let other = world.another_node().await;
    let mut follower = Follower::begin(&api, &other, None).await;
    follower.caught_up().await;
    other.stops().await;
    assert!(follower.next().await.is_none());
    let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
    shop.revoke(tokens["access_token"].as_str().unwrap()).await;
    let mut follower = Follower::begin(&api, &world, Some(0)).await;
    assert_eq!(follower.caught_up().await.len(), 1);
});

on_both!(ending_a_session_with_five_grants_is_one_transaction_and_one_entry(world) {
    let alice = world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    let mut tokens = Value::Null;
    for _ in 0..5 {
        tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
    }
    let session = claim(&tokens, "sid").as_str().unwrap().parse().unwrap();
    let (reads, writes) = world.statements();
    let ending = (alice.id, session, world.now());
    let ended = world.app.store.write(ending, |tx, (user, session, now)| {
        let reach = revocation::Reach::Everything;
        Box::pin(revocation::end_session(tx, *user, *session, reach, Reason::DeviceEnded, *now))
    });
    assert_eq!(ended.await.unwrap(), revocation::Ending::Numbered(1));
    let (reads_after, writes_after) = world.statements();
    // The session, its grants, the event, and the entry with its number; and who is to be told by a logout token.
    assert_eq!((reads_after - reads, writes_after - writes), (1, 4));
});
