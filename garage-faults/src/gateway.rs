//! The payment gateway of the suite: the sandbox, spoken to as the services speak to the real one, with its book in a
//! database of its own, and its notifications on a bell of ours. It lives in this process, which nobody kills, so that its
//! ledger is the truth about money.

use std::{net::SocketAddr, path::Path};

use anyhow::Result;
use axum::middleware::from_fn_with_state;
use garage_billing_service::gateway::sandbox::{Sandbox, bell::Bell, program, server};
use garage_kit::clock::Clock;
use tokio::net::TcpListener;

use crate::doorbell::{Doorbell, SECRET, keep_back};

/// The seller's token.
pub const TOKEN: &str = "TEST-of-the-fault-suite";

/// The sandbox at work.
pub struct GatewayServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its book and its faults.
    pub sandbox: Sandbox,
    /// What becomes of its notifications.
    pub doorbell: Doorbell,
}

impl GatewayServer {
    /// Opens its book in `folder` and serves it.
    ///
    /// # Errors
    /// When the book cannot be opened.
    pub async fn start(folder: &Path) -> Result<Self> {
        let book = format!("sqlite:{}", folder.join("gateway.sqlite").display());
        let doorbell = Doorbell::hang().await?;
        let bell = Bell::new(Some(doorbell.url.clone()), SECRET.to_owned().into(), 1, Clock::system())?;
        let sandbox = program::open(&book, Clock::system()).await?.with_bell(bell);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = server::router(sandbox.clone(), TOKEN.into());
        let router = router.layer(from_fn_with_state(doorbell.clone(), keep_back));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, sandbox, doorbell })
    }
}
