//! The garage at work: `garage up` on SQLite, or the three service programs, any number of each. The programs are the
//! release builds beside this one; each writes its log as it ships, into a file, and ends when this value is dropped.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use garage_kit::clock::Clock;
use tokio::time::sleep;

use crate::{processes::Named, servers::Servers};

const READY_WITHIN: Duration = Duration::from_secs(60);
/// Rests between two looks at whether a service is ready.
const LOOK: Duration = Duration::from_millis(2);

/// How the services are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topology {
    /// One process, SQLite, the bus inside
    Embedded,
    /// Three processes, PostgreSQL, MongoDB, RabbitMQ
    Distributed,
}

impl Topology {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Distributed => "distributed",
        }
    }
}

/// What every program is started with.
pub(crate) struct Site {
    programs: PathBuf,
    /// Data of the embedded one, and everybody's logs; gone at the end.
    folder: tempfile::TempDir,
    secret: String,
    servers: Servers,
}

impl Site {
    /// Finds the programs and makes the folder, under `target` as that is on a real disk.
    pub(crate) fn new(servers: &Servers) -> Result<Self> {
        let this = std::env::current_exe()?;
        let programs = this.parent().context("this program is in a folder")?.to_owned();
        for name in ["garage", "garage-os-service", "garage-billing-service", "garage-execution-service"] {
            let program = programs.join(name);
            ensure!(program.is_file(), "{} is not built: use `cargo xtask bench`", program.display());
        }
        let folder = tempfile::Builder::new().prefix("garage-bench-").tempdir_in(&programs)?;
        let clock = Clock::system();
        let secret = format!("{}{}", clock.event_id().simple(), clock.event_id().simple());
        Ok(Self { programs, folder, secret, servers: servers.clone() })
    }

    /// Another place for a shop, where the same tokens count.
    pub(crate) async fn beside(&self) -> Result<Self> {
        Ok(Self { secret: self.secret.clone(), ..Self::new(&self.servers.beside().await?)? })
    }

    /// The data directory of the embedded shop.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env_clear().env("JWT_SECRET", &self.secret).current_dir(self.folder.path());
        command
    }

    /// A token that may do everything, for as long as any run.
    pub(crate) fn token(&self) -> Result<String> {
        let roles = ["--role", "manager", "--role", "attendant", "--role", "technician"];
        let mut command = self.command("garage");
        let output = command.arg("token").args(roles).args(["--sub", "bench", "--ttl", "24h"]).output()?;
        ensure!(output.status.success(), "no token: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

struct Program {
    name: String,
    child: Child,
    log: PathBuf,
    urls: Vec<String>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The services, ready.
pub(crate) struct Shop {
    topology: Topology,
    programs: Vec<Program>,
    /// From the start of the first program until all are ready.
    pub(crate) ready: Duration,
}

impl Shop {
    /// Starts the topology, `replicas` of each service, and waits until all are ready.
    pub(crate) async fn start(site: &Site, topology: Topology, replicas: usize) -> Result<Self> {
        let begun = Instant::now();
        let programs = match topology {
            Topology::Embedded => vec![embedded(site)?],
            Topology::Distributed => {
                let services = ["os", "billing", "execution"];
                let all = (1..=replicas).flat_map(|replica| services.map(|service| (service, replica)));
                all.map(|(service, replica)| one(site, service, replica)).collect::<Result<_>>()?
            }
        };
        let mut shop = Self { topology, programs, ready: Duration::ZERO };
        shop.wait_until_ready().await?;
        shop.ready = begun.elapsed();
        Ok(shop)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let begun = Instant::now();
        for program in &mut self.programs {
            for url in &program.urls {
                let place = format!("{url}/health/ready");
                while !client.get(&place).send().await.is_ok_and(|answer| answer.status().is_success()) {
                    let log = || last_lines(&program.log);
                    if let Some(status) = program.child.try_wait()? {
                        bail!("{} ended with {status}:\n{}", program.name, log());
                    }
                    ensure!(begun.elapsed() < READY_WITHIN, "{} is not ready:\n{}", program.name, log());
                    sleep(LOOK).await;
                }
            }
        }
        Ok(())
    }

    pub(crate) const fn topology(&self) -> Topology {
        self.topology
    }

    /// The base URLs of OS, Billing and Execution, each with all replicas', separated by commas.
    pub(crate) fn urls(&self) -> [String; 3] {
        let of = |service: &str, place: usize| {
            let programs = self.programs.iter().filter(|program| match self.topology {
                Topology::Embedded => true,
                Topology::Distributed => program.name.split('-').next() == Some(service),
            });
            let place = if self.topology == Topology::Embedded { place } else { 0 };
            programs.filter_map(|program| program.urls.get(place).cloned()).collect::<Vec<_>>().join(",")
        };
        [of("os", 0), of("billing", 1), of("execution", 2)]
    }

    /// Its processes, by name.
    pub(crate) fn processes(&self) -> Vec<Named> {
        self.programs.iter().map(|program| (program.name.clone(), program.child.id())).collect()
    }

    /// Ends one service.
    pub(crate) fn end(&mut self, service: &str) {
        self.programs.retain(|program| program.name != service);
    }

    /// Starts one service again; how long that took.
    pub(crate) async fn begin(&mut self, site: &Site, service: &'static str) -> Result<Duration> {
        let begun = Instant::now();
        self.programs.push(one(site, service, 1)?);
        self.wait_until_ready().await?;
        Ok(begun.elapsed())
    }
}

fn embedded(site: &Site) -> Result<Program> {
    let ports = free_ports::<3>()?;
    let mut command = site.command("garage");
    command.arg("up").args(["--web-port", "0"]).arg("--data-dir").arg(site.data());
    for (flag, port) in ["--os-port", "--billing-port", "--execution-port"].iter().zip(ports) {
        command.arg(flag).arg(port.to_string());
    }
    start(site, "garage".to_owned(), command, &ports)
}

fn one(site: &Site, service: &'static str, replica: usize) -> Result<Program> {
    let ports = free_ports::<1>()?;
    let mut command = site.command(&format!("garage-{service}-service"));
    let servers = &site.servers;
    command.env("RABBITMQ_URL", &servers.rabbitmq).env("PORT", ports[0].to_string());
    match service {
        "billing" => command.env("MONGODB_URI", servers.billing_uri()).env("PAYMENT_GATEWAY", "sandbox"),
        other => command.env("DATABASE_URL", servers.service_url(other)),
    };
    let name = if replica == 1 { service.to_owned() } else { format!("{service}-{replica}") };
    start(site, name, command, &ports)
}

fn start(site: &Site, name: String, mut command: Command, ports: &[u16]) -> Result<Program> {
    let log = site.folder.path().join(format!("{name}.log"));
    let file = File::create(&log)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let child = command.spawn().with_context(|| format!("starting {name}"))?;
    let urls = ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
    Ok(Program { name, child, log, urls })
}

fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut listeners = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}
