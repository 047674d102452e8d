//! `garage reconcile`: whether the three services, and the gateway if asked, agree on every work order.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use garage::{
    reconcile::{
        Finding, Mend,
        walk::{self, Scope},
    },
    shop::Shop,
};
use garage_kit::{clock::Clock, program::Env};
use tokio::time::{Duration, sleep};
use uuid::Uuid;

use super::Services;

/// How long the services have to hear what was told again, before they are compared once more.
const HEARING: Duration = Duration::from_secs(12);

/// Compare what the services know, and nudge whoever must tell again.
#[derive(Args)]
pub(crate) struct Reconcile {
    /// Nudge where a nudge may help, then compare again; never moves money and never writes a state
    #[arg(long)]
    repair: bool,
    /// Only orders opened in the last so many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36500))]
    since: Option<u32>,
    /// Only this order
    #[arg(long, value_name = "ID")]
    work_order: Option<Uuid>,
    /// Have Billing ask the gateway about every payment
    #[arg(long)]
    ask_gateway: bool,
    #[command(flatten)]
    services: Services,
}

impl Reconcile {
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let (shop, clock) = (self.services.shop(env)?, Clock::system());
        let (compared, found) = self.compare(&shop, clock.now()).await?;
        found.iter().for_each(|finding| println!("{finding}"));
        let mut left = found.len();
        if self.repair && found.iter().any(|finding| finding.mend != Mend::Person) {
            let told = walk::nudge(&shop, &found).await?;
            println!("told again: {}", if told.is_empty() { "nothing".to_owned() } else { told.join(", ") });
            sleep(HEARING).await;
            left = self.remaining(&shop, &found, clock.now()).await?;
        }
        println!("{compared} orders compared, {} findings, {left} left", found.len());
        if left > 0 {
            bail!("{left} findings are left; a nudge or a person must mend them");
        }
        Ok(())
    }

    async fn compare(&self, shop: &Shop, now: DateTime<Utc>) -> Result<(usize, Vec<Finding>)> {
        let scope = self.scope(now)?;
        if let Some(id) = self.work_order {
            return Ok((1, walk::one(shop, id, scope, now).await?));
        }
        let mut found = Vec::new();
        let compared = walk::all(shop, scope, now, |finding| found.push(finding.clone())).await?;
        Ok((compared, found))
    }

    fn scope(&self, now: DateTime<Utc>) -> Result<Scope> {
        let since = self.since.map(|days| now.checked_sub_signed(TimeDelta::days(days.into())));
        let since = since.map(|since| since.context("--since is before all time")).transpose()?;
        Ok(Scope { since, unfinished: false, ask_gateway: self.ask_gateway })
    }

    /// What is still found for the orders that were nudged. What is for a person stays as it was.
    #[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
    async fn remaining(&self, shop: &Shop, found: &[Finding], now: DateTime<Utc>) -> Result<usize> {
        let mut orders: Vec<Uuid> = found.iter().map(|finding| finding.order.0).collect();
        orders.dedup();
        let (mut left, scope) = (0, Scope { ask_gateway: false, ..self.scope(now)? });
        for order in orders {
            let still = walk::one(shop, order, scope, now).await?;
            still.iter().for_each(|finding| println!("left: {finding}"));
            left += still.len();
        }
        Ok(left)
    }
}
