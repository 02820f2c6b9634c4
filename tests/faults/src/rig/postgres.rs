//! A PostgreSQL of our own, with fsync on, that can be restarted as `pg_ctl` does it.

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::sleep;

use super::{Program, Scratch, Signal, SmallDisk, free_port, output};

/// `pg_ctl restart -m …`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// As after a power cut: the next start recovers from the log.
    Immediate,
    /// Sessions are cut, then everything is written.
    Fast,
}

pub struct Postgres {
    server: Program,
    pub port: u16,
    programs: PathBuf,
    data: PathBuf,
    log: PathBuf,
    user: Option<(u32, u32)>,
}

impl Postgres {
    /// On a disk of its own, if there is one.
    pub async fn start(scratch: &Scratch, disk: Option<&SmallDisk>) -> anyhow::Result<Self> {
        let (programs, log) = (programs()?, scratch.join("postgres.log"));
        let home = disk.map_or_else(|| scratch.join("postgres"), |disk| disk.path().to_owned());
        let (data, user) = (home.join("data"), user()?);
        if disk.is_none() {
            fs::create_dir(&home)?;
        }
        if let Some((user, group)) = user {
            chown(&home, Some(user), Some(group))?;
        }
        let mut initdb = run_as(user, &programs.join("initdb"), &home);
        initdb.args([
            "--username",
            "gatepass",
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
        ]);
        output({
            initdb.args(["--no-sync", "--pgdata"]).arg(&data);
            initdb
        })
        .await?;
        let port = free_port()?;
        let server = serve(user, &programs, &data, &log, port)?;
        let postgres = Postgres { server, port, programs, data, log, user };
        postgres.accepts(super::START).await?;
        Ok(postgres)
    }

    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same, where another port leads to it.
    pub fn url_at(&self, port: u16) -> String {
        format!("postgres://gatepass@127.0.0.1:{port}/postgres")
    }

    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// Stops the server; [`Postgres::again`] starts it.
    pub async fn stop(&mut self, how: Restart) -> anyhow::Result<()> {
        self.server.send(match how {
            Restart::Immediate => Signal::QUIT,
            Restart::Fast => Signal::INT,
        })?;
        self.server.ended(Duration::from_secs(30)).await.map(drop)
    }

    /// Starts it on the same data; returns when it accepts connections.
    pub async fn again(&mut self) -> anyhow::Result<()> {
        self.server = serve(self.user, &self.programs, &self.data, &self.log, self.port)?;
        self.accepts(super::START).await
    }

    /// On a full disk: writes to the write-ahead log, as other databases beside ours do, until the next segment is almost
    /// wanted, and then little by little, until PostgreSQL has gone down.
    ///
    /// Without room for another page of a table it refuses the statement and goes on. Without room for the next segment
    /// of the log it panics, starts again, reads the log, cannot write that it has recovered, and shuts down for good:
    /// when there is room, somebody has to start it ([`Postgres::again`]).
    pub async fn use_up_wal(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let segment = "pg_size_bytes(current_setting('wal_segment_size'))";
        let used = format!("mod(pg_current_wal_insert_lsn() - '0/0', {segment})");
        let length = format!("greatest(1000, {segment} - {used} - 64 * 1024)::int");
        let write = format!("SELECT pg_logical_emit_message(true, '', repeat('.', {length}))");
        while self.server.is_running() {
            ensure!(began.elapsed() < super::START, "PostgreSQL goes on: see {}", self.log.display());
            // In the end it fails.
            let _ = self.query(&write).await;
            // The commit that finds no room had better be one of a node.
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    async fn accepts(&self, within: Duration) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let mut ready = Command::new(self.programs.join("pg_isready"));
            ready.args(["-q", "-U", "gatepass", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if output(ready).await.is_ok() {
                return Ok(());
            }
            ensure!(began.elapsed() < within, "PostgreSQL does not accept: see {}", self.log.display());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// One statement, and what it gives, in columns separated by `|`.
    pub async fn query(&self, statement: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, &self.url()]);
        Ok(String::from_utf8(output(psql).await?.stdout)?.trim().to_owned())
    }
}

fn serve(
    user: Option<(u32, u32)>,
    programs: &Path,
    data: &Path,
    log: &Path,
    port: u16,
) -> anyhow::Result<Program> {
    let mut server = run_as(user, &programs.join("postgres"), data);
    server.arg("-D").arg(data).args(["-p", &port.to_string(), "-k", "", "-c"]);
    server.arg(format!("listen_addresses={}", Ipv4Addr::LOCALHOST)).args(["-c", "max_connections=120"]);
    Program::start(server, log, Signal::QUIT)
}

fn run_as(user: Option<(u32, u32)>, program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

/// PostgreSQL refuses to run as root: then it runs as the user of its package.
fn user() -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let account = accounts.lines().find_map(|line| line.strip_prefix("postgres:"));
    let mut ids = account.context("no user postgres")?.split(':').skip(1).map(str::parse);
    let (Some(Ok(user)), Some(Ok(group))) = (ids.next(), ids.next()) else {
        anyhow::bail!("the user postgres has no numbers");
    };
    Ok(Some((user, group)))
}

/// The newest that Debian has installed.
fn programs() -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is not installed")?;
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .filter(|(_, programs)| programs.join("initdb").exists())
        .collect();
    versions.sort();
    Ok(versions.pop().context("PostgreSQL is not installed")?.1)
}
