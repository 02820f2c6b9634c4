//! F3: Redis dies, forgets, hangs, or says that it is loading, under load. Nobody is signed out by it, nothing is
//! accepted twice, and nobody waits for longer than a moment.

mod people;

use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use self::people::People;
use crate::asserting;
use crate::bench::Bench;
use crate::report::Verdict;
use crate::rig::{Cache, Layout, Node, Rig, Scratch, Signal};

/// What happens to Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Killed,
    Flushed,
    /// It takes connections and answers nothing.
    Hanging,
    /// It answers that it is not ready yet, as after a start with much to read.
    Loading,
}

/// For so long Redis is lost, and so long it is fine before and after.
const SPAN: Duration = Duration::from_secs(3);
/// How soon the nodes must use it again.
const FOUND_AGAIN: Duration = Duration::from_secs(5);
const ADDED: Duration = Duration::from_millis(250);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let layout = Layout::postgres(3).cached();
    let mut rig = bench.rig(layout.clone()).await?;
    asserting::register(&rig)?;
    let mut people = People::arrive(&rig.site).await?;
    let mut verdicts = Vec::new();
    for loss in [Loss::Killed, Loss::Flushed, Loss::Hanging, Loss::Loading] {
        let profile = format!("{}, {loss:?}", layout.profile());
        verdicts.push(lose(bench, &mut rig, &mut people, loss, profile).await?);
    }
    Ok(verdicts)
}

async fn lose(
    bench: &Bench,
    rig: &mut Rig,
    people: &mut People,
    loss: Loss,
    profile: String,
) -> anyhow::Result<Verdict> {
    let rounds = bench.scale.choose(1, 10);
    let (mut added, mut missed, mut unready) = (Duration::ZERO, 0, 0);
    let (mut answers, mut outages, mut others) = (0, 0, 0);
    let (mut replayed, mut accepted) = (0, 0);
    for _ in 0..rounds {
        missed += connected(rig).await?;
        let failures = failures(rig).await?;
        let before = people.act(SPAN).await?;
        let span = SPAN + Duration::from_secs(1);
        let cache = rig.cache.as_mut().context("no Redis")?;
        let (done, during, times) =
            tokio::join!(happen(cache, &rig.scratch, loss), people.act(span), not_ready(&rig.nodes, span));
        done?;
        let during = during?;
        unready += times;
        let noticed =
            failures.iter().zip(self::failures(rig).await?).filter(|(before, after)| after > *before);
        if loss != Loss::Flushed && noticed.count() < rig.nodes.len() {
            return Ok(Verdict::not_run(profile, "not every node has noticed"));
        }
        missed += connected(rig).await?;
        let after = people.act(SPAN).await?;
        added = added.max(during.slowest.saturating_sub(before.slowest.max(after.slowest)));
        answers += during.answers;
        outages += before.outages + during.outages + after.outages;
        others += before.others + during.others + after.others;
        for node in &rig.nodes {
            let (tried, won) = people.replay(rig.site_at(node)).await?;
            (replayed, accepted) = (replayed + tried, accepted + won);
        }
        people.forget();
    }
    Verdict::of(profile, format!("{rounds} times, {answers} answers meanwhile, {replayed} replays"))
        .none("replays accepted (assertions, codes)", accepted)
        .none("sessions and grants lost", people.lost().await?)
        .within("added to the slowest answer", added, ADDED)
        .none("answers of 5xx", outages)
        .none("other answers than asked for", others)
        .none("times that a node was not ready", unready)
        .none("nodes that do not use Redis again within 5 s", missed)
        .examined(rig)
        .await
}

/// The loss, and the end of it.
async fn happen(cache: &mut Cache, scratch: &Scratch, loss: Loss) -> anyhow::Result<()> {
    match loss {
        Loss::Killed => {
            cache.server.send(Signal::KILL)?;
            sleep(SPAN).await;
            cache.again(scratch).await?;
        }
        Loss::Flushed => {
            let began = Instant::now();
            let mut gone = 0;
            while began.elapsed() < SPAN {
                gone += cache.flush().await?;
                sleep(Duration::from_millis(50)).await;
            }
            ensure!(gone > 0, "there was nothing to forget");
        }
        Loss::Hanging => {
            cache.server.send(Signal::STOP)?;
            sleep(SPAN).await;
            cache.server.send(Signal::CONT)?;
        }
        Loss::Loading => {
            cache.server.send(Signal::KILL)?;
            cache.server.ended(Duration::from_secs(5)).await?;
            cache.is_loading(SPAN).await?;
            cache.again(scratch).await?;
        }
    }
    Ok(())
}

/// How often a node said meanwhile that it should get no requests.
async fn not_ready(nodes: &[Node], span: Duration) -> usize {
    let until = Instant::now() + span;
    let mut times = 0;
    while Instant::now() < until {
        for node in nodes {
            times += usize::from(!node.is_ready().await);
        }
        sleep(Duration::from_millis(200)).await;
    }
    times
}

/// Nodes that do not use Redis in time.
async fn connected(rig: &Rig) -> anyhow::Result<usize> {
    let began = Instant::now();
    loop {
        let mut missing = 0;
        for node in &rig.nodes {
            missing += usize::from(node.metric("gatepass_cache_connected").await? != 1.0);
        }
        if missing == 0 || began.elapsed() > FOUND_AGAIN {
            return Ok(missing);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn failures(rig: &Rig) -> anyhow::Result<Vec<f64>> {
    let counts = rig.nodes.iter().map(|node| node.metric("gatepass_cache_failures_total"));
    join_all(counts).await.into_iter().collect()
}
