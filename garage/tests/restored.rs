//! What docs/operations.md says of back-ups, done: of three databases that are backed up one after the other while the
//! shop works, thrown away with the broker's messages, restored and compared. Sagas under way finish, no money moves
//! twice, and what cannot come back is what the guide says.

mod chain;

#[path = "restored/databases.rs"]
mod databases;
#[path = "restored/provider.rs"]
mod provider;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result, ensure};
use chain::{Chain, SECRET, built};
use databases::{mongo_dump, mongo_lose, mongo_restore, pg_dump, pg_lose, pg_restore};
use garage::shop::{At, Car, Shop, text};
use garage_kit::program::install_crypto;
use provider::{Moved, Provider};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    process::Command,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(180);
const REPAIR: [&str; 5] =
    ["start-diagnosis", "complete-diagnosis", "start-repair", "complete-repair", "complete"];
const KEPT: Moved = Moved { captures: 1, refunds: 0 };
const GIVEN_BACK: Moved = Moved { captures: 1, refunds: 1 };

/// Cars, by what happens to them between the back-ups.
struct Cars {
    finished: Car,
    quoted: Car,
    /// Finished after Execution's back-up, and before OS's.
    finished_since: Car,
    /// Paid after Execution's back-up, and before OS's.
    paid_early: Car,
    /// Paid after OS's back-up, and before Billing's.
    paid_late: Car,
    /// Called off after OS's back-up, and before Billing's.
    called_off: Car,
    /// The payer pays after the last back-up what was asked of them before.
    payer_pays: Car,
    /// Paid after the last back-up.
    paid_at_last: Car,
}

async fn approved(shop: &Shop, name: &str, number: u64) -> Result<Car> {
    let car = shop.take_in(name, number).await?;
    shop.quote(&car, "approve").await?;
    shop.order_is(&car, "APPROVED").await?;
    shop.job_is(&car, "AWAITING_PAYMENT").await?;
    Ok(car)
}

/// The payment.
async fn pay(shop: &Shop, car: &Car) -> Result<Value> {
    let paid = shop.pay(car).await?;
    ensure!(paid.status == StatusCode::OK, "{} {}", paid.status, paid.body);
    shop.job_is(car, "QUEUED").await?;
    Ok(paid.body)
}

async fn paid(shop: &Shop, number: u64) -> Result<Car> {
    let car = approved(shop, "Ana Souza", number).await?;
    pay(shop, &car).await?;
    shop.order_is(&car, "IN_PROGRESS").await?;
    Ok(car)
}

impl Cars {
    /// As they are before the first back-up.
    async fn bring(shop: &Shop) -> Result<(Self, Value)> {
        let (finished, finished_since) = (paid(shop, 1).await?, paid(shop, 2).await?);
        shop.work(&finished, &REPAIR).await?;
        shop.order_is(&finished, "COMPLETED").await?;
        shop.work(&finished_since, &REPAIR[..3]).await?;
        let quoted = shop.take_in("Ana Souza", 3).await?;
        shop.order_is(&quoted, "QUOTED").await?;
        let payer_pays = approved(shop, "CONT Souza", 4).await?;
        let asked = shop.pay(&payer_pays).await?;
        ensure!(asked.status == StatusCode::ACCEPTED, "{} {}", asked.status, asked.body);
        let cars = Self {
            finished,
            quoted,
            finished_since,
            payer_pays,
            paid_early: approved(shop, "Ana Souza", 5).await?,
            paid_late: approved(shop, "Ana Souza", 6).await?,
            called_off: paid(shop, 7).await?,
            paid_at_last: approved(shop, "Ana Souza", 8).await?,
        };
        Ok((cars, asked.body))
    }

    fn all(&self) -> [&Car; 8] {
        [
            &self.finished,
            &self.quoted,
            &self.finished_since,
            &self.paid_early,
            &self.paid_late,
            &self.called_off,
            &self.payer_pays,
            &self.paid_at_last,
        ]
    }
}

/// Everything that the shop has is gone: databases, and what was in the broker's queues.
async fn lose(chain: &Chain) -> Result<()> {
    let (os, billing, execution) = &chain.databases;
    pg_lose(&os.url()).await?;
    mongo_lose(&billing.uri()).await?;
    pg_lose(&execution.url()).await?;
    chain.host.lose_everything().await
}

async fn restore(chain: &Chain, folder: &Path) -> Result<()> {
    let (os, billing, execution) = &chain.databases;
    pg_restore(&execution.url(), &folder.join("execution_service.dump")).await?;
    pg_restore(&os.url(), &folder.join("os_service.dump")).await?;
    mongo_restore(&billing.uri(), &folder.join("billing_service")).await
}

/// What `garage reconcile --ask-gateway --repair` says, and whether nothing is left.
async fn reconcile(chain: &Chain) -> Result<(bool, String)> {
    let [os, billing, execution] = chain.urls();
    let mut command = Command::new(built("garage"));
    command.args(["reconcile", "--ask-gateway", "--repair"]).env_clear().env("JWT_SECRET", SECRET);
    command.args(["--os", &os, "--billing", &billing, "--execution", &execution]);
    let output = command.output().await?;
    let said = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    ensure!(said.contains("orders compared"), "{said}");
    Ok((output.status.success(), said))
}

/// Reconciles until what is left is about these orders alone. What has changed a moment ago is compared later.
async fn reconcile_but_for(chain: &Chain, cars: &[&Car], done: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, said) = reconcile(chain).await?;
        let left: Vec<&str> = said.lines().filter(|line| line.starts_with("left: ")).collect();
        let is_about = |line: &&str| cars.iter().any(|car| line.contains(&car.order));
        let found = cars.iter().all(|car| left.iter().any(|line| line.contains(&car.order)));
        if left.iter().all(is_about) && found && done().await? {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the services still do not agree:\n{said}");
    }
}

