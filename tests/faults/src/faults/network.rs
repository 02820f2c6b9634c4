//! F19: between a node and its database the network is slow, lossy, or gone for five seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::join_all;
use gatepass_load::description::Description;
use tokio::time::{sleep, timeout};

use crate::bench::Bench;
use crate::client::{Client, Reply};
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Postgres, Rig, Weather};

const CLIENTS: usize = 8;
/// 200 ms ± 100 both ways together.
const POOR: Weather =
    Weather::Poor { least: Duration::from_millis(50), most: Duration::from_millis(150), lost_percent: 5 };
const GONE: Duration = Duration::from_secs(5);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut rig = bench.rig(Layout::postgres(1).behind_a_link()).await?;
    let site = Arc::new(rig.site.clone());
    let mut chains = Vec::new();
    for _ in 0..CLIENTS {
        chains.push(Chain::begin(&site).await?);
    }
    let poor = poor(bench, &mut rig, &mut chains).await?;
    let blackhole = blackhole(bench, &mut rig, &mut chains).await?;
    Ok(vec![poor, blackhole])
}

/// A client that refreshes again and again.
struct Chain {
    client: Client,
    token: String,
}

#[derive(Default)]
struct Tally {
    given: usize,
    unavailable: usize,
    others: usize,
    /// The longest wait for a refusal.
    longest: Duration,
}

impl Chain {
    async fn begin(site: &Arc<Description>) -> anyhow::Result<Self> {
        let mut client = Client::new(site)?;
        let token = client.sign_in().await?.refresh_token.context("no refresh token")?;
        Ok(Chain { client, token })
    }

    async fn go_on(&mut self, time: Duration) -> Tally {
        let mut tally = Tally::default();
        let end = Instant::now() + time;
        while Instant::now() < end {
            let began = Instant::now();
            match self.client.refresh(&self.token).await {
                Reply::Given(tokens) => {
                    tally.given += 1;
                    self.token = tokens.refresh_token.unwrap_or_default();
                }
                Reply::Refused(answer) if answer.status == 503 && answer.retry_after.is_some() => {
                    tally.unavailable += 1;
                    tally.longest = tally.longest.max(began.elapsed());
                }
                reply => {
                    eprintln!("{reply:?}");
                    tally.others += 1;
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
        tally
    }
}

async fn all_go_on(chains: &mut [Chain], time: Duration) -> Tally {
    let tallies = join_all(chains.iter_mut().map(|chain| chain.go_on(time))).await;
    tallies.into_iter().fold(Tally::default(), |all, one| Tally {
        given: all.given + one.given,
        unavailable: all.unavailable + one.unavailable,
        others: all.others + one.others,
        longest: all.longest.max(one.longest),
    })
}

/// Transactions that the database has ended, well or not.
async fn transactions(postgres: &Postgres) -> anyhow::Result<f64> {
    // The figures of a session that goes on are a second old.
    sleep(Duration::from_millis(1500)).await;
    let ended = "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database";
    Ok(postgres.query(ended).await?.parse()?)
}

async fn poor(bench: &Bench, rig: &mut Rig, chains: &mut [Chain]) -> anyhow::Result<Verdict> {
    let time = Duration::from_secs(bench.scale.choose(6, 60));
    let (postgres, link) =
        (rig.postgres.as_ref().context("no database")?, rig.link.as_ref().context("no link")?);
    let (mut spent, mut tally) = (Vec::new(), Tally::default());
    for weather in [Weather::Clear, POOR] {
        link.turns(weather);
        let before = transactions(postgres).await?;
        tally = all_go_on(chains, time).await;
        spent.push(transactions(postgres).await? - before);
    }
    link.turns(Weather::Clear);
    Verdict::of("postgres, slow and lossy", format!("{} refreshes, 200 ms ± 100, 5 % lost", tally.given))
        .mark("refreshes that were given", tally.given as f64, Pass::AtLeast(1.0))
        .none("refreshes that were not given", tally.unavailable + tally.others)
        .mark("transactions of the database, of those in the calm", spent[1] / spent[0], Pass::AtMost(1.2))
        .mark("connections opened to the database", link.opened() as f64, Pass::AtMost(40.0))
        .examined(rig)
        .await
}

async fn blackhole(bench: &Bench, rig: &mut Rig, chains: &mut [Chain]) -> anyhow::Result<Verdict> {
    let rounds = bench.scale.choose(1, 10);
    let link = rig.link.as_ref().context("no link")?;
    let (mut all, mut recovered) = (Tally::default(), Duration::ZERO);
    for _ in 0..rounds {
        link.turns(Weather::Blackhole);
        let meanwhile = all_go_on(chains, GONE).await;
        link.turns(Weather::Clear);
        let began = Instant::now();
        let back = timeout(Duration::from_secs(30), join_all(chains.iter_mut().map(Chain::served))).await;
        recovered = recovered.max(began.elapsed());
        all.others += meanwhile.others + usize::from(back.is_err());
        all.unavailable += meanwhile.unavailable;
        all.longest = all.longest.max(meanwhile.longest);
    }
    let refused = all.unavailable;
    Verdict::of("postgres, gone for 5 s", format!("{rounds} times, {refused} answers of 503"))
        .mark("answers of 503", refused as f64, Pass::AtLeast(1.0))
        .none("answers that are neither 200 nor 503 with Retry-After", all.others)
        .within("the longest wait for a 503", all.longest, Duration::from_millis(2500))
        .within("until everybody is served again", recovered, Duration::from_secs(5))
        .examined(rig)
        .await
}

impl Chain {
    /// Asks until it is given.
    async fn served(&mut self) {
        while self.go_on(Duration::from_millis(1)).await.given == 0 {}
    }
}
