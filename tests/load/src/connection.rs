//! One keep-alive HTTP/1.1 connection (RFC 9112), lean enough that a driver on one core keeps a server on another busy.

use std::{fmt, io};

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Connection {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    lost: Lost,
}

/// What becomes of a request when a connection that was used before breaks under it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lost {
    /// It is sent once more: the server may have closed between two requests.
    SentAgain,
    /// Its fate is the caller's to find out.
    Told,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub retry_after: Option<String>,
    /// The server will take no more requests on this connection (RFC 9112 §9.6).
    pub is_last: bool,
    /// `name=value` of each cookie that was set, without its attributes.
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Its body, if its status is 200.
    pub fn succeeded(&self) -> anyhow::Result<&[u8]> {
        ensure!(self.status == 200, "{}: {:.300}", self.status, String::from_utf8_lossy(&self.body));
        Ok(&self.body)
    }
}

/// Nobody has taken the connection, and nothing was sent.
#[derive(Debug)]
pub struct Unreachable {
    address: String,
    error: io::Error,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot reach {}: {}", self.address, self.error)
    }
}

impl std::error::Error for Unreachable {}

/// An answer that was not what was asked for.
#[derive(Debug)]
pub struct Unwanted {
    pub asked: String,
    pub answer: Answer,
}

impl fmt::Display for Unwanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Answer { status, location, body, .. } = &self.answer;
        let location = location.as_deref().unwrap_or_default();
        write!(f, "{} answered {status} {location}: {:.300}", self.asked, String::from_utf8_lossy(body))
    }
}

impl std::error::Error for Unwanted {}

enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    /// `address`: host and port.
    pub fn new(address: &str, lost: Lost) -> Self {
        Connection { address: address.to_owned(), stream: None, buffer: Vec::with_capacity(16 * 1024), lost }
    }

    /// Whether the last answer has left it open.
    pub fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// The next request opens a new one.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Sends one whole request and reads its whole answer.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        let reused = self.stream.is_some();
        let mut answer = self.attempt(request).await;
        if answer.is_err() {
            self.stream = None;
            if reused && self.lost == Lost::SentAgain {
                answer = self.attempt(request).await;
            }
        }
        answer
    }

    async fn attempt(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address).await;
            let stream = stream.map_err(|error| Unreachable { address: self.address.clone(), error })?;
            stream.set_nodelay(true)?;
            self.buffer.clear();
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else { bail!("no connection") };
        stream.write_all(request).await?;
        let (mut answer, head, length) = loop {
            if let Some(found) = read_head(&self.buffer)? {
                break found;
            }
            fill(stream, &mut self.buffer).await?;
        };
        self.buffer.drain(..head);
        match length {
            Length::Known(length) => {
                while self.buffer.len() < length {
                    fill(stream, &mut self.buffer).await?;
                }
                answer.body = self.buffer.drain(..length).collect();
            }
            Length::Chunked => loop {
                match httparse::parse_chunk_size(&self.buffer) {
                    Ok(httparse::Status::Complete((start, size))) => {
                        let size = usize::try_from(size)?;
                        while self.buffer.len() < start + size + 2 {
                            fill(stream, &mut self.buffer).await?;
                        }
                        answer.body.extend_from_slice(&self.buffer[start..start + size]);
                        self.buffer.drain(..start + size + 2);
                        if size == 0 {
                            break;
                        }
                    }
                    Ok(httparse::Status::Partial) => fill(stream, &mut self.buffer).await?,
                    Err(_) => bail!("a broken chunk"),
                }
            },
        }
        if answer.is_last {
            self.stream = None;
        }
        Ok(answer)
    }
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection");
    Ok(())
}

/// The head of an answer: what it says, its length, and how the body ends.
fn read_head(buffer: &[u8]) -> anyhow::Result<Option<(Answer, usize, Length)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(buffer)? else { return Ok(None) };
    let status = response.code.context("an answer without a status")?;
    let (location, retry_after) = (None, None);
    let mut answer =
        Answer { status, location, retry_after, is_last: false, cookies: Vec::new(), body: Vec::new() };
    let mut length = Length::Known(0);
    for header in response.headers {
        let value = std::str::from_utf8(header.value)?;
        match header.name {
            name if name.eq_ignore_ascii_case("content-length") => {
                length = Length::Known(value.trim().parse()?)
            }
            name if name.eq_ignore_ascii_case("transfer-encoding") => length = Length::Chunked,
            name if name.eq_ignore_ascii_case("connection") => {
                answer.is_last = value.eq_ignore_ascii_case("close");
            }
            name if name.eq_ignore_ascii_case("retry-after") => answer.retry_after = Some(value.to_owned()),
            name if name.eq_ignore_ascii_case("location") => answer.location = Some(value.to_owned()),
            name if name.eq_ignore_ascii_case("set-cookie") => {
                answer.cookies.extend(value.split(';').next().map(|pair| pair.trim().to_owned()));
            }
            _ => {}
        }
    }
    Ok(Some((answer, head, length)))
}
