//! The connection to Redis and its breaker: the first failure opens it, and then nobody waits for Redis until it has
//! proven in the background that it keeps what it is given.

use std::fmt;
use std::str::FromStr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo,
};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::secret;

pub(super) type Command = redis::Cmd;

/// What a request may lose to a Redis that does not answer, once.
const PATIENCE: Duration = Duration::from_millis(100);
/// What nobody waits for may take longer.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);
/// Between two tries to find Redis well again.
const BREATH: Duration = Duration::from_millis(500);

/// How often the figures say that it is connected.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// Where Redis is: `redis://`, `rediss://` (TLS, verified by the roots of the system) or `redis+unix://`. It may hold
/// a password, so it is not printed.
#[derive(Clone)]
pub struct Address(ConnectionInfo);

#[derive(Debug, thiserror::Error)]
#[error("expected redis://USER:PASSWORD@HOST:PORT/DATABASE or rediss://…")]
pub struct NotAnAddress;

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(url: &str) -> Result<Self, NotAnAddress> {
        let info = url.into_connection_info().map_err(|_| NotAnAddress)?;
        match info.addr() {
            // `#insecure` would take anybody for Redis.
            ConnectionAddr::TcpTls { insecure: true, .. } => Err(NotAnAddress),
            _ => {
                let settings = info.redis_settings().clone().set_skip_set_lib_name();
                Ok(Address(info.set_redis_settings(settings)))
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.addr() {
            ConnectionAddr::TcpTls { .. } => "rediss://…",
            ConnectionAddr::Unix(_) => "redis+unix://…",
            _ => "redis://…",
        })
    }
}

impl Address {
    /// Whether everybody on the way to another machine can read the password.
    pub fn tells_its_password(&self) -> bool {
        match self.0.addr() {
            ConnectionAddr::Tcp(host, _) if self.0.redis_settings().password().is_some() => {
                let host = host.trim_matches(['[', ']']);
                host != "localhost" && !host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
            }
            _ => false,
        }
    }
}

/// Why Redis gave no answer. What it says of itself is shortened to its code: a stranger may stand there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The breaker is open: it was not asked.
    #[error("it is away")]
    Away,
    #[error("no answer in time")]
    Slow,
    #[error("it does not keep what it is given")]
    Forgetful,
    #[error("{0}")]
    Refused(String),
}

impl From<redis::RedisError> for Fault {
    fn from(error: redis::RedisError) -> Self {
        let code: String =
            error.code().unwrap_or_default().chars().filter(char::is_ascii_uppercase).take(20).collect();
        Fault::Refused(match (error.is_io_error(), code.as_str()) {
            (true, _) | (false, "") => error.category().to_owned(),
            (false, code) => format!("{} ({code})", error.category()),
        })
    }
}

pub(super) fn get(key: &str) -> Command {
    let mut command = redis::cmd("GET");
    command.arg(key);
    command
}

pub(super) fn set(key: &str, value: &[u8], life: Duration) -> Command {
    let mut command = redis::cmd("SET");
    command.arg(key).arg(value).arg("PX").arg(life.as_millis().max(1) as u64);
    command
}

pub(super) fn set_if_absent(key: &str, value: &[u8], life: Duration) -> Command {
    let mut command = set(key, value, life);
    command.arg("NX");
    command
}

/// Connects, and finds out whether Redis does what it is for.
pub async fn try_out(address: &Address) -> Result<(), Fault> {
    connect(address).await.map(|_| ())
}

async fn connect(address: &Address) -> Result<MultiplexedConnection, Fault> {
    let work = async {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PROBE_PATIENCE))
            .set_response_timeout(Some(PROBE_PATIENCE));
        let client = Client::open(address.0.clone())?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let key = format!("gatepass:probe:{}", secret::base64url(&secret::random::<9>()));
        set_if_absent(&key, key.as_bytes(), PROBE_PATIENCE).query_async::<()>(&mut connection).await?;
        let kept: Option<Vec<u8>> = get(&key).query_async(&mut connection).await?;
        if kept.as_deref() != Some(key.as_bytes()) {
            return Err(Fault::Forgetful);
        }
        Ok(connection)
    };
    timeout(PROBE_PATIENCE, work).await.unwrap_or(Err(Fault::Slow))
}

pub(super) struct Link {
    address: Address,
    line: RwLock<Line>,
    broken: Notify,
}

#[derive(Default)]
struct Line {
    /// `None`: the breaker is open.
    connection: Option<MultiplexedConnection>,
    /// Which connection it is: the failure of an earlier one says nothing about this one.
    number: u64,
}

impl Link {
    pub(super) fn new(address: &Address) -> Self {
        metrics::gauge!("gatepass_cache_connected").set(0.0);
        Link { address: address.clone(), line: RwLock::default(), broken: Notify::new() }
    }

    pub(super) fn is_away(&self) -> bool {
        self.line.read().unwrap_or_else(PoisonError::into_inner).connection.is_none()
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, command: Command) -> Result<T, Fault> {
        let (mut connection, number) = {
            let line = self.line.read().unwrap_or_else(PoisonError::into_inner);
            (line.connection.clone().ok_or(Fault::Away)?, line.number)
        };
        let fault = match timeout(PATIENCE, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Fault::from(error),
            Err(_) => Fault::Slow,
        };
        self.break_off(number, &fault);
        Err(fault)
    }

    fn go_on_with(&self, connection: MultiplexedConnection) {
        let mut line = self.line.write().unwrap_or_else(PoisonError::into_inner);
        *line = Line { connection: Some(connection), number: line.number + 1 };
    }

    /// Returns when the connection has failed.
    async fn stays(&self) {
        loop {
            // Said again and again: at the start nobody may have listened yet.
            metrics::gauge!("gatepass_cache_connected").set(1.0);
            if timeout(SAY_EVERY, self.broken.notified()).await.is_ok() {
                return;
            }
        }
    }

    fn break_off(&self, number: u64, fault: &Fault) {
        let mut line = self.line.write().unwrap_or_else(PoisonError::into_inner);
        if line.number != number || line.connection.take().is_none() {
            return;
        }
        drop(line);
        metrics::counter!("gatepass_cache_failures_total").increment(1);
        tracing::warn!(%fault, "Redis failed; the database answers alone until it is well again");
        self.broken.notify_one();
    }

    /// Looks for a Redis that works whenever there is none. Runs until it is dropped.
    pub(super) async fn keep(&self) {
        let mut last = None;
        loop {
            match connect(&self.address).await {
                Ok(connection) => {
                    tracing::info!("Redis answers");
                    last = None;
                    self.go_on_with(connection);
                    self.stays().await;
                    metrics::gauge!("gatepass_cache_connected").set(0.0);
                }
                Err(fault) if last.as_ref() == Some(&fault) => {}
                Err(fault) => {
                    tracing::warn!(%fault, "Redis cannot be used; the database answers alone");
                    last = Some(fault);
                }
            }
            tokio::time::sleep(BREATH).await;
        }
    }
}
