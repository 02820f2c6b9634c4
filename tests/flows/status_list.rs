//! Token Status Lists: an API without our crate fetches a list and looks up one bit (draft-ietf-oauth-status-list-21).

use std::io::Read;
use std::time::Duration;

use flate2::read::ZlibDecoder;
use gatepass::keys::Expiry;
use gatepass::keys::jws::Type;
use gatepass::protocol::client_metadata::ClientMetadata;
use gatepass::secret::from_base64url;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::World;
use crate::support::relying_party::{claims, header};

fn listed(metadata: &mut ClientMetadata) {
    metadata.status_list = true;
}

/// How a token stands: what an API does by §8.3, from the token and the list alone.
async fn status(world: &World, tokens: &Value) -> u8 {
    let token = claims(tokens["access_token"].as_str().unwrap());
    let reference = &token["status"]["status_list"];
    let uri = reference["uri"].as_str().unwrap();
    let path = uri.strip_prefix(&world.issuer).unwrap();
    let answer = world.send("GET", path, &[("accept", b"application/statuslist+jwt")], "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/statuslist+jwt"));
    assert_eq!(header(&answer.body)["typ"], "statuslist+jwt");
    let ring = world.app.issuer.ring();
    let list =
        ring.verify::<Value>(&answer.body, Type::StatusList, Expiry::Enforced, world.now()).unwrap().claims;
    assert_eq!((list["iss"].as_str(), list["sub"].as_str()), (Some(world.issuer.as_str()), Some(uri)));
    assert!(list["exp"].as_i64().unwrap() > list["iat"].as_i64().unwrap() + list["ttl"].as_i64().unwrap());
    let bits = inflated(list["status_list"]["lst"].as_str().unwrap());
    let index = reference["idx"].as_u64().unwrap() as usize;
    assert_eq!(list["status_list"]["bits"], 1);
    bits[index / 8] >> (index % 8) & 1
}

fn inflated(lst: &str) -> Vec<u8> {
    let mut bits = Vec::new();
    ZlibDecoder::new(from_base64url(lst).unwrap().as_slice()).read_to_end(&mut bits).unwrap();
    bits
}

/// A node signs a list at most once a second.
async fn a_second_later() {
    tokio::time::sleep(Duration::from_millis(1100)).await;
}

#[test]
fn the_decoder_of_these_tests_reads_the_drafts_example() {
    assert_eq!(inflated("eNrbuRgAAhcBXQ"), [0xb9, 0xa3]);
}

on_both!(the_bit_of_a_grant_is_set_when_it_ends_and_no_other(world) {
    world.user("alice").await;
    let shop = world.client("shop", listed).await;
    let (ending, staying) = (shop.tokens("alice", "openid").await, shop.tokens("alice", "openid").await);
    let place = |tokens: &Value| claims(tokens["access_token"].as_str().unwrap())["status"].clone();
    assert_ne!(place(&ending), place(&staying));
    assert_eq!((status(&world, &ending).await, status(&world, &staying).await), (0, 0));
    shop.revoke(ending["refresh_token"].as_str().unwrap()).await;
    a_second_later().await;
    assert_eq!((status(&world, &ending).await, status(&world, &staying).await), (1, 0));
    // The grant keeps its place as it is refreshed.
    let renewed = shop.refresh(staying["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(place(&renewed), place(&staying));
});

on_both!(a_device_that_is_ended_sets_the_bits_of_all_its_grants_also_as_another_node_tells(world) {
    world.user("alice").await;
    let shop = world.client("shop", listed).await;
    let mut browser = world.browser();
    let tokens = [
        shop.tokens_in(&mut browser, "alice", "openid").await,
        shop.tokens_in(&mut browser, "alice", "openid offline_access").await,
    ];
    let other = world.another_node().await;
    let elsewhere = shop.at(&other).tokens("alice", "openid").await;
    let sid = claims(tokens[0]["access_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
    let account = browser.get("/account").await;
    browser.submit(&account, &format!("/account/devices/{sid}/end"), &[]).await;
    a_second_later().await;
    for ended in &tokens {
        assert_eq!(status(&world, ended).await, 1);
    }
    assert_eq!(status(&world, &elsewhere).await, 0);
});

on_both!(a_client_without_the_setting_has_no_place_and_no_statement_more(world) {
    world.user("alice").await;
    let (plain, listed) = (world.shop().await, world.client("listed", listed).await);
    let of_plain = plain.tokens("alice", "openid").await;
    assert!(claims(of_plain["access_token"].as_str().unwrap()).get("status").is_none());
    // The first grant takes a block of places, the others live on it.
    let mut browser = world.browser();
    listed.tokens_in(&mut browser, "alice", "openid").await;
    let mut spent = Vec::new();
    for shop in [&plain, &listed] {
        let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
        let before = world.statements();
        shop.redeem(&code, &sent).await;
        let after = world.statements();
        spent.push((after.0 - before.0, after.1 - before.1));
    }
    assert_eq!(spent[0], spent[1]);
});

on_both!(a_list_that_is_not_there_is_not_found(world) {
    for list in ["0", "1", "-1", "00", "x", "9223372036854775807", "1%2F"] {
        let answer = world.send("GET", &format!("/status-lists/{list}"), &[], "").await;
        assert_eq!(answer.status, 404, "{list}");
    }
});

on_both!(a_status_list_passes_for_no_access_token(world) {
    world.user("alice").await;
    let shop = world.client("shop", listed).await;
    shop.tokens("alice", "openid").await;
    let list = world.send("GET", "/status-lists/0", &[], "").await.body;
    assert_eq!(shop.introspect(&list).await, json!({ "active": false }));
    assert_eq!(shop.userinfo(&list).await.status, 401);
});
