//! The promise, measured: from the click that ends a device to the last call that an API accepts, with APIs that verify
//! tokens by themselves and are called all the time.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::{join_all, try_join_all};
use gatepass_guard::{Guard, Token, WhenSilent};
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};

use crate::process::Server;
use gatepass_load::app::code_exchange;
use gatepass_load::connection::{Connection, Lost};
use gatepass_load::description::{Api, Description};
use gatepass_load::visitor::{Asking, Visitor};

#[derive(clap::Args)]
pub struct Options {
    /// The description of a server with `[[apis]]`.
    server: PathBuf,
    /// Devices that are ended, one after the other.
    #[arg(long, default_value_t = 100)]
    endings: usize,
    /// Calls of all APIs together, a second.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// The core that the server is pinned to.
    #[arg(long, default_value_t = 0)]
    core: usize,
    /// Prints the figures as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Figures {
    apis: usize,
    endings: usize,
    calls_per_second: f64,
    /// From the click to the answer of the last call that was accepted; 0 when none was.
    p50_ms: f64,
    p99_ms: f64,
    longest_ms: f64,
    /// Calls that were accepted although they began after their API had confirmed the ending.
    accepted_after_receipt: usize,
    /// Requests of the APIs to the server besides following the feed and confirming it.
    calls_to_server: u64,
}

/// Callers of each API, each with a connection of its own.
const CALLERS: u32 = 4;
/// How long a device is used before it is ended, and how long its refusals are watched.
const USE: Duration = Duration::from_millis(100);
const WATCH: Duration = Duration::from_millis(300);
const PROMISE: Duration = Duration::from_secs(1);

pub async fn measure(options: Options) -> anyhow::Result<()> {
    let server = Server::start(&Description::read(&options.server)?, options.core).await?;
    let figures = run(&server.description, &options).await;
    server.stop().await?;
    let figures = figures?;
    match options.json {
        true => println!("{}", serde_json::to_string_pretty(&figures)?),
        false => println!(
            "{} endings at {} APIs with {:.0} calls/s: p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms; \
             {} accepted after the receipt, {} calls to the server besides the feed",
            figures.endings,
            figures.apis,
            figures.calls_per_second,
            figures.p50_ms,
            figures.p99_ms,
            figures.longest_ms,
            figures.accepted_after_receipt,
            figures.calls_to_server
        ),
    }
    ensure!(figures.p99_ms < PROMISE.as_secs_f64() * 1e3, "p99 is above {PROMISE:?}");
    ensure!(figures.accepted_after_receipt == 0, "calls were accepted after the receipt");
    ensure!(figures.calls_to_server == 0, "the APIs called the server");
    Ok(())
}

async fn run(of: &Description, options: &Options) -> anyhow::Result<Figures> {
    ensure!(!of.apis.is_empty(), "{} has no [[apis]]", of.name);
    let apis = try_join_all(of.apis.iter().map(|api| Guarded::start(of, api))).await?;
    let used = watch::Sender::new(Rc::<str>::from(""));
    let callers: Vec<Caller<'_>> =
        apis.iter().flat_map(|api| (0..CALLERS).map(|_| Caller::new(api))).collect();
    let pace = Duration::from_secs(callers.len() as u64) / options.rate;
    let before: u64 = apis.iter().map(Guarded::calls_besides_the_feed).sum();
    let began = Instant::now();
    // Evenly spread, not all at the same moment.
    let count = u32::try_from(callers.len())?;
    let offsets = (0..count).map(|place| pace * place / count);
    let calling = join_all(callers.into_iter().zip(offsets).map(|(caller, offset)| {
        let used = used.subscribe();
        async move {
            sleep(offset).await;
            caller.call(used, pace).await
        }
    }));
    let ending = async {
        let delays = end_devices(of, &apis, &used, options.endings).await;
        drop(used);
        delays
    };
    let (delays, calls) = tokio::join!(ending, calling);
    let clicks = delays?;
    let mut said: Vec<Call> = calls.into_iter().collect::<anyhow::Result<Vec<_>>>()?.concat();
    let elapsed = began.elapsed();
    said.sort_by_key(|call| call.ended);
    let mut delays: Vec<Duration> = clicks.iter().map(|click| click.delay(&said)).collect();
    delays.sort_unstable();
    for click in &clicks {
        ensure!(
            said.iter().any(|call| call.token == click.token && call.ended < click.at),
            "a device was never used"
        );
    }
    let at = |share: f64| {
        let index = ((delays.len() as f64 * share) as usize).min(delays.len() - 1);
        delays[index].as_secs_f64() * 1e3
    };
    Ok(Figures {
        apis: apis.len(),
        endings: clicks.len(),
        calls_per_second: said.len() as f64 / elapsed.as_secs_f64(),
        p50_ms: at(0.50),
        p99_ms: at(0.99),
        longest_ms: at(1.0),
        accepted_after_receipt: clicks.iter().map(|click| click.too_late(&said)).sum(),
        calls_to_server: apis.iter().map(Guarded::calls_besides_the_feed).sum::<u64>() - before,
    })
}

