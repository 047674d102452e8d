//! Serving until told to stop: then no new connection is taken, requests at hand are finished, and what is
//! still open after a while is left. A client that is slow to say what it wants, or does not read what it is told, is let
//! go, and so many are listened to at a time; axum's own server knows none of these limits.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::connect_info::IntoMakeServiceWithConnectInfo};
use hyper::{
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

use self::reading::Reading;
use super::{Tls, unread::watched};
use crate::Failure;

mod reading;

/// How long requests at hand may take once the program stops: half of the usual ten seconds, as deliveries must be
/// finished and events leave after them.
const GRACE: Duration = Duration::from_secs(5);
/// How long a request's head may take, and how long a connection may rest between two requests.
const HEAD: Duration = Duration::from_secs(30);
/// The longest head, in bytes; a longer one is a 431.
const LONGEST_HEAD: usize = 64 * 1024;
/// Connections that are open at a time; further ones wait until one ends.
const CONNECTIONS: usize = 4096;
/// After an accept that failed, for want of file handles perhaps.
const BREATH: Duration = Duration::from_secs(1);

/// Serves `router` on `listener` until `shutdown`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    serve_with(listener, router, shutdown, None).await
}

/// The same, by HTTPS where there is a certificate to show.
///
/// # Errors
/// When the listener fails.
pub async fn serve_with(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    tls: Option<Tls>,
) -> Result<(), Failure> {
    let address = listener.local_addr().map_err(|cause| Failure::lasting("listening", cause))?;
    tracing::info!(%address, "serving {}", if tls.is_some() { "HTTPS" } else { "HTTP" });
    let open = GracefulShutdown::new();
    let mut door = Door { service: router.into_make_service_with_connect_info(), builder: builder(), tls };
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    while let Some((connection, slot)) = shutdown.run_until_cancelled(next(&listener, &slots)).await {
        door.lead(connection, slot, &open).await;
    }
    drop(listener);
    if timeout(GRACE, open.shutdown()).await.is_err() {
        tracing::warn!(%address, "requests were still open when the time to stop had passed");
    }
    Ok(())
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LONGEST_HEAD);
    builder
}

type Connection = (TcpStream, SocketAddr);

async fn next(listener: &TcpListener, slots: &Arc<Semaphore>) -> (Connection, Option<OwnedSemaphorePermit>) {
    // Nobody closes it, so there is always a slot in the end.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok(connection) => return (connection, slot),
            Err(cause) if is_the_peer_s(&cause) => {
                tracing::debug!(%cause, "a connection ended before it began")
            }
            Err(cause) => {
                tracing::error!(%cause, "no connection can be taken");
                sleep(BREATH).await;
            }
        }
    }
}

fn is_the_peer_s(cause: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&cause.kind())
}

struct Door {
    service: IntoMakeServiceWithConnectInfo<Router, SocketAddr>,
    builder: http1::Builder,
    tls: Option<Tls>,
}

impl Door {
    /// Serves a connection until it ends, in a task of its own.
    async fn lead(
        &mut self,
        (stream, peer): Connection,
        slot: Option<OwnedSemaphorePermit>,
        open: &GracefulShutdown,
    ) {
        // Small answers must not wait for the peer's acknowledgement of the one before (Nagle's algorithm).
        if let Err(cause) = stream.set_nodelay(true) {
            tracing::debug!(%cause, "a connection keeps its delay");
        }
        let Ok(service) = self.service.call(peer).await;
        let (service, builder) = (TowerToHyperService::new(service), self.builder.clone());
        let service = service_fn(move |request| {
            let (request, left) = watched(request);
            let answer = service.call(request);
            async move {
                let mut response = answer.await?;
                left.say(&mut response);
                Ok::<_, Infallible>(response)
            }
        });
        let (tls, watcher, stream) = (self.tls.clone(), open.watcher(), Reading::new(stream));
        tokio::spawn(async move {
            let ended = match tls {
                None => watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await,
                Some(tls) => match shaken(&tls, stream).await {
                    Some(stream) => {
                        watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await
                    }
                    None => Ok(()),
                },
            };
            if let Err(cause) = ended {
                tracing::debug!(%cause, "a connection ended early");
            }
            drop(slot);
        });
    }
}

/// The connection after its handshake, which may take as long as a request's head.
async fn shaken(tls: &Tls, stream: Reading<TcpStream>) -> Option<TlsStream<Reading<TcpStream>>> {
    match timeout(HEAD, tls.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(cause)) => {
            tracing::debug!(%cause, "a TLS handshake failed");
            None
        }
        Err(_) => None,
    }
}
