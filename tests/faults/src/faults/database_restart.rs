//! F2: while PostgreSQL restarts, answers say so and nothing else, and afterwards everything goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::ledger::Ledger;
use crate::replay::{Losses, replay};
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Restart, Rig};
use crate::traffic::{Event, Pace, Setback, Traffic};

const WORKERS: usize = 8;
const RECOVERY: Duration = Duration::from_secs(5);
/// How long everything has to go well afterwards.
const WATCH: Duration = Duration::from_millis(500);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let layout = Layout::postgres(1);
    let profile = layout.profile();
    let restarts = bench.scale.choose(2, 40);
    let mut seed = bench.seed(&profile);
    let mut rig = bench.rig(layout).await?;
    let site = Arc::new(rig.site.clone());
    let ledger = Arc::new(Ledger::open(&rig.scratch.join("ledger"))?);
    let process = rig.nodes.first().context("no node")?.id();
    let (mut outcome, mut losses) = (Outcome::default(), Losses::default());
    for restart in 0..restarts {
        let how = if restart % 2 == 0 { Restart::Immediate } else { Restart::Fast };
        let before = ended(&rig).await?;
        let workers = (Setback::Retry, Pace::Seventy);
        let traffic = Traffic::start(&site, &ledger, WORKERS, &mut seed, workers)?;
        sleep(seed.between(Duration::from_millis(1000), Duration::from_millis(2000))).await;
        let postgres = rig.postgres.as_mut().context("no PostgreSQL")?;
        postgres.stop(how).await?;
        sleep(seed.between(Duration::from_millis(100), Duration::from_millis(1500))).await;
        postgres.again().await?;
        let accepted = Instant::now();
        sleep(RECOVERY + WATCH).await;
        outcome.count(&traffic.end().await?, accepted);
        outcome.families += ended(&rig).await? - before;
        losses.add(replay(&site, ledger.turn_page()).await?);
    }
    let node = rig.nodes.first_mut().context("no node")?;
    let restarted = usize::from(!node.is_running() || node.id() != process);
    let Outcome { answers, told, others, slowest, late, families } = outcome;
    let counted = format!("{restarts} restarts, {answers} answers, {} acknowledged", losses.acked);
    let verdict = Verdict::of(profile, counted)
        .mark("answers of 503 with Retry-After", told as f64, Pass::AtLeast(restarts as f64))
        .none("other failures", others)
        .within("slowest recovery", slowest, RECOVERY)
        .none("failures more than 5 s after PostgreSQL accepts", late)
        .none("grants ended by it", families)
        .none("restarts of the node", restarted);
    Ok(vec![losses.marks(verdict).examined(&rig).await?])
}

/// Grants that were ended because something came back that was used before.
async fn ended(rig: &Rig) -> anyhow::Result<usize> {
    Ok(rig.recorded("refresh_reuse").await? + rig.recorded("code_replayed").await?)
}

#[derive(Default)]
struct Outcome {
    answers: usize,
    told: usize,
    others: usize,
    /// From when PostgreSQL accepts to the first success.
    slowest: Duration,
    late: usize,
    families: usize,
}

impl Outcome {
    fn count(&mut self, events: &[Event], accepted: Instant) {
        self.answers += events.len();
        for event in events.iter().filter(|event| !event.is_success()) {
            if event.is_outage() {
                self.told += 1;
            } else {
                eprintln!("{event}");
                self.others += 1;
            }
            self.late += usize::from(event.at > accepted + RECOVERY);
        }
        let successes = events.iter().filter(|event| event.is_success() && event.at >= accepted);
        let recovery = successes.map(|event| event.at - accepted).min().unwrap_or(Duration::MAX);
        self.slowest = self.slowest.max(recovery);
    }
}
