//! F20: ten times as many sign-ins as the machine can hash, from people who wait and from people who do not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use gatepass_load::app::get;
use gatepass_load::connection::{Connection, Lost};
use gatepass_load::description::Description;
use gatepass_load::visitor::Asking;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::bench::{Bench, Scale};
use crate::bystanders;
use crate::client::{Client, Reply};
use crate::crowd::{make_room, peak, resident};
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Node};

/// Enough to keep every hash busy.
const AT_PEAK: usize = 8;
const TIMES: usize = 10;
/// Two hashes of 19 MiB at once, and 64 MB.
const MEGABYTES: f64 = 2.0 * 20.0 + 64.0;

#[derive(Default)]
struct Tally {
    signed_in: usize,
    /// How long the refused ones took, from the app to the refusal: three answers.
    refused: Vec<Duration>,
    others: usize,
}

impl Tally {
    fn count(&mut self, reply: Reply<String>, took: Duration) {
        match reply {
            Reply::Given(_) => self.signed_in += 1,
            Reply::Refused(answer) if matches!(answer.status, 429 | 503) => self.refused.push(took),
            reply => {
                eprintln!("{reply:?}");
                self.others += 1;
            }
        }
    }
}

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let crowds = match bench.scale {
        Scale::Small => vec![Crowd::Waits],
        // Every one of them costs three answers before it is refused: a driver of its own core keeps them coming.
        Scale::Full => vec![Crowd::Waits, Crowd::KeepsComing],
    };
    let mut verdicts = Vec::new();
    for crowd in crowds {
        verdicts.push(overload(bench, crowd).await?);
    }
    Ok(verdicts)
}

#[derive(Clone, Copy, PartialEq)]
enum Crowd {
    /// Each tries again when it has an answer (a closed loop).
    Waits,
    /// New ones come whatever the answers are (an open loop).
    KeepsComing,
}

async fn overload(bench: &Bench, crowd: Crowd) -> anyhow::Result<Verdict> {
    let time = Duration::from_secs(bench.scale.choose(6, 60));
    // In continuous integration others use the two cores too.
    let at_most = Duration::from_millis(bench.scale.choose(200, 50));
    make_room(4000)?;
    let layout = Layout::sqlite()
        .with("GATEPASS_SIGN_IN__ARGON2_MEMORY_KIB", 19_456)
        .with("GATEPASS_SIGN_IN__ARGON2_ITERATIONS", 2);
    let rig = bench.rig(layout).await?;
    let (node, site) = (&rig.nodes[0], Arc::new(rig.site.clone()));
    let calm = bystanders::served(&site, Duration::from_secs(3)).await?;
    let before = resident(node)?;
    let best = in_turns(&site, AT_PEAK, time).await?.signed_in as f64 / time.as_secs_f64();
    let storm = async {
        match crowd {
            Crowd::Waits => in_turns(&site, AT_PEAK * TIMES, time).await,
            Crowd::KeepsComing => keep_coming(&site, best * TIMES as f64, time).await,
        }
    };
    let untouched = untouched(node, &site, time)?;
    let (most, storm) = peak(node, storm).await?;
    let (mut storm, quick) = (storm?, untouched.await??);
    let good = storm.signed_in as f64 / time.as_secs_f64();
    sleep(Duration::from_secs(5)).await;
    let after = bystanders::served(&site, Duration::from_secs(4)).await?;
    storm.refused.sort();
    let refusal = storm.refused.get(storm.refused.len() / 2).copied().unwrap_or_default();
    let who = match crowd {
        Crowd::Waits => "closed loop",
        Crowd::KeepsComing => "open loop",
    };
    let counted = format!(
        "{best:.1} sign-ins a second at peak, {good:.1} in the storm, {} refused",
        storm.refused.len()
    );
    Verdict::of(format!("sqlite, {who}"), counted)
        .kept_up("sign-ins in the storm, of those at peak", good / best, 0.8)
        .within("median of a refusal, three answers", refusal, Duration::from_millis(150))
        .none("sign-ins neither done nor refused", storm.others)
        .within("p99 of health and keys in the storm", quick, at_most)
        .mark("resident memory more, MB", most - before, Pass::AtMost(MEGABYTES))
        .slowed("p99 of tokens afterwards", after.times(&calm, bench.scale), 1.5)
        .examined(&rig)
        .await
}

/// A person without a cookie signs in.
async fn sign_in(site: &Arc<Description>) -> anyhow::Result<(Reply<String>, Duration)> {
    let mut person = Client::new(site)?;
    let began = Instant::now();
    let reply = person.code(Asking::First).await;
    Ok((reply, began.elapsed()))
}

async fn in_turns(site: &Arc<Description>, people: usize, time: Duration) -> anyhow::Result<Tally> {
    let end = Instant::now() + time;
    let tallies = join_all((0..people).map(async |_| {
        let mut tally = Tally::default();
        while Instant::now() < end {
            let (reply, took) = sign_in(site).await?;
            // What comes later counts for nobody.
            if Instant::now() < end {
                tally.count(reply, took);
            }
        }
        anyhow::Ok(tally)
    }))
    .await;
    let mut all = Tally::default();
    for tally in tallies {
        let tally = tally?;
        all.signed_in += tally.signed_in;
        all.refused.extend(tally.refused);
        all.others += tally.others;
    }
    Ok(all)
}

async fn keep_coming(site: &Arc<Description>, a_second: f64, time: Duration) -> anyhow::Result<Tally> {
    let (began, mut tally, mut sent) = (Instant::now(), Tally::default(), 0.0);
    let mut under_way = FuturesUnordered::new();
    while began.elapsed() < time {
        while sent < began.elapsed().as_secs_f64() * a_second {
            under_way.push(sign_in(site));
            sent += 1.0;
        }
        tokio::select! {
            Some(done) = under_way.next() => {
                let (reply, took) = done?;
                tally.count(reply, took);
            }
            () = sleep(Duration::from_millis(1)) => {}
        }
    }
    Ok(tally)
}

/// 99 of 100 answers that need neither a hash nor the database come within this. Asked from a thread that has nothing
/// else to do.
fn untouched(
    node: &Node,
    site: &Description,
    time: Duration,
) -> anyhow::Result<JoinHandle<anyhow::Result<Duration>>> {
    let (path, management) = (site.endpoints.jwks.as_deref().unwrap_or("/jwks"), node.management_port);
    let doors = [
        (node.address.clone(), get(&site.host()?, path, None)),
        (format!("127.0.0.1:{management}"), get(&format!("127.0.0.1:{management}"), "/health/live", None)),
    ];
    let asking = async move {
        let (end, mut waits) = (Instant::now() + time, Vec::new());
        let mut doors = doors.map(|(address, request)| (Connection::new(&address, Lost::SentAgain), request));
        while Instant::now() < end {
            for (connection, request) in &mut doors {
                let began = Instant::now();
                connection.send(request).await?.succeeded()?;
                waits.push(began.elapsed());
            }
            sleep(Duration::from_millis(20)).await;
        }
        waits.sort();
        Ok(waits.get(waits.len() * 99 / 100).copied().unwrap_or_default())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(tokio::task::spawn_blocking(move || runtime.block_on(asking)))
}
