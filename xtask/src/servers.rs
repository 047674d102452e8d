//! Private servers for the tests: one PostgreSQL, one RabbitMQ, one MongoDB, on free loopback ports, with all they
//! write in one folder. Nothing of the machine's own servers is read, used or changed.

mod folder;
mod mongodb;
mod postgres;
mod rabbitmq;

pub use mongodb::REPLICA_SET;
pub use postgres::STAND_BY;

use std::path::Path;
use std::process::Command;
use std::thread::{ScopedJoinHandle, scope};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use crate::console::{answer, say};
use crate::leash::Leash;
use crate::ports;
use crate::process::{Daemon, output_of};
use crate::programs::Programs;
pub(crate) use folder::Folder;

/// The folder inside that of all servers where tests put the certificates that a server shall show: PostgreSQL is told by
/// the test itself which, RabbitMQ takes `broker.crt` and `broker.key` whenever somebody connects.
const CERTIFICATES: &str = "tls";

/// What the servers are for. They are as durable for both.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// The broker counts often, so that a test need not wait for its figures.
    Tests,
    /// The broker counts as rarely as it does by itself, so that counting costs what it costs everywhere.
    Figures,
}

/// The servers; dropping them ends them and removes their folder.
pub struct Servers {
    /// PostgreSQL, RabbitMQ, MongoDB, in this order; of a cluster then RabbitMQ's second and third node, MongoDB's second
    /// and third member, and PostgreSQL's stand-by.
    pub running: Vec<Server>,
    // After the servers, as fields are dropped in order.
    folder: Folder,
}

/// One server, which keeps its ports and its data when it is ended and started again.
pub struct Server {
    /// Its name.
    pub name: &'static str,
    /// Its release.
    pub version: String,
    /// What the tests are to be told.
    environment: Vec<(&'static str, String)>,
    start: Start,
    control: Option<Control>,
    daemon: Option<Daemon>,
    /// What it leans on, ended after it.
    _props: Vec<Daemon>,
}

/// The server's own command line tool.
type Control = Box<dyn Fn() -> Command + Send + Sync>;
/// Starts a server and waits until it is ready.
type Start = Box<dyn Fn(&Leash) -> Result<Daemon> + Send + Sync>;

impl Server {
    /// A server whose release can be told from how it started.
    fn start(
        leash: &Leash,
        name: &'static str,
        environment: Vec<(&'static str, String)>,
        props: Vec<Daemon>,
        start: Start,
        version: impl FnOnce(&Daemon) -> Result<String>,
    ) -> Result<Self> {
        let daemon = start(leash).context(name)?;
        let version = version(&daemon)?;
        Ok(Self { name, version, environment, start, control: None, daemon: Some(daemon), _props: props })
    }

    /// Ends it at once, as a power cut would; PostgreSQL by its immediate shutdown, which writes nothing either.
    pub fn kill(&mut self) {
        drop(self.daemon.take());
    }

    /// Asks it to end, and ends it when it does not.
    pub fn stop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.signal("TERM");
            daemon.has_ended();
        }
        self.kill();
    }

    /// Starts it again on its data and waits until it is ready.
    ///
    /// # Errors
    /// When it does not come back.
    pub fn restart(&mut self, leash: &Leash) -> Result<()> {
        self.kill();
        self.daemon = Some((self.start)(leash).context(self.name)?);
        Ok(())
    }

    /// Whether it was started and has not ended since.
    pub fn is_running(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(Daemon::is_running)
    }

    /// Sends it a signal by name: `STOP` freezes it, `CONT` lets it go on.
    pub fn signal(&self, name: &str) {
        if let Some(daemon) = &self.daemon {
            daemon.signal(name);
        }
    }

    /// Tells it something through its own command line tool.
    ///
    /// # Errors
    /// When it has none, or that does not end well.
    pub fn control(&self, words: &[&str]) -> Result<String> {
        let control =
            self.control.as_ref().with_context(|| format!("{} has no such tool here", self.name))?;
        output_of(control().args(words))
    }

