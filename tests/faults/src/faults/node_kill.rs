//! F6: one of three nodes dies while people are in the middle of their sign-ins, which finish on the others.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use futures_util::stream::iter;
use gatepass_load::connection::Unwanted;
use gatepass_load::description::Description;
use gatepass_load::visitor::{Asking, Place, authorization_request};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::bench::Bench;
use crate::client::{Client, Reply};
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Signal, Software};

/// People who click at the same moment: at most so many requests are in flight.
const PARALLEL: usize = 24;
/// Pages of a sign-in: the request, the form, the consent, and between them the way back.
const STEPS: u64 = 4;
/// After this everything goes to the nodes that live.
const NOTICED: Duration = Duration::from_secs(3);
/// Longer than a browser waits.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for software in [Software::Haproxy, Software::Nginx] {
        verdicts.push(kill_one(bench, software).await?);
    }
    Ok(verdicts)
}

async fn kill_one(bench: &Bench, software: Software) -> anyhow::Result<Verdict> {
    let people = bench.scale.choose(150, 500);
    let layout = Layout::postgres(3).balanced_by(software);
    let profile = format!("{}, {software:?}", layout.profile());
    let mut seed = bench.seed(&profile);
    let mut rig = bench.rig(layout).await?;
    let site = Arc::new(rig.site.clone());
    let mut waiting = Vec::new();
    for _ in 0..people {
        let mut person = Person::new(&site)?;
        for _ in 0..seed.below(STEPS) {
            person.step(&site).await?;
        }
        waiting.push(person);
    }

    let victim = seed.below(rig.nodes.len() as u64) as usize;
    let (moment, killed) = watch::channel(None);
    let before_kill = people / 5 + seed.below(10) as usize;
    let mut arrived = Vec::new();
    let mut walking = iter(waiting.into_iter().map(|person| person.arrive(&site, killed.clone())))
        .buffer_unordered(PARALLEL);
    while let Some(person) = walking.next().await {
        arrived.push(person?);
        if arrived.len() == before_kill {
            let node = rig.nodes.get(victim).context("no such node")?;
            node.send(Signal::KILL)?;
            moment.send_replace(Some(Instant::now()));
        }
    }
    drop(walking);
    ensure!(moment.borrow().is_some(), "nobody was killed");

    let mut lost_sessions = 0;
    for person in &mut arrived {
        lost_sessions += usize::from(person.client.code(Asking::Silent).await.status() != Some(200));
    }
    let failed: usize = arrived.iter().map(|person| person.failed).sum();
    let late: usize = arrived.iter().map(|person| person.late).sum();
    let begun_anew: usize = arrived.iter().map(|person| person.begun_anew).sum();
    let requests: usize = arrived.iter().map(|person| person.requests).sum();
    let finished = arrived.iter().filter(|person| person.has_tokens).count();
    let node = rig.nodes.get_mut(victim).context("no such node")?;
    node.start()?;
    node.ready(crate::rig::START).await?;
    let counted = format!("{people} sign-ins, {requests} steps, {failed} failed, {begun_anew} begun anew");
    let verdict = Verdict::of(profile, counted)
        .mark("sign-ins that finish", finished as f64, Pass::Exactly(people as f64))
        .none("sessions lost", lost_sessions)
        .mark(
            "failed steps, at most those in flight on the dead node",
            failed as f64,
            Pass::AtMost(PARALLEL as f64),
        )
        .none("failures more than 3 s after the kill", late);
    verdict.examined(&rig).await
}

/// Somebody on the way to an app.
struct Person {
    client: Client,
    place: Place,
    requests: usize,
    failed: usize,
    late: usize,
    /// The end of the sign-in was reached on the node that died, and its answer lost: back to the app's button.
    begun_anew: usize,
    has_tokens: bool,
}

impl Person {
    fn new(site: &Arc<Description>) -> anyhow::Result<Self> {
        let place = Place::At(authorization_request(site, Asking::First)?);
        let client = Client::new(site)?;
        Ok(Person { client, place, requests: 0, failed: 0, late: 0, begun_anew: 0, has_tokens: false })
    }

    /// One page, or the exchange of the code.
    async fn step(&mut self, site: &Description) -> anyhow::Result<()> {
        self.requests += 1;
        match &self.place {
            Place::At(page) => {
                let next = timeout(PATIENCE, self.client.visitor.step(site, Asking::First, page)).await??;
                self.place = next;
            }
            Place::Back(code) => {
                let code = code.clone();
                match self.client.exchange(&code).await {
                    Reply::Given(_) => self.has_tokens = true,
                    Reply::Refused(answer) => {
                        return Err(Unwanted { asked: "/token".to_owned(), answer }.into());
                    }
                    Reply::Lost(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Goes on to the end; what fails is tried again, as a person does who reloads the page.
    async fn arrive(
        mut self,
        site: &Description,
        killed: watch::Receiver<Option<Instant>>,
    ) -> anyhow::Result<Self> {
        for _ in 0..50 {
            if self.has_tokens {
                return Ok(self);
            }
            let Err(error) = self.step(site).await else { continue };
            let since = killed.borrow().map(|moment| moment.elapsed());
            match error.downcast_ref::<Unwanted>() {
                // Whoever tries again what was done learns that it was done.
                Some(unwanted) if unwanted.answer.status < 500 && self.failed > 0 => {
                    self.begun_anew += 1;
                    self.place = Place::At(authorization_request(site, Asking::First)?);
                }
                _ => {
                    eprintln!("{since:?}: {error:#}");
                    self.failed += 1;
                    self.late += usize::from(since.is_none_or(|since| since > NOTICED));
                    sleep(Duration::from_millis(200)).await;
                }
            }
        }
        Ok(self)
    }
}
