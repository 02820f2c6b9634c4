//! F12: fifty parallel refreshes with one token have one successor; after the grace they end the grant.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};

use crate::bench::Bench;
use crate::client::{Client, Reply};
use crate::report::{Pass, Verdict};
use crate::rig::Layout;

const PARALLEL: usize = 50;
/// What the audit log calls a refresh token that comes back.
const REUSE: &str = "refresh_reuse";
/// Long enough for fifty answers of a debug build, short enough to wait for.
const GRACE: Duration = Duration::from_secs(10);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for layout in [Layout::sqlite(), Layout::postgres(1), Layout::postgres(3)] {
        let layout = layout.with("GATEPASS_ISSUER__REFRESH_GRACE_SECONDS", GRACE.as_secs());
        verdicts.push(race(bench, layout).await?);
    }
    Ok(verdicts)
}

/// Answers, by what they say.
#[derive(Default)]
struct Tally {
    given: usize,
    invalid_grant: usize,
    /// Neither a token nor a decision: the race has reached the client.
    others: usize,
}

async fn race(bench: &Bench, layout: Layout) -> anyhow::Result<Verdict> {
    let rounds = bench.scale.choose(20, 1000);
    let late = bench.scale.choose(3, 50);
    let profile = layout.profile();
    let rig = bench.rig(layout).await?;
    let site = Arc::new(rig.site.clone());
    let mut clients: Vec<Client> = (0..PARALLEL).map(|_| Client::new(&site)).collect::<Result<_, _>>()?;

    let mut in_grace = Tally::default();
    let (mut torn, mut dead) = (0, 0);
    let mut chain = Client::new(&site)?;
    let first = chain.sign_in().await?.refresh_token.context("no refresh token")?;
    let mut current = first;
    for _ in 0..rounds {
        let successors = refresh_at_once(&mut clients, &current, &mut in_grace).await;
        torn += usize::from(successors.len() != 1);
        let Some(successor) = successors.into_iter().next() else { break };
        current = successor;
    }
    // The last successor is alive, and its answer the only one that leads on.
    dead += usize::from(chain.refresh(&current).await.status() != Some(200));
    let ended_in_grace = rig.recorded(REUSE).await?;

    let mut stale = Vec::new();
    for _ in 0..late {
        let token = chain.sign_in().await?.refresh_token.context("no refresh token")?;
        let successor = chain.refresh(&token).await.given()?.refresh_token.context("no refresh token")?;
        stale.push((token, successor));
    }
    sleep_until(Instant::now() + GRACE + Duration::from_secs(1)).await;
    let mut after_grace = Tally::default();
    let mut alive = 0;
    for (token, successor) in &stale {
        refresh_at_once(&mut clients, token, &mut after_grace).await;
        alive += usize::from(chain.refresh(successor).await.error().as_deref() != Some("invalid_grant"));
    }
    let ended_after_grace = rig.recorded(REUSE).await? - ended_in_grace;

    let counted = format!("{rounds} rounds of {PARALLEL}, {late} after the grace");
    Verdict::of(profile, counted)
        .mark("answers with the successor", in_grace.given as f64, Pass::Exactly((rounds * PARALLEL) as f64))
        .none("rounds with another number of successors than one", torn)
        .none("chains that are dead in the grace", dead + in_grace.invalid_grant)
        .none("grants ended in the grace", ended_in_grace)
        .none("answers that decide nothing", in_grace.others + after_grace.others)
        .mark(
            "invalid_grant after it",
            after_grace.invalid_grant as f64,
            Pass::Exactly((late * PARALLEL) as f64),
        )
        .none("grants that a late token leaves alive", alive)
        .mark("ends recorded, one a grant", ended_after_grace as f64, Pass::Exactly(late as f64))
        .examined(&rig)
        .await
}

/// The refresh tokens that came back.
async fn refresh_at_once(clients: &mut [Client], token: &str, tally: &mut Tally) -> HashSet<String> {
    let replies = join_all(clients.iter_mut().map(|client| client.refresh(token))).await;
    let mut successors = HashSet::new();
    for reply in replies {
        match (reply.error().as_deref(), reply) {
            (_, Reply::Given(tokens)) => {
                tally.given += 1;
                successors.extend(tokens.refresh_token);
            }
            (Some("invalid_grant"), _) => tally.invalid_grant += 1,
            (_, reply) => {
                eprintln!("{reply:?}");
                tally.others += 1;
            }
        }
    }
    successors
}
