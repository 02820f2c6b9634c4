//! A server under measurement: started on its own core, its CPU time and memory read from the kernel's accounting.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use gatepass_load::connection::{Connection, Lost};
use gatepass_load::description::Description;
use gatepass_load::usage::Usage;
use tokio::process::{Child, Command};

pub struct Server {
    /// As it was described, with what it said about itself.
    pub description: Description,
    process: Option<Child>,
    scratch: PathBuf,
    /// From the start to the first good answer.
    pub ready_after: Duration,
}

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
            let answer = Connection::new(&address, Lost::SentAgain).send(probe.as_bytes()).await;
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
        let root = self.process.as_ref().and_then(Child::id);
        root.map_or(Ok(Usage::default()), |root| Ok(Usage::of(root)?))
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
