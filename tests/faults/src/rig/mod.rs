//! What a fault happens to: nodes on a database, before them a balancer without stickiness, all in one scratch folder
//! and gone with the value that holds them.

mod balancer;
mod cache;
mod link;
mod node;
mod postgres;
mod program;
mod receiver;
mod scratch;
mod small_disk;

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use gatepass_load::description::Description;

use crate::seed::Seed;

pub use balancer::{Balancer, Software};
pub use cache::Cache;
pub use link::{Link, Weather};
pub use node::Node;
pub use postgres::{Postgres, Restart};
pub use program::{Program, Signal};
pub use receiver::Receiver;
pub use scratch::Scratch;
pub use small_disk::SmallDisk;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// What lies in the database before the nodes start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stock {
    Nothing,
    /// Those of the load driver.
    UserAndClients,
}

/// What is to be set up.
#[derive(Clone, Debug)]
pub struct Layout {
    pub database: Database,
    pub nodes: usize,
    /// Without one the first node is asked itself.
    pub balancer: Option<Software>,
    /// Beside a redis-server.
    pub cached: bool,
    pub stock: Stock,
    /// With a link before the database.
    pub linked: bool,
    /// The database has a file system of so many megabytes.
    pub small_disk: Option<u32>,
    /// What the nodes are told besides, as `GATEPASS_…` variables of the environment.
    pub settings: Vec<(String, String)>,
}

impl Layout {
    pub fn sqlite() -> Self {
        Layout {
            database: Database::Sqlite,
            nodes: 1,
            balancer: None,
            cached: false,
            stock: Stock::UserAndClients,
            linked: false,
            small_disk: None,
            settings: Vec::new(),
        }
    }

    pub fn postgres(nodes: usize) -> Self {
        let balancer = (nodes > 1).then_some(Software::Haproxy);
        Layout { database: Database::Postgres, nodes, balancer, ..Layout::sqlite() }
    }

    pub fn balanced_by(self, software: Software) -> Self {
        Layout { balancer: Some(software), ..self }
    }

    /// The nodes reach their PostgreSQL by a [`Link`].
    pub fn behind_a_link(self) -> Self {
        Layout { linked: true, ..self }
    }

    pub fn on_small_disk(self, megabytes: u32) -> Self {
        Layout { small_disk: Some(megabytes), ..self }
    }

    /// `("GATEPASS_ISSUER__REFRESH_GRACE_SECONDS", "10")`
    pub fn with(mut self, setting: &str, value: impl ToString) -> Self {
        self.settings.push((setting.to_owned(), value.to_string()));
        self
    }

    pub fn cached(mut self) -> Self {
        self.cached = true;
        self
    }

    /// For the report: "postgres, 3 nodes".
    pub fn profile(&self) -> String {
        let database = match self.database {
            Database::Sqlite => "sqlite",
            Database::Postgres => "postgres",
        };
        match self.nodes {
            1 => database.to_owned(),
            nodes => format!("{database}, {nodes} nodes"),
        }
    }
}

/// Fields are dropped from the top: who uses something ends before it.
pub struct Rig {
    pub nodes: Vec<Node>,
    _balancer: Option<Balancer>,
    pub cache: Option<Cache>,
    pub link: Option<Link>,
    pub postgres: Option<Postgres>,
    /// How the rig is spoken to; the issuer is https, as if TLS ended before it.
    pub site: Description,
    environment: Vec<(String, String)>,
    binary: PathBuf,
    /// That of the database.
    pub disk: Option<SmallDisk>,
    pub scratch: Scratch,
}

/// Where the load driver keeps what it says to a Gatepass.
const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../load/servers");

