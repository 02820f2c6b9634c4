//! What happens at the same time (security.md's F12, F13 and F15 in small).

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use crate::on_both;
use crate::support::World;

const PARALLEL: usize = 50;
const ROUNDS: usize = 4;

/// How often the audit log says it.
async fn recorded(world: &World, event: &str) -> usize {
    let entries = gatepass::store::audit::list(world.app.store.read(), None, 1000).await.unwrap();
    entries.iter().filter(|entry| entry.event == event).count()
}

on_both!(fifty_redemptions_of_one_code_have_one_winner(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    for _ in 0..ROUNDS {
        let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
        let answers = join_all((0..PARALLEL).map(|_| shop.redeem(&code, &sent))).await;
        let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(winners.len(), 1);
        for loser in answers.iter().filter(|answer| answer.status != 200) {
            assert_eq!((loser.status, loser.json()["error"].as_str()), (400, Some("invalid_grant")));
        }
        // RFC 6749 §4.1.2: the code was used more than once, so what came of it is dead.
        let access_token = winners[0].json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(shop.introspect(&access_token).await["active"], false);
    }
    assert_eq!(recorded(&world, "code_replayed").await, ROUNDS);
});

on_both!(fifty_refreshes_with_one_token_have_one_successor(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let tokens = shop.tokens("alice", "openid").await;
    let mut current = tokens["refresh_token"].as_str().unwrap().to_owned();
    for _ in 0..ROUNDS {
        let answers = join_all((0..PARALLEL).map(|_| shop.refresh(&current))).await;
        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let successors: BTreeSet<String> = answers
            .iter()
            .map(|answer| answer.json()["refresh_token"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(successors.len(), 1);
        current = successors.into_iter().next().unwrap();
    }
    assert_eq!(shop.refresh(&current).await.status, 200);
});

on_both!(fifty_late_refreshes_with_one_token_are_one_theft(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    for theft in 1..=ROUNDS {
        let tokens = shop.tokens("alice", "openid").await;
        let first = tokens["refresh_token"].as_str().unwrap();
        assert_eq!(shop.refresh(first).await.status, 200);
        world.time_passes(Duration::from_secs(31));
        let answers = join_all((0..PARALLEL).map(|_| shop.refresh(first))).await;
        for answer in &answers {
            assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
        }
        assert_eq!(recorded(&world, "refresh_reuse").await, theft);
    }
});

on_both!(a_revocation_that_races_with_a_rotation_wins(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    for _ in 0..8 {
        let tokens = shop.tokens_in(&mut browser, "alice", "openid").await;
        let token = tokens["refresh_token"].as_str().unwrap();
        let (revoked, refreshed) = tokio::join!(shop.revoke(token), shop.refresh(token));
        assert_eq!(revoked.status, 200);
        if refreshed.status == 200 {
            let successor = refreshed.json()["refresh_token"].as_str().unwrap().to_owned();
            assert_eq!(shop.refresh(&successor).await.json()["error"], "invalid_grant");
        }
        assert_eq!(shop.refresh(token).await.json()["error"], "invalid_grant");
    }
});

on_both!(a_sign_out_that_races_with_a_redemption_leaves_nothing_alive(world) {
    let alice = world.user("alice").await;
    let shop = world.shop().await;
    for _ in 0..8 {
        let mut browser = world.browser();
        let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
        let mut out = browser.clone();
        let page = out.get("/logout").await;
        let (_, redeemed) =
            tokio::join!(out.submit(&page, "/logout/confirm", &[]), shop.redeem(&code, &sent));
        if redeemed.status == 200 {
            let token = redeemed.json()["refresh_token"].as_str().unwrap().to_owned();
            assert_eq!(shop.refresh(&token).await.json()["error"], "invalid_grant");
        }
        let grants = gatepass::store::grants::list_live(world.app.store.read(), alice.id, world.now()).await;
        assert_eq!(grants.unwrap().len(), 0);
    }
});

on_both!(fifty_sign_ins_of_one_person_are_fifty_sessions(
    world,
    [("sign_in.account_attempts", "1000"), ("sign_in.address_attempts", "1000")]
) {
    let alice = world.user("alice").await;
    let signed_in = join_all((0..PARALLEL).map(|_| world.signed_in("alice"))).await;
    let cookies: BTreeSet<_> = signed_in.iter().map(|browser| browser.cookies["gatepass-session"].clone()).collect();
    assert_eq!(cookies.len(), PARALLEL);
    let idle = world.app.sign_in.idle;
    let sessions =
        gatepass::store::sessions::list_live(world.app.store.read(), alice.id, &idle, world.now()).await;
    assert_eq!(sessions.unwrap().len(), PARALLEL);
});

on_both!(a_storm_of_guesses_is_answered_by_a_few_hashes(world, [("sign_in.address_attempts", "1000")]) {
    world.user("alice").await;
    let before = world.app.sign_in.hashing.computed();
    let guesses = join_all((0..40).map(|guess| async move { guess }).map(|guess| {
        let mut browser = world.browser();
        async move { browser.sign_in("/login", "alice", &format!("guess {}", guess.await)).await.status }
    }))
    .await;
    assert!(guesses.iter().all(|status| [422, 429].contains(status)), "{guesses:?}");
    assert_eq!(guesses.iter().filter(|status| **status == 422).count(), 5);
    assert!(world.app.sign_in.hashing.computed() - before <= 5);
    // The right password too is not accepted after the limit.
    let mut browser = world.browser();
    let right = browser.sign_in("/login", "alice", crate::support::world::PASSWORD).await;
    assert_eq!(right.status, 429);
    assert!(right.header("retry-after").is_some());
});
