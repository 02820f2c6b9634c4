//! F16: keys rotate under load, are interrupted and begun by three nodes at once, and every token can be verified by
//! whoever remembers the JWKS for half as long as keys are announced.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepass_load::app;
use gatepass_load::description::Description;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::client::{Client, Reply};
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Program, Rig, START, Signal, Stock};

const CLIENTS: usize = 6;
/// The shortest that can be configured but none: `keys.announce_minutes = 1`.
const ANNOUNCED: Duration = Duration::from_secs(60);
/// How long a verifier goes by a JWKS without a second look.
const REMEMBERED: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_secs(2);

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    Ok(vec![rotate(bench).await?, first_boot(bench).await?])
}

async fn rotate(bench: &Bench) -> anyhow::Result<Verdict> {
    let (rotations, interrupted): (u32, u32) = bench.scale.choose((10, 3), (50, 10));
    let layout = Layout::postgres(3).with("GATEPASS_KEYS__ANNOUNCE_MINUTES", 1);
    let profile = layout.profile();
    let mut seed = bench.seed(&profile);
    let mut rig = bench.rig(layout).await?;
    let site = Arc::new(rig.site.clone());
    let (ending, ended) = watch::channel(false);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = Verifier::new(&site).await?;
        clients.push(tokio::spawn(client.run(ended.clone())));
    }

    // The first takes over after the time of its announcement, each further one as much later as it was asked for.
    let began = Instant::now();
    for rotation in 0..rotations {
        let program = rig.command(&["key", "rotate", "ES256"]);
        let mut program = Program::start(program, &rig.scratch.join("rotate.log"), Signal::KILL)?;
        if rotation % rotations.div_ceil(interrupted) == 0 {
            sleep(seed.between(Duration::from_millis(1), Duration::from_millis(200))).await;
            if program.is_running() {
                program.send(Signal::KILL)?;
            }
        }
        program.ended(START).await?;
        sleep(BETWEEN).await;
    }
    // One of the nodes dies while keys take over from each other.
    sleep((ANNOUNCED + BETWEEN).saturating_sub(began.elapsed())).await;
    let node = rig.nodes.first_mut().context("no node")?;
    node.send(Signal::KILL)?;
    node.ended(START).await?;
    node.start()?;
    node.ready(START).await?;
    sleep((ANNOUNCED + BETWEEN * (rotations + 2)).saturating_sub(began.elapsed())).await;
    ending.send_replace(true);
    let (mut verified, mut failed, mut kids) = (0, 0, HashMap::new());
    for client in clients {
        let done = client.await??;
        verified += done.verified;
        failed += done.failed;
        kids.extend(done.signed_by);
    }
    let counted = format!("{rotations} rotations, {verified} tokens by {} keys", kids.len());
    Verdict::of(profile, counted)
        .mark("tokens verified", verified as f64, Pass::AtLeast(bench.scale.choose(2_000.0, 100_000.0)))
        .mark("keys that have signed", kids.len() as f64, Pass::AtLeast((rotations - interrupted) as f64))
        .none("tokens that a verifier could not verify", failed)
        .mark("ES256 keys without a successor", successors(&rig).await? as f64, Pass::Exactly(1.0))
        .examined(&rig)
        .await
}

/// ES256 keys that nothing follows.
async fn successors(rig: &Rig) -> anyhow::Result<usize> {
    let said = rig.postgres.as_ref().context("no PostgreSQL")?;
    let count =
        said.query("SELECT count(*) FROM keys WHERE retired_at IS NULL AND algorithm = 'ES256'").await?;
    Ok(count.parse()?)
}

