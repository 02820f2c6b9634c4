//! The faults: breaks what Gatepass stands on, one thing after the other, and counts what was lost.

mod asserting;
mod bench;
mod bystanders;
mod client;
mod crowd;
mod faults;
mod jwt;
mod ledger;
mod line;
mod replay;
mod report;
mod rig;
mod seed;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use bench::{Bench, Scale};
use faults::Fault;
use report::{Report, Verdict};
use seed::Seed;

#[derive(Parser)]
#[command(about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs faults and prints what was counted beside what must hold.
    Run(Options),
}

#[derive(clap::Args)]
struct Options {
    /// Which faults; all by default.
    faults: Vec<Fault>,
    /// As often as the figures ask for, instead of in ten minutes altogether.
    #[arg(long)]
    full: bool,
    /// What every choice follows from; printed, so that a run can be repeated.
    #[arg(long)]
    seed: Option<u64>,
    /// Writes everything that was counted there.
    #[arg(long)]
    json: Option<PathBuf>,
}

// One thread: what is broken deserves the other core.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let Command::Run(options) = CommandLine::parse().command;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        done = run(options) => done,
        // What was started ends with the values that hold it.
        _ = terminate.recv() => Ok(ExitCode::from(143)),
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
    }
}

async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(Seed::from_process);
    let scale = if options.full { Scale::Full } else { Scale::Small };
    let chosen = if options.faults.is_empty() { Fault::ALL.to_vec() } else { options.faults };
    println!("seed {seed}");
    let mut report = Report::new(seed, scale);
    for fault in chosen {
        let bench = Bench::new(fault, scale, seed)?;
        let began = std::time::Instant::now();
        let mut verdicts = attempt(fault, &bench).await;
        // Counts are never forgiven. Where others use the machine too, what did not happen is tried again, and times are
        // measured again.
        if scale == Scale::Small && may_be_the_machine(&verdicts) {
            print!("\nonce more, for it may have been the machine:{}", report::told(fault, &verdicts));
            verdicts = attempt(fault, &bench).await;
        }
        report.add(fault, began.elapsed(), verdicts);
    }
    print!("{}", report.summary());
    if let Some(path) = &options.json {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(if report.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn attempt(fault: Fault, bench: &Bench) -> Vec<Verdict> {
    fault.run(bench).await.unwrap_or_else(|error| {
        let why = format!("{error:#}");
        vec![Verdict::not_run("", why.lines().next().unwrap_or_default())]
    })
}

fn may_be_the_machine(verdicts: &[Verdict]) -> bool {
    let mut failed = verdicts.iter().filter(|verdict| !verdict.passed()).peekable();
    failed.peek().is_some() && failed.all(Verdict::may_be_the_machine)
}
