//! Writing: transactions that share a commit, and what becomes of those that fail or are abandoned.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use gatepass::id::Id;
use gatepass::jobs;
use gatepass::revocation;
use gatepass::secret::Fingerprint;
use gatepass::store::attempts::{self, Allowance, Budget};
use gatepass::store::{Address, ConnectionTrait, Error, Store, Transaction, installation, invariants};
use sea_orm::{DatabaseBackend, Statement};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::on_both;

/// As the configuration says by default.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);

on_both!(a_commit_waits_for_the_disk_whatever_the_database_is_set_to(world) {
    let is_postgres = world.app.store.read().get_database_backend() == DatabaseBackend::Postgres;
    let (setting, durable) = match is_postgres {
        true => ("SELECT current_setting('synchronous_commit')", "on"),
        false => ("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", "2"),
    };
    if is_postgres {
        let hasty = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$";
        world.app.store.read().execute_unprepared(hasty).await.unwrap();
    }
    let later = world.another_node().await;
    let said: String = later
        .app
        .store
        .write(setting, |tx, setting| {
            Box::pin(async move {
                let row = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), *setting)).await?;
                Ok(row.unwrap().try_get_by_index(0)?)
            })
        })
        .await
        .unwrap();
    assert_eq!(said, durable);
});

on_both!(transactions_that_fail_undo_themselves_and_no_others(world) {
    let store = &world.app.store;
    let writes = (0..40).map(|number| {
        store.write(number, |tx, number| {
            Box::pin(async move {
                installation::decide(tx, &format!("fact {number}"), b"value").await?;
                // Every third one has second thoughts.
                if number % 3 == 0 { Err(Error::Overloaded) } else { Ok(()) }
            })
        })
    });
    let answers = join_all(writes).await;
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_ok(), number % 3 != 0);
        let kept = installation::find(store.read(), &format!("fact {number}")).await.unwrap();
        assert_eq!(kept.is_some(), number % 3 != 0, "{number}");
    }
});

on_both!(where_a_statement_commits_itself_a_second_one_is_refused(world) {
    const TOLD: &str = "UPDATE revocation_head SET token_life = token_life + 1";
    let store = &world.app.store;
    let once = store.write_once((), |tx, ()| Box::pin(async move { Ok(tx.execute_unprepared(TOLD).await?) })).await;
    assert_eq!(once.unwrap().rows_affected(), 1);
    let twice = store
        .write_once((), |tx, ()| {
            Box::pin(async move {
                tx.execute_unprepared(TOLD).await?;
                Ok(tx.execute_unprepared(TOLD).await?)
            })
        })
        .await;
    // Or one day the first of them would be kept alone.
    assert!(twice.is_err());
});

on_both!(a_row_is_nothing_before_the_statement_that_gave_it_is_committed(world) {
    const PARENTS: &str = "CREATE TABLE parents (id INTEGER PRIMARY KEY)";
    const CHILDREN: &str =
        "CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)";
    let store = &world.app.store;
    let made = store.write((), |tx, ()| {
        Box::pin(async move {
            tx.execute_unprepared(PARENTS).await?;
            Ok(tx.execute_unprepared(CHILDREN).await?)
        })
    });
    made.await.unwrap();
    // Whether there is such a parent is asked at the commit.
    let orphan = store.write_once((), |tx, ()| {
        Box::pin(async move {
            let insert = "INSERT INTO children (parent) VALUES (7) RETURNING parent";
            let insert = Statement::from_string(tx.get_database_backend(), insert);
            Ok(tx.query_one_raw(insert).await?.is_some())
        })
    });
    assert!(orphan.await.is_err());
});

on_both!(a_write_that_is_abandoned_at_any_moment_takes_no_later_one_with_it(world) {
    const BEGUN: &str = "UPDATE revocation_head SET token_life = 0";
    const COUNTED: &str = "UPDATE revocation_head SET token_life = token_life + 1";
    const ALL_COUNTED: &str = "UPDATE revocation_head SET token_life = 0 WHERE token_life = 100";
    async fn run(store: &Store, sql: &'static str) -> u64 {
        let run = store.write_once(sql, |tx, sql| {
            Box::pin(async move { Ok(tx.execute_unprepared(sql).await?.rows_affected()) })
        });
        timeout(Duration::from_secs(10), run).await.expect("the row is free").unwrap()
    }
    let (store, other) = (&world.app.store, world.another_node().await);
    run(store, BEGUN).await;
    for round in 0..100 {
        let mut abandoned = store.write((), |_, ()| Box::pin(async { Ok(()) })).boxed();
        for _ in 0..round * 4 {
            if (&mut abandoned).now_or_never().is_some() {
                break;
            }
            yield_now().await;
        }
        drop(abandoned);
        run(store, COUNTED).await;
    }
    // What was acknowledged is committed: others see it.
    assert_eq!(run(&other.app.store, ALL_COUNTED).await, 1);
});

