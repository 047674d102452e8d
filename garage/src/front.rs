//! The shop's screens beside the three services in one process. They speak to the services over the same HTTP as
//! everybody else; only where they listen and whose secret they sign with is decided here.

use std::net::SocketAddr;

use garage_kit::{Failure, clock::Clock, http};
use garage_saga::service::bind;
use garage_web::{FirstManager, Parts, People, Running, Settings, Signer};
use secrecy::SecretString;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::embedded::{DataDir, verifier};

/// The screens at work.
pub struct Front {
    /// Where they are.
    pub url: String,
    /// How to sign in, on the first start of a data directory; not said again.
    pub first: Option<FirstManager>,
    stopping: CancellationToken,
    served: JoinHandle<Result<(), Failure>>,
    running: Running,
}

impl Front {
    /// Opens the screens for services at these addresses.
    ///
    /// # Errors
    /// One sentence when the port is taken or the data cannot be opened.
    pub async fn start(
        data: &DataDir,
        address: SocketAddr,
        urls: [String; 3],
        secret: &SecretString,
        settings: Settings,
        clock: &Clock,
    ) -> Result<Self, Failure> {
        let listener = bind("garage-web", address).await?;
        let address = listener.local_addr().map_err(|cause| Failure::lasting("opening a port", cause))?;
        let people = People::open(&data.people()).await?;
        let first = if settings.take_passwords() { people.first_manager(clock.now()).await? } else { None };
        let (signer, verifier) = (Signer::new(secret.clone()), verifier(secret, clock)?);
        let (router, running) =
            garage_web::open(Parts { urls, signer, verifier, people, clock: clock.clone(), settings })?;
        let stopping = CancellationToken::new();
        let served = tokio::spawn(http::serve(listener, router, stopping.clone()));
        Ok(Self { url: format!("http://{address}"), first, stopping, served, running })
    }

    /// Stops gently: pages at hand are finished.
    pub async fn stop(self) {
        self.running.end_streams();
        self.stopping.cancel();
        if let Ok(Err(failure)) = self.served.await {
            tracing::error!(%failure, "the screens ended badly");
        }
        self.running.stop().await;
    }
}
