//! The server: HTTP/1 and HTTP/2 on one port, bounded in connections and in time.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, response::Response};
use http::Request;
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{io::Idle, silence::Silence};
use crate::Context;

/// Connections that wait in the kernel's queue to be accepted: Linux' own bound (`net.core.somaxconn`). With tokio's
/// default of 128 a burst is reset.
const BACKLOG: u32 = 4_096;
/// How long the server waits after an accept that failed: it is out of file descriptors, and one may be freed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a connection is silent before its client is asked by TCP whether it is there still, and between two asks.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Asks without an answer after which a client is gone.
const KEEP_ALIVE_ASKS: u32 = 4;

/// Bounds on connections.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; more wait in the kernel's queue.
    pub connections: usize,
    /// How long a request's head may take, and how long a connection may be kept without one.
    pub head: Duration,
    /// How long nothing may move on a connection, but for an answer that may be silent ([`Silence`]); longer than the
    /// longest poll (60 s).
    pub idle: Duration,
    /// How long connections may take to end once the server stops.
    pub drain: Duration,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// Bytes of a request's head.
    pub head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head: Duration::from_secs(30),
            idle: Duration::from_secs(90),
            drain: Duration::from_secs(20),
            streams: 250,
            head_bytes: 32 << 10,
        }
    }
}

/// Binds an address. Refuses one beyond this computer where requests need no token: `Host` is what a client says.
pub async fn listen(context: &Context, address: SocketAddr) -> anyhow::Result<TcpListener> {
    if context.access.is_local() && !context.guard.any_host && !address.ip().is_loopback() {
        anyhow::bail!("without tokens only this computer may call: listen on 127.0.0.1, or set `access` to `tokens`");
    }
    let listener = bind(address).map_err(|error| anyhow::anyhow!("cannot listen on {address}: {error}"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    Ok(listener)
}

/// Binds an address, with room for a burst of new connections.
///
/// # Errors
/// Where the address is taken, or not this computer's.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` does: a server that is started again takes the address that the last one left.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `shutdown`, then ends connections gracefully, with the default bounds.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    Server::default().serve(listener, router, shutdown).await;
}

/// A server with its bounds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Server {
    /// The bounds.
    pub limits: Limits,
}

impl Server {
    /// Serves until `shutdown`; what has not ended when [`Limits::drain`] is over is cut.
    pub async fn serve(self, listener: TcpListener, router: Router, shutdown: CancellationToken) {
        self.serve_service(listener, TowerToHyperService::new(router), shutdown).await;
    }

    /// As [`Server::serve`], for a service that stands before a router.
    pub async fn serve_service<S>(self, listener: TcpListener, service: S, shutdown: CancellationToken)
    where
        S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        let (graceful, builder) = (GracefulShutdown::new(), self.builder());
        let mut running = JoinSet::new();
        loop {
            let (stream, slot) = tokio::select! {
                () = shutdown.cancelled() => break,
                Some(_) = running.join_next() => continue,
                accepted = accept(&listener, &slots) => accepted,
            };
            let silence = Silence::default();
            let io = TokioIo::new(Idle::new(stream, self.limits.idle, silence.clone()));
            let service = service.clone();
            let told = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(silence.clone());
                service.call(request)
            });
            let connection = graceful.watch(builder.serve_connection_with_upgrades(io, told).into_owned());
            running.spawn(async move {
                // A connection's error is its client's doing: reset, time-out, not HTTP.
                if let Err(error) = connection.await {
                    tracing::debug!(error = %error, "a connection ended early");
                }
                drop(slot);
            });
        }
        drop(listener);
        if tokio::time::timeout(self.limits.drain, graceful.shutdown()).await.is_err() {
            tracing::warn!(connections = running.len(), "connections did not end in time and are cut");
        }
    }

    fn builder(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(self.limits.head_bytes);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(u32::try_from(self.limits.head_bytes).unwrap_or(u32::MAX))
            .keep_alive_interval(self.limits.head)
            .keep_alive_timeout(self.limits.head);
        builder
    }
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, OwnedSemaphorePermit) {
    let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Answers are written whole: waiting for more to send only delays them.
                let _ = stream.set_nodelay(true);
                // Only an answer that may be silent needs it, and lives without where the system has none.
                let _ = SockRef::from(&stream).set_tcp_keepalive(&keep_alive());
                return (stream, slot);
            }
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn keep_alive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE).with_retries(KEEP_ALIVE_ASKS)
}
