//! A process that we started and that ends with its value.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::time::sleep;

pub struct Program {
    child: Child,
    /// What makes it end in good order within a moment.
    farewell: Signal,
}

impl Program {
    /// Its output is added to the file `log`.
    pub fn start(mut command: Command, log: &Path, farewell: Signal) -> anyhow::Result<Self> {
        let said = format!("{command:?}");
        let log = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {said}"))?;
        Ok(Program { child, farewell })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub fn send(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits for its end.
    pub async fn ended(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < within {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            sleep(Duration::from_millis(2)).await;
        }
        bail!("process {} did not end within {within:?}", self.child.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.is_running() {
            return;
        }
        // A stopped process hears nothing else.
        let _ = self.send(Signal::CONT);
        let _ = self.send(self.farewell);
        let began = Instant::now();
        while self.farewell != Signal::KILL && began.elapsed() < Duration::from_secs(5) {
            if !self.is_running() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
