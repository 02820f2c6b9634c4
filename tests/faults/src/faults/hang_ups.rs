//! F25: clients that hang up in the middle of anything leak no connection of the pool, and lose nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::join_all;
use gatepass_load::app;
use gatepass_load::connection::{Connection, Lost};
use gatepass_load::description::Description;
use gatepass_load::visitor::Asking;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::bystanders::{self, Waits};
use crate::client::Client;
use crate::report::Verdict;
use crate::rig::Layout;
use crate::seed::Seed;

const CALLERS: usize = 16;
/// One more than a pool has connections.
const ALL_AT_ONCE: usize = 17;
/// What a request of a debug build takes: they hang up before, during and after it.
const LONGEST: Duration = Duration::from_millis(12);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for layout in [Layout::sqlite(), Layout::postgres(1)] {
        verdicts.push(storm(bench, layout).await?);
    }
    Ok(verdicts)
}

#[derive(Default)]
struct Found {
    requests: usize,
    /// A code that was given to nobody and is gone all the same. One of them may have been redeemed.
    codes_used_up: usize,
    codes: usize,
    /// A refresh token that neither the request that was dropped nor the next one has led on.
    chains_lost: usize,
}

async fn storm(bench: &Bench, layout: Layout) -> anyhow::Result<Verdict> {
    let rounds = bench.scale.choose(20, 1_600);
    let profile = layout.profile();
    let rig = bench.rig(layout).await?;
    let site = Arc::new(rig.site.clone());
    // The same crowd, whose requests are answered.
    let (_, calm) = beside(bench, &site, Manner::Patient, rounds).await?;
    let (found, beside) = beside(bench, &site, Manner::HangsUp, rounds).await?;
    let mut all = Found::default();
    for one in found {
        all.requests += one.requests;
        all.codes += one.codes;
        all.codes_used_up += one.codes_used_up;
        all.chains_lost += one.chains_lost;
    }
    // Whoever leaked a connection of the pool is missed when all of them are asked for.
    let began = Instant::now();
    let mut clients: Vec<Client> = (0..ALL_AT_ONCE).map(|_| Client::new(&site)).collect::<Result<_, _>>()?;
    let answers = join_all(clients.iter_mut().map(Client::sign_in)).await;
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    let took = began.elapsed();
    let stuck = match &rig.postgres {
        Some(postgres) => postgres
            .query("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
            .await?
            .parse()?,
        None => 0,
    };
    let Found { requests, codes, codes_used_up, chains_lost } = all;
    Verdict::of(
        profile,
        format!("{requests} requests dropped; {codes_used_up} of {codes} codes were redeemed"),
    )
    .none("refresh tokens lost with their answer", chains_lost)
    .none("transactions left open", stuck)
    .none(format!("of {ALL_AT_ONCE} sign-ins at once, refused afterwards"), refused)
    .within("for those", took, Duration::from_secs(10))
    .slowed("p99 of others", beside.times(&calm, bench.scale), 1.5)
    .none("others that were not served", beside.unserved)
    .examined(&rig)
    .await
}

/// What the callers found, and how long others waited meanwhile.
async fn beside(
    bench: &Bench,
    site: &Arc<Description>,
    manner: Manner,
    rounds: usize,
) -> anyhow::Result<(Vec<Found>, Waits)> {
    let callers =
        (0..CALLERS).map(|number| call(site, manner, rounds, bench.seed(&format!("{manner:?} {number}"))));
    let (found, waits) = tokio::join!(join_all(callers), bystanders::served(site, Duration::from_secs(4)));
    Ok((found.into_iter().collect::<Result<_, _>>()?, waits?))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Manner {
    Patient,
    HangsUp,
}

/// Each round drops one request of every kind, then looks what became of it.
async fn call(
    site: &Arc<Description>,
    manner: Manner,
    rounds: usize,
    mut seed: Seed,
) -> anyhow::Result<Found> {
    let (host, credential) = (site.host()?, &site.client);
    let sign_in = site.sign_in.as_ref().context("no [sign_in]")?;
    let introspection = site.endpoints.introspection.as_deref().context("no introspection")?;
    let userinfo = site.endpoints.userinfo.as_deref().context("no UserInfo")?;
    let post = |path: &str, body: &str| app::post(&host, path, credential, body);
    let mut client = Client::new(site)?;
    let mut tokens = client.sign_in().await?;
    let mut found = Found::default();
    for _ in 0..rounds {
        let current = tokens.refresh_token.clone().context("no refresh token")?;
        let access = &tokens.access_token;
        let code = client.code(Asking::Silent).await.given()?;
        let requests = [
            post(&site.endpoints.token, "grant_type=client_credentials"),
            post(&site.endpoints.token, &app::refresh(&current)),
            post(&site.endpoints.token, &app::exchange(sign_in, &code)),
            post(introspection, &app::pair("token", access)),
            app::get(&host, userinfo, Some(access)),
        ];
        for request in &requests {
            match manner {
                Manner::Patient => drop(Connection::new(&site.address()?, Lost::Told).send(request).await?),
                Manner::HangsUp => drop_midway(&site.address()?, request, &mut seed).await,
            }
            found.requests += 1;
        }
        // What was sent last may still be under way.
        sleep(LONGEST).await;
        found.codes += 1;
        match client.exchange(&code).await {
            reply if reply.status() == Some(200) => {}
            // Redeemed by the one that hung up: a second time ends its grant, as it must (RFC 6749 §4.1.2).
            reply if reply.error().as_deref() == Some("invalid_grant") => found.codes_used_up += 1,
            reply => return Err(anyhow::anyhow!("{reply:?}")),
        }
        match client.refresh(&current).await.given() {
            Ok(next) => tokens = next,
            Err(_) => {
                found.chains_lost += 1;
                tokens = client.sign_in().await?;
            }
        }
    }
    Ok(found)
}

/// Sends some of the request, waits some time, and is gone.
async fn drop_midway(address: &str, request: &[u8], seed: &mut Seed) {
    // Every other one is sent whole: what happens then is what may be lost.
    let length = match seed.below(2) {
        0 => request.len(),
        _ => seed.below(request.len() as u64 + 1) as usize,
    };
    if let Ok(mut socket) = TcpStream::connect(address).await {
        let _ = socket.write_all(&request[..length]).await;
        sleep(seed.between(Duration::ZERO, LONGEST)).await;
    }
}
