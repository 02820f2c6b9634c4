//! F1: a node that is killed at any moment has kept what it had acknowledged, and does nothing twice afterwards.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::ledger::Ledger;
use crate::replay::{Losses, replay};
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Rig, START, Signal};
use crate::seed::Seed;
use crate::traffic::{Pace, Setback, Traffic};

const WORKERS: usize = 8;
/// The windows between what a client is told and what the database keeps (`src/failpoint.rs`).
const POINTS: [&str; 3] = ["before-commit", "after-commit", "before-response"];

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for layout in [Layout::sqlite(), Layout::postgres(1)] {
        verdicts.push(kill(bench, layout).await?);
    }
    Ok(verdicts)
}

/// How a node dies.
enum Death {
    /// SIGKILL after so long.
    AnyMoment(Duration),
    /// At a failpoint, when it is reached for the nth time.
    At(&'static str, u64),
}

#[derive(Default)]
struct Deaths {
    /// With a request under way, whose fate nobody knows.
    landed: usize,
    at_points: usize,
    slowest_start: Duration,
    losses: Losses,
}

async fn kill(bench: &Bench, layout: Layout) -> anyhow::Result<Verdict> {
    let profile = layout.profile();
    let (kills, each_point) = bench.scale.choose((6, 2), (200, 20));
    let mut seed = bench.seed(&profile);
    let mut plan: Vec<Death> = Vec::new();
    for _ in 0..kills {
        plan.push(Death::AnyMoment(seed.between(Duration::from_millis(300), Duration::from_millis(1500))));
    }
    for point in POINTS {
        plan.extend((0..each_point).map(|_| Death::At(point, 40 + seed.below(160))));
    }
    let mut rig = bench.rig(layout).await?;
    let ledger = Arc::new(Ledger::open(&rig.scratch.join("ledger"))?);
    let mut deaths = Deaths::default();
    for death in plan {
        die(&mut rig, &ledger, &mut seed, death, &mut deaths).await?;
    }
    let points = POINTS.len() * each_point;
    let Losses { acked, unknown, .. } = deaths.losses;
    let counted = format!("{} kills, {acked} acknowledged, {unknown} of unknown fate", kills + points);
    let verdict = Verdict::of(profile, counted)
        .mark("acknowledged objects", acked as f64, Pass::AtLeast(bench.scale.choose(500.0, 10_000.0)))
        .mark(
            "kills with a request under way",
            deaths.landed as f64,
            Pass::AtLeast((points + kills / 2) as f64),
        )
        .mark("deaths at failpoints", deaths.at_points as f64, Pass::Exactly(points as f64))
        .within("slowest start until ready", deaths.slowest_start, Duration::from_secs(2));
    deaths.losses.marks(verdict).examined(&rig).await
}

async fn die(
    rig: &mut Rig,
    ledger: &Arc<Ledger>,
    seed: &mut Seed,
    death: Death,
    deaths: &mut Deaths,
) -> anyhow::Result<()> {
    let site = Arc::new(rig.site.clone());
    let node = rig.nodes.first_mut().context("no node")?;
    if let Death::At(point, passes) = death {
        // The same node, told where to die.
        node.send(Signal::KILL)?;
        node.ended(Duration::from_secs(5)).await?;
        node.start_with(&[("FAILPOINT", &format!("{point}={passes}"))])?;
        node.ready(START).await?;
    }
    let traffic = Traffic::start(&site, ledger, WORKERS, seed, (Setback::Stop, Pace::Full))?;
    match death {
        Death::AnyMoment(after) => {
            sleep(after).await;
            node.send(Signal::KILL)?;
            node.ended(Duration::from_secs(5)).await?;
        }
        Death::At(..) => {
            let status = node.ended(Duration::from_secs(30)).await?;
            deaths.at_points += usize::from(status.signal() == Some(Signal::ABORT.as_raw()));
        }
    }
    traffic.end().await?;
    node.start()?;
    deaths.slowest_start = deaths.slowest_start.max(node.ready(START).await?);
    let losses = replay(&site, ledger.turn_page()).await?;
    deaths.landed += usize::from(losses.unknown > 0);
    deaths.losses.add(losses);
    Ok(())
}
