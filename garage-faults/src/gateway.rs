//! The payment gateway of the suite: the sandbox, spoken to as the services speak to the real one, with its book in a
//! database of its own. It lives in this process, which nobody kills, so that its ledger is the truth about money.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use garage_billing_service::gateway::sandbox::{Sandbox, server};
use garage_kit::{
    Failure, Repository,
    bus::{Bus, Consumer, Published},
    clock::Clock,
    outbox::Outbox,
    store::Message,
};
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
        let outbox = Outbox::start(store, Arc::new(Nobody), Clock::system());
        let sandbox = Sandbox::new(Repository::new(outbox), Clock::system());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = server::router(sandbox.clone(), TOKEN.into());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, sandbox })
    }
}

/// The sandbox tells nothing, so nobody need listen.
struct Nobody;

#[async_trait]
impl Bus for Nobody {
    async fn publish(&self, batch: &[Message]) -> Published {
        Published { confirmed: batch.iter().map(|message| message.id).collect(), ..Published::default() }
    }

    fn subscribe(&self, _: Arc<dyn Consumer>) {}

    fn ready(&self) -> Result<(), Failure> {
        Ok(())
    }

    async fn wait_until_ready(&self) {}

    async fn drain(&self) {}

    async fn close(&self) {}
}
