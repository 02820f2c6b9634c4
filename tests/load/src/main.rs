//! The load driver: measures any OAuth server that a small TOML file describes, and the limit of the machine.
//! Every answer is checked to be a true success; the server has one core, this program the other.

mod endings;
mod limit;
mod measure;
mod process;
mod report;
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use gatepass_load::description::Description;

use workload::Workload;

#[derive(Parser)]
#[command(about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures servers by turns and prints medians and ratios.
    Measure(Measure),
    /// Ends devices while APIs are called, and measures how long they go on to be accepted.
    Endings(endings::Options),
    /// Serves the limit: one request, one ES256 signature, and a durable commit if asked for.
    Limit(limit::Options),
}

#[derive(Args)]
pub struct Measure {
    /// Descriptions of servers; the first is the one that ratios refer to.
    #[arg(required = true)]
    servers: Vec<PathBuf>,
    /// What to measure; everything by default.
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<Workload>,
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Seconds of each run, after a second that does not count.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Turns that each server has with each workload.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Writes all figures there as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The core that servers are pinned to.
    #[arg(long, default_value_t = 0)]
    core: usize,
}

// One thread: the driver must not take the server's core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match CommandLine::parse().command {
        Command::Limit(options) => limit::serve(options).await,
        Command::Measure(options) => measure(options).await,
        Command::Endings(options) => endings::measure(options).await,
    }
}

async fn measure(options: Measure) -> anyhow::Result<()> {
    let descriptions: Vec<Description> =
        options.servers.iter().map(|path| Description::read(path)).collect::<Result<_, _>>()?;
    let workloads = match options.workloads.is_empty() {
        true => Workload::ALL.to_vec(),
        false => options.workloads.clone(),
    };
    let plan = measure::Plan {
        connections: options.connections,
        length: Duration::from_secs(options.seconds),
        rounds: options.rounds,
        core: options.core,
    };
    let report = measure::all(&descriptions, &workloads, &plan).await?;
    print!("{}", report.table());
    if let Some(path) = &options.json {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    anyhow::ensure!(report.errors() == 0, "{} answers were no success", report.errors());
    Ok(())
}
