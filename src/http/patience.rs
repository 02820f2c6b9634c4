//! How long a connection may keep us waiting, by what it is doing.
//!
//! hyper measures the time for headers from the end of the last answer, so that a connection kept alive would die
//! after five idle seconds, and it measures nothing before it knows the version of HTTP. Here the bytes themselves
//! are watched.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::limits::Limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// It has been opened and has said nothing.
    Opening,
    /// It is sending the headers of a request.
    Asking,
    /// Requests are under way.
    Working,
    /// All is answered.
    Idle,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// So many bytes are those of the preface so far.
    Unknown {
        seen: usize,
    },
    Known(Version),
}

/// What an HTTP/2 connection begins with (RFC 9113 §3.4), and no HTTP/1 request.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[derive(Debug)]
struct State {
    doing: Doing,
    since: Instant,
    under_way: usize,
    /// Those of them whose answers go on for ever.
    endless: usize,
    /// The socket does not take the rest of what it is sent.
    is_full: bool,
    protocol: Protocol,
}

/// The watch over one connection, shared by its socket, its requests and its task.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    state: Arc<Mutex<State>>,
    limits: Limits,
}

impl Patience {
    pub(super) fn new(limits: Limits) -> Self {
        let state = State {
            doing: Doing::Opening,
            since: Instant::now(),
            under_way: 0,
            endless: 0,
            is_full: false,
            protocol: Protocol::Unknown { seen: 0 },
        };
        Patience { state: Arc::new(Mutex::new(state)), limits }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the connection is given up if it goes on like this. While a server drains, those that ask nothing are
    /// given up soon.
    pub(super) fn deadline(&self, draining_since: Option<Instant>) -> Instant {
        let state = self.state();
        let limits = &self.limits;
        let patience = match state.doing {
            Doing::Opening => limits.first_byte,
            Doing::Asking => limits.head,
            Doing::Idle => limits.idle,
            // There is always something to send, if only a heartbeat.
            Doing::Working if state.endless > 0 => limits.stall,
            // The answer is due after `request`; a reader that takes it no faster than this takes it never.
            Doing::Working => limits.request + limits.idle,
        };
        let deadline = state.since + patience;
        match draining_since {
            Some(since) if state.doing != Doing::Working => deadline.min(since + LINGER),
            _ => deadline,
        }
    }

    /// When an HTTP/1 connection that goes on like this can do without its buffers.
    pub(super) fn doze(&self) -> Option<Instant> {
        let state = self.state();
        let is_quiet = state.doing == Doing::Idle && !state.is_full;
        is_quiet.then(|| state.since + self.limits.doze)
    }

    /// Whether the connection may give way to a new one.
    pub(super) fn owes_nothing(&self) -> bool {
        self.state().doing != Doing::Working
    }

    /// A request that is under way until the value is dropped.
    pub(super) fn request(&self) -> UnderWay {
        let mut state = self.state();
        state.under_way += 1;
        state.turn(Doing::Working);
        drop(state);
        UnderWay { patience: self.clone(), extent: Extent::Bounded }
    }

    fn read(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.state().read(bytes);
        }
    }

    fn version(&self) -> Option<Version> {
        match self.state().protocol {
            Protocol::Known(version) => Some(version),
            Protocol::Unknown { .. } => None,
        }
    }

    fn wrote<T>(&self, written: Poll<T>) -> Poll<T> {
        let mut state = self.state();
        state.is_full = written.is_pending();
        if written.is_ready() && state.endless > 0 {
            state.since = Instant::now();
        }
        written
    }
}

/// What may still be on its way from a client that does not know yet that we are going.
const LINGER: Duration = Duration::from_secs(1);

impl State {
    fn turn(&mut self, doing: Doing) {
        self.doing = doing;
        self.since = Instant::now();
    }

    fn read(&mut self, bytes: &[u8]) {
        if let Protocol::Unknown { seen } = self.protocol {
            let new = bytes.len().min(PREFACE.len() - seen);
            self.protocol = match PREFACE[seen..seen + new] == bytes[..new] {
                false => Protocol::Known(Version::Http1),
                true if seen + new == PREFACE.len() => Protocol::Known(Version::Http2),
                true => Protocol::Unknown { seen: seen + new },
            };
        }
        match (self.doing, self.protocol) {
            // A browser opens HTTP/2 connections in advance; frames that are no request do not move the deadline.
            (Doing::Opening | Doing::Asking, Protocol::Known(Version::Http2)) => self.turn(Doing::Idle),
            (Doing::Idle, Protocol::Known(Version::Http1)) | (Doing::Opening, _) => self.turn(Doing::Asking),
            _ => {}
        }
    }
}

pub(super) struct UnderWay {
    patience: Patience,
    extent: Extent,
}

/// How long an answer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Bounded,
    Endless,
}

impl UnderWay {
    /// Its answer goes on for as long as it is read.
    pub(super) fn goes_on(&mut self) {
        if self.extent == Extent::Bounded {
            self.extent = Extent::Endless;
            let mut state = self.patience.state();
            state.endless += 1;
            state.since = Instant::now();
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.patience.state();
        state.under_way -= 1;
        if self.extent == Extent::Endless {
            state.endless -= 1;
        }
        if state.under_way == 0 {
            state.turn(Doing::Idle);
        }
    }
}

/// A socket whose bytes are watched.
pub(super) struct Watched<I> {
    io: I,
    /// Bytes that were read and watched, and that nobody has understood yet.
    ahead: Vec<u8>,
    patience: Patience,
}

/// Most requests without a body are shorter.
const AHEAD: usize = 1024;

impl<I> Watched<I> {
    pub(super) fn new(io: I, patience: Patience) -> Self {
        Watched { io, ahead: Vec::new(), patience }
    }

    /// These bytes have been read from it, and are to be read again.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.patience.read(bytes);
        self.ahead.extend_from_slice(bytes);
    }
}

impl<I: AsyncRead + Unpin> Watched<I> {
    /// Waits until there is something to read, and says what it is; `None` if nothing will come.
    pub(super) fn poll_version(&mut self, context: &mut Context<'_>) -> Poll<Option<Version>> {
        loop {
            if !self.ahead.is_empty()
                && let Some(version) = self.patience.version()
            {
                return Poll::Ready(Some(version));
            }
            let mut buffer = [0; AHEAD];
            let mut buffer = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.put_back(buffer.filled()),
                Ok(()) | Err(_) => return Poll::Ready(None),
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let length = self.ahead.len().min(buffer.remaining());
            let rest = self.ahead.split_off(length);
            buffer.put_slice(&std::mem::replace(&mut self.ahead, rest));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, buffer))?;
        self.patience.read(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.patience.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.patience.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        self.patience.state().is_full = flushed.is_pending();
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
