//! F11: a million dead rows of each kind are removed while the server serves, and nothing that is still needed.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use gatepass_load::description::Description;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::client::Client;
use crate::crowd::peak;
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Rig, Signal};

const WRITERS: usize = 2;
const GRACE: Duration = Duration::from_secs(1);
/// Rows stay for a day after their end.
const LONG_DEAD: Duration = Duration::from_secs(50 * 3600);
const JUST_DEAD: Duration = Duration::from_secs(3600);

/// Tables, their columns, and their rows by number `i`: `ID` is a new identifier, `CODED` one that was made with the
/// first grant there is, `USER` somebody's, `BYTES` 32 bytes, `AT` the time of their end in milliseconds, `SECOND` the
/// same in four bytes.
const KINDS: [(&str, &str, &str); 5] = [
    (
        "sessions",
        "id, user_id, secret, browser, persistence, amr, user_agent, address, auth_time, last_seen_at, expires_at",
        "ID, USER, BYTES, BYTES, 'window', 'pwd', 'a browser', '192.0.2.1', AT - 9, AT - 9, AT",
    ),
    (
        "grants",
        "id, user_id, session_id, terms_id, generation, auth_time, rotated_at, expires_at",
        "CODED, USER, ID, (SELECT min(id) FROM terms), 1000000, SECOND - 1, AT - 9, SECOND",
    ),
    ("authorizations", "id, request, expires_at", "ID, '{}', AT"),
    ("replay", "key, expires_at", "BYTES, AT"),
    ("revoked_tokens", "jti, expires_at", "ID, AT"),
];

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for layout in [Layout::sqlite(), Layout::postgres(1)] {
        let layout = layout.with("GATEPASS_ISSUER__REFRESH_GRACE_SECONDS", GRACE.as_secs());
        verdicts.push(sweep(bench, layout).await?);
    }
    Ok(verdicts)
}

async fn sweep(bench: &Bench, layout: Layout) -> anyhow::Result<Verdict> {
    let rows = bench.scale.choose(20_000, 1_000_000);
    let kept = rows / 100;
    // How long a batch may keep others from writing. In continuous integration others use the two cores too.
    let lock = Duration::from_millis(bench.scale.choose(150, 50));
    let profile = layout.profile();
    let mut rig = bench.rig(layout).await?;
    // A grant is looked at once a day, in the hour of the day in which its code was made: it has to be this one still
    // when the node comes back.
    let left = 3600 - rig.ask(&format!("SELECT {} / 1000 % 3600", now(&rig))).await?.parse::<u64>()?;
    if left < bench.scale.choose(60, 900) {
        sleep(Duration::from_secs(left)).await;
    }
    let site = Arc::new(rig.site.clone());
    let mut thief = Chain::begin(&site).await?;
    let stolen = thief.token.clone();
    thief.go_on().await?;
    thief.go_on().await?;
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        writers.push(Chain::begin(&site).await?);
    }
    let (calm, ()) = write_until(&mut writers, sleep(Duration::from_secs(4))).await?;

    rig.nodes[0].send(Signal::TERM)?;
    rig.nodes[0].ended(Duration::from_secs(15)).await?;
    for (table, columns, values) in KINDS {
        fill(&rig, table, columns, values, rows, LONG_DEAD).await?;
    }
    // Dead for so short that they still tell an old token from an unknown one.
    let (table, columns, values) = KINDS[1];
    fill(&rig, table, columns, values, kept, JUST_DEAD).await?;

    // As if it had been away for longer than it holds the lease of the sweep.
    rig.ask("DELETE FROM leases").await?;

    rig.nodes[0].start()?;
    let ready = rig.nodes[0].ready(Duration::from_secs(60)).await?;
    let began = Instant::now();
    let (most, meanwhile) = peak(&rig.nodes[0], write_until(&mut writers, cleared(&rig))).await?;
    let (waits, cleared) = meanwhile?;
    cleared?;
    let took = began.elapsed();
    let left: usize = rig.ask("SELECT count(*) FROM grants WHERE generation = 1000000").await?.parse()?;

    sleep(GRACE + Duration::from_millis(200)).await;
    thief.client = Client::new(&site)?;
    let replies = [thief.client.refresh(&stolen).await, thief.client.refresh(&thief.token).await];
    let unnoticed = replies.iter().filter(|reply| reply.error().as_deref() != Some("invalid_grant")).count();
    let counted = format!("{rows} dead rows of {} kinds each, {} writes meanwhile", KINDS.len(), waits.len());
    Verdict::of(profile, counted)
        .within("until it is ready", ready, Duration::from_secs(2))
        .within("until they are gone", took, Duration::from_secs(600))
        .mark("resident memory at most, MB", most, Pass::AtMost(200.0))
        .within("p99 of a write, more than in the calm", p99(waits).saturating_sub(p99(calm)), lock)
        .mark("grants that are not dead for long", left as f64, Pass::Exactly(kept as f64))
        .none("tokens alive after a stolen one came back", unnoticed)
        .examined(&rig)
        .await
}