/// Three nodes that find an empty database at the same moment make one set of keys.
async fn first_boot(bench: &Bench) -> anyhow::Result<Verdict> {
    let boots = bench.scale.choose(2, 100);
    let (mut sets, mut same) = (0, 0);
    for _ in 0..boots {
        let rig = bench.rig(Layout { stock: Stock::Nothing, ..Layout::postgres(3) }).await?;
        let keys = rig.postgres.as_ref().context("no PostgreSQL")?;
        let kept = keys.query("SELECT count(*), count(DISTINCT algorithm) FROM keys").await?;
        let (all, algorithms) = kept.split_once('|').context("two counts")?;
        sets += usize::from(all == algorithms);
        let mut published = Vec::new();
        for node in &rig.nodes {
            published.push(
                fetch(&mut Client::new(&Arc::new(rig.site_at(node)))?).await?.into_keys().collect::<Vec<_>>(),
            );
        }
        published.iter_mut().for_each(|kids| kids.sort());
        same += usize::from(published.windows(2).all(|pair| pair[0] == pair[1]));
    }
    let all = Pass::Exactly(boots as f64);
    Ok(Verdict::of("first boot of 3 nodes", format!("{boots} boots"))
        .mark("one set of keys", sets as f64, all)
        .mark("the same on every node", same as f64, all))
}

/// An app that verifies all that it gets by the keys that it remembers.
struct Verifier {
    client: Client,
    refresh_token: String,
    keys: HashMap<String, Vec<u8>>,
    fetched: Instant,
    done: Done,
}

#[derive(Default)]
struct Done {
    verified: usize,
    failed: usize,
    signed_by: HashMap<String, usize>,
}

impl Verifier {
    async fn new(of: &Arc<Description>) -> anyhow::Result<Self> {
        let mut client = Client::new(of)?;
        let refresh_token = client.sign_in().await?.refresh_token.context("no refresh token")?;
        let keys = fetch(&mut client).await?;
        let done = Done::default();
        Ok(Verifier { client, refresh_token, keys, fetched: Instant::now(), done })
    }

    async fn run(mut self, ended: watch::Receiver<bool>) -> anyhow::Result<Done> {
        while !*ended.borrow() {
            if self.fetched.elapsed() > REMEMBERED
                && let Ok(keys) = fetch(&mut self.client).await
            {
                (self.keys, self.fetched) = (keys, Instant::now());
            }
            let Reply::Given(tokens) = self.client.refresh(&self.refresh_token).await else {
                // A node is gone; the answer that matters is the next one.
                sleep(Duration::from_millis(100)).await;
                continue;
            };
            self.refresh_token = tokens.refresh_token.context("no refresh token")?;
            for token in std::iter::once(tokens.access_token).chain(tokens.id_token) {
                match verify(&token, &self.keys) {
                    Ok(kid) => {
                        self.done.verified += 1;
                        *self.done.signed_by.entry(kid).or_default() += 1;
                    }
                    Err(error) => {
                        eprintln!("{error:#}");
                        self.done.failed += 1;
                    }
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(self.done)
    }
}

/// The P-256 keys of the JWKS, as uncompressed points.
async fn fetch(client: &mut Client) -> anyhow::Result<HashMap<String, Vec<u8>>> {
    let path = client.of.endpoints.jwks.clone().context("no keys")?;
    let answer = client.send(&app::get(&client.of.host()?, &path, None)).await?;
    let document: Value = serde_json::from_slice(answer.succeeded()?)?;
    let keys = document["keys"].as_array().context("no keys")?;
    let mut points = HashMap::new();
    for key in keys.iter().filter(|key| key["crv"] == "P-256") {
        let part = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap_or_default());
        let point = [vec![4], part("x")?, part("y")?].concat();
        points.insert(key["kid"].as_str().context("a key without kid")?.to_owned(), point);
    }
    Ok(points)
}

/// RFC 7515 §5.2; the `kid` that has signed.
fn verify(token: &str, keys: &HashMap<String, Vec<u8>>) -> anyhow::Result<String> {
    let (signed, signature) = token.rsplit_once('.').context("no JWS")?;
    let header = signed.split('.').next().unwrap_or_default();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    let kid = header["kid"].as_str().context("no kid")?;
    let point = keys.get(kid).with_context(|| format!("{kid} was not published in time"))?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    let verified = key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature)?);
    ensure!(verified.is_ok(), "the signature is not that of {kid}");
    Ok(kid.to_owned())
}
