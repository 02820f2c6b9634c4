//! The command line for operators. Every command answers people in words and programs in JSON (`--json`), and
//! exits with 0 when it did what it was asked, 1 when it could not, 2 when it did not understand.

mod audit;
mod client;
mod config;
mod demo;
pub mod dev_file;
mod doctor;
mod feed;
mod input;
mod key;
mod migrate;
mod open;
mod outbox;
mod output;
pub mod serve;
mod session;
mod r#try;
mod user;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::output::{Answer, Outcome, Refusal};
use crate::clock::{Clock, SystemClock};

/// Sign people in to apps: an OAuth 2 and OpenID Connect authorization server.
#[derive(Parser)]
#[command(name = "gatepass", version)]
struct CommandLine {
    #[command(flatten)]
    everywhere: Everywhere,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(clap::Args, Clone, Debug)]
struct Everywhere {
    /// Read the settings from this file instead of ./gatepass.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder, instead of server.data_dir
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Options),
    /// Bring the database to the shape of this release
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// Add, list, show, change and remove users
    #[command(subcommand)]
    User(user::Command),
    /// Add, list, show, change and remove clients: apps and APIs
    #[command(subcommand)]
    Client(client::Command),
    /// List and end the sessions in which people are signed in
    #[command(subcommand)]
    Session(session::Command),
    /// List, rotate and retire the keys that tokens are signed with
    #[command(subcommand)]
    Key(key::Command),
    /// Find out whether everything that the server needs is there and right
    Doctor(doctor::Options),
    /// Run a shop and an API that try a running server out, or measure it
    Try(r#try::Options),
    /// Show what happened
    #[command(subcommand)]
    Audit(audit::Command),
    /// Show what was sent to clients about sign-outs, and what became of it
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Show how far the APIs are that follow the revocations
    #[command(subcommand)]
    Feed(feed::Command),
    /// Show all settings, or check the ones that are set
    #[command(subcommand)]
    Config(config::Command),
}

/// Runs one command line, the program's name first.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let line = match CommandLine::try_parse_from(&arguments) {
        Ok(line) => line,
        Err(error) => return explain(&error, arguments.iter().any(|argument| argument == "--json")),
    };
    let json = line.everywhere.json;
    match dispatch(line).await {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(answer)) => {
            let text = if json { format!("{:#}", answer.json) } else { answer.text };
            // Whoever reads may have seen enough (`gatepass user list | head`).
            let _ = writeln!(io::stdout(), "{}", text.trim_end());
            match answer.outcome {
                Outcome::Done => ExitCode::SUCCESS,
                Outcome::Unhealthy => ExitCode::FAILURE,
            }
        }
        Err(refusal) => {
            let text = if json { format!("{:#}", refusal.json()) } else { refusal.to_string() };
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::from(refusal.exit_code())
        }
    }
}

/// Help and the version are answers; whatever else the parser says is a usage error.
fn explain(error: &clap::Error, json: bool) -> ExitCode {
    if json && error.use_stderr() {
        let message = error.to_string();
        let message = message.trim_end();
        let refusal = Refusal::usage(message.strip_prefix("error: ").unwrap_or(message));
        let _ = writeln!(io::stderr(), "{:#}", refusal.json());
    } else {
        // Nobody is left to tell if standard error is closed.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// `None`: there is nothing to say at the end.
async fn dispatch(line: CommandLine) -> Result<Option<Answer>, Refusal> {
    let everywhere = line.everywhere;
    let now = SystemClock.now();
    match line.command {
        Command::Serve(options) => {
            let Everywhere { config, data_dir, json: _ } = everywhere;
            serve::run(serve::Options { config, data_dir, ..options }).await?;
            Ok(None)
        }
        Command::User(command) => user::run(command, &everywhere, now).await.map(Some),
        Command::Migrate(command) => migrate::run(command, &everywhere).await.map(Some),
        Command::Client(command) => client::run(command, &everywhere, now).await.map(Some),
        Command::Session(command) => session::run(command, &everywhere, now).await.map(Some),
        Command::Key(command) => key::run(command, &everywhere, now).await.map(Some),
        Command::Doctor(options) => Ok(Some(doctor::run(options, &everywhere, now).await)),
        Command::Try(options) => r#try::run(options, &everywhere).await,
        Command::Audit(command) => audit::run(command, &everywhere).await.map(Some),
        Command::Outbox(command) => outbox::run(command, &everywhere).await.map(Some),
        Command::Feed(command) => feed::run(command, &everywhere, now).await.map(Some),
        Command::Config(command) => config::run(command, &everywhere).map(Some),
    }
}
