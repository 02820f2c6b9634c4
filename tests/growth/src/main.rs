//! A month of a large service, played by a small part of its people in the real schema: what grows, what is pruned,
//! how much is written.

mod act;
mod assumptions;
mod chance;
mod database;
mod month;
mod population;
mod report;
mod rows;

use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use gatepass::clock::Timestamp;
use gatepass::store::{Store, invariants};

use assumptions::Assumptions;
use chance::Chance;
use database::Scratch;
use month::Month;
use population::Population;
use report::Report;

/// 2026-01-01, whenever it is played.
const BEGAN: Timestamp = Timestamp::from_secs(1_767_225_600);

#[derive(Parser)]
#[command(about)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plays it and prints what has grown
    Month(Options),
}

#[derive(clap::Args)]
struct Options {
    /// People who are played.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    users: u32,
    /// People whom the figures are extrapolated to.
    #[arg(long, default_value_t = 10_000_000)]
    of: u64,
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// A PostgreSQL server on which a database may be made and dropped; SQLite otherwise.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// What every choice follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Another value for something that is assumed.
    #[arg(long, value_name = "NAME=VALUE")]
    assume: Vec<String>,
    /// Writes everything that was counted there.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Command::Month(options) = CommandLine::parse().command;
    let mut assumed = Assumptions::default();
    for text in &options.assume {
        assumed.assume(text)?;
    }
    let scratch = Scratch::make(options.postgres.as_deref()).await?;
    let played = run(&scratch, &options, assumed).await;
    scratch.remove().await?;
    let report = played?;
    report.print();
    if let Some(file) = &options.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

async fn run(scratch: &Scratch, options: &Options, assumed: Assumptions) -> anyhow::Result<Report> {
    let began = std::time::Instant::now();
    let store = scratch.open().await?;
    let tell = |day| {
        eprint!("\rday {day} of {}", options.days);
        // Only to be seen at once.
        let _ = std::io::stderr().flush();
    };
    let users = options.users as usize;
    let month = play(&store, users, options.days, options.seed, assumed.clone(), tell).await?;
    eprintln!();
    for finding in invariants::check(&store).await?.iter().filter(|finding| finding.breaches > 0) {
        println!("BROKEN: {} ({} rows)", finding.sentence, finding.breaches);
    }
    store.close().await;
    Ok(Report {
        database: if options.postgres.is_some() { "PostgreSQL" } else { "SQLite" },
        seed: options.seed,
        users,
        of: options.of,
        days: options.days,
        assumed,
        month,
        seconds: began.elapsed().as_secs_f64(),
    })
}

async fn play(
    store: &Store,
    users: usize,
    days: u32,
    seed: u64,
    assumed: Assumptions,
    tell: impl FnMut(u32),
) -> anyhow::Result<Month> {
    let users = database::add_users(store, users, BEGAN).await?;
    let mut population = Population::new(&users, assumed, Chance::new(seed));
    database::add_apps(store, &population.apps, BEGAN).await?;
    month::play(store, &mut population, BEGAN, days, tell).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_store_does_what_people_do_and_its_invariants_hold() {
        let scratch = Scratch::make(None).await.unwrap();
        let store = scratch.open().await.unwrap();
        let mut assumed = Assumptions::default();
        // Few people, who do much.
        for text in ["daily_active=0.9", "sign_outs=0.2", "ended_devices=0.1", "removed_apps=0.1"] {
            assumed.assume(text).unwrap();
        }
        let month = play(&store, 30, 3, 7, assumed, |_| {}).await.unwrap();
        assert_eq!(month.all.refused, 0);
        let done = month.all;
        assert!(done.sign_ins > 20 && done.authorizations > 50 && done.endings > 10, "{done:?}");
        assert!(month.nouns["authorizations"].pruned > 0 && month.nouns["revocations"].pruned > 0);
        assert!(month.nouns["audit"].bytes_per_row.is_some_and(|bytes| bytes > 100.0));
        for finding in invariants::check(&store).await.unwrap() {
            assert_eq!(finding.breaches, 0, "{}", finding.sentence);
        }
        store.close().await;
        scratch.remove().await.unwrap();
    }
}