    /// What the tests are told under this name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

impl Servers {
    /// Starts all three at once and waits until they are ready.
    ///
    /// # Errors
    /// When one of them does not become ready.
    pub fn start(leash: &Leash, purpose: Purpose) -> Result<Self> {
        let programs = &Programs::find()?;
        let folder = Folder::create()?;
        let [sql, mongo, amqp, amqps, management, metrics, distribution, epmd] = ports::free()?;
        let broker = rabbitmq::Ports { amqp, amqps, management, metrics, distribution, epmd };
        let rabbit = &programs.rabbitmq;
        let running = scope(|threads| {
            let path = folder.path();
            [
                threads.spawn(move || timed(|| postgres::start(leash, &programs.postgres, path, sql))),
                threads.spawn(move || timed(|| rabbitmq::start(leash, rabbit, path, (1, broker), purpose))),
                threads.spawn(move || timed(|| mongodb::start(leash, &programs.mongod, path, mongo, None))),
            ]
            .map(joined)
        });
        Ok(Self { running: running.into_iter().collect::<Result<_>>()?, folder })
    }

    /// Starts a cluster of each: three nodes of RabbitMQ, three members of a MongoDB replica set that nobody has initiated
    /// yet, PostgreSQL with a stand-by.
    ///
    /// # Errors
    /// When one of them does not become ready.
    pub fn start_cluster(leash: &Leash) -> Result<Self> {
        let programs = &Programs::find()?;
        let folder = Folder::create()?;
        let path = folder.path();
        let [sql, stand_by, mongo_1, mongo_2, mongo_3, epmd] = ports::free()?;
        let nodes: [u16; 21] = ports::free()?;
        // Those of the others come first.
        let node = |number: usize| {
            let [amqp, amqps, management, metrics, distribution] =
                [0, 1, 2, 3, 4].map(|place| nodes[6 + 5 * (number - 1) + place]);
            (number, rabbitmq::Ports { amqp, amqps, management, metrics, distribution, epmd })
        };
        let rabbit = |number| rabbitmq::start(leash, &programs.rabbitmq, path, node(number), Purpose::Tests);
        let mongo = |number, port| mongodb::start(leash, &programs.mongod, path, port, Some(number));
        let running = vec![
            timed(|| postgres::start(leash, &programs.postgres, path, sql))?,
            timed(|| rabbit(1))?,
            timed(|| mongo(1, mongo_1))?,
            timed(|| rabbit(2))?,
            timed(|| rabbit(3))?,
            timed(|| mongo(2, mongo_2))?,
            timed(|| mongo(3, mongo_3))?,
            timed(|| postgres::stand_by(leash, &programs.postgres, path, stand_by, sql))?,
        ];
        Ok(Self { running, folder })
    }

    /// Where they write.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The variables that point the tests here.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = self.running.iter().flat_map(|server| &server.environment);
        all.map(|(name, value)| (*name, value.as_str()))
    }

    /// The variables that tell a measuring program which processes they are, and of which versions.
    pub(crate) fn described(&self) -> [(&'static str, String); 2] {
        let told = |tell: fn(&Server) -> String| self.running.iter().map(tell).collect::<Vec<_>>();
        let process = |server: &Server| {
            let number = server.daemon.as_ref().map_or(0, Daemon::number);
            format!("{}={number}", short_name(server.name))
        };
        let version = |server: &Server| format!("{} {}", server.name, server.version);
        [
            ("GARAGE_BENCH_SERVERS", told(process).join(",")),
            ("GARAGE_BENCH_VERSIONS", told(version).join(", ")),
        ]
    }
}

/// As the figures name it.
fn short_name(name: &str) -> &'static str {
    match name {
        "PostgreSQL" => "postgres",
        "MongoDB" => "mongodb",
        _the_broker => "rabbitmq",
    }
}

fn timed(start: impl FnOnce() -> Result<Server>) -> Result<Server> {
    let begun = Instant::now();
    let server = start()?;
    let urls: Vec<&str> = server.environment.iter().map(|(_, url)| url.as_str()).collect();
    let seconds = begun.elapsed().as_secs_f64();
    say(&format!("{} {} ready after {seconds:.1} s: {}", server.name, server.version, urls.join(" ")));
    Ok(server)
}

fn joined(thread: ScopedJoinHandle<'_, Result<Server>>) -> Result<Server> {
    thread.join().unwrap_or_else(|_| Err(anyhow!("a thread that starts a server panicked")))
}

/// Keeps the servers until Ctrl-C, for a developer who runs single tests in another shell.
pub(crate) fn keep(leash: &Leash) -> Result<()> {
    let servers = Servers::start(leash, Purpose::Tests).context("the servers could not be started")?;
    for (name, value) in servers.environment() {
        answer(&format!("export {name}={value}"));
    }
    for (name, value) in servers.described() {
        answer(&format!("export {name}='{value}'"));
    }
    say("Ctrl-C stops the servers and removes their data.");
    while leash.rest().is_ok() {}
    drop(servers);
    say("stopped.");
    Ok(())
}
