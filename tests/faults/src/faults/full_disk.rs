//! F4: when the disk is full, nothing is written by halves, what needs no writing goes on, and so does everything as soon
//! as there is room. The audit log lies in the database, and its file system fills with it; the log has one of its own.
//! Without room for its write-ahead log PostgreSQL goes down; what needs no database goes on without it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gatepass_load::app;
use tokio::time::{Instant, sleep};

use crate::bench::{Bench, Scale};
use crate::client::{Client, Reply};
use crate::ledger::Ledger;
use crate::replay::replay;
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, START, Signal, SmallDisk};
use crate::traffic::{Event, Pace, Setback, Traffic};

const WORKERS: usize = 4;
const RECOVERY: Duration = Duration::from_secs(5);
/// SQLite has room in its log that it may use up first.
const UNTIL_IT_HURTS: Duration = Duration::from_secs(60);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for lacking in [Lacking::Anything, Lacking::Pages, Lacking::Log] {
        verdicts.push(full_database(bench, lacking).await?);
    }
    verdicts.push(full_log(bench).await?);
    Ok(verdicts)
}

/// What there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacking {
    /// SQLite takes no write, and can be read.
    Anything,
    /// PostgreSQL refuses what needs another page of a table, and goes on.
    Pages,
    /// PostgreSQL goes down in the middle of commits ([`Postgres::use_up_wal`]).
    ///
    /// [`Postgres::use_up_wal`]: crate::rig::Postgres::use_up_wal
    Log,
}

impl Lacking {
    fn layout(self, scale: Scale) -> Layout {
        match self {
            Lacking::Anything => Layout::sqlite().on_small_disk(scale.choose(32, 200)),
            Lacking::Pages | Lacking::Log => Layout::postgres(1).on_small_disk(scale.choose(96, 200)),
        }
    }

    fn profile(self) -> &'static str {
        match self {
            Lacking::Anything => "sqlite",
            Lacking::Pages => "postgres, tables",
            Lacking::Log => "postgres, WAL",
        }
    }
}

async fn full_database(bench: &Bench, lacking: Lacking) -> anyhow::Result<Verdict> {
    let profile = lacking.profile();
    let mut seed = bench.seed(profile);
    let mut rig = bench.rig(lacking.layout(bench.scale)).await?;
    let site = Arc::new(rig.site.clone());
    let ledger = Arc::new(Ledger::open(&rig.scratch.join("ledger"))?);
    let mut reader = Client::new(&site)?;
    let token = reader.sign_in().await?.access_token;
    let traffic = Traffic::start(&site, &ledger, WORKERS, &mut seed, (Setback::Retry, Pace::Seventy))?;
    sleep(Duration::from_secs(1)).await;

    rig.disk.as_ref().context("no small disk")?.fill()?;
    if lacking == Lacking::Log {
        rig.postgres.as_mut().context("no PostgreSQL")?.use_up_wal().await?;
    }
    let full = Instant::now();
    let hurts = loop {
        let refused = traffic.events().iter().filter(|event| !event.is_success()).count();
        if refused >= 20 || full.elapsed() > UNTIL_IT_HURTS {
            break refused;
        }
        sleep(Duration::from_millis(50)).await;
    };
    let reads = Reads::of(lacking, token);
    let read = reads.done(&mut reader).await?;
    let rotated = match lacking {
        Lacking::Anything | Lacking::Log => Some(rig.command(&["key", "rotate"]).output()?.status.success()),
        // What it writes may find room on the last page.
        Lacking::Pages => None,
    };
    let node = rig.nodes.first_mut().context("no node")?;
    let alive = node.is_running();
    rig.disk.as_ref().context("no small disk")?.free()?;
    if lacking == Lacking::Log {
        rig.postgres.as_mut().context("no PostgreSQL")?.again().await?;
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
    let counted = format!("{} answers, {hurts} refused while it was full", events.len());
    let verdict = Verdict::of(profile, counted)
        .none("refusals other than 503 with Retry-After", others.len())
        .mark(reads.said(), read as f64, Pass::Exactly(reads.count() as f64))
        .none("ends of the node", usize::from(!alive))
        .within("recovery", first.unwrap_or(Duration::MAX), RECOVERY)
        .none("failures more than 5 s after there is room", late);
    let verdict = match rotated {
        Some(rotated) => verdict.none("commands of the operator that succeed", usize::from(rotated)),
        None => verdict,
    };
    losses.marks(verdict).examined(&rig).await
}

/// What needs no writing.
enum Reads {
    /// Also what is known of this token.
    Stored(String),
    /// What needs no database.
    Published,
}

/// Reads of one kind.
const EACH: usize = 10;

impl Reads {
    fn of(lacking: Lacking, token: String) -> Self {
        match lacking {
            Lacking::Anything | Lacking::Pages => Reads::Stored(token),
            Lacking::Log => Reads::Published,
        }
    }

    fn said(&self) -> &'static str {
        match self {
            Reads::Stored(_) => "reads that go on (JWKS, discovery, introspection)",
            Reads::Published => "reads that go on (JWKS, discovery)",
        }
    }

    fn count(&self) -> usize {
        match self {
            Reads::Stored(_) => 3 * EACH,
            Reads::Published => 2 * EACH,
        }
    }

    /// How many of them succeed.
    async fn done(&self, client: &mut Client) -> anyhow::Result<usize> {
        let endpoints = client.of.endpoints.clone();
        let host = client.of.host()?;
        let mut done = 0;
        for _ in 0..EACH {
            for path in [&endpoints.jwks, &endpoints.discovery] {
                let path = path.as_deref().context("not described")?;
                let answer = client.send(&app::get(&host, path, None)).await;
                done += usize::from(answer.is_ok_and(|answer| answer.status == 200));
            }
            if let Reads::Stored(token) = self {
                let reply = client.introspect(token).await;
                done += usize::from(matches!(reply, Reply::Given(said) if said["active"] == true));
            }
        }
        Ok(done)
    }
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
