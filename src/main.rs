//! Gatepass: reads the command line, runs it, sets the exit code.

use std::process::ExitCode;

/// musl's own has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    gatepass::cli::run(std::env::args_os()).await
}
