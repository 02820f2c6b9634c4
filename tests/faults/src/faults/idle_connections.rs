//! F10: ten thousand connections that are kept alive for nothing cost little; without file descriptors for more, the
//! server neither spins nor stays deaf.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use gatepass_load::app::get;
use gatepass_load::connection::{Connection, Lost};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::bench::{Bench, Scale};
use crate::bystanders;
use crate::crowd::{gather, make_room, resident};
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Node};

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    Ok(vec![idle(bench).await?, without_descriptors(bench).await?])
}

async fn idle(bench: &Bench) -> anyhow::Result<Verdict> {
    let (count, megabytes) = bench.scale.choose((2_000, 40.0), (9_900, 150.0));
    make_room(count)?;
    let rig = bench.rig(Layout::sqlite()).await?;
    let (node, site) = (&rig.nodes[0], Arc::new(rig.site.clone()));
    let jwks = get(&site.host()?, &site.endpoints.jwks.clone().context("no JWKS")?, None);
    let calm = bystanders::served(&site, Duration::from_secs(5)).await?;
    let before = resident(node)?;
    let jwks = &jwks;
    let mut connections = gather(count, |_| async move {
        let mut connection = Connection::new(&node.address, Lost::Told);
        connection.send(jwks).await?.succeeded()?;
        Ok(connection)
    })
    .await?;
    // Until they have fallen asleep.
    sleep(Duration::from_secs(3)).await;
    let more = resident(node)? - before;
    let beside = bystanders::served(&site, Duration::from_secs(5)).await?;
    let mut lost = 0;
    for connection in &mut connections {
        lost += usize::from(connection.send(jwks).await.is_err());
    }
    Verdict::of("sqlite", format!("{count} idle connections"))
        .mark("resident memory more, MB", more, Pass::AtMost(megabytes))
        .slowed("p99 of others", beside.times(&calm, bench.scale), 1.5)
        .none("others that were not served", beside.unserved)
        .none("requests lost on connections that had been idle", lost)
        .examined(&rig)
        .await
}

/// The limit sinks while the server runs: one that it knows at its start it lives within.
async fn without_descriptors(bench: &Bench) -> anyhow::Result<Verdict> {
    let time = match bench.scale {
        Scale::Small => Duration::from_secs(3),
        Scale::Full => Duration::from_secs(8),
    };
    let rig = bench.rig(Layout::sqlite()).await?;
    let (node, site) = (&rig.nodes[0], Arc::new(rig.site.clone()));
    let pid = node.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("no process")?;
    let open = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero()))?.count();
    let low = Rlimit { current: Some(open as u64 + 20), maximum: getrlimit(Resource::Nofile).maximum };
    let usual = prlimit(Some(pid), Resource::Nofile, low)?;
    // Requests that are under way give way to nobody.
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 10\r\n\r\n",
        site.host()?
    );
    let mut stuck = Vec::new();
    for _ in 0..40 {
        let mut socket = TcpStream::connect(&node.address).await?;
        socket.write_all(head.as_bytes()).await?;
        stuck.push(socket);
    }
    sleep(Duration::from_millis(500)).await;
    ensure!(is_deaf(node).await, "there were descriptors left");
    let before = node.usage()?.cpu;
    sleep(time).await;
    let share = (node.usage()?.cpu - before).as_secs_f64() / time.as_secs_f64() * 100.0;
    drop(stuck);
    prlimit(Some(pid), Resource::Nofile, usual)?;
    let began = Instant::now();
    while !node.is_ready().await {
        ensure!(began.elapsed() < Duration::from_secs(30), "it stays deaf");
    }
    let took = began.elapsed();
    let after = bystanders::served(&site, Duration::from_secs(1)).await?;
    Verdict::of("sqlite, no descriptors", format!("{time:?} without a descriptor"))
        .mark("CPU meanwhile, %", share, Pass::AtMost(20.0))
        .within("until it answers again", took, Duration::from_secs(1))
        .none("requests that were not served afterwards", after.unserved)
        .examined(&rig)
        .await
}

/// Whether a new connection is not answered within a moment.
async fn is_deaf(node: &Node) -> bool {
    let asked = node.management("/health/live");
    !matches!(timeout(Duration::from_millis(300), asked).await, Ok(Ok(_)))
}
