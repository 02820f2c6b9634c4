//! The accept loop: how connections come in, how long they may stay, how they end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, Version};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tower::Service;

use super::endless::Endless;
use super::limits::Limits;
use super::patience::{Patience, UnderWay, Watched};
use super::request::Peer;
use super::shutdown::{Shutdown, Stage};
use super::talk::{Protocols, Talk};
use super::tls::Tls;

/// Between two tries while the process has no file descriptor left.
const BREATH: Duration = Duration::from_millis(10);

/// Connections that the kernel keeps until they are accepted, or `net.core.somaxconn` if that is less. The next one
/// waits a second until it asks again, and one that says nothing is never heard of.
const BACKLOG: u32 = 4096;

/// A listener with room for a crowd at the door.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What answers every request of a listener: an axum router, or something around one.
pub trait Doors:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Doors for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// Serves `doors` until the end of `shutdown`, and returns when the last connection is closed. Every request
/// carries its [`Peer`].
pub async fn serve(
    listener: TcpListener,
    doors: impl Doors,
    tls: Option<Tls>,
    limits: Limits,
    shutdown: Shutdown,
) {
    let server = Arc::new(Server {
        doors,
        tls,
        limits,
        shutdown: shutdown.clone(),
        wanted: Arc::new(Notify::new()),
        protocols: Protocols::new(&limits),
    });
    let places = Arc::new(Semaphore::new(limits.connections));
    tokio::select! {
        never = accept(&listener, &server, &places) => match never {},
        () = shutdown.reached(Stage::Draining) => drop(listener),
    }
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    tokio::select! {
        _ = places.acquire_many(all) => {}
        () = shutdown.reached(Stage::Over) => {}
    }
}

async fn accept<D: Doors>(
    listener: &TcpListener,
    server: &Arc<Server<D>>,
    places: &Arc<Semaphore>,
) -> Infallible {
    let mut has_room = true;
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => {
                has_room = true;
                accepted
            }
            // It was gone before we came.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                // Once, and not a hundred times a second.
                if std::mem::replace(&mut has_room, false) {
                    tracing::warn!(%error, "no connection can be accepted");
                }
                server.wanted.notify_one();
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        if places.available_permits() == 0 {
            server.wanted.notify_one();
        }
        let place = places.clone().acquire_owned().await;
        // If all were busy, the wish is still in the air: it must not end somebody who is idle later.
        let _ = server.wanted.notified().now_or_never();
        let server = server.clone();
        tokio::spawn(async move {
            server.receive(socket, peer).await;
            drop(place);
        });
    }
}

struct Server<D> {
    doors: D,
    tls: Option<Tls>,
    limits: Limits,
    shutdown: Shutdown,
    /// Somebody wants a place: the connection that has asked nothing for the longest gives up its own. (Those who
    /// wait for it stand in a queue.)
    wanted: Arc<Notify>,
    protocols: Protocols,
}

impl<D: Doors> Server<D> {
    async fn receive(&self, socket: TcpStream, peer: SocketAddr) {
        let _ = socket.set_nodelay(true);
        // A peer that is gone without a word: the kernel alone would try for a quarter of an hour.
        let _ = SockRef::from(&socket).set_tcp_user_timeout(Some(self.limits.stall));
        // Boxed, so that a connection takes the memory of what it is doing and not of all it might do.
        let Some(tls) = &self.tls else { return Box::pin(self.converse(socket, peer)).await };
        let handshake = Box::pin(tls.acceptor().accept(socket));
        match tokio::time::timeout(self.limits.tls_handshake, handshake).await {
            Ok(Ok(socket)) => Box::pin(self.converse(socket, peer)).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn converse<I>(&self, socket: I, peer: SocketAddr)
    where
        I: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let patience = Patience::new(self.limits);
        let requests = service_fn(|request| self.answer(request, peer, patience.request()));
        let mut talk = Talk::new(&self.protocols, Watched::new(socket, patience.clone()), requests);
        let mut alarm = pin!(tokio::time::sleep_until(patience.deadline(None)));
        let mut drain = pin!(self.shutdown.reached(Stage::Draining));
        let mut over = pin!(self.shutdown.reached(Stage::Over));
        let mut wanted = pin!(None);
        let mut draining_since = None;

        std::future::poll_fn(|context| {
            loop {
                match talk.poll(context) {
                    Poll::Ready(Ok(())) => return Poll::Ready(()),
                    Poll::Ready(Err(error)) => {
                        tracing::debug!(%error, "connection broke");
                        return Poll::Ready(());
                    }
                    Poll::Pending => {}
                }
                if draining_since.is_none() && drain.as_mut().poll(context).is_ready() {
                    draining_since = Some(Instant::now());
                    talk.finish();
                    continue;
                }
                if draining_since.is_some() && over.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                if !patience.owes_nothing() {
                    wanted.set(None);
                } else {
                    if wanted.is_none() {
                        wanted.set(Some(self.wanted.clone().notified_owned()));
                    }
                    let gives_way = wanted.as_mut().as_pin_mut().map(|wanted| wanted.poll(context));
                    if gives_way.is_some_and(|gives_way| gives_way.is_ready()) {
                        return Poll::Ready(());
                    }
                }
                // Most deadlines move on before they come; the alarm follows only when it rings or rings too late.
                let deadline = patience.deadline(draining_since);
                let doze = if talk.can_doze() { patience.doze() } else { None };
                let next = doze.map_or(deadline, |doze| doze.min(deadline));
                if next < alarm.deadline() {
                    alarm.as_mut().reset(next);
                }
                match alarm.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(()) if deadline <= Instant::now() => return Poll::Ready(()),
                    Poll::Ready(()) if doze.is_some_and(|doze| doze <= Instant::now()) => talk.doze(),
                    Poll::Ready(()) => alarm.as_mut().reset(next),
                }
            }
        })
        .await;
    }

    fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        mut under_way: UnderWay,
    ) -> impl Future<Output = Result<Response<Guarded>, Infallible>> + Send + use<D> {
        let (mut doors, shutdown) = (self.doors.clone(), self.shutdown.clone());
        let version = request.version();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        async move {
            let mut response = doors.call(request).await?;
            // HTTP/2 has GOAWAY for it.
            if version < Version::HTTP_2 && !shutdown.is_ready() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            let ending: Option<BoxFuture<'static, ()>> = response.extensions().get().map(|Endless| {
                under_way.goes_on();
                async move { shutdown.reached(Stage::Draining).await }.boxed()
            });
            Ok(response.map(|body| Guarded { body, ending, _under_way: under_way }))
        }
    }
}

/// An answer's body; its request is under way until the last of it is written.
struct Guarded {
    body: Body,
    /// When an endless answer is at its end.
    ending: Option<BoxFuture<'static, ()>>,
    _under_way: UnderWay,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Some(ending) = &mut self.ending
            && ending.as_mut().poll(context).is_ready()
        {
            self.ending = None;
            self.body = Body::empty();
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
