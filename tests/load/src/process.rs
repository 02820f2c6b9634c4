//! A server under measurement: started on its own core, its CPU time and memory read from the kernel's accounting.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::process::{Child, Command};

use crate::connection::Connection;
use crate::description::Description;

pub struct Server {
    /// As it was described, with what it said about itself.
    pub description: Description,
    process: Option<Child>,
    scratch: PathBuf,
    /// From the start to the first good answer.
    pub ready_after: Duration,
}

/// What the kernel has counted for a process and its children.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub cpu: Duration,
    pub resident_bytes: u64,
}

/// Of `/proc/[pid]/stat`: USER_HZ, which Linux fixes at 100 for programs.
const TICK: Duration = Duration::from_millis(10);

impl Server {
    pub async fn start(description: &Description, core: usize) -> anyhow::Result<Server> {
        let mut description = description.clone();
        let scratch =
            std::env::temp_dir().join(format!("gatepass-load-{}-{}", std::process::id(), description.name));
        if scratch.exists() {
            fs::remove_dir_all(&scratch)?;
        }
        fs::create_dir_all(&scratch)?;
        let shell = |command: &str| {
            let mut shell = Command::new("taskset");
            shell.args(["-c", &core.to_string(), "sh", "-c", command]);
            shell
                .current_dir(&description.folder)
                .env("SCRATCH", &scratch)
                .stdin(Stdio::null())
                .kill_on_drop(true);
            shell
        };
        if let Some(prepare) = &description.prepare {
            let done = shell(prepare).stdout(fs::File::create(scratch.join("prepare.log"))?).status().await?;
            ensure!(done.success(), "preparing {} failed: see {}", description.name, scratch.display());
        }
        let began = Instant::now();
        let process = match &description.start {
            Some(start) => {
                let log = fs::File::create(scratch.join("server.log"))?;
                Some(shell(start).stdout(log.try_clone()?).stderr(log).spawn()?)
            }
            None => None,
        };
        let address = description.address()?;
        let probe = format!("GET {} HTTP/1.1\r\nHost: {address}\r\n\r\n", description.ready);
        loop {
            let answer = Connection::new(&address).send(probe.as_bytes()).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                break;
            }
            if began.elapsed() > Duration::from_secs(60) {
                bail!("{} did not become ready: see {}", description.name, scratch.display());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let ready_after = began.elapsed();
        // A server may say what it has set up a moment after it listens.
        tokio::time::sleep(Duration::from_millis(300)).await;
        description.learn(&scratch)?;
        Ok(Server { description, process, scratch, ready_after })
    }

    pub fn usage(&self) -> anyhow::Result<Usage> {
        let Some(root) = self.process.as_ref().and_then(Child::id) else { return Ok(Usage::default()) };
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            if let Some(parent) = fields(&stat).nth(1).and_then(|parent| parent.parse().ok()) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut usage = Usage::default();
        let mut waiting = vec![root];
        while let Some(pid) = waiting.pop() {
            waiting.extend(children.get(&pid).into_iter().flatten());
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let ticks: u32 =
                fields(&stat).skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
            usage.cpu += TICK * ticks;
            usage.resident_bytes += resident(pid).unwrap_or(0);
        }
        Ok(usage)
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            let pid = process.id().context("the server is gone")?;
            ensure!(
                process.try_wait()?.is_none(),
                "{} ended by itself: see {}",
                self.description.name,
                self.scratch.display()
            );
            Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
            if tokio::time::timeout(Duration::from_secs(15), process.wait()).await.is_err() {
                process.kill().await?;
            }
        }
        fs::remove_dir_all(&self.scratch)?;
        Ok(())
    }
}

/// The fields of `/proc/[pid]/stat` behind the name, which may hold anything: the first is the state.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace()
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
