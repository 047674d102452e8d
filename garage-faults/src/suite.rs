//! One run: a world, the faults one after the other under load, then quiet, the books, the table; and at last the planted
//! mistakes, each of which must be caught.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use garage_kit::clock::Clock;
use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use xtask::leash::Leash;

use crate::{
    client::Stubborn,
    fault::{Blow, Fault, Scene},
    faults,
    ledgers::Ledgers,
    load::{Book, Load, probe},
    oracle::judge,
    planted,
    replica::At,
    table::{Row, print, say},
    world::{World, log_folder},
};

/// Breaks everything that can break under load, and looks for what was lost, doubled or paid wrong.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask faults", bin_name = "cargo xtask faults")]
pub struct Options {
    /// Every fault, long and often, with about twenty thousand sagas; without it, what the gate runs
    #[arg(long)]
    pub all: bool,
    /// Only faults whose name contains this; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Where chance begins; a run tells its own
    #[arg(long)]
    pub seed: Option<u64>,
    /// Print the faults, and end
    #[arg(long)]
    pub list: bool,
    /// Only the planted mistakes
    #[arg(long)]
    pub planted: bool,
    /// On three nodes of RabbitMQ, a replica set of three, and PostgreSQL with a stand-by, of which one after the other goes
    #[arg(long)]
    pub cluster: bool,
    /// Build the services of this earlier commit too, begin with them, and have both versions work together
    #[arg(long, value_name = "COMMIT", conflicts_with_all = ["cluster", "planted"])]
    pub old: Option<String>,
}

/// A client's patience for one answer, or one sight.
const PATIENCE: Duration = Duration::from_secs(90);
/// Doubts are over by then, or will never be.
const DOUBT: Duration = Duration::from_secs(40);
/// A blow takes no longer, mending included.
const BLOW: Duration = Duration::from_secs(240);

/// Runs; whether all is well.
///
/// # Errors
/// When the world does not come up, or an option names nothing.
pub async fn run(options: &Options, leash: &Leash) -> Result<bool> {
    let chosen = chosen(options)?;
    if options.list {
        for fault in &chosen {
            say(&format!("{:<28} {}", fault.name(), fault.about()));
        }
        planted::MISTAKES.iter().for_each(|mistake| say(&format!("{:<28} {}", mistake.name, mistake.about)));
        return Ok(true);
    }
    let earlier = earlier(options, leash).await?;
    let seed = options.seed.unwrap_or_else(|| Clock::system().event_id().as_u64_pair().0 % 1_000_000);
    let logs = log_folder(seed)?;
    say(&format!("seed {seed}; the services' logs: {}", logs.display()));
    let begun = Instant::now();
    let world = World::start(leash, &logs, options.cluster, earlier).await.context("the world")?;
    say(&format!("the world is up after {:.1} s", begun.elapsed().as_secs_f64()));
    let bank = format!("http://{}", world.gateway.address);
    let client = Arc::new(Stubborn::new(world.urls(), bank, PATIENCE).await?);
    let mut session =
        Session { world, client, book: Book::default(), seed, all: options.all, poison: Vec::new() };
    let mut well = chosen.is_empty() || session.faults(&chosen).await?;
    if options.planted || (options.only.is_empty() && well && !options.cluster) {
        well &= session.planted().await?;
    }
    say(&format!(
        "seed {seed}, {:.0} s: {}",
        begun.elapsed().as_secs_f64(),
        if well { "well" } else { "NOT WELL" }
    ));
    Ok(well)
}

fn chosen(options: &Options) -> Result<Vec<&'static dyn Fault>> {
    if options.planted {
        return Ok(Vec::new());
    }
    let all = if options.cluster { faults::of_a_cluster() } else { faults::all() };
    let names: BTreeSet<String> = all.iter().map(|fault| fault.name()).collect();
    for wanted in &options.only {
        ensure!(
            names.iter().any(|name| name.contains(wanted)),
            "no fault's name contains {wanted}: see --list"
        );
    }
    let rolls = |wanted: &String| faults::OLD_AND_NEW.contains(wanted.as_str());
    ensure!(
        options.old.is_none() || options.only.is_empty() || options.only.iter().any(rolls),
        "--old is for {}, which --only leaves out",
        faults::OLD_AND_NEW
    );
    let is_wanted = |fault: &&'static dyn Fault| match options.only.as_slice() {
        [] => options.all || options.list || !fault.is_long(),
        only => only.iter().any(|wanted| fault.name().contains(wanted)),
    };
    Ok(all.into_iter().filter(is_wanted).collect())
}

