//! F4: when the disk is full, nothing is written by halves, what needs no writing goes on, and so does everything as soon
//! as there is room. The audit log lies in the database, and its file system fills with it; the log has one of its own.
//! PostgreSQL goes down at last, and what needs no database goes on without it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gatepass_load::app;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::client::{Client, Reply};
use crate::ledger::Ledger;
use crate::replay::replay;
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, START, Signal, SmallDisk};
use crate::traffic::{Event, Pace, Setback, Traffic};

const WORKERS: usize = 4;
const RECOVERY: Duration = Duration::from_secs(5);
/// Refusals that are waited for.
const ENOUGH: usize = 20;
/// SQLite has room in its log that it may use up first.
const UNTIL_IT_HURTS: Duration = Duration::from_secs(60);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let sqlite = Layout::sqlite().on_small_disk(bench.scale.choose(32, 200));
    let postgres = Layout::postgres(1).on_small_disk(bench.scale.choose(96, 200));
    Ok(vec![
        full_database(bench, sqlite).await?,
        full_database(bench, postgres).await?,
        full_log(bench).await?,
    ])
}

async fn full_database(bench: &Bench, layout: Layout) -> anyhow::Result<Verdict> {
    let profile = layout.profile();
    let mut seed = bench.seed(&profile);
    let mut rig = bench.rig(layout).await?;
    let site = Arc::new(rig.site.clone());
    let ledger = Arc::new(Ledger::open(&rig.scratch.join("ledger"))?);
    let mut reader = Client::new(&site)?;
    let token = reader.sign_in().await?.access_token;
    let traffic = Traffic::start(&site, &ledger, WORKERS, &mut seed, (Setback::Retry, Pace::Seventy))?;
    sleep(Duration::from_secs(1)).await;

    rig.disk.as_ref().context("no small disk")?.fill()?;
    let hurts = refusals(&traffic).await;
    let read = published(&mut reader).await? + introspected(&mut reader, &token).await;
    let mut without = None;
    if let Some(postgres) = &mut rig.postgres {
        postgres.use_up_wal().await?;
        without = Some((refusals(&traffic).await, published(&mut reader).await?));
    }
    let rotate = rig.command(&["key", "rotate"]).output()?;
    let node = rig.nodes.first_mut().context("no node")?;
    let alive = node.is_running();
    rig.disk.as_ref().context("no small disk")?.free()?;
    if let Some(postgres) = &mut rig.postgres {
        postgres.again().await?;
    }
    let freed = Instant::now();
    sleep(RECOVERY + Duration::from_millis(500)).await;
    let events = traffic.end().await?;

    let others: Vec<&Event> =
        events.iter().filter(|event| !(event.is_success() || event.is_outage())).collect();
    for event in others.iter().take(5) {
        eprintln!("{event}");
    }
    let late = events.iter().filter(|event| !event.is_success() && event.at > freed + RECOVERY).count();
    let first = events
        .iter()
        .filter(|event| event.is_success() && event.at > freed)
        .map(|event| event.at - freed)
        .min();
    // What was acknowledged since is on the disk, not only in the memory of the node.
    let node = rig.nodes.first_mut().context("no node")?;
    node.send(Signal::KILL)?;
    node.ended(START).await?;
    node.start()?;
    node.ready(START).await?;
    let losses = replay(&site, ledger.turn_page()).await?;
    if hurts == 0 {
        return Ok(Verdict::not_run(profile, "nothing was refused, though the disk was full"));
    }
    let mut counted = format!("{} answers, {hurts} refused while it was full", events.len());
    if let Some((refused, _)) = without {
        counted += &format!(", {refused} more without PostgreSQL");
    }
    let mut verdict = Verdict::of(profile, counted)
        .none("refusals other than 503 with Retry-After", others.len())
        .mark("reads that go on (JWKS, discovery, introspection)", read as f64, all(3));
    if let Some((_, read)) = without {
        verdict = verdict.mark("reads that go on without PostgreSQL (JWKS, discovery)", read as f64, all(2));
    }
    let verdict = verdict
        .none("commands of the operator that succeed", usize::from(rotate.status.success()))
        .none("ends of the node", usize::from(!alive))
        .within("recovery", first.unwrap_or(Duration::MAX), RECOVERY)
        .none("failures more than 5 s after there is room", late);
    losses.marks(verdict).examined(&rig).await
}

/// Waits until enough more are refused; how many were.
async fn refusals(traffic: &Traffic) -> usize {
    let all = || traffic.events().iter().filter(|event| !event.is_success()).count();
    let (before, began) = (all(), Instant::now());
    loop {
        let refused = all() - before;
        if refused >= ENOUGH || began.elapsed() > UNTIL_IT_HURTS {
            return refused;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Reads of one kind.
const READS: usize = 10;

/// That all reads succeed.
fn all(kinds: usize) -> Pass {
    Pass::Exactly((kinds * READS) as f64)
}

/// How many reads of what needs no database succeed.
async fn published(client: &mut Client) -> anyhow::Result<usize> {
    let endpoints = client.of.endpoints.clone();
    let host = client.of.host()?;
    let mut read = 0;
    for path in [&endpoints.jwks, &endpoints.discovery] {
        let path = path.as_deref().context("not described")?;
        for _ in 0..READS {
            let answer = client.send(&app::get(&host, path, None)).await;
            read += usize::from(answer.is_ok_and(|answer| answer.status == 200));
        }
    }
    Ok(read)
}

async fn introspected(client: &mut Client, token: &str) -> usize {
    let mut read = 0;
    for _ in 0..READS {
        let reply = client.introspect(token).await;
        read += usize::from(matches!(reply, Reply::Given(said) if said["active"] == true));
    }
    read
}

/// The log cannot be written: everything else goes on.
async fn full_log(bench: &Bench) -> anyhow::Result<Verdict> {
    let mut rig = bench.rig(Layout::sqlite().with("GATEPASS_LOG__LEVEL", "info")).await?;
    // It is gone before the folder that it lies in: values end in the opposite order.
    let disk = SmallDisk::mount(rig.scratch.join("log"), 1).await?;
    let node = rig.nodes.first_mut().context("no node")?;
    node.send(Signal::KILL)?;
    node.ended(START).await?;
    node.log_to(disk.path().join("node.log"));
    node.start()?;
    node.ready(START).await?;
    let mut client = Client::new(&Arc::new(rig.site.clone()))?;
    disk.fill()?;
    let requests = bench.scale.choose(100, 5_000);
    let mut token = client.sign_in().await?.refresh_token.context("no refresh token")?;
    let mut failed = 0;
    for _ in 0..requests {
        match client.refresh(&token).await {
            Reply::Given(tokens) => token = tokens.refresh_token.context("no refresh token")?,
            reply => {
                eprintln!("{reply:?}");
                failed += 1;
            }
        }
    }
    let node = rig.nodes.first_mut().context("no node")?;
    let alive = node.is_running();
    let before = node.log()?.len();
    disk.free()?;
    token = client.refresh(&token).await.given()?.refresh_token.context("no refresh token")?;
    client.refresh(&token).await.given()?;
    let node = rig.nodes.first().context("no node")?;
    let goes_on = node.log()?.len() > before;
    Verdict::of("log", format!("{requests} requests while the log was full"))
        .none("failed", failed)
        .none("ends of the node", usize::from(!alive))
        .none("logs that stay silent afterwards", usize::from(!goes_on))
        .examined(&rig)
        .await
}
