//! F1b: what is acknowledged outlives a power cut. Nobody cuts the power here; strace shows that the kernel has written
//! the log of the database to the disk between the request and the answer (SQLite's -wal, PostgreSQL's pg_wal).

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::{Instant, sleep};

use crate::bench::Bench;
use crate::client::Client;
use crate::report::{Pass, Verdict};
use crate::rig::{Layout, Program, Rig, Signal};

pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for layout in [Layout::sqlite(), Layout::postgres(1)] {
        verdicts.push(trace(bench, layout).await?);
    }
    Ok(verdicts)
}

async fn trace(bench: &Bench, layout: Layout) -> anyhow::Result<Verdict> {
    let requests = bench.scale.choose(50, 1000);
    let profile = layout.profile();
    let rig = bench.rig(layout).await?;
    let mut client = Client::new(&Arc::new(rig.site.clone()))?;
    let mut token = client.sign_in().await?.refresh_token.context("no refresh token")?;

    let file = rig.scratch.join("strace");
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-y",
        "-s",
        "24",
        "-e",
        "trace=fdatasync,fsync,read,recvfrom,write,writev,sendto,sendmsg",
    ]);
    strace.arg("-o").arg(&file);
    for process in processes(&rig)? {
        strace.args(["-p", &process.to_string()]);
    }
    let log = rig.scratch.join("strace.log");
    let mut strace = Program::start(strace, &log, Signal::INT)?;
    let began = Instant::now();
    while !fs::read_to_string(&log)?.contains("attached") {
        ensure!(strace.is_running(), "strace: {}", fs::read_to_string(&log)?.trim());
        ensure!(began.elapsed() < Duration::from_secs(10), "strace does not attach");
        sleep(Duration::from_millis(20)).await;
    }
    // The last thread of the last process.
    sleep(Duration::from_millis(500)).await;
    for _ in 0..requests {
        token = client.refresh(&token).await.given()?.refresh_token.context("no refresh token")?;
    }
    strace.send(Signal::INT)?;
    strace.ended(Duration::from_secs(10)).await?;

    let seen = read(&fs::read_to_string(&file)?);
    Verdict::of(profile, format!("{requests} refreshes, one after the other"))
        .mark("answers that were traced", seen.answers as f64, Pass::Exactly(requests as f64))
        .none("answers before the log was on the disk", seen.early)
        .examined(&rig)
        .await
}

/// The node, and the backends of its database.
fn processes(rig: &Rig) -> anyhow::Result<Vec<u32>> {
    let mut processes = vec![rig.nodes.first().and_then(|node| node.id()).context("no node")?];
    if let Some(postgres) = &rig.postgres {
        let children = format!("/proc/{0}/task/{0}/children", postgres.id());
        let children = fs::read_to_string(children)?;
        // It also follows those that are still to come.
        processes.push(postgres.id());
        processes.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    Ok(processes)
}

#[derive(Debug, Default, PartialEq)]
struct Seen {
    answers: usize,
    early: usize,
}

/// Reads what strace has written about requests that came one after the other.
fn read(text: &str) -> Seen {
    let mut seen = Seen::default();
    let mut request = None;
    // A call that took a while stands on two lines; the second has no arguments.
    let mut begun: HashMap<&str, bool> = HashMap::new();
    for line in text.lines() {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let is_log = call.contains("-wal>") || call.contains("/pg_wal/");
        if call.contains("sync(") && call.contains("<unfinished") {
            begun.insert(process, is_log);
        }
        let is_done = call.trim_end().ends_with("= 0");
        let was_log = call.contains("sync resumed>") && begun.remove(process) == Some(true);
        if is_done && (was_log || call.contains("sync(") && is_log) {
            request = request.map(|_| true);
        }
        if call.contains("\"POST /token") {
            request = Some(false);
        }
        if call.contains("\"HTTP/1.1 200")
            && let Some(is_durable) = request.take()
        {
            seen.answers += 1;
            seen.early += usize::from(!is_durable);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_before_the_fsync_is_early() {
        let trace = r#"7 recvfrom(9<TCP:[1]>, "POST /token HTTP/1.1\r\nHos"..., 8192, 0, NULL, NULL) = 400
8 fdatasync(12</data/gatepass.db-wal> <unfinished ...>
7 read(3<pipe>, "x", 1) = 1
8 <... fdatasync resumed>) = 0
7 writev(9<TCP:[1]>, [{iov_base="HTTP/1.1 200 OK\r\ncontent"..., iov_len=300}], 1) = 300
7 recvfrom(9<TCP:[1]>, "POST /token HTTP/1.1\r\nHos"..., 8192, 0, NULL, NULL) = 400
7 writev(9<TCP:[1]>, [{iov_base="HTTP/1.1 200 OK\r\ncontent"..., iov_len=300}], 1) = 300
8 fdatasync(12</data/gatepass.db-wal>) = 0
"#;
        assert_eq!(read(trace), Seen { answers: 2, early: 1 });
    }
}
