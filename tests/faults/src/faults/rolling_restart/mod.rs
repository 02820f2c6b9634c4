//! F7: nodes are replaced one after the other under load, and no request fails, whoever leads clients to them. What the
//! nodes do by themselves is not lost with them: each sign-out reaches the app.

mod sign_outs;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gatepass_load::app::{self, Tokens};
use gatepass_load::connection::{Connection, Lost};
use gatepass_load::description::Description;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use self::sign_outs::SignOuts;
use crate::bench::Bench;
use crate::client::Client;
use crate::line::{Line, NotBegun, Version};
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Node, Receiver, Rig, START, Signal};
use crate::seed::Seed;

/// Clients of each version through the balancer, and as many straight to the nodes.
const CLIENTS: usize = 4;
/// How long a stopping node may take altogether.
const END: Duration = Duration::from_secs(10);
/// A client without a balancer may come to each node in its last moment.
const TRIES: usize = 4;
/// What a balancer needs to believe a node again: two checks, and one more.
const NOTICED: Duration = Duration::from_secs(3);
/// How long the app takes to hear of a sign-out while a node ends: more come than all nodes can deliver, so that this one
/// is in the middle of some when it is asked to stop.
const BUSY: Duration = Duration::from_secs(2);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let app = Receiver::start().await?;
    let layout = app.allowed_by(Layout::postgres(3));
    let profile = layout.profile();
    let rounds = bench.scale.choose(1, 10);
    let mut seed = bench.seed(&profile);
    let mut rig = bench.rig(layout).await?;
    let all = rig.nodes.iter().map(|node| node.address.clone()).collect();
    let (ready, watched) = watch::channel(all);
    let checks = tokio::spawn(check(targets(&rig), ready));
    let (ending, ended) = watch::channel(false);
    let mut clients: Vec<(&str, JoinHandle<Tally>)> = Vec::new();
    for _ in 0..CLIENTS {
        for version in [Version::One, Version::Two] {
            for (way, nodes) in [("balanced", None), ("direct", Some(watched.clone()))] {
                let client = Steady::new(&rig.site, version, nodes, &mut seed).await?;
                clients.push((way, tokio::spawn(client.run(ended.clone()))));
            }
        }
    }

    let mut sign_outs = SignOuts::begin(&rig, &app, &ended)?;

    let mut ends = Ends::default();
    for _ in 0..rounds {
        for node in &mut rig.nodes {
            app.pauses(BUSY);
            sleep(Duration::from_secs(1)).await;
            sign_outs.interrupt(&app);
            ends.count(node).await?;
            app.pauses(Duration::ZERO);
            node.start()?;
            node.ready(START).await?;
            sleep(NOTICED).await;
        }
    }
    ending.send_replace(true);
    let (mut balanced, mut direct) = (Tally::default(), Tally::default());
    for (way, client) in clients {
        let tally = client.await?;
        if way == "direct" { direct.add(tally) } else { balanced.add(tally) }
    }
    let sign_outs = sign_outs.end().await?;
    checks.abort();
    let crowded = crowd(&mut rig).await?;
    let told = sign_outs.compared(&app).await;

    let requests = balanced.requests + direct.requests;
    let counted = format!("{} nodes replaced, {requests} requests", ends.nodes);
    let verdict = Verdict::of(profile, counted)
        .mark("requests", requests as f64, Pass::AtLeast(bench.scale.choose(2_000.0, 100_000.0)))
        .none("failed through the balancer", balanced.failed)
        .none("failed straight at the nodes", direct.failed)
        .none("nodes that were ready after SIGTERM", ends.ready)
        .none("nodes that did not exit with 0", ends.unclean)
        .within("slowest end", ends.slowest, END)
        .within("end with 1,000 idle and 100 half-sent requests", crowded, END);
    Ok(vec![verdict.examined(&rig).await?, told])
}

#[derive(Default)]
struct Ends {
    nodes: usize,
    ready: usize,
    unclean: usize,
    slowest: Duration,
}

impl Ends {
    async fn count(&mut self, node: &mut Node) -> anyhow::Result<()> {
        let asked = Instant::now();
        node.send(Signal::TERM)?;
        sleep(Duration::from_millis(200)).await;
        self.nodes += 1;
        self.ready += usize::from(node.is_ready().await);
        let status = node.ended(2 * END).await?;
        self.slowest = self.slowest.max(asked.elapsed());
        self.unclean += usize::from(!status.success());
        Ok(())
    }
}

