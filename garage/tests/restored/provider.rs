//! The payment provider, which forgets nothing when the shop does: the sandbox's routes, with a book of their own.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use garage_billing_service::gateway::sandbox::{program::open, server};
use garage_kit::clock::Clock;
use reqwest::{Client, redirect};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

const TOKEN: &str = "TEST-of-the-shop";

pub(crate) struct Provider {
    base: String,
    http: Client,
    _book: TempDir,
}

/// What moved for one payment, by the provider's book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub captures: u32,
    pub refunds: u32,
}

impl Provider {
    pub(crate) async fn open() -> Result<Self> {
        let book = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", port.local_addr()?);
        let file = format!("sqlite:{}", book.path().join("book.db").display());
        let sandbox = open(&file, Clock::system()).await?.with_pages(&base);
        tokio::spawn(async move { axum::serve(port, server::router(sandbox, TOKEN.into())).await });
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).build()?;
        Ok(Self { base, http, _book: book })
    }

    /// What points Billing at it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("PAYMENT_GATEWAY", "mercado-pago".to_owned()),
            ("MERCADOPAGO_BASE_URL", self.base.clone()),
            ("MERCADOPAGO_ACCESS_TOKEN", TOKEN.to_owned()),
        ]
    }

    /// The payer does on their page what a pending payment waits for.
    pub(crate) async fn payer_pays(&self, payment: &Value) -> Result<()> {
        let page = payment["ticketUrl"].as_str().context("a page to pay on")?;
        let answer = self.http.post(format!("{page}/approve")).send().await?;
        ensure!(answer.status().as_u16() == 303, "{page}: {}", answer.status());
        Ok(())
    }

    /// All money that ever moved, by the payment's id at the shop.
    pub(crate) async fn ledger(&self) -> Result<BTreeMap<String, Moved>> {
        let lines = self.http.get(format!("{}/sandbox/ledger", self.base)).bearer_auth(TOKEN);
        let lines: Vec<Value> = lines.send().await?.error_for_status()?.json().await?;
        let mut moved: BTreeMap<String, Moved> = BTreeMap::new();
        for line in lines {
            let payment = line["external_reference"].as_str().context("a reference")?;
            let of = moved.entry(payment.to_owned()).or_default();
            match line["type"].as_str() {
                Some("capture") => of.captures += 1,
                _ => of.refunds += 1,
            }
        }
        Ok(moved)
    }
}
