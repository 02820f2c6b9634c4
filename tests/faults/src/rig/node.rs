//! One `gatepass serve`, in production mode, that can be killed, stopped, frozen and started again.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use gatepass_load::connection::{Answer, Connection, Lost};
use gatepass_load::usage::Usage;
use tokio::time::{sleep, timeout};

use super::{Program, Scratch, Signal, free_port};

pub struct Node {
    pub number: usize,
    /// Host and port of the public listener.
    pub address: String,
    pub management_port: u16,
    binary: PathBuf,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    log: PathBuf,
    server: Option<Program>,
    began: Instant,
}

impl Node {
    pub(super) fn new(
        number: usize,
        binary: &Path,
        scratch: &Scratch,
        environment: &[(String, String)],
    ) -> anyhow::Result<Self> {
        Ok(Node {
            number,
            address: format!("127.0.0.1:{}", free_port()?),
            management_port: free_port()?,
            binary: binary.to_owned(),
            folder: scratch.path().to_owned(),
            environment: environment.to_vec(),
            log: scratch.join(&format!("node-{number}.log")),
            server: None,
            began: Instant::now(),
        })
    }

    /// Where its next start writes what it has to say.
    pub fn log_to(&mut self, path: PathBuf) {
        self.log = path;
    }

    /// Starts it at the same addresses; see [`Node::ready`].
    pub fn start(&mut self) -> anyhow::Result<()> {
        self.start_with(&[])
    }

    /// The same with more in its environment, this once: `("FAILPOINT", "before-commit=9")`.
    pub fn start_with(&mut self, environment: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut serve = Command::new(&self.binary);
        serve.args(["serve", "--data-dir", "data", "--listen", &self.address, "--management-listen"]);
        serve.arg(format!("127.0.0.1:{}", self.management_port));
        serve.current_dir(&self.folder).envs(self.environment.clone()).envs(environment.iter().copied());
        self.began = Instant::now();
        self.server = Some(Program::start(serve, &self.log, Signal::KILL)?);
        Ok(())
    }

    /// Waits until it takes requests; how long that took since its start.
    pub async fn ready(&mut self, within: Duration) -> anyhow::Result<Duration> {
        while !self.is_ready().await {
            let took = self.began.elapsed();
            ensure!(took < within, "node {} is not ready after {took:?}", self.number);
            ensure!(self.is_running(), "node {} has ended: {}", self.number, self.last_words()?);
            sleep(Duration::from_millis(5)).await;
        }
        Ok(self.began.elapsed())
    }

    pub async fn is_ready(&self) -> bool {
        self.management("/health/ready").await.is_ok_and(|answer| answer.status == 200)
    }

    /// Asks the management listener.
    pub async fn management(&self, path: &str) -> anyhow::Result<Answer> {
        let address = format!("127.0.0.1:{}", self.management_port);
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let mut connection = Connection::new(&address, Lost::Told);
        timeout(Duration::from_secs(5), connection.send(request.as_bytes())).await?
    }

    /// The sum of a counter or gauge over its labels.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = String::from_utf8(self.management("/metrics").await?.succeeded()?.to_vec())?;
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        let values =
            text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Ok(values.sum())
    }

    pub fn is_running(&mut self) -> bool {
        self.server.as_mut().is_some_and(Program::is_running)
    }

    /// SIGKILL, SIGTERM, SIGSTOP, SIGCONT.
    pub fn send(&self, signal: Signal) -> anyhow::Result<()> {
        self.server.as_ref().context("it was never started")?.send(signal)
    }

    /// Waits for its end.
    pub async fn ended(&mut self, within: Duration) -> anyhow::Result<ExitStatus> {
        self.server.as_mut().context("it was never started")?.ended(within).await
    }

    /// What it and its children have used.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        Ok(Usage::of(self.id().context("it was never started")?)?)
    }

    pub fn id(&self) -> Option<u32> {
        self.server.as_ref().map(Program::id)
    }

    fn last_words(&self) -> anyhow::Result<String> {
        Ok(self.log()?.lines().next_back().unwrap_or("it said nothing").to_owned())
    }

    pub fn log(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }
}
