//! Receipts: a person who ends something is told when it has reached every API.

use std::time::Duration;

use gatepass::revocation::receipts;
use gatepass::store::followers;

use crate::on_both;
use crate::support::browser::Answer;
use crate::support::relying_party::claims;
use crate::support::{Browser, Follower, RelyingParty, World};

/// Alice has ended a device of hers: her browser, and the page that tells her so.
async fn device_ended(world: &World) -> (Browser, Answer) {
    let shop = world.client("shop", |_| {}).await;
    let tokens = shop.tokens("alice", "openid").await;
    let sid = claims(tokens["access_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
    let mut here = world.signed_in("alice").await;
    let account = here.get("/account").await;
    let ended = here.submit(&account, &format!("/account/devices/{sid}/end"), &[]).await;
    let page = here.get(ended.location()).await;
    assert_eq!(page.status, 200, "{}", page.body);
    (here, page)
}

/// What stands in the element of this id, without its tags.
fn said(page: &Answer, id: &str) -> Option<String> {
    let (_, rest) = page.body.split_once(&format!("id=\"{id}\""))?;
    let inner = rest.split_once('>')?.1.split("</p>").next()?;
    let text: String =
        inner.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
    Some(text.trim().to_owned())
}

async fn acknowledge(api: &RelyingParty, instance: &str, applied: &str) -> Answer {
    api.post("/revocations/receipts", &[("instance", instance), ("applied", applied)]).await
}

fn next_look(page: &Answer) -> Option<String> {
    Some(page.header("refresh")?.strip_prefix("1; url=")?.to_owned())
}

on_both!(an_ending_is_confirmed_when_every_api_has_said_so(world) {
    world.user("alice").await;
    let (orders, stock) = (world.api("orders").await, world.api("stock").await);
    let mut at_orders = Follower::ask(&orders, &world, "?instance=a").await;
    let mut at_stock = Follower::ask(&stock, &world, "?instance=a").await;
    at_orders.caught_up().await;
    at_stock.caught_up().await;
    let (mut alice, page) = device_ended(&world).await;
    let number = at_orders.next_entry().await.id.unwrap().to_string();
    assert_eq!(
        said(&page, "confirmation").unwrap(),
        "0 of 2 APIs have confirmed. Still waiting for: The orders, The stock Look again"
    );
    assert_eq!(acknowledge(&orders, "a", &number).await.status, 204);
    let page = alice.get(&next_look(&page).unwrap()).await;
    assert_eq!(
        said(&page, "confirmation").unwrap(),
        "1 of 2 APIs have confirmed. Still waiting for: The stock Look again"
    );
    assert_eq!(acknowledge(&stock, "a", &number).await.status, 204);
    let page = alice.get(&next_look(&page).unwrap()).await;
    let confirmation = said(&page, "confirmation").unwrap();
    let took = confirmation.strip_prefix("2 of 2 APIs have confirmed, after ").unwrap();
    let took: u64 = took.strip_suffix(" ms.").unwrap().parse().unwrap();
    assert!(took < 8000, "{took}");
    assert_eq!(next_look(&page), None);
});

on_both!(without_apis_that_follow_nothing_is_said_of_them(world) {
    world.user("alice").await;
    let api = world.api("orders").await;
    // One that follows without a name gives no receipts.
    let mut nameless = Follower::begin(&api, &world, None).await;
    nameless.caught_up().await;
    let (_, page) = device_ended(&world).await;
    assert!(said(&page, "notice").is_some());
    assert_eq!((said(&page, "confirmation"), next_look(&page)), (None, None));
});

on_both!(an_api_has_confirmed_when_each_of_its_processes_has_and_none_is_waited_for_that_is_gone(world) {
    world.user("alice").await;
    let api = world.api("orders").await;
    let mut one = Follower::ask(&api, &world, "?instance=one").await;
    let two = Follower::ask(&api, &world, "?instance=two").await;
    one.caught_up().await;
    let (mut alice, page) = device_ended(&world).await;
    let number = one.next_entry().await.id.unwrap();
    acknowledge(&api, "one", &number.to_string()).await;
    let page = alice.get(&next_look(&page).unwrap()).await;
    assert!(said(&page, "confirmation").unwrap().starts_with("0 of 1 API has confirmed. Still waiting"));
    drop(two);
    // Longer than anybody is waited for; the first has just been heard of.
    world.time_passes(Duration::from_secs(61));
    acknowledge(&api, "one", &number.to_string()).await;
    let found = receipts::confirmation(&world.app.store, number, world.now()).await.unwrap().unwrap();
    assert_eq!((found.apis, found.outstanding.len()), (1, 0));
    assert!(found.took.unwrap() >= Duration::from_secs(61));
});

on_both!(a_process_that_begins_again_has_forgotten_what_it_knew(world) {
    let (shop, api) = (world.shop().await, world.api("orders").await);
    for _ in 0..3 {
        let tokens = shop.token(&[("grant_type", "client_credentials")]).await.json();
        shop.revoke(tokens["access_token"].as_str().unwrap()).await;
    }
    let applied = async || {
        let live = followers::live(world.app.store.read(), world.now()).await.unwrap();
        assert_eq!(live.len(), 1);
        live[0].applied
    };
    let stream = Follower::ask(&api, &world, "?instance=one").await;
    assert_eq!(applied().await, 0);
    acknowledge(&api, "one", "3").await;
    assert_eq!(applied().await, 3);
    drop(stream);
    // Its connection broke: it goes on from what it has.
    let stream = Follower::ask(&api, &world, "?instance=one&after=3").await;
    assert_eq!(applied().await, 3);
    drop(stream);
    let _stream = Follower::ask(&api, &world, "?instance=one").await;
    assert_eq!(applied().await, 0);
});

on_both!(the_page_stops_looking_by_itself(world) {
    world.user("alice").await;
    let api = world.api("orders").await;
    let mut silent = Follower::ask(&api, &world, "?instance=one").await;
    silent.caught_up().await;
    let (mut alice, mut page) = device_ended(&world).await;
    let mut looks = 0;
    while let Some(next) = next_look(&page) {
        page = alice.get(&next).await;
        looks += 1;
        assert!(looks < 10);
    }
    assert_eq!(looks, 5);
    assert!(page.body.contains("id=\"look-again\""));
});

on_both!(a_receipt_for_what_nobody_was_told_is_refused(world) {
    let (shop, api) = (world.shop().await, world.api("orders").await);
    for fields in [
        &[("instance", "a"), ("applied", "1")][..],
        &[("instance", "a"), ("applied", "-1")],
        &[("instance", "a"), ("applied", "x")],
        &[("instance", "a")],
        &[("applied", "0")],
        &[("instance", "a b"), ("applied", "0")],
        &[("instance", "a"), ("applied", "0"), ("applied", "0")],
    ] {
        let refused = api.post("/revocations/receipts", fields).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "invalid_request"), "{fields:?}");
    }
    let refused = acknowledge(&shop, "a", "0").await;
    assert_eq!((refused.status, refused.error().as_str()), (403, "unauthorized_client"));
    let refused = api.raw("/revocations/receipts", &[("instance", "a"), ("applied", "0")], None).await;
    assert_eq!((refused.status, refused.error().as_str()), (401, "invalid_client"));
    assert_eq!(acknowledge(&api, "a", "0").await.status, 204);
});
