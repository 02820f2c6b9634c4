//! `gatepass serve`: the server.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;

use super::demo;
use super::dev_file::DevFile;
use crate::app::{App, background};
use crate::clock::SystemClock;
use crate::config::{Config, Mode, Sources};
use crate::http::descriptors;
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::http::server;
use crate::http::shutdown::{Drain, Shutdown, Stage};
use crate::http::tls::Tls;
use crate::http::{health, log};
use crate::router;

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
    pub config: Option<PathBuf>,
}

/// How often certificate files are looked at.
const TLS_EVERY: Duration = Duration::from_secs(5);

/// Serves until the process is asked to stop.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let mut config = load(options)?;
    log::begin(&config.log).context("cannot begin to log")?;
    let public = bind(config.server.listen, "server.listen")?;
    let management = bind_management(&config)?;
    let (public_address, management_address) = (public.local_addr()?, management.local_addr()?);
    config.follow_listener(public_address);
    let tls = Tls::of(&config.server)?;

    // The recorder measures its clock for some milliseconds, and the database takes as long.
    let metrics = tokio::task::spawn_blocking(Metrics::install);
    let app = App::open(config, Arc::new(SystemClock)).await?;
    let metrics = metrics.await?;
    let mut limits = Limits::of(&app.config.server);
    limits.connections = descriptors::make_room(limits.connections);
    let doors = router::public(&app, metrics.clone(), limits);
    let shutdown = Shutdown::new();
    let store = app.store.clone();
    let health = health::router(metrics.clone(), shutdown.clone(), move || {
        let store = store.clone();
        async move { store.ping().await.is_ok() }
    });

    match app.config.mode {
        Mode::Development => {
            let demo = demo::set_up(&app).await?;
            let folder = &app.config.server.data_dir;
            demo.write(folder)
                .with_context(|| format!("cannot write {}", DevFile::path(folder).display()))?;
            welcome(&demo, management_address, &app.config);
        }
        Mode::Production | Mode::Command => tracing::info!(
            issuer = %app.config.issuer.url,
            public = %public_address,
            management = %management_address,
            "serving"
        ),
    }

    let by_themselves = async {
        let follow_tls = async {
            match &tls {
                Some(tls) => tls.follow(TLS_EVERY).await,
                None => std::future::pending().await,
            }
        };
        tokio::join!(background::run(app.clone()), metrics.keep_up(), follow_tls);
    };
    let drain = match app.config.mode {
        // No load balancer has to notice.
        Mode::Development => Drain::without_notice(app.config.server.drain()),
        Mode::Production | Mode::Command => Drain::within(app.config.server.drain()),
    };
    let delivery = app.delivery();
    let delivering = async {
        tokio::select! {
            () = delivery.run(shutdown.reached(Stage::NotReady)) => {}
            () = shutdown.reached(Stage::Over) => {}
        }
    };
    let servers = async {
        tokio::join!(
            server::serve(public, doors, tls.clone(), limits, shutdown.clone()),
            server::serve(management, health, None, Limits::default(), shutdown.clone()),
            delivering,
        )
    };
    let ending = async {
        if let Err(error) = shutdown.end_by_signal(drain).await {
            tracing::error!(%error, "cannot listen to signals: stop me by kill -9");
            std::future::pending::<()>().await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = servers => {}
        () = ending => {}
        () = by_themselves => {}
    }
    app.store.close().await;
    tracing::info!("stopped");
    Ok(())
}

fn load(options: Options) -> anyhow::Result<Config> {
    let mode = if options.dev { Mode::Development } else { Mode::Production };
    let sources = Sources::of_this_process(options.config)
        .with_flag("server.listen", "--listen", options.listen)
        .with_flag("server.management_listen", "--management-listen", options.management_listen)
        .with_flag("server.data_dir", "--data-dir", options.data_dir);
    Ok(Config::load(&sources, mode)?)
}

fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    server::listen(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address} is taken by another process: stop it, or choose another address for {setting}"
        ),
        _ => anyhow::anyhow!("cannot listen on {address} ({setting}): {error}"),
    })
}

/// In development a second server on the same machine finds a place by itself, unless somebody chose one.
fn bind_management(config: &Config) -> anyhow::Result<TcpListener> {
    let address = config.server.management_listen;
    let is_free_to_move = config.mode == Mode::Development && !config.sets("server.management_listen");
    match bind(address, "server.management_listen") {
        Err(_) if is_free_to_move => bind(SocketAddr::new(address.ip(), 0), "server.management_listen"),
        bound => bound,
    }
}

fn welcome(demo: &DevFile, management: SocketAddr, config: &Config) {
    let folder = config.server.data_dir.display();
    let file = DevFile::path(&config.server.data_dir);
    let DevFile { issuer, username, password, client_id, client_secret, redirect_uri, api } = demo;
    let resource = &api.resource;
    // As it was called: `gatepass` may not be on the path.
    let program = std::env::args().next().unwrap_or_else(|| "gatepass".to_owned());
    // Whoever reads may have seen enough (`gatepass serve --dev | head`): no reason to stop.
    let _ = writeln!(
        io::stdout(),
        "Gatepass is ready, for development on this machine only.

  Issuer         {issuer}
  Sign in at     {issuer}/login
  Management     http://{management}/health/ready
  Data folder    {folder}

  Demo user      {username}
  Password       {password}

  Demo client    {client_id}
  Secret         {client_secret}
  Redirect URI   {redirect_uri}
                 http://127.0.0.1/callback, on any port
  Its API        {resource}

The same facts stand in {}.

Next, in another terminal:
  {program} try --data-dir {folder}
      opens a shop and an API that verifies by itself: sign in, end the session, watch the next call refused
  {program} client add --help
      tells how to register an app of your own
",
        file.display()
    );
}
