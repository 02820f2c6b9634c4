//! One keep-alive HTTP/1.1 connection (RFC 9112), lean enough that a driver on one core keeps a server on another busy.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Connection {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    /// `name=value` of each cookie that was set, without its attributes.
    pub cookies: Vec<String>,
    pub body: Vec<u8>,
}

enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    /// `address`: host and port.
    pub fn new(address: &str) -> Self {
        Connection { address: address.to_owned(), stream: None, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends one whole request and reads its whole answer. A server may close between two requests.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        let reused = self.stream.is_some();
        match self.attempt(request).await {
            Err(_) if reused => {
                self.stream = None;
                self.attempt(request).await
            }
            answer => answer,
        }
    }

    async fn attempt(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address).await;
            let stream = stream.with_context(|| format!("cannot reach {}", self.address))?;
            stream.set_nodelay(true)?;
            self.buffer.clear();
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else { bail!("no connection") };
        stream.write_all(request).await?;
        let (mut answer, head, length, close) = loop {
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
        if close {
            self.stream = None;
        }
        Ok(answer)
    }
}

async fn fill(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    ensure!(stream.read_buf(buffer).await? > 0, "the server closed the connection");
    Ok(())
}

/// The head of an answer: what it says, its length, how the body ends, and whether the connection does.
fn read_head(buffer: &[u8]) -> anyhow::Result<Option<(Answer, usize, Length, bool)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(buffer)? else { return Ok(None) };
    let status = response.code.context("an answer without a status")?;
    let mut answer = Answer { status, location: None, cookies: Vec::new(), body: Vec::new() };
    let mut length = Length::Known(0);
    let mut close = false;
    for header in response.headers {
        let value = std::str::from_utf8(header.value)?;
        match header.name {
            name if name.eq_ignore_ascii_case("content-length") => {
                length = Length::Known(value.trim().parse()?)
            }
            name if name.eq_ignore_ascii_case("transfer-encoding") => length = Length::Chunked,
            name if name.eq_ignore_ascii_case("connection") => close = value.eq_ignore_ascii_case("close"),
            name if name.eq_ignore_ascii_case("location") => answer.location = Some(value.to_owned()),
            name if name.eq_ignore_ascii_case("set-cookie") => {
                answer.cookies.extend(value.split(';').next().map(|pair| pair.trim().to_owned()));
            }
            _ => {}
        }
    }
    Ok(Some((answer, head, length, close)))
}
