//! The payment gateway of the suite: the sandbox, spoken to as the services speak to the real one, with its book in a
//! database of its own. It lives in this process, which nobody kills, so that its ledger is the truth about money.

use std::{net::SocketAddr, path::Path};

use anyhow::Result;
use garage_billing_service::gateway::sandbox::{Sandbox, server};
use garage_events::Service;
use garage_kit::{Repository, bus::local::LocalBus, clock::Clock, outbox::Outbox};
use garage_saga::topology_of;
use tokio::net::TcpListener;

/// The seller's token.
pub const TOKEN: &str = "TEST-of-the-fault-suite";

/// The sandbox at work.
pub struct GatewayServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its book and its faults.
    pub sandbox: Sandbox,
}

impl GatewayServer {
    /// Opens its book in `folder` and serves it.
    ///
    /// # Errors
    /// When the book cannot be opened.
    pub async fn start(folder: &Path) -> Result<Self> {
        let book = format!("sqlite:{}", folder.join("gateway.sqlite").display());
        let store = garage_billing_service::connect(&book).await?;
        // The sandbox tells nothing: any bus will do.
        let bus = LocalBus::new().member(topology_of(Service::Billing)?, store.clone());
        let outbox = Outbox::start(store, bus, Clock::system());
        let sandbox = Sandbox::new(Repository::new(outbox), Clock::system());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = server::router(sandbox.clone(), TOKEN.into());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, sandbox })
    }
}
