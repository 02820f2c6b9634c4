//! An API that verifies tokens by itself refuses them within a second of their end, whatever the height of the cut and
//! whichever node it was made at.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use gatepass::registration;
use serde_json::Value;

use crate::on_both;
use crate::support::relying_party::claims;
use crate::support::{Balancer, Browser, GuardedApi, RelyingParty, World};

const SECOND: Duration = Duration::from_secs(1);

fn access_token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

/// An app whose tokens are for the API `orders`, and that API.
async fn shop_and_api(world: &World) -> (RelyingParty, RelyingParty) {
    let api = world.api("orders").await;
    let audience = api.client.metadata.resources.clone();
    (world.client("shop", |metadata| metadata.audience = audience).await, api)
}

async fn end_device(browser: &mut Browser, tokens: &Value) {
    let claims = claims(access_token(tokens));
    let account = browser.get("/account").await;
    let path = format!("/account/devices/{}/end", claims["sid"].as_str().unwrap());
    assert_eq!(browser.submit(&account, &path, &[]).await.status, 303);
}

/// Until `token` is refused it is accepted, and that takes less than a second.
async fn is_refused_at_once(api: &GuardedApi, tokens: &Value) {
    let took = api.until("/", access_token(tokens), 401).await;
    assert!(took < SECOND, "{took:?}");
}

on_both!(every_height_of_the_cut_reaches_an_api_that_asks_nobody(world) {
    let alice = world.user("alice").await;
    let (shop, api) = shop_and_api(&world).await;
    let api = GuardedApi::start(&api).await;
    let (mut here, mut there) = (world.browser(), world.browser());
    let spared = shop.tokens_in(&mut here, "alice", "openid offline_access").await;
    let alive = async |tokens: &Value| assert_eq!(api.call("/", access_token(tokens)).await, 200);
    alive(&spared).await;
    let calls = api.guard.calls_to_server();

    let one = shop.token(&[("grant_type", "client_credentials")]).await.json();
    alive(&one).await;
    shop.revoke(access_token(&one)).await;
    is_refused_at_once(&api, &one).await;

    let grant = shop.tokens("alice", "openid").await;
    alive(&grant).await;
    shop.revoke(grant["refresh_token"].as_str().unwrap()).await;
    is_refused_at_once(&api, &grant).await;

    let (code, sent) = shop.code(&mut there, "alice", "openid").await;
    let stolen = shop.redeem(&code, &sent).await.json();
    alive(&stolen).await;
    shop.redeem(&code, &sent).await;
    is_refused_at_once(&api, &stolen).await;

    let device = shop.tokens("alice", "openid offline_access").await;
    alive(&device).await;
    end_device(&mut here, &device).await;
    is_refused_at_once(&api, &device).await;

    let signed_out = shop.tokens_in(&mut there, "alice", "openid").await;
    alive(&signed_out).await;
    let page = there.get("/logout").await;
    there.submit(&page, "/logout/confirm", &[]).await;
    is_refused_at_once(&api, &signed_out).await;

    let others = [shop.tokens("alice", "openid").await, shop.tokens("alice", "openid").await];
    let account = here.get("/account").await;
    here.submit(&account, "/account/devices/end-others", &[]).await;
    for other in &others {
        is_refused_at_once(&api, other).await;
    }
    alive(&spared).await;

    let account = here.get("/account").await;
    here.submit(&account, "/account/apps/shop/remove", &[]).await;
    is_refused_at_once(&api, &spared).await;

    let user = shop.tokens("alice", "openid").await;
    alive(&user).await;
    world.disable_user(&alice).await;
    is_refused_at_once(&api, &user).await;

    let client = shop.token(&[("grant_type", "client_credentials")]).await.json();
    alive(&client).await;
    let removal = (shop.id().to_owned(), world.now());
    let removed = world.app.store.write(removal, |tx, (id, now)| Box::pin(registration::remove(tx, id, *now)));
    removed.await.unwrap();
    is_refused_at_once(&api, &client).await;
    assert_eq!(api.guard.calls_to_server().besides_the_feed(), calls.besides_the_feed());
});

