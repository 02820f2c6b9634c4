//! Gatepass: reads the command line, runs it, sets the exit code.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    gatepass::cli::run(std::env::args_os()).await
}
