//! `gatepass migrate`: the shape of the database. A server applies what is missing by itself at its start.

use serde_json::json;

use super::Everywhere;
use super::open;
use super::output::{Answer, Refusal, table};
use crate::app;
use crate::store::Store;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Apply the migrations that are missing, making the database if there is none
    Up,
    /// Take back the newest migrations, with the data that they hold
    Down {
        /// How many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
        steps: u32,
        /// The data that goes is saved elsewhere or not needed
        #[arg(long)]
        yes: bool,
    },
    /// Show which migrations are applied
    Status,
}

pub(super) async fn run(command: Command, everywhere: &Everywhere) -> Result<Answer, Refusal> {
    let config = open::config(everywhere)?;
    match command {
        Command::Up => {
            let store = app::open_store(&config).await?;
            store.migrate().await?;
            status(&store).await
        }
        Command::Down { yes: false, .. } => {
            let message = "this deletes the data that the migrations hold: stop the servers, save the database, and \
                           say --yes";
            Err(Refusal::usage(message))
        }
        Command::Down { steps, yes: true } => {
            let store = open::existing_store(&config).await?;
            store.migrate_down(steps).await?;
            status(&store).await
        }
        Command::Status => status(&open::existing_store(&config).await?).await,
    }
}

async fn status(store: &Store) -> Result<Answer, Refusal> {
    let migrations = store.migrations().await?;
    let rows = migrations.iter().map(|migration| {
        [migration.name.clone(), if migration.applied { "applied" } else { "missing" }.to_owned()]
    });
    Ok(Answer::new(table(["MIGRATION", "STATE"], rows), json!(migrations)))
}
