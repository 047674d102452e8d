//! `garage backup`, of a shop that goes on working: the copy is of one moment in all files, and a shop that starts on it
//! finishes what was under way.

mod chain;

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Output,
};

use anyhow::{Context, Result, ensure};
use chain::{SECRET, built};
use chrono::TimeDelta;
use garage::{
    embedded::{Addresses, DataDir, Embedded, settings},
    reconcile::walk::{self, Scope},
    shop::{At, Car, Shop, text},
    stories::straight_through,
};
use garage_kit::{
    auth::{Grant, sign},
    clock::Clock,
    program::{Env, install_crypto},
};
use serde_json::Value;
use tokio::{
    process::Command,
    time::{Duration, Instant, sleep},
};
use tokio_util::sync::CancellationToken;

const ANYWHERE: Addresses = Addresses { host: IpAddr::V4(Ipv4Addr::LOCALHOST), ports: [0; 3] };
const REPAIR: [&str; 5] =
    ["start-diagnosis", "complete-diagnosis", "start-repair", "complete-repair", "complete"];
const PATIENCE: Duration = Duration::from_secs(60);
/// Copies that are made while others work.
const COPIES: u64 = 5;

async fn open(folder: &Path) -> Result<(Embedded, Shop)> {
    install_crypto();
    let (data, clock) = (DataDir::open(folder)?, Clock::system());
    let secret = SECRET.to_owned().into();
    let embedded = Embedded::start(&data, ANYWHERE, settings(&Env::fixed(&[]))?, &secret, &clock).await?;
    let grant = Grant::new("tests", &["attendant", "technician", "manager"], TimeDelta::hours(1));
    let shop = Shop::new(embedded.urls.clone(), sign(&secret, &grant, &clock)?)?;
    Ok((embedded, shop))
}

async fn backup(data: &Path, to: &Path) -> Result<Output> {
    let mut command = Command::new(built("garage"));
    command.arg("backup").arg("--data-dir").arg(data).arg("--to").arg(to).env_clear();
    Ok(command.output().await?)
}

async fn copied(data: &Path, to: &Path) -> Result<()> {
    let output = backup(data, to).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// One car after the other, until it is told to stop.
async fn work_on(shop: &Shop, first: u64, stop: &CancellationToken) -> Result<()> {
    for number in first.. {
        match stop.run_until_cancelled(straight_through(shop, number)).await {
            Some(done) => done.map(drop)?,
            None => break,
        }
    }
    Ok(())
}

async fn copy_all(data: &Path, folder: &Path) -> Result<()> {
    for number in 0..COPIES {
        copied(data, &folder.join(format!("copy-{number}"))).await?;
    }
    Ok(())
}

async fn approved(shop: &Shop, number: u64) -> Result<Car> {
    let car = shop.take_in("Ana Souza", number).await?;
    shop.quote(&car, "approve").await?;
    shop.job_is(&car, "AWAITING_PAYMENT").await?;
    Ok(car)
}

fn orders(list: &[Value], field: &str) -> Result<BTreeSet<String>> {
    list.iter().map(|one| text(one, field)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_of_one_moment_and_what_was_under_way_in_it_finishes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("garage-data");
    let (embedded, shop) = open(&data).await?;
    let car = approved(&shop, 1).await?;
    let stop = CancellationToken::new();
    let copies = async {
        let copied = copy_all(&data, folder.path()).await;
        stop.cancel();
        copied
    };
    let (first, second, copies) =
        tokio::join!(work_on(&shop, 1_000, &stop), work_on(&shop, 2_000, &stop), copies);
    first.and(second).and(copies)?;
    embedded.stop().await;
    std::fs::remove_dir_all(&data)?;

    for number in 0..COPIES {
        let (restored, shop) = open(&folder.path().join(format!("copy-{number}"))).await?;
        nobody_knows_more_than_the_desk(&shop).await.with_context(|| format!("copy {number}"))?;
        let paid = shop.pay(&car).await?;
        ensure!(paid.status.is_success(), "{}", paid.body);
        shop.job_is(&car, "QUEUED").await?;
        shop.work(&car, &REPAIR).await?;
        shop.order_is(&car, "COMPLETED").await?;
        everybody_agrees(&shop).await.with_context(|| format!("copy {number}"))?;
        restored.stop().await;
    }
    Ok(())
}

/// Events come after what they tell of: what another service has, OS had before.
async fn nobody_knows_more_than_the_desk(shop: &Shop) -> Result<()> {
    let quotes = orders(&shop.all(At::Billing, "/quotes?limit=200").await?, "workOrderId")?;
    let jobs = orders(&shop.all(At::Execution, "/executions?limit=200").await?, "workOrderId")?;
    let known = orders(&shop.all(At::Os, "/work-orders?limit=200").await?, "id")?;
    ensure!(!known.is_empty(), "the copy is empty");
    ensure!(
        quotes.is_subset(&known) && jobs.is_subset(&quotes),
        "{} {} {}",
        known.len(),
        quotes.len(),
        jobs.len()
    );
    Ok(())
}

/// Once what was on its way has come; no nudge is needed.
async fn everybody_agrees(shop: &Shop) -> Result<()> {
    let everything = Scope { since: None, unfinished: false, ask_gateway: false };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let later = Clock::system().now() + TimeDelta::minutes(1);
        let mut found = Vec::new();
        walk::all(shop, everything, later, |finding| found.push(finding.to_string())).await?;
        if found.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{found:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_its_owner_s_alone_and_never_overwrites_another() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (data, copy) = (folder.path().join("garage-data"), folder.path().join("copy"));
    let missing = backup(&data, &copy).await?;
    let said = String::from_utf8(missing.stderr)?;
    ensure!(!missing.status.success() && said.contains("os.sqlite is not there"), "{said}");

    let (embedded, _) = open(&data).await?;
    std::fs::write(data.join("jwt-secret"), SECRET)?;
    copied(&data, &copy).await?;
    ensure!(copy.metadata()?.permissions().mode() & 0o777 == 0o700, "others may look into the copy");
    for entry in std::fs::read_dir(&copy)? {
        let (name, mode) = entry.map(|entry| (entry.file_name(), entry.metadata()))?;
        ensure!(mode?.permissions().mode() & 0o777 == 0o600, "others may read {}", name.display());
    }
    ensure!(std::fs::read_to_string(copy.join("jwt-secret"))? == SECRET, "the secret is not in the copy");
    let again = backup(&data, &copy).await?;
    let said = String::from_utf8(again.stderr)?;
    ensure!(!again.status.success() && said.contains("is there already"), "{said}");
    embedded.stop().await;
    Ok(())
}
