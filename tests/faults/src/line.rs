//! One connection of a client that keeps it: HTTP/1.1, or HTTP/2 without TLS (RFC 9113 §3.3). A request that no
//! server has begun to work on may be sent again, as every client does it; no other is.

use std::fmt;

use anyhow::ensure;
use bytes::Bytes;
use gatepass_load::app;
use gatepass_load::connection::{Connection, Lost, Unreachable};
use gatepass_load::description::Description;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

pub struct Line {
    address: String,
    /// What requests name.
    host: String,
    speaks: Speaks,
}

enum Speaks {
    One(Connection),
    Two(Option<SendRequest<Full<Bytes>>>),
}

/// No server has begun to work on the request: it took no connection, or named an earlier one as its last (RFC 9113
/// §6.8).
#[derive(Debug)]
pub struct NotBegun(String);

impl fmt::Display for NotBegun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotBegun {}

impl Line {
    pub fn new(of: &Description, version: Version) -> anyhow::Result<Self> {
        let (address, host) = (of.address()?, of.host()?);
        let speaks = match version {
            Version::One => Speaks::One(Connection::new(&address, Lost::Told)),
            Version::Two => Speaks::Two(None),
        };
        Ok(Line { address, host, speaks })
    }

    /// The next request goes to another server, on a new connection.
    pub fn lead_to(&mut self, address: &str) {
        self.address = address.to_owned();
        match &mut self.speaks {
            Speaks::One(connection) => *connection = Connection::new(address, Lost::Told),
            Speaks::Two(sender) => *sender = None,
        }
    }

    /// Whether the next request has a connection to go on.
    pub fn is_open(&self) -> bool {
        match &self.speaks {
            Speaks::One(connection) => connection.is_open(),
            Speaks::Two(sender) => sender.as_ref().is_some_and(|sender| !sender.is_closed()),
        }
    }

    /// A form POST of the client; the body of the answer, which must be a success.
    pub async fn post(&mut self, of: &Description, path: &str, form: &str) -> anyhow::Result<Vec<u8>> {
        match &mut self.speaks {
            Speaks::One(connection) => {
                let answer = connection.send(&app::post(&self.host, path, &of.client, form)).await;
                let answer = answer.map_err(|error| match error.downcast::<Unreachable>() {
                    Ok(unreachable) => NotBegun(unreachable.to_string()).into(),
                    Err(error) => error,
                })?;
                Ok(answer.succeeded()?.to_vec())
            }
            Speaks::Two(sender) => {
                let request = Request::builder()
                    .method(Method::POST)
                    .uri(format!("http://{}{path}", self.host))
                    .header(AUTHORIZATION, app::basic(&of.client))
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(Full::from(form.to_owned()))?;
                send(sender, &self.address, request).await
            }
        }
    }
}

async fn send(
    sender: &mut Option<SendRequest<Full<Bytes>>>,
    address: &str,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<Vec<u8>> {
    let open = match sender.take().filter(|sender| !sender.is_closed()) {
        Some(open) => sender.insert(open),
        None => sender.insert(connect(address).await?),
    };
    let answer = match open.try_send_request(request).await {
        Ok(answer) => answer,
        Err(mut failed) => {
            *sender = None;
            let unsent = failed.take_message().is_some();
            let error = failed.into_error();
            return Err(if unsent { NotBegun(error.to_string()).into() } else { error.into() });
        }
    };
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(status == 200, "{status}: {:.300}", String::from_utf8_lossy(&body));
    Ok(body.to_vec())
}

async fn connect(address: &str) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| NotBegun(format!("{address}: {error}")))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    // It ends with the last request of its sender; how, the requests say.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