/// The folder of the programs to begin with.
async fn earlier(options: &Options, leash: &Leash) -> Result<Option<PathBuf>> {
    let Some(commit) = options.old.clone() else { return Ok(None) };
    let leash = leash.clone();
    let built = tokio::task::spawn_blocking(move || xtask::old::services(&leash, &commit)).await?;
    built.context("the services of an earlier commit").map(Some)
}

/// A world with its books.
pub struct Session {
    pub(crate) world: World,
    pub(crate) client: Arc<Stubborn>,
    pub(crate) book: Book,
    pub(crate) seed: u64,
    all: bool,
    poison: Vec<String>,
}

impl Session {
    async fn faults(&mut self, faults: &[&dyn Fault]) -> Result<bool> {
        let (mut rows, mut going_on) = (Vec::new(), Vec::new());
        for fault in faults {
            if fault.is_alone() {
                finish(&mut going_on).await;
            }
            let begun = Instant::now();
            let row = self.meet(*fault, &mut going_on).await;
            let word = row.failed.as_deref().or(row.skipped.as_deref()).unwrap_or("struck");
            say(&format!(
                "{:<28} {word} {} times, {:.1} s",
                row.fault,
                row.runs,
                begun.elapsed().as_secs_f64()
            ));
            if row.failed.is_some() {
                self.world.mend().await?;
            }
            rows.push(row);
        }
        finish(&mut going_on).await;
        self.let_time_pass().await?;
        for row in &mut rows {
            row.sagas = self.book.all().iter().filter(|saga| saga.fault == row.fault).count();
        }
        let ledgers =
            Ledgers::collect(&self.world, &self.client, self.book.all(), self.poison.clone()).await?;
        Ok(print(&rows, &judge(&ledgers)))
    }

    /// A quarter of an hour, for Billing: that long it doubts whether the gateway has heard a charge of an order that is
    /// off.
    async fn let_time_pass(&mut self) -> Result<()> {
        self.world.restart(At::Billing, 0, &[("GARAGE_CLOCK_SHIFT", "1000")]).await?;
        self.world.until_ready().await?;
        let begun = Instant::now();
        let doubtful = |payment: &serde_json::Value| payment["status"] == "PROCESSING";
        while self.client.all(At::Billing, "/payments").await?.iter().any(doubtful) && begun.elapsed() < DOUBT
        {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        self.world.restart(At::Billing, 0, &[]).await?;
        self.world.until_ready().await
    }

    /// One fault, met by its sagas.
    async fn meet(&mut self, fault: &dyn Fault, going_on: &mut Vec<JoinHandle<()>>) -> Row {
        let name = fault.name();
        let mut rng = chance(self.seed, &name);
        let count = fault.sagas()[usize::from(self.all)];
        let mut load = Load::start(&self.client, &self.book, &name, count, fault.mix(), &mut rng);
        let mut scene = Scene {
            world: &mut self.world,
            load: &mut load,
            rng: &mut rng,
            all: self.all,
            poison: &mut self.poison,
        };
        let patience = if self.all { BLOW * 5 } else { BLOW };
        let struck = timeout(patience, fault.strike(&mut scene)).await;
        let struck = struck.unwrap_or_else(|_| Err(anyhow::anyhow!("it was not over after {patience:?}")));
        let mut row = Row { fault: name.clone(), ..Row::default() };
        match struck {
            Ok(Blow { runs, recovery, skipped }) => {
                (row.runs, row.skipped) = (runs, skipped);
                match probe(&self.client, &self.book, &name).await {
                    Ok(took) => row.recovery = recovery.max(Some(took)),
                    Err(cause) => row.failed = Some(format!("no saga passes afterwards: {cause:#}")),
                }
            }
            Err(cause) => row.failed = Some(format!("{cause:#}")),
        }
        going_on.extend(load.settle(fault.settles_within()).await);
        row
    }
}

/// Waits for sagas that went on beside later faults; each ends by its client's patience.
async fn finish(going_on: &mut Vec<JoinHandle<()>>) {
    futures::future::join_all(going_on.drain(..)).await;
}

/// A fault's own chance, the same whichever faults come before it.
pub(crate) fn chance(seed: u64, name: &str) -> StdRng {
    // FNV-1a: the hash of the standard library may change with its release.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    StdRng::seed_from_u64(seed ^ hash)
}
