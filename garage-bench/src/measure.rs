//! What is measured, in which order, and how long that will take: said before it begins.

mod bench;
mod events;
mod floors;
mod lasting;
mod sagas;

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use self::bench::Bench;
use crate::{
    report::{Report, answer, say},
    servers::Servers,
    shop::Topology,
};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// The databases and the broker with bare drivers
    Floors,
    /// Whole sagas; time to ready and memory at rest before them, half of the top rate after them
    Sagas,
    /// Create, read and list, one at a time
    Routes,
    /// Two and four replicas of every service, in turns with one of each
    Replicas,
    /// 100,000 queued events: with sagas beside them, and alone
    Drain,
    /// Sagas, in turns with a plain shop's, and lists over a million finished orders (loads them first)
    Million,
    /// Memory over minutes of full load (`--minutes`)
    Memory,
}

/// How it is measured.
#[derive(Args)]
pub(crate) struct Options {
    /// A few seconds per point, for a machine that is busy; does not write the document
    #[arg(long)]
    quick: bool,
    /// Clients at once, one point each
    #[arg(long, value_delimiter = ',', default_value = "1,8,32,64,256")]
    clients: Vec<usize>,
    /// Which ways of running
    #[arg(long, default_value = "both", value_parser = ["embedded", "distributed", "both"])]
    topology: String,
    /// Seconds that count, per point [default: 15; with --quick 3]
    #[arg(long)]
    seconds: Option<u64>,
    /// What to measure [default: all but million and memory]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measure>,
    /// Everything, million and memory too
    #[arg(long, conflicts_with = "only")]
    all: bool,
    /// Minutes of full load for `memory`
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Finished orders for `million`
    #[arg(long, default_value_t = 1_000_000)]
    orders: u64,
    /// Queued events for `drain`
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// Another driver with the flags of `garage-bench drive`, for sagas, create and read
    #[arg(long)]
    driver: Option<PathBuf>,
    /// An earlier run's JSON to compare with
    #[arg(long)]
    baseline: Option<PathBuf>,
    /// Where this run's JSON goes
    #[arg(long, default_value = "target/bench/last.json")]
    json: PathBuf,
    /// Where the table goes
    #[arg(long, default_value = "docs/performance.md")]
    document: PathBuf,
    /// Writes the document also after --quick or --only
    #[arg(long)]
    write: bool,
    /// What was typed, for the document
    #[arg(long, env = "GARAGE_BENCH_COMMAND", default_value = "garage-bench run", hide = true)]
    command: String,
    /// What was built, for the document
    #[arg(long, env = "GARAGE_BENCH_COMMIT", default_value = "unknown", hide = true)]
    commit: String,
    #[command(flatten)]
    servers: Servers,
}

impl Options {
    fn seconds(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(if self.quick { 3 } else { 15 }))
    }

    fn warmup(&self) -> Duration {
        self.seconds() / 4
    }

    fn wants(&self, measure: Measure) -> bool {
        let by_default = !matches!(measure, Measure::Million | Measure::Memory);
        if self.only.is_empty() { self.all || by_default } else { self.only.contains(&measure) }
    }

    fn topologies(&self) -> impl Iterator<Item = Topology> {
        let both = [Topology::Embedded, Topology::Distributed];
        both.into_iter().filter(|one| self.topology == "both" || self.topology == one.word())
    }

    /// The points of the floors: what the rows beside them will be compared with.
    fn floor_clients(&self) -> Vec<usize> {
        let mut clients = self.clients.clone();
        if self.wants(Measure::Routes) {
            clients.push(sagas::ROUTE_CLIENTS);
        }
        if self.wants(Measure::Drain) || self.wants(Measure::Replicas) || self.wants(Measure::Million) {
            clients.push(sagas::FULL_LOAD);
        }
        if self.wants(Measure::Replicas) {
            clients.push(sagas::MORE_LOAD);
        }
        clients.sort_unstable();
        clients.dedup();
        clients
    }

    /// About how long everything will take.
    fn plan(&self) -> Duration {
        let point = self.warmup() + self.seconds();
        let points = |number: usize, more: u64| {
            (point + Duration::from_secs(more)) * u32::try_from(number).unwrap_or(1)
        };
        let mut all = Duration::from_secs(5);
        if self.wants(Measure::Floors) {
            all += points(2 * self.floor_clients().len(), 3);
        }
        for topology in self.topologies() {
            let (counting, distributed) = match topology {
                Topology::Embedded => (1, false),
                Topology::Distributed => (8, true),
            };
            all += Duration::from_secs(10);
            if self.wants(Measure::Sagas) {
                all += points(self.clients.len() + 1, counting);
            }
            if self.wants(Measure::Routes) {
                all += points(4, 2);
            }
            if self.wants(Measure::Replicas) && distributed {
                all += points(24, 15);
            }
            if self.wants(Measure::Drain) && distributed {
                all += points(2, 10) + Duration::from_millis(self.events * 2);
            }
            if self.wants(Measure::Million) {
                all += points(10, 5) + Duration::from_micros(self.orders * 250);
            }
            if self.wants(Measure::Memory) {
                all += Duration::from_secs(self.minutes * 60 + 10);
            }
        }
        all
    }
}

/// Measures everything that was asked for, prints the table and writes it.
pub(crate) fn run(options: Options) -> Result<()> {
    ensure!(options.clients.iter().all(|clients| *clients > 0), "--clients must be 1 or more");
    ensure!(options.seconds() >= Duration::from_secs(1), "--seconds must be 1 or more");
    let baseline = options.baseline.as_deref().map(Report::kept).transpose()?;
    say(&format!("measuring for about {:.0} minutes", (options.plan().as_secs_f64() / 60.0).max(1.0)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let report = runtime.block_on(measured(&options))?;
    answer(&report.markdown());
    if let Some(earlier) = baseline {
        report.compared_with(&earlier).iter().for_each(|line| answer(line));
    }
    report.keep(&options.json)?;
    if options.write || (!options.quick && options.only.is_empty()) {
        report.write_into(&options.document)?;
        say(&format!("written to {}", options.document.display()));
    }
    Ok(())
}

async fn measured(options: &Options) -> Result<Report> {
    let mut bench = Bench::prepare(options).await?;
    if options.wants(Measure::Floors) {
        bench.floors().await?;
    }
    for topology in options.topologies() {
        let mut shop = bench.open(topology, 1).await?;
        if options.wants(Measure::Sagas) {
            bench.at_rest(&shop).await;
            bench.sagas(&shop).await?;
        }
        if options.wants(Measure::Routes) {
            bench.routes(&shop, "").await?;
        }
        if options.wants(Measure::Drain) && topology == Topology::Distributed {
            bench.backlog(&mut shop).await?;
        }
        if options.wants(Measure::Memory) {
            bench.memory(&shop).await?;
        }
        if options.wants(Measure::Million) {
            shop = bench.million(shop).await?;
        }
        if options.wants(Measure::Drain) && topology == Topology::Distributed {
            bench.drain(&mut shop).await?;
        }
        drop(shop);
        if options.wants(Measure::Replicas) && topology == Topology::Distributed {
            bench.replicas().await?;
        }
    }
    Ok(bench.report)
}
