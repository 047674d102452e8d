//! A run: where everything is, the rows so far, and the children that drive.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use garage_kit::clock::Clock;
use tokio::{
    process::Command,
    time::{Instant, sleep, timeout},
};

use super::Options;
use crate::{
    outcome::Outcome,
    processes::{self, Named},
    report::{Report, Row, say},
    shop::{Shop, Site, Topology},
};

/// What a child may take beyond its own time: making customers, giving the last sagas up.
const GRACE: Duration = Duration::from_secs(120);
/// Rests between two looks at what must come.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// A run.
pub(super) struct Bench<'a> {
    pub(super) options: &'a Options,
    pub(super) site: Site,
    token: PathBuf,
    _folder: tempfile::TempDir,
    pub(super) report: Report,
}

/// One point of load.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) mode: &'static str,
    pub(super) clients: usize,
    /// Sagas per second of an open loop.
    pub(super) rate: Option<f64>,
    pub(super) warmup: Duration,
    pub(super) seconds: Duration,
}

impl<'a> Bench<'a> {
    /// Finds the programs, makes the databases and a token.
    pub(super) async fn prepare(options: &'a Options) -> Result<Self> {
        options.servers.make_databases().await?;
        let site = Site::new(&options.servers)?;
        let folder = tempfile::tempdir()?;
        let token = folder.path().join("token");
        std::fs::write(&token, site.token()?)?;
        let report = Report {
            command: options.command.clone(),
            commit: options.commit.clone(),
            date: Clock::system().now().format("%Y-%m-%d").to_string(),
            machine: processes::machine(),
            servers: options.servers.versions.clone(),
            rows: Vec::new(),
        };
        Ok(Self { options, site, token, _folder: folder, report })
    }

    /// Starts the services.
    pub(super) async fn open(&self, topology: Topology, replicas: usize) -> Result<Shop> {
        Shop::start(&self.site, topology, replicas)
            .await
            .with_context(|| format!("starting {}", topology.word()))
    }

    /// Keeps a row and shows that it is there.
    pub(super) fn add(&mut self, row: Row) {
        say(&format!(
            "  {} {}, {} clients: {:.1} per s, p50 {:.1} ms, p99 {:.1} ms {}",
            row.topology,
            row.what,
            row.clients,
            row.per_s,
            row.latency_ms.p50,
            row.latency_ms.p99,
            row.notes.join("; ")
        ));
        self.report.rows.push(row);
    }

    /// The usual length of a point.
    pub(super) fn load(&self, mode: &'static str, clients: usize) -> Load {
        Load { mode, clients, rate: None, warmup: self.options.warmup(), seconds: self.options.seconds() }
    }

    /// Puts load on the services.
    pub(super) async fn drive(&self, shop: &Shop, load: Load) -> Result<Outcome> {
        let other = self.options.driver.as_deref().filter(|_| {
            let replicated = shop.urls().iter().any(|urls| urls.contains(','));
            ["saga", "create", "get"].contains(&load.mode) && load.rate.is_none() && !replicated
        });
        let mut command = match other {
            Some(driver) => Command::new(driver),
            None => this_program("drive")?,
        };
        let [os, billing, execution] = shop.urls();
        command.args(["--flavour", "ours", "--mode", load.mode]);
        command.args(["--os", &os, "--billing", &billing, "--execution", &execution]);
        command.arg("--token").arg(format!("@{}", self.token.display()));
        if let Some(rate) = load.rate {
            command.arg("--rate").arg(rate.to_string());
        }
        let mut processes = shop.processes();
        if shop.topology() == Topology::Distributed {
            processes.extend(self.options.servers.processes.iter().cloned());
        }
        self.child(command, load, processes).await.with_context(|| format!("driving `{}`", load.mode))
    }

    /// Makes so many orders or whole sagas, however long that takes.
    pub(super) async fn make(&self, shop: &Shop, mode: &str, number: u64) -> Result<()> {
        let mut command = this_program("drive")?;
        let [os, billing, execution] = shop.urls();
        command.args(["--mode", mode, "--sagas", &number.to_string()]);
        command.args(["--os", &os, "--billing", &billing, "--execution", &execution]);
        command.arg("--token").arg(format!("@{}", self.token.display()));
        let outcome = finished(command, GRACE).await?;
        ensure!(outcome.completed_total == number, "not all ended: {:?}", outcome.fails);
        Ok(())
    }

    /// Waits until nobody waits for anybody about the newest saga, which has ended: what the others have made of it is heard
    /// a little later.
    pub(super) async fn settled(&self, shop: &Shop) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let token = std::fs::read_to_string(&self.token)?;
        let [_, billing, execution] = shop.urls();
        for newest in [format!("{billing}/quotes?limit=1"), format!("{execution}/executions?limit=1")] {
            let begun = Instant::now();
            loop {
                let answer = client.get(&newest).bearer_auth(&token).send().await?.error_for_status()?;
                let told: serde_json::Value = serde_json::from_str(&answer.text().await?)?;
                if told[0].is_object() && told[0]["waitingFor"].is_null() {
                    break;
                }
                ensure!(begun.elapsed() < GRACE, "the newest of {newest} does not come to rest: {told}");
                sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Does with bare drivers what sagas must.
    pub(super) async fn floor(&self, kind: &str, clients: usize) -> Result<Outcome> {
        let mut command = this_program("floor")?;
        command.args(["--kind", kind]);
        self.child(command, self.load("floor", clients), self.options.servers.processes.clone())
            .await
            .with_context(|| format!("the {kind} floor"))
    }

    /// Runs a child for its time, with these processes watched.
    async fn child(&self, mut command: Command, load: Load, processes: Vec<Named>) -> Result<Outcome> {
        command.arg("--concurrency").arg(load.clients.to_string());
        command.arg("--warmup").arg(load.warmup.as_secs_f64().to_string());
        command.arg("--duration").arg(load.seconds.as_secs_f64().to_string());
        for (name, process) in processes {
            command.arg("--proc").arg(format!("{name}={process}"));
        }
        finished(command, load.warmup + load.seconds + GRACE).await
    }

    /// The data directory of the embedded shop.
    pub(super) fn data(&self) -> PathBuf {
        self.site.data()
    }
}

fn this_program(task: &str) -> Result<Command> {
    let this: PathBuf = std::env::current_exe()?;
    let mut command = Command::new(Path::new(&this));
    command.arg(task);
    Ok(command)
}

/// The figures that a child prints; it is ended when it takes longer than `within`.
async fn finished(mut command: Command, within: Duration) -> Result<Outcome> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = timeout(within, command.output()).await.context("the driver did not end in time")??;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the driver ended with {}: {}", output.status, said.trim());
    serde_json::from_slice(&output.stdout).context("the driver printed no figures")
}