on_both!(a_panic_undoes_its_transaction_and_the_next_one_runs(world) {
    let store = world.app.store.clone();
    let panicking = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .write((), |tx, ()| {
                    Box::pin(async move {
                        installation::decide(tx, "panicked", b"value").await?;
                        if true { panic!("a defect in a transaction") }
                        Ok(())
                    })
                })
                .await
        }
    });
    let outcome = panicking.await;
    assert!(!matches!(outcome, Ok(Ok(()))), "nobody is told that it was written");
    store.write((), |tx, ()| Box::pin(installation::decide(tx, "after", b"value"))).await.unwrap();
    assert_eq!(installation::find(store.read(), "panicked").await.unwrap(), None);
});

on_both!(a_caller_that_hangs_up_leaves_all_or_nothing(world) {
    let store = world.app.store.clone();
    for number in 0..20u64 {
        let write = store.write(number, |tx, number| {
            Box::pin(async move {
                installation::decide(tx, &format!("first {number}"), b"value").await?;
                installation::decide(tx, &format!("second {number}"), b"value").await
            })
        });
        let _ = tokio::time::timeout(Duration::from_micros(number * 100), write).await;
    }
    // Whoever comes after the abandoned ones finds them finished.
    store.write((), |tx, ()| Box::pin(installation::decide(tx, "last", b"value"))).await.unwrap();
    for number in 0..20 {
        let first = installation::find(store.read(), &format!("first {number}")).await.unwrap();
        let second = installation::find(store.read(), &format!("second {number}")).await.unwrap();
        assert_eq!(first.is_some(), second.is_some(), "{number}");
    }
});

#[tokio::test]
async fn what_is_acknowledged_after_a_full_disk_is_kept() {
    let folder = std::env::temp_dir().join(format!("gatepass-test-{}", Id::<Store>::new()));
    std::fs::create_dir(&folder).unwrap();
    let store = Store::open(&Address::Sqlite(folder.join("gatepass.db")), 2).await.unwrap();
    store.migrate().await.unwrap();
    // The file may not grow by one page more.
    store.write(1, limit_pages).await.unwrap();
    let too_much = vec![0; 1 << 20];
    let refused =
        store.write(too_much, |tx, much| Box::pin(installation::decide(tx, "too much", much))).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    store.write(1_000_000, limit_pages).await.unwrap();

    let undone: Result<(), Error> = store.write((), |_, ()| Box::pin(async { Err(Error::Overloaded) })).await;
    assert!(undone.is_err());
    store.write((), |tx, ()| Box::pin(installation::decide(tx, "after", b"value"))).await.unwrap();
    // Another connection sees it, so it is committed.
    assert!(installation::find(store.read(), "after").await.unwrap().is_some());
    store.close().await;
    std::fs::remove_dir_all(folder).unwrap();
}

fn limit_pages<'a>(tx: &'a Transaction, pages: &'a u32) -> BoxFuture<'a, Result<(), Error>> {
    Box::pin(async move {
        tx.execute_unprepared(&format!("PRAGMA max_page_count = {pages}")).await?;
        Ok(())
    })
}

on_both!(a_budget_is_shared_by_everybody_who_tries_at_once(world) {
    let store = &world.app.store;
    let (key, now) = (Fingerprint::of(b"a door"), world.now());
    let budget = Budget { tries: 5, window: Duration::from_secs(60) };
    let tries = (0..30).map(|_| {
        store.write((key, budget, now), |tx, (key, budget, now)| {
            Box::pin(attempts::take(tx, *key, *budget, *now))
        })
    });
    let granted = join_all(tries).await.into_iter().filter(|one| matches!(one, Ok(Allowance::Granted)));
    assert_eq!(granted.count(), 5);
    let later = now.plus(Duration::from_secs(20));
    let refused = store
        .write((key, budget, later), |tx, (key, budget, now)| {
            Box::pin(attempts::take(tx, *key, *budget, *now))
        })
        .await
        .unwrap();
    assert_eq!(refused, Allowance::Exhausted(Duration::from_secs(40)));
    let next_window = now.plus(Duration::from_secs(60));
    let granted = store
        .write((key, budget, next_window), |tx, (key, budget, now)| {
            Box::pin(attempts::take(tx, *key, *budget, *now))
        })
        .await
        .unwrap();
    assert_eq!(granted, Allowance::Granted);
});

