//! `gatepass try`: a shop with a session and a basket of its own that signs people in at a running server, and an API
//! that verifies by itself. It proves, without a line of code, that an installation works and keeps its promise.

mod api;
mod headless;
mod pages;
mod party;
mod trace;
mod visitor;
mod visits;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::net::TcpListener;

use self::api::Api;
use self::pages::Demonstration;
use self::party::Party;
use self::visits::Visits;
use super::Everywhere;
use super::dev_file::DevFile;
use super::input;
use super::open;
use super::output::{Answer, Refusal};
use crate::http::limits::Limits;
use crate::http::server;
use crate::http::shutdown::{Drain, Shutdown};
use crate::pages::assets::Assets;
use crate::protocol::scope::STANDARD_SCOPES;

#[derive(clap::Args)]
pub(super) struct Options {
    /// The server to sign in at, instead of the one that `serve --dev` has described in the data folder
    #[arg(long, value_name = "URL", requires = "client_id")]
    issuer: Option<String>,
    /// The client to be, instead of the demo client
    #[arg(long, requires = "issuer")]
    client_id: Option<String>,
    /// Its secret, unless it is a public client; - reads it from standard input
    #[arg(long, value_name = "SECRET|-", requires = "client_id")]
    client_secret: Option<String>,
    /// What to ask for, between spaces
    #[arg(long, default_value_t = STANDARD_SCOPES.join(" "))]
    scope: String,
    /// Where to listen, on loopback. Without it 127.0.0.1:8081, or another port if that one is taken
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Without pages: sign in and end devices by itself, print the figures, and fail when a promise is broken
    #[arg(long, conflicts_with_all = ["issuer", "listen"])]
    headless: bool,
    /// How many devices to end
    #[arg(long, default_value_t = 10, requires = "headless", value_parser = clap::value_parser!(u32).range(1..=1000))]
    endings: u32,
}

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8081);

/// `None`: it has shown its pages until it was asked to stop.
pub(super) async fn run(options: Options, everywhere: &Everywhere) -> Result<Option<Answer>, Refusal> {
    if options.listen.is_some_and(|listen| !listen.ip().is_loopback()) {
        return Err(Refusal::usage(
            "--listen: it speaks plain http, so it listens on a loopback address only",
        ));
    }
    let config = open::config(everywhere)?;
    let dev = DevFile::read(&config.server.data_dir).filter(|_| options.issuer.is_none());
    let listener = match options.headless {
        true => None,
        false => Some(listen(options.listen).await?),
    };
    let address = listener.as_ref().map_or(Ok(LISTEN), TcpListener::local_addr).context("no address")?;
    let own = format!("http://{address}");
    let party = party(&options, dev.as_ref(), own.clone())?;
    party.discover().await.with_context(|| {
        format!("{} cannot be used; is the server running? `gatepass serve --dev` starts one", party.issuer())
    })?;
    let (Some(listener), shutdown) = (listener, Shutdown::new()) else {
        let dev = dev.as_ref().context("there is no dev.json")?;
        return Ok(Some(headless::run(&party, dev, options.endings as usize).await?));
    };
    let api = match &dev {
        Some(dev) => Some(Api::start(dev, shutdown.clone()).await?),
        None => None,
    };
    announce(everywhere, &party, dev.as_ref(), api.as_ref(), &own);

    let assets = Assets::new(config.brand.accent);
    let demonstration = Demonstration { party, api, visits: Visits::default(), assets };
    let router = pages::router(Arc::new(demonstration));
    let served = server::serve(listener, router, None, Limits::default(), shutdown.clone());
    let drain = Drain::without_notice(Duration::from_secs(1));
    let (_, ended) = tokio::join!(served, shutdown.end_by_signal(drain));
    ended.context("signals cannot be received")?;
    Ok(None)
}

async fn listen(wanted: Option<SocketAddr>) -> Result<TcpListener, Refusal> {
    let listener = match (wanted, TcpListener::bind(wanted.unwrap_or(LISTEN)).await) {
        // RFC 8252 §7.3: the server "MUST allow any port to be specified at the time of the request".
        (None, Err(error)) if error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(LISTEN.ip(), 0)).await
        }
        (_, bound) => bound,
    };
    Ok(listener.with_context(|| format!("cannot listen on {}", wanted.unwrap_or(LISTEN)))?)
}

fn party(options: &Options, dev: Option<&DevFile>, own: String) -> Result<Party, Refusal> {
    let (issuer, client_id, secret) = match (&options.issuer, &options.client_id, dev) {
        (Some(issuer), Some(client_id), _) => {
            let secret = match options.client_secret.as_deref() {
                Some("-") => Some(input::secret_line()?.to_string()),
                secret => secret.map(str::to_owned),
            };
            (issuer.clone(), client_id.clone(), secret)
        }
        (_, _, Some(dev)) => (dev.issuer.clone(), dev.client_id.clone(), Some(dev.client_secret.clone())),
        _ => {
            let message = "there is no dev.json in the data folder: start `gatepass serve --dev`, name its folder with \
                           --data-dir, or name another server with --issuer and --client-id";
            return Err(Refusal::new("not_found", message));
        }
    };
    Ok(Party::new(issuer, client_id, secret, &options.scope, own)?)
}

fn announce(everywhere: &Everywhere, party: &Party, dev: Option<&DevFile>, api: Option<&Api>, own: &str) {
    let text = match (everywhere.json, dev) {
        (true, _) => {
            let api = api.map(Api::url);
            json!({ "url": format!("{own}/"), "issuer": party.issuer(), "api": api }).to_string()
        }
        (false, Some(dev)) => format!(
            "Open {own}/ in a browser and sign in at {} as {} with the password {}",
            party.issuer(),
            dev.username,
            dev.password
        ),
        (false, None) => format!(
            "Open {own}/ in a browser and sign in at {}. The client must be registered with the redirect URI \
             {own}/callback, and {own}/ for after the sign-out",
            party.issuer()
        ),
    };
    let _ = writeln!(io::stdout(), "{text}");
}
