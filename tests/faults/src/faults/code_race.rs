//! F13: of fifty parallel redemptions of one code, on any nodes, one succeeds, and what it got dies with the replay.

use std::sync::Arc;

use futures_util::future::join_all;
use gatepass_load::visitor::Asking;

use crate::bench::Bench;
use crate::client::{Client, Reply};
use crate::report::{Pass, Verdict};
use crate::rig::Layout;

const PARALLEL: usize = 50;

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for layout in [Layout::sqlite(), Layout::postgres(3)] {
        verdicts.push(race(bench, layout).await?);
    }
    Ok(verdicts)
}

async fn race(bench: &Bench, layout: Layout) -> anyhow::Result<Verdict> {
    let rounds = bench.scale.choose(25, 1000);
    let profile = layout.profile();
    let rig = bench.rig(layout).await?;
    let site = Arc::new(rig.site.clone());
    let mut clients: Vec<Client> = (0..PARALLEL).map(|_| Client::new(&site)).collect::<Result<_, _>>()?;
    let mut person = Client::new(&site)?;
    person.sign_in().await?;

    let (mut with_one, mut undecided, mut alive) = (0, 0, 0);
    for _ in 0..rounds {
        let code = person.code(Asking::Silent).await.given()?;
        let replies = join_all(clients.iter_mut().map(|client| client.exchange(&code))).await;
        let mut winners = Vec::new();
        for reply in replies {
            match (reply.error().as_deref(), reply) {
                (_, Reply::Given(tokens)) => winners.extend(tokens.refresh_token),
                (Some("invalid_grant"), _) => {}
                (_, reply) => {
                    eprintln!("{reply:?}");
                    undecided += 1;
                }
            }
        }
        with_one += usize::from(winners.len() == 1);
        for token in winners {
            alive += usize::from(person.refresh(&token).await.error().as_deref() != Some("invalid_grant"));
        }
    }
    Verdict::of(profile, format!("{rounds} rounds of {PARALLEL}"))
        .mark("rounds with exactly one success", with_one as f64, Pass::Exactly(rounds as f64))
        .none("answers that decide nothing", undecided)
        .none("grants that outlive the replay of their code", alive)
        .mark(
            "replays recorded, one a code",
            rig.recorded("code_replayed").await? as f64,
            Pass::Exactly(rounds as f64),
        )
        .examined(&rig)
        .await
}