/// A client that refreshes: each time one row is written.
struct Chain {
    client: Client,
    token: String,
}

impl Chain {
    async fn begin(site: &Arc<Description>) -> anyhow::Result<Self> {
        let mut client = Client::new(site)?;
        let token = client.sign_in().await?.refresh_token.context("no refresh token")?;
        Ok(Chain { client, token })
    }

    async fn go_on(&mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let tokens = self.client.refresh(&self.token).await.given()?;
        self.token = tokens.refresh_token.context("no refresh token")?;
        Ok(began.elapsed())
    }
}

/// They write one after another until `end`; how long each write took, and what came of the end.
async fn write_until<T>(
    writers: &mut [Chain],
    end: impl Future<Output = T>,
) -> anyhow::Result<(Vec<Duration>, T)> {
    let over = Cell::new(false);
    let write = join_all(writers.iter_mut().map(async |writer| {
        // The node was started anew.
        writer.client = Client::new(&writer.client.of)?;
        let mut waits = Vec::new();
        while !over.get() {
            waits.push(writer.go_on().await?);
            sleep(Duration::from_millis(10)).await;
        }
        anyhow::Ok(waits)
    }));
    let end = async {
        let came = end.await;
        over.set(true);
        came
    };
    let (waits, came) = tokio::join!(write, end);
    let waits: Vec<Vec<Duration>> = waits.into_iter().collect::<Result<_, _>>()?;
    Ok((waits.concat(), came))
}

fn p99(mut waits: Vec<Duration>) -> Duration {
    waits.sort();
    waits.get(waits.len() * 99 / 100).copied().unwrap_or_default()
}

/// The time of the database in milliseconds.
fn now(rig: &Rig) -> &'static str {
    match &rig.postgres {
        Some(_) => "(extract(epoch FROM now()) * 1000)::bigint",
        None => "(unixepoch() * 1000)",
    }
}

/// Adds `count` rows that ended so long ago.
async fn fill(
    rig: &Rig,
    table: &str,
    columns: &str,
    values: &str,
    count: usize,
    ago: Duration,
) -> anyhow::Result<()> {
    let at = format!("({} - {})", now(rig), ago.as_millis());
    let (id, coded, bytes, numbers) = match &rig.postgres {
        Some(_) => (
            "gen_random_uuid()",
            "encode(substr(uuid_send((SELECT id FROM grants ORDER BY id LIMIT 1)), 1, 6) \
             || substr(uuid_send(gen_random_uuid()), 7), 'hex')::uuid",
            "sha256(gen_random_uuid()::text::bytea)",
            "generate_series(1, COUNT)",
        ),
        None => (
            "randomblob(16)",
            "CAST(substr((SELECT id FROM grants ORDER BY id LIMIT 1), 1, 6) || randomblob(10) AS blob)",
            "randomblob(32)",
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < COUNT) SELECT i FROM n)",
        ),
    };
    let values = values
        .replace("CODED", coded)
        .replace("SECOND", "CAST(AT / 1000 - 3725320448 AS integer)")
        .replace("USER", "(SELECT user_id FROM credentials)")
        .replace("ID", id)
        .replace("BYTES", bytes)
        .replace("AT", &at);
    let numbers = numbers.replace("COUNT", &count.to_string());
    rig.ask(&format!("INSERT INTO {table} ({columns}) SELECT {values} FROM {numbers} AS numbers")).await?;
    Ok(())
}

/// Waits until nothing is left that died long ago.
async fn cleared(rig: &Rig) -> anyhow::Result<()> {
    let before = format!("{} - {}", now(rig), (LONG_DEAD / 2).as_millis());
    let began = Instant::now();
    for (table, _, _) in KINDS {
        let end = match table {
            "grants" => "1000 * (3725320448 + CAST(expires_at AS bigint))",
            _ => "expires_at",
        };
        let left =
            format!("SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {end} < {before} LIMIT 1) AS one");
        while rig.ask(&left).await? != "0" {
            ensure!(began.elapsed() < Duration::from_secs(1200), "{table} is not cleared");
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}
