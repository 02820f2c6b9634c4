//! What one connection has in memory: HTTP/1 or HTTP/2 while it speaks (RFC 9112, RFC 9113), and nothing but its
//! socket while it is silent.

use std::error::Error;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::rt::bounds::Http2ServerConnExec;
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::limits::Limits;
use super::patience::{Version, Watched};

/// hyper reads a request's head into one buffer. It is larger than the limits, so that the answer to a head that
/// is too large says in which way.
const HEAD_BUFFER: usize = 72 * 1024;

/// Streams of one HTTP/2 connection at once (RFC 9113 §5.1.2).
const STREAMS: u32 = 100;

/// How each version of HTTP is spoken here.
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Protocols {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            // `Patience` measures it.
            .header_read_timeout(None)
            .max_headers(limits.headers)
            .max_buf_size(HEAD_BUFFER.max(2 * (limits.target_bytes + limits.header_bytes)));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
        Protocols { http1, http2 }
    }
}

/// One connection, and the service that answers its requests.
pub(super) struct Talk<'p, I, S: HttpService<Incoming>> {
    protocols: &'p Protocols,
    service: S,
    speech: Speech<I, S>,
}

enum Speech<I, S: HttpService<Incoming>> {
    /// It has said nothing yet, or nothing for a while.
    Silent(Watched<I>),
    Http1(Box<http1::Connection<TokioIo<Watched<I>>, S>>),
    Http2(Box<http2::Connection<TokioIo<Watched<I>>, S, TokioExecutor>>),
    Over,
}

impl<'p, I, S, B> Talk<'p, I, S>
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
    S: HttpService<Incoming, ResBody = B> + Copy,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: HttpBody + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    TokioExecutor: Http2ServerConnExec<S::Future, B>,
{
    pub(super) fn new(protocols: &'p Protocols, socket: Watched<I>, service: S) -> Self {
        Talk { protocols, service, speech: Speech::Silent(socket) }
    }

    /// Ready when the connection is at its end.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        loop {
            match &mut self.speech {
                Speech::Silent(socket) => {
                    let version = ready!(socket.poll_version(context));
                    self.begin(version);
                }
                Speech::Http1(connection) => return Pin::new(connection).poll(context),
                Speech::Http2(connection) => return Pin::new(connection).poll(context),
                Speech::Over => return Poll::Ready(Ok(())),
            }
        }
    }

    fn begin(&mut self, version: Option<Version>) {
        let speech = mem::replace(&mut self.speech, Speech::Over);
        let (Speech::Silent(socket), Some(version)) = (speech, version) else { return };
        let (io, service) = (TokioIo::new(socket), self.service);
        self.speech = match version {
            Version::Http1 => Speech::Http1(Box::new(self.protocols.http1.serve_connection(io, service))),
            Version::Http2 => Speech::Http2(Box::new(self.protocols.http2.serve_connection(io, service))),
        };
    }

    /// No more requests than those that are under way.
    pub(super) fn finish(&mut self) {
        match &mut self.speech {
            Speech::Silent(_) | Speech::Over => self.speech = Speech::Over,
            Speech::Http1(connection) => Pin::new(connection.as_mut()).graceful_shutdown(),
            Speech::Http2(connection) => Pin::new(connection.as_mut()).graceful_shutdown(),
        }
    }

    /// Whether there are buffers that a silent connection can do without.
    pub(super) fn can_doze(&self) -> bool {
        matches!(self.speech, Speech::Http1(_))
    }

    /// Goes back to silence, if HTTP/1 is between two requests: only there an orderly end comes at once, with
    /// everything written, and with the bytes that were read of a next request. Elsewhere the connection is over.
    pub(super) fn doze(&mut self) {
        let speech = mem::replace(&mut self.speech, Speech::Over);
        let Speech::Http1(mut connection) = speech else { return };
        Pin::new(connection.as_mut()).graceful_shutdown();
        if let Some(Ok(ended)) = connection.without_shutdown().now_or_never() {
            let mut socket = ended.io.into_inner();
            socket.put_back(&ended.read_buf);
            self.speech = Speech::Silent(socket);
        }
    }
}