impl Rig {
    /// Starts everything, with a user and clients, and returns when all nodes are ready.
    pub async fn set_up(binary: &Path, layout: Layout, seed: Seed) -> anyhow::Result<Rig> {
        let scratch = Scratch::new()?;
        let folder = match layout.database {
            Database::Sqlite => "data",
            Database::Postgres => "postgres",
        };
        let disk = match layout.small_disk {
            Some(megabytes) => Some(SmallDisk::mount(scratch.join(folder), megabytes).await?),
            None => None,
        };
        let postgres = match layout.database {
            Database::Sqlite => None,
            Database::Postgres => Some(Postgres::start(&scratch, disk.as_ref()).await?),
        };
        let link = match &postgres {
            Some(postgres) if layout.linked => Some(Link::to(postgres.port, seed).await?),
            Some(_) | None => None,
        };
        let cache = if layout.cached { Some(Cache::start(&scratch).await?) } else { None };
        let front = free_port()?;
        let mut environment: Vec<(String, String)> = [
            ("SCRATCH", scratch.path().display().to_string()),
            ("TEST_BINARY", binary.display().to_string()),
            ("GATEPASS_ISSUER__URL", format!("https://127.0.0.1:{front}")),
            ("GATEPASS_SERVER__TRUSTED_PROXIES", "127.0.0.1/32".to_owned()),
            ("GATEPASS_SIGN_IN__ADDRESS_ATTEMPTS", "100000".to_owned()),
            ("GATEPASS_SIGN_IN__ACCOUNT_ATTEMPTS", "1000".to_owned()),
            // Hashing is not what is tested.
            ("GATEPASS_SIGN_IN__ARGON2_MEMORY_KIB", "8".to_owned()),
            ("GATEPASS_SIGN_IN__ARGON2_ITERATIONS", "1".to_owned()),
            ("GATEPASS_LOG__LEVEL", "warn".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if let Some(postgres) = &postgres {
            let url = postgres.url_at(link.as_ref().map_or(postgres.port, |link| link.port));
            environment.push(("DATABASE_URL".to_owned(), url.clone()));
            environment.push(("GATEPASS_DATABASE__URL".to_owned(), url));
        }
        if let Some(cache) = &cache {
            environment.push(("GATEPASS_DATABASE__CACHE".to_owned(), cache.url()));
        }
        environment.extend(layout.settings.clone());
        if layout.stock == Stock::UserAndClients {
            let mut prepare = Command::new("./gatepass.sh");
            prepare.args(["prepare", "ES256"]).current_dir(SERVERS).envs(environment.clone());
            output(prepare).await.context("setting up the database")?;
        }

        let mut nodes = Vec::new();
        for number in 1..=layout.nodes {
            nodes.push(Node::new(number, binary, &scratch, &environment)?);
        }
        for node in &mut nodes {
            node.start()?;
        }
        for node in &mut nodes {
            node.ready(START).await?;
        }
        let balancer = match layout.balancer {
            Some(software) => Some(Balancer::start(software, &scratch, front, &nodes).await?),
            None => None,
        };
        let mut site = Description::read(&Path::new(SERVERS).join("gatepass.toml"))?;
        site.issuer = format!("https://127.0.0.1:{front}");
        site.reached_at = match (&balancer, nodes.first()) {
            (None, Some(node)) => Some(node.address.clone()),
            (Some(_), _) | (None, None) => None,
        };
        let binary = binary.to_owned();
        Ok(Rig {
            nodes,
            _balancer: balancer,
            cache,
            link,
            postgres,
            site,
            environment,
            binary,
            disk,
            scratch,
        })
    }

    /// The same site, asked at one of its nodes.
    pub fn site_at(&self, node: &Node) -> Description {
        Description { reached_at: Some(node.address.clone()), ..self.site.clone() }
    }

    /// Runs it to its end, which must be a success.
    pub async fn gatepass(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        output(self.command(arguments)).await
    }

    /// Registers a client that has a secret, with more arguments of `client add`.
    pub fn add_client(&self, id: &str, secret: &str, more: &[&str]) -> anyhow::Result<()> {
        let mut add = self.command(&["client", "add", "--id", id, "--name", id, "--secret-stdin"]);
        let mut child = add.args(more).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().context("no standard input")?.write_all(secret.as_bytes())?;
        ensure!(child.wait()?.success(), "{add:?} failed");
        Ok(())
    }

    /// One statement to the database itself, and what it gives.
    pub async fn ask(&self, statement: &str) -> anyhow::Result<String> {
        if let Some(postgres) = &self.postgres {
            return postgres.query(statement).await;
        }
        let mut sqlite = Command::new("sqlite3");
        sqlite.arg("-cmd").arg(".timeout 5000").arg(self.scratch.join("data/gatepass.db")).arg(statement);
        Ok(String::from_utf8(output(sqlite).await?.stdout)?.trim().to_owned())
    }

    /// Rows that break an invariant of the store, and whatever else `gatepass doctor --check` calls broken.
    pub async fn violations(&self) -> anyhow::Result<usize> {
        let doctor = self.command(&["doctor", "--check", "--json"]);
        let said = tokio::task::spawn_blocking(move || { doctor }.output()).await??;
        let report: serde_json::Value =
            serde_json::from_slice(&said.stdout).context("doctor said something else than JSON")?;
        let findings = report["findings"].as_array().context("doctor reported no findings")?;
        let failed: Vec<_> = findings.iter().filter(|finding| finding["verdict"] == "failed").collect();
        for finding in &failed {
            eprintln!("doctor: {}", finding["message"]);
        }
        ensure!(failed.is_empty() == said.status.success(), "doctor's answer and exit code differ");
        Ok(failed.len())
    }

    /// How often the audit trail has this event.
    pub async fn recorded(&self, event: &str) -> anyhow::Result<usize> {
        Ok(self.ask(&format!("SELECT count(*) FROM audit WHERE event = '{event}'")).await?.parse()?)
    }

    /// The program on the data of the nodes.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).args(["--data-dir", "data"]);
        command.current_dir(self.scratch.path()).envs(self.environment.clone());
        command
    }
}

/// A node that takes longer has a defect.
pub const START: Duration = Duration::from_secs(30);

/// Runs a program to its end, which must be a success.
async fn output(mut command: Command) -> anyhow::Result<Output> {
    let said = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}: {}: {errors}", output.status);
    Ok(output)
}

/// A port that nobody listens on, below those that Linux gives to outgoing connections: one of these would keep a node
/// from its port while it is down.
pub fn free_port() -> anyhow::Result<u16> {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 100) as u16 * 100;
    for _ in 0..PORTS {
        let port = 10_000 + (first + TRIED.fetch_add(1, Ordering::Relaxed)) % PORTS;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free");
}

const PORTS: u16 = 10_000;
