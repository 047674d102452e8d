//! Serving until told to stop: then no new connection is taken, requests at hand are finished, and what is
//! still open after a while is left.

use std::{future::IntoFuture, net::SocketAddr, time::Duration};

use axum::{
    Router,
    serve::{ListenerExt, TapIo},
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::Failure;

/// How long requests at hand may take once the program stops: half of the usual ten seconds, as deliveries must be
/// finished and events leave after them.
const GRACE: Duration = Duration::from_secs(5);

/// Serves `router` on `listener` until `shutdown`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let address = listener.local_addr().map_err(|cause| Failure::lasting("listening", cause))?;
    tracing::info!(%address, "serving HTTP");
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopping = shutdown.clone().cancelled_owned();
    let serving = axum::serve(without_delay(listener), service).with_graceful_shutdown(stopping);
    tokio::select! {
        ended = serving.into_future() => ended.map_err(|cause| Failure::lasting("serving HTTP", cause)),
        () = patience(&shutdown) => {
            tracing::warn!(%address, "requests were still open when the time to stop had passed");
            Ok(())
        }
    }
}

/// Small answers must not wait for the peer's acknowledgement of the one before (Nagle's algorithm).
fn without_delay(listener: TcpListener) -> TapIo<TcpListener, impl FnMut(&mut TcpStream) + Send + 'static> {
    listener.tap_io(|connection| {
        if let Err(cause) = connection.set_nodelay(true) {
            tracing::debug!(%cause, "a connection keeps its delay");
        }
    })
}

async fn patience(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    sleep(GRACE).await;
}