/// Signs in on one device after the other, lets it be used, and ends it from the account page of another device.
async fn end_devices(
    of: &Description,
    apis: &[Guarded],
    used: &watch::Sender<Rc<str>>,
    endings: usize,
) -> anyhow::Result<Vec<Click>> {
    let sign_in = of.sign_in.as_ref().context("no [sign_in]")?;
    let mut here = Visitor::new(of, Lost::SentAgain)?;
    here.authorize(of, Asking::First).await?;
    let mut clicks = Vec::new();
    for _ in 0..endings {
        let mut device = Visitor::new(of, Lost::SentAgain)?;
        let code = device.authorize(of, Asking::First).await?;
        let token: Rc<str> = code_exchange(of, sign_in, &code).await?.into();
        let session = claim(&token, "sid")?;
        used.send_replace(token.clone());
        sleep(USE).await;
        let path = format!("/account/devices/{session}/end");
        let page = here.page("/account").await?;
        let applied: Vec<u64> = apis.iter().map(|api| api.guard.status().applied).collect();
        let at = Instant::now();
        here.submit(&page, &path).await?;
        let confirmed = join_all(apis.iter().zip(&applied).map(|(api, applied)| api.passes(*applied))).await;
        let confirmed = confirmed.into_iter().collect::<anyhow::Result<_>>()?;
        sleep(WATCH).await;
        clicks.push(Click { token, at, confirmed });
    }
    Ok(clicks)
}

struct Click {
    token: Rc<str>,
    at: Instant,
    /// When each API refused the device.
    confirmed: Vec<Instant>,
}

impl Click {
    fn accepted<'c>(&'c self, calls: &'c [Call]) -> impl Iterator<Item = &'c Call> {
        calls.iter().filter(|call| call.is_accepted && call.token == self.token)
    }

    fn delay(&self, calls: &[Call]) -> Duration {
        let last = self.accepted(calls).last();
        last.map_or(Duration::ZERO, |call| call.ended.saturating_duration_since(self.at))
    }

    fn too_late(&self, calls: &[Call]) -> usize {
        self.accepted(calls).filter(|call| call.began > self.confirmed[call.api]).count()
    }
}

/// An API in this process, served on a port of its own.
struct Guarded {
    index: usize,
    guard: Guard,
    address: String,
}

impl Guarded {
    async fn start(of: &Description, api: &Api) -> anyhow::Result<Guarded> {
        let guard =
            Guard::builder(&of.issuer, &api.resource).credential(&api.id, &api.secret).build().await?;
        timeout(Duration::from_secs(10), guard.current())
            .await
            .with_context(|| format!("{:?}", guard.status()))?;
        let layer = guard.layer().when_silent(WhenSilent::Refuse);
        let router =
            Router::new().route("/", get(async |token: Token| token.subject().to_owned()).layer(layer));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        tokio::spawn(async { axum::serve(listener, router).await });
        let index = of.apis.iter().position(|other| other.id == api.id).unwrap_or_default();
        Ok(Guarded { index, guard, address })
    }

    fn calls_besides_the_feed(&self) -> u64 {
        self.guard.calls_to_server().besides_the_feed()
    }

    /// When it had applied more of the feed than `number`.
    async fn passes(&self, number: u64) -> anyhow::Result<Instant> {
        let began = Instant::now();
        while self.guard.status().applied <= number {
            ensure!(
                began.elapsed() < 10 * PROMISE,
                "an API did not hear of an ending: {:?}",
                self.guard.status()
            );
            sleep(Duration::from_millis(1)).await;
        }
        Ok(Instant::now())
    }
}

#[derive(Clone)]
struct Call {
    api: usize,
    token: Rc<str>,
    began: Instant,
    ended: Instant,
    is_accepted: bool,
}

struct Caller<'a> {
    api: &'a Guarded,
    connection: Connection,
}

impl<'a> Caller<'a> {
    fn new(api: &'a Guarded) -> Self {
        Caller { api, connection: Connection::new(&api.address, Lost::SentAgain) }
    }

    /// Calls with the token that is used at the moment, until nobody says which.
    async fn call(mut self, used: watch::Receiver<Rc<str>>, pace: Duration) -> anyhow::Result<Vec<Call>> {
        let mut calls = Vec::new();
        let mut ticks = interval(pace);
        while used.has_changed().is_ok() {
            ticks.tick().await;
            let token = used.borrow().clone();
            if token.is_empty() {
                continue;
            }
            let host = &self.api.address;
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n");
            let began = Instant::now();
            let status = self.connection.send(request.as_bytes()).await?.status;
            let is_accepted = match status {
                200 => true,
                401 => false,
                other => bail!("an API answered {other}: {:?}", self.api.guard.status()),
            };
            calls.push(Call { api: self.api.index, token, began, ended: Instant::now(), is_accepted });
        }
        Ok(calls)
    }
}

/// What an access token says, read as anybody can read it.
fn claim(token: &str, name: &str) -> anyhow::Result<String> {
    let claims = token.split('.').nth(1).context("the access token is no JWT")?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?;
    Ok(claims[name].as_str().with_context(|| format!("no {name} in the access token"))?.to_owned())
}