on_both!(what_is_dead_is_removed_by_one_node_and_what_lives_stays(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let dead = shop.tokens("alice", "openid").await;
    shop.revoke(dead["access_token"].as_str().unwrap()).await;
    world.time_passes(Duration::from_secs(100 * 24 * 3600));
    let mut browser = world.browser();
    let alive = shop.tokens_in(&mut browser, "alice", "openid").await;

    let (one, other) = (Id::new(), Id::new());
    let gone = jobs::prune(&world.app.store, one, UNUSED, world.now()).await.unwrap();
    // A session, an authorization, a revoked token and its entry in the feed.
    assert_eq!(gone, 4);
    assert_eq!(jobs::prune(&world.app.store, other, UNUSED, world.now()).await.unwrap(), 0, "the lease is taken");
    world.time_passes(Duration::from_secs(121));
    assert_eq!(jobs::prune(&world.app.store, other, UNUSED, world.now()).await.unwrap(), 0, "nothing is left");
    assert_eq!(shop.refresh(alive["refresh_token"].as_str().unwrap()).await.status, 200);
    let silent = browser.get(&shop.ask("openid", &[("prompt", "none")]).target).await;
    assert!(silent.parameters().contains_key("code"));
});

on_both!(a_grant_that_was_ended_or_rests_is_gone_within_a_day_and_not_at_its_absolute_end(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let (days, idle) = (|days: u64| Duration::from_secs(days * 24 * 3600), Duration::from_secs(30 * 24 * 3600));
    let refresh = async |token: &str| shop.refresh(token).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let hours_pass = async |hours: u64| {
        let mut gone = 0;
        for _ in 0..hours {
            world.time_passes(Duration::from_secs(3600));
            gone += jobs::resting::prune(&world.app.store, idle, world.now()).await.unwrap();
            let again = jobs::resting::prune(&world.app.store, idle, world.now()).await.unwrap();
            assert_eq!(again, 0, "once an hour, whoever tries");
        }
        gone
    };
    let ended = shop.tokens("alice", "openid").await;
    let _rests = shop.tokens("alice", "openid").await;
    let used = shop.tokens("alice", "openid").await["refresh_token"].as_str().unwrap().to_owned();
    shop.revoke(ended["refresh_token"].as_str().unwrap()).await;
    let news = world
        .client("news", |metadata| {
            metadata.backchannel_logout_uri = Some("https://news.example/signed-out".to_owned());
        })
        .await;
    let told_later = news.tokens("alice", "openid").await;
    news.revoke(told_later["refresh_token"].as_str().unwrap()).await;
    assert_eq!(hours_pass(23).await, 0, "it is known as ended for a day");
    assert_eq!(hours_pass(24).await, 1, "the one that was ended, unless its client hears of the session's end");
    assert_eq!(shop.refresh(ended["refresh_token"].as_str().unwrap()).await.status, 400);

    world.time_passes(days(20));
    let used = refresh(&used).await;
    world.time_passes(days(9));
    assert_eq!(hours_pass(24).await, 2, "the one that rests, and the one whose session is over");
    assert_eq!(hours_pass(24).await, 0);
    refresh(&used).await;
});

on_both!(many_dead_rows_go_in_batches(world) {
    let (store, now) = (&world.app.store, world.now());
    store
        .write(now, |tx, now| {
            Box::pin(async move {
                for _ in 0..1200 {
                    revocation::end_token(tx, "shop", Id::new(), *now, *now).await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    world.time_passes(Duration::from_secs(25 * 3600));
    assert_eq!(
        jobs::prune(store, Id::new(), UNUSED, world.now()).await.unwrap(),
        2400,
        "tokens, and what APIs were told"
    );
});

on_both!(the_invariants_hold_after_a_busy_day(world) {
    world.user("alice").await;
    let shop = world.shop().await;
    let mut browser = world.browser();
    for scope in ["openid", "openid offline_access", "openid email"] {
        let tokens = shop.tokens_in(&mut browser, "alice", scope).await;
        shop.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    }
    let (code, sent) = shop.code(&mut browser, "alice", "openid").await;
    shop.redeem(&code, &sent).await;
    shop.redeem(&code, &sent).await;
    let page = browser.get("/logout").await;
    browser.submit(&page, "/logout/confirm", &[]).await;
    for finding in invariants::check(&world.app.store).await.unwrap() {
        assert_eq!(finding.breaches, 0, "{}", finding.sentence);
    }
});