/// SIGTERM for a node with 1,000 connections that ask nothing and 100 whose requests never end.
async fn crowd(rig: &mut Rig) -> anyhow::Result<Duration> {
    let node = rig.nodes.first_mut().context("no node")?;
    let mut held = Vec::new();
    for number in 0..1100 {
        let mut socket = TcpStream::connect(&node.address).await?;
        if number >= 1000 {
            let half = "POST /token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\ngrant_type=";
            socket.write_all(&half.as_bytes()[..half.len() - number % 70]).await?;
        }
        held.push(socket);
    }
    let asked = Instant::now();
    node.send(Signal::TERM)?;
    let status = node.ended(2 * END).await?;
    let took = asked.elapsed();
    anyhow::ensure!(status.success(), "the crowded node ended with {status}");
    node.start()?;
    node.ready(START).await?;
    drop(held);
    Ok(took)
}

/// Public and management addresses.
fn targets(rig: &Rig) -> Vec<(String, String)> {
    let of = |node: &Node| (node.address.clone(), format!("127.0.0.1:{}", node.management_port));
    rig.nodes.iter().map(of).collect()
}

/// Keeps the list of ready nodes that clients without a balancer go by.
async fn check(targets: Vec<(String, String)>, ready: watch::Sender<Vec<String>>) {
    loop {
        let mut found = Vec::new();
        for (address, management) in &targets {
            let request = format!("GET /health/ready HTTP/1.1\r\nHost: {management}\r\n\r\n");
            let mut connection = Connection::new(management, Lost::Told);
            let answer = timeout(Duration::from_secs(1), connection.send(request.as_bytes())).await;
            if matches!(answer, Ok(Ok(answer)) if answer.status == 200) {
                found.push(address.clone());
            }
        }
        ready.send_if_modified(|known| {
            let changed = *known != found;
            *known = found;
            changed
        });
        sleep(Duration::from_millis(250)).await;
    }
}

#[derive(Default)]
struct Tally {
    requests: usize,
    failed: usize,
}

impl Tally {
    fn add(&mut self, more: Tally) {
        self.requests += more.requests;
        self.failed += more.failed;
    }
}

/// An app that refreshes and introspects, seven tenths of the time.
struct Steady {
    of: Arc<Description>,
    line: Line,
    /// Without a balancer: where it may go when its connection has ended.
    nodes: Option<watch::Receiver<Vec<String>>>,
    tokens: Tokens,
    seed: Seed,
}

impl Steady {
    async fn new(
        of: &Description,
        version: Version,
        nodes: Option<watch::Receiver<Vec<String>>>,
        seed: &mut Seed,
    ) -> anyhow::Result<Self> {
        let of = Arc::new(of.clone());
        let tokens = Client::new(&of)?.sign_in().await?;
        Ok(Steady { line: Line::new(&of, version)?, of, nodes, tokens, seed: Seed::new(seed.next()) })
    }

    async fn run(mut self, ended: watch::Receiver<bool>) -> Tally {
        let mut tally = Tally::default();
        while !*ended.borrow() {
            let began = Instant::now();
            tally.requests += 1;
            if let Err(error) = self.act().await {
                eprintln!("{error:#}");
                tally.failed += 1;
            }
            sleep(began.elapsed().mul_f64(3.0 / 7.0)).await;
        }
        tally
    }

    async fn act(&mut self) -> anyhow::Result<()> {
        let endpoints = &self.of.endpoints;
        if self.seed.below(4) == 0 {
            let token = self.tokens.refresh_token.as_deref().context("no refresh token")?;
            let body = self.post(endpoints.token.clone(), app::refresh(token)).await?;
            self.tokens = serde_json::from_slice(&body)?;
            return Ok(());
        }
        let path = endpoints.introspection.clone().context("no introspection endpoint")?;
        let body = self.post(path, app::pair("token", &self.tokens.access_token)).await?;
        let said: serde_json::Value = serde_json::from_slice(&body)?;
        anyhow::ensure!(said["active"] == true, "{said}");
        Ok(())
    }

    /// Who has no balancer tries another node while none has begun to work on the request.
    async fn post(&mut self, path: String, form: String) -> anyhow::Result<Vec<u8>> {
        for _ in 0..TRIES {
            if let Some(nodes) = &self.nodes
                && !self.line.is_open()
            {
                let nodes = nodes.borrow().clone();
                let node = nodes.get(self.seed.below(nodes.len().max(1) as u64) as usize);
                self.line.lead_to(node.context("no node is ready")?);
            }
            match self.line.post(&self.of, &path, &form).await {
                Err(error) if error.is::<NotBegun>() => sleep(Duration::from_millis(100)).await,
                answer => return answer,
            }
        }
        anyhow::bail!("no node has taken the request")
    }
}