on_both!(a_refresh_token_that_comes_back_late_ends_what_the_api_accepts(world) {
    world.user("alice").await;
    let (shop, api) = shop_and_api(&world).await;
    let tokens = shop.tokens("alice", "openid").await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let renewed = shop.refresh(refresh_token).await.json();
    // Past the grace, and short of where the API takes the feed's time for a recording.
    world.time_passes(Duration::from_secs(27));
    let api = GuardedApi::start(&api).await;
    assert_eq!(api.call("/", access_token(&renewed)).await, 200);
    world.time_passes(Duration::from_secs(4));
    shop.refresh(refresh_token).await;
    is_refused_at_once(&api, &tokens).await;
    is_refused_at_once(&api, &renewed).await;
});

/// What three APIs did while one device was ended.
struct Ending {
    /// From the click to the start of the last call that was accepted.
    took: Duration,
    accepted_after_applied: usize,
}

/// Ends the device that `tokens` were born on while every API is called with them all the time.
async fn end_under_load(apis: &[GuardedApi], here: &mut Browser, tokens: &Value, number: u64) -> Ending {
    let callers = apis.iter().map(|api| {
        let (api, token) = (api.clone(), access_token(tokens).to_owned());
        tokio::spawn(async move {
            let (mut last_accepted, mut too_late, mut refused) = (Instant::now(), 0, 0);
            while refused < 20 {
                let (begun, is_applied) = (Instant::now(), api.guard.status().applied >= number);
                match api.call("/", &token).await {
                    200 => {
                        last_accepted = begun;
                        too_late += usize::from(is_applied);
                    }
                    401 => refused += 1,
                    other => panic!("{other}"),
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            (last_accepted, too_late)
        })
    });
    let callers: Vec<_> = callers.collect();
    tokio::time::sleep(Duration::from_millis(30)).await;
    let click = Instant::now();
    end_device(here, tokens).await;
    let seen = tokio::time::timeout(Duration::from_secs(20), join_all(callers)).await.unwrap();
    let seen: Vec<(Instant, usize)> = seen.into_iter().map(Result::unwrap).collect();
    let last = seen.iter().map(|(last, _)| last.saturating_duration_since(click)).max().unwrap();
    Ending { took: last, accepted_after_applied: seen.iter().map(|(_, late)| late).sum() }
}

async fn keeps_its_promise(shop: &RelyingParty, apis: &[GuardedApi], here: &mut Browser) {
    const ENDINGS: usize = 12;
    let calls: Vec<u64> = apis.iter().map(|api| api.guard.calls_to_server().besides_the_feed()).collect();
    let mut took = Vec::new();
    for _ in 0..ENDINGS {
        let tokens = shop.tokens("alice", "openid offline_access").await;
        let number = apis.iter().map(|api| api.guard.status().applied).max().unwrap() + 1;
        let ending = end_under_load(apis, here, &tokens, number).await;
        assert_eq!(ending.accepted_after_applied, 0);
        took.push(ending.took);
    }
    took.sort();
    println!("{ENDINGS} endings, 3 APIs: p50 {:?}, worst {:?}", took[ENDINGS / 2], took[ENDINGS - 1]);
    assert!(took[ENDINGS - 1] < SECOND, "{took:?}");
    for (api, calls) in apis.iter().zip(calls) {
        assert_eq!(api.guard.calls_to_server().besides_the_feed(), calls, "nobody but the feed was asked");
    }
}

on_both!(the_promise_holds_at_three_apis_of_one_node(world) {
    world.user("alice").await;
    let (shop, api) = shop_and_api(&world).await;
    let apis = [GuardedApi::start(&api).await, GuardedApi::start(&api).await, GuardedApi::start(&api).await];
    let mut here = world.signed_in("alice").await;
    keeps_its_promise(&shop, &apis, &mut here).await;
});

on_both!(the_person_who_ends_a_device_reads_that_every_api_has_confirmed(world) {
    world.user("alice").await;
    let names = ["orders", "stock", "reports"];
    let apis = join_all(names.map(|name| async { GuardedApi::start(&world.api(name).await).await })).await;
    let tokens = world.shop().await.tokens("alice", "openid").await;
    let mut here = world.signed_in("alice").await;
    let account = here.get("/account").await;
    let sid = claims(access_token(&tokens))["sid"].as_str().unwrap().to_owned();
    let ended = here.submit(&account, &format!("/account/devices/{sid}/end"), &[]).await;
    let mut page = here.get(ended.location()).await;
    let began = Instant::now();
    while !page.body.contains("3 of 3 APIs have confirmed, after ") {
        assert!(began.elapsed() < Duration::from_secs(5), "{}", page.body);
        tokio::time::sleep(Duration::from_millis(20)).await;
        page = here.get(ended.location()).await;
    }
    assert!(apis.iter().all(|api| api.guard.status().confirmed == Some(1)));
});

/// Behind a load balancer: its address is the issuer's.
async fn balanced(on_postgres: bool) -> Option<(Balancer, World)> {
    let balancer = Balancer::start().await;
    let settings = [("issuer.url", balancer.url.as_str())];
    let world = match on_postgres {
        true => World::on_postgres(&settings).await?,
        false => World::on_sqlite(&settings).await,
    };
    balancer.leads_to(&world);
    Some((balancer, world))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_promise_holds_across_three_nodes() {
    let Some((balancer, world)) = balanced(true).await else { return };
    world.user("alice").await;
    let (shop, api) = shop_and_api(&world).await;
    let nodes = [world.another_node().await, world.another_node().await];
    let mut apis = Vec::new();
    for node in [&world, &nodes[0], &nodes[1]] {
        balancer.leads_to(node);
        apis.push(GuardedApi::start(&api).await);
    }
    balancer.leads_to(&nodes[0]);
    let mut here = world.signed_in("alice").await;
    keeps_its_promise(&shop, &apis, &mut here).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_whose_node_dies_goes_on_at_another_and_misses_nothing() {
    for on_postgres in [false, true] {
        let Some((balancer, world)) = balanced(on_postgres).await else { return };
        world.user("alice").await;
        let (shop, api) = shop_and_api(&world).await;
        let other = world.another_node().await;
        balancer.leads_to(&other);
        let api = GuardedApi::start(&api).await;
        balancer.leads_to(&world);
        let mut here = world.signed_in("alice").await;
        let tokens = shop.tokens("alice", "openid").await;
        assert_eq!(api.call("/", access_token(&tokens)).await, 200);
        other.stops().await;
        end_device(&mut here, &tokens).await;
        // The server asks for a second before a stream comes back.
        let took = api.until("/", access_token(&tokens), 401).await;
        assert!(took < Duration::from_secs(3), "{took:?}");
        let next = shop.tokens("alice", "openid").await;
        end_device(&mut here, &next).await;
        is_refused_at_once(&api, &next).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_silence_and_what_ended_meanwhile_is_refused_when_it_is_mended() {
    for on_postgres in [false, true] {
        let Some((balancer, world)) = balanced(on_postgres).await else { return };
        world.user("alice").await;
        let (shop, api) = shop_and_api(&world).await;
        let api = GuardedApi::start(&api).await;
        let here = world.signed_in("alice").await;
        let (ended, spared) = (shop.tokens("alice", "openid").await, shop.tokens("alice", "openid").await);
        balancer.is_cut();
        api.until("/", access_token(&ended), 503).await;
        // The server goes on behind the cut.
        let mut here = here.at(&world);
        end_device(&mut here, &ended).await;
        assert_eq!(api.call("/trusting", access_token(&ended)).await, 200);
        assert_eq!(api.call("/asking", access_token(&ended)).await, 503, "nobody answers");
        balancer.leads_to(&world);
        for path in ["/trusting", "/asking", "/"] {
            api.until(path, access_token(&ended), 401).await;
            api.until(path, access_token(&spared), 200).await;
        }
    }
}

on_both!(an_api_that_starts_late_refuses_what_ended_before(world) {
    world.user("alice").await;
    let (shop, api) = shop_and_api(&world).await;
    let mut here = world.signed_in("alice").await;
    let (ended, spared) = (shop.tokens("alice", "openid").await, shop.tokens("alice", "openid").await);
    end_device(&mut here, &ended).await;
    for _ in 0..2 {
        let api = GuardedApi::start(&api).await;
        assert_eq!(api.call("/", access_token(&ended)).await, 401);
        assert_eq!(api.call("/", access_token(&spared)).await, 200);
    }
});
