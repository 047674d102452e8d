//! `garage demo`: tells every story over real HTTP and prints each saga's timeline; exit code 1 when one does
//! not end as it must. By default to a system of its own that leaves nothing behind, otherwise to services
//! that run already.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use clap::Args;
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings, temporary_folder},
    shop::Shop,
    stories::{STORIES, Story},
};
use garage_kit::{clock::Clock, program::Env};

use super::{ROLES, Services, address, timeline_line, token};

/// Drive the happy path and every compensation.
#[derive(Args)]
pub(crate) struct Demo {
    /// Use running services: the OS Service's address
    #[arg(long, requires_all = ["billing", "execution"], value_parser = address)]
    os: Option<String>,
    /// The Billing Service's address
    #[arg(long, requires_all = ["os", "execution"], value_parser = address)]
    billing: Option<String>,
    /// The Execution Service's address
    #[arg(long, requires_all = ["os", "billing"], value_parser = address)]
    execution: Option<String>,
    /// The data directory of a `garage up` that runs, for its secret
    #[arg(long, default_value = "./garage-data")]
    data_dir: std::path::PathBuf,
}

impl Demo {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match (self.os, self.billing, self.execution) {
            (Some(os), Some(billing), Some(execution)) => {
                let services = Services { os, billing, execution, data_dir: self.data_dir };
                tell_all(&services.shop(env)?).await
            }
            _ => fresh().await,
        }
    }
}

/// A whole system in a folder of its own, gone afterwards. Whatever the environment says, its payments go to the
/// sandbox.
async fn fresh() -> Result<()> {
    let clock = Clock::system();
    let folder = temporary_folder(&clock);
    let told = in_folder(&clock, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    told
}

async fn in_folder(clock: &Clock, folder: &std::path::Path) -> Result<()> {
    let data = DataDir::open(folder)?;
    let secret = data.secret(clock)?;
    let addresses = Addresses { host: IpAddr::V4(Ipv4Addr::LOCALHOST), ports: [0; 3] };
    let embedded = Embedded::start(&data, addresses, settings(&Env::fixed(&[]))?, &secret, clock).await?;
    let token = token(&Env::fixed(&[]), &secret, "garage", &ROLES, TimeDelta::hours(1))?;
    let told = tell_all(&Shop::new(embedded.urls.clone(), token)?).await;
    embedded.stop().await;
    told
}

#[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
async fn tell_all(shop: &Shop) -> Result<()> {
    let first = u64::try_from(Clock::system().now().timestamp_millis()).unwrap_or_default();
    let mut broken = 0;
    for (number, story) in (first..).zip(STORIES) {
        if let Err(cause) = tell(shop, story, number).await {
            println!("✗ {}: {cause:#}", story.name);
            broken += 1;
        }
    }
    println!();
    println!("{} sagas, {} ended as they must.", STORIES.len(), STORIES.len() - broken);
    ensure!(broken == 0, "{broken} sagas did not end as they must");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what a command says goes to standard output")]
async fn tell(shop: &Shop, story: &Story, number: u64) -> Result<()> {
    let car = (story.tell)(shop, number).await?;
    println!("✓ {} ({})", story.name, car.order);
    for fact in shop.history(&car.order).await? {
        println!("{}", timeline_line(&fact));
    }
    Ok(())
}