async fn reconcile_to_the_end(chain: &Chain) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (agreed, said) = reconcile(chain).await?;
        if agreed {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the services still do not agree:\n{said}");
    }
}

/// Payments as Billing knows them: by their id, the order and the status.
async fn books(shop: &Shop, cars: &[&Car]) -> Result<BTreeMap<String, (String, String)>> {
    let mut books = BTreeMap::new();
    for car in cars {
        for payment in shop.payments(car).await? {
            books.insert(text(&payment, "id")?, (car.order.clone(), text(&payment, "status")?));
        }
    }
    Ok(books)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sagas_finish_and_no_money_moves_twice_after_back_ups_of_three_moments_are_restored() -> Result<()> {
    install_crypto();
    let (provider, folder) = (Provider::open().await?, tempfile::tempdir()?);
    let mut chain = Chain::start_told(&provider.variables(), folder.path()).await?;
    let shop = chain.shop()?;
    let (cars, asked) = Cars::bring(&shop).await?;
    chain.wait_until_drained().await?;

    // Billing comes last, so that no payment is forgotten of which another service knows
    pg_dump(&chain.databases.2.url(), &folder.path().join("execution_service.dump")).await?;
    pay(&shop, &cars.paid_early).await?;
    shop.order_is(&cars.paid_early, "IN_PROGRESS").await?;
    shop.work(&cars.finished_since, &REPAIR[3..]).await?;
    shop.order_is(&cars.finished_since, "COMPLETED").await?;
    pg_dump(&chain.databases.0.url(), &folder.path().join("os_service.dump")).await?;
    pay(&shop, &cars.paid_late).await?;
    let unknown = paid(&shop, 9).await?;
    shop.cancel(&cars.called_off).await?;
    shop.payment_is(&cars.called_off, "REFUNDED").await?;
    mongo_dump(&chain.databases.1.uri(), &folder.path().join("billing_service")).await?;
    let lost = text(&pay(&shop, &cars.paid_at_last).await?, "id")?;
    provider.payer_pays(&asked).await?;

    for program in &mut chain.programs {
        program.kill()?;
    }
    lose(&chain).await?;
    restore(&chain, folder.path()).await?;
    for program in &mut chain.programs {
        program.start()?;
    }
    chain.wait_until_ready().await?;

    // What one service knows and another has not heard of is told again; an order that was called off since, and one that
    // OS has never heard of, are a person's affair
    reconcile_but_for(&chain, &[&cars.called_off, &unknown], async || {
        for car in [&cars.paid_early, &cars.paid_late, &cars.payer_pays] {
            let job = shop.get(At::Execution, &format!("/executions/work-order/{}", car.order)).await?;
            if job["status"] != "QUEUED" {
                return Ok(false);
            }
        }
        Ok(true)
    })
    .await?;

    for car in [&cars.paid_early, &cars.paid_late, &cars.payer_pays] {
        shop.work(car, &REPAIR).await?;
    }
    // The technician says again what was said after Execution's back-up
    shop.work(&cars.finished_since, &REPAIR[3..]).await?;
    shop.quote(&cars.quoted, "approve").await?;
    pay(&shop, &cars.quoted).await?;
    shop.work(&cars.quoted, &REPAIR).await?;
    // So does the desk; of what it has no order of, the workshop gives the money back
    shop.cancel(&cars.called_off).await?;
    let quote = shop.get(At::Billing, &format!("/quotes/work-order/{}", unknown.order)).await?;
    shop.post(At::Billing, &format!("/quotes/{}/nudge", text(&quote, "id")?), json!({})).await?;
    shop.job_is(&unknown, "QUEUED").await?;
    shop.work(&unknown, &["fail"]).await?;
    shop.payment_is(&unknown, "REFUNDED").await?;

    for car in cars.all() {
        let end = match car.order.as_str() {
            order if order == cars.called_off.order => "CANCELLED",
            order if order == cars.paid_at_last.order => "APPROVED",
            _ => "COMPLETED",
        };
        shop.order_is(car, end).await.with_context(|| car.order.clone())?;
    }
    reconcile_to_the_end(&chain).await?;
    money_is_where_the_books_say(&shop, &provider, &cars, &unknown, &lost).await?;
    for (at, list) in [(At::Billing, "/quotes?limit=200"), (At::Execution, "/executions?limit=200")] {
        ensure!(shop.all(at, list).await?.len() == cars.all().len() + 1, "{list}: something is doubled");
    }
    chain.stop().await
}

/// One capture for each payment, given back where the books say so; and one at the provider of which the shop knows
/// nothing, as nobody has a copy of it.
async fn money_is_where_the_books_say(
    shop: &Shop,
    provider: &Provider,
    cars: &Cars,
    unknown: &Car,
    lost: &str,
) -> Result<()> {
    let mut all = cars.all().to_vec();
    all.push(unknown);
    let (books, mut ledger) = (books(shop, &all).await?, provider.ledger().await?);
    ensure!(ledger.remove(lost) == Some(KEPT), "the payment after the last back-up");
    ensure!(!books.contains_key(lost), "nobody has told Billing of it");
    ensure!(books.len() == all.len() - 1, "one payment for each order but one: {books:?}");
    for (payment, (order, status)) in books {
        let moved = if status == "REFUNDED" { GIVEN_BACK } else { KEPT };
        let off = order == unknown.order || order == cars.called_off.order;
        ensure!(status == if off { "REFUNDED" } else { "APPROVED" }, "{order} is {status}");
        ensure!(ledger.remove(&payment) == Some(moved), "{order}: {payment} is {status}");
    }
    ensure!(ledger.is_empty(), "money of no payment: {ledger:?}");
    Ok(())
}
