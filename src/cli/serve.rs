//! `gatepass serve`: the server.

/// What `serve` is told on the command line.
#[derive(clap::Args, Clone, Debug)]
pub struct Options {
    /// Try Gatepass out: plain http on this machine, a demo user and a demo client, written to dev.json in the data
    /// folder.
    #[arg(long)]
    pub dev: bool,
    /// The public listener, instead of server.listen. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The management listener, instead of server.management_listen.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub management_listen: Option<String>,
    /// `--data-dir`, which every command has.
    #[arg(skip)]
    pub data_dir: Option<String>,
    /// `--config`, which every command has.
    #[arg(skip)]
    pub config: Option<std::path::PathBuf>,
}

/// Serves until the process is asked to stop.
pub async fn run(_options: Options) -> anyhow::Result<()> {
    anyhow::bail!("serve is not built yet")
}
