//! The whole shop on private servers: two copies of each service program, every wire between them and their servers in
//! our hands, the gateway, and a tap on the exchange.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use tokio::time::{Instant, sleep};
use xtask::{
    leash::Leash,
    servers::{Purpose, Server, Servers},
};

use crate::{
    broker::Broker,
    gateway::{GatewayServer, TOKEN},
    replica::{At, Replica},
    tap::{Echo, Tap},
    wire::{Mode, Wire},
};

/// What signs the tokens of a run.
pub const SECRET: &str = "a secret that only the fault suite knows";
/// The databases of OS and Execution in PostgreSQL, and of Billing in MongoDB.
pub const DATABASES: [&str; 3] = ["os_service", "billing_service", "execution_service"];
/// Copies of each service.
pub const REPLICAS: usize = 2;

/// The servers, by their place among [`Servers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// PostgreSQL.
    Postgres = 0,
    /// RabbitMQ.
    Rabbit = 1,
    /// MongoDB.
    Mongo = 2,
}

/// The wires of one service.
pub struct Wires {
    /// To the broker.
    pub broker: Wire,
    /// To its database.
    pub database: Wire,
}

/// Everything.
pub struct World {
    /// The services' copies: OS, OS, Billing, Billing, Execution, Execution.
    pub replicas: Vec<Replica>,
    /// By service.
    pub wires: [Wires; 3],
    /// Billing's to the gateway.
    pub gateway_wire: Wire,
    /// The gateway.
    pub gateway: GatewayServer,
    /// Every event.
    pub tap: Tap,
    /// The broker, as its operator sees it.
    pub broker: Broker,
    /// PostgreSQL, past the wires.
    pub sql: PgPool,
    /// MongoDB, past the wires.
    pub mongo: mongodb::Client,
    /// For the suite's own calls.
    pub http: Client,
    servers: Arc<Mutex<Servers>>,
    leash: Leash,
}

impl World {
    /// Starts all of it; the services' logs go to `logs`.
    ///
    /// # Errors
    /// When anything does not come up.
    pub async fn start(leash: &Leash, logs: &Path) -> Result<Self> {
        let held = leash.clone();
        let servers = tokio::task::spawn_blocking(move || Servers::start(&held, Purpose::Tests)).await??;
        let variable = |on: On, name| {
            let value = servers.running[on as usize].variable(name).map(str::to_owned);
            value.with_context(|| format!("{name} is unknown"))
        };
        let postgres = variable(On::Postgres, "GARAGE_TEST_POSTGRES_URL")?;
        let rabbit = variable(On::Rabbit, "GARAGE_TEST_RABBITMQ_URL")?;
        let management = variable(On::Rabbit, "GARAGE_TEST_RABBITMQ_MANAGEMENT_URL")?;
        let mongo = variable(On::Mongo, "GARAGE_TEST_MONGODB_URI")?;
        let folder = servers.folder().to_owned();

        let http = Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let sql = databases(&postgres).await?;
        let gateway = GatewayServer::start(&folder).await?;
        let gateway_wire = Wire::to(gateway.address.to_string(), false).await?;
        let wires = [
            wires(&rabbit, &postgres).await?,
            wires(&rabbit, &mongo).await?,
            wires(&rabbit, &postgres).await?,
        ];
        let places =
            Places { rabbit: &rabbit, postgres: &postgres, gateway: gateway_wire.near().to_string() };
        let ports: [u16; 6] = xtask::ports::free()?;
        let mut replicas = Vec::new();
        for at in At::ALL {
            for number in 0..REPLICAS {
                let environment = places.environment(at, &wires[at as usize]);
                let port = ports[at as usize * REPLICAS + number];
                replicas.push(Replica::new(at, number, port, logs, environment));
            }
        }
        let world = Self {
            replicas,
            wires,
            gateway_wire,
            gateway,
            tap: Tap::open(&rabbit).await?,
            broker: Broker::new(&management, http.clone()),
            sql,
            mongo: mongodb::Client::with_uri_str(&mongo).await?,
            http,
            servers: Arc::new(Mutex::new(servers)),
            leash: leash.clone(),
        };
        world.opened().await
    }

    /// The first copy of a service makes the tables; then come the others.
    async fn opened(mut self) -> Result<Self> {
        for first in [true, false] {
            let now = |(place, _): &(usize, &mut Replica)| (place % REPLICAS == 0) == first;
            for (_, replica) in self.replicas.iter_mut().enumerate().filter(now) {
                replica.start(&[])?;
            }
            self.until_ready().await?;
        }
        Ok(self)
    }

    /// Waits until every copy that runs is ready.
    ///
    /// # Errors
    /// When one is not within a minute.
    pub async fn until_ready(&mut self) -> Result<()> {
        for replica in self.replicas.iter_mut().filter(|replica| replica.runs()) {
            replica.until_ready(&self.http).await?;
        }
        Ok(())
    }

    /// A copy of a service.
    pub fn replica(&mut self, at: At, number: usize) -> &mut Replica {
        &mut self.replicas[at as usize * REPLICAS + number]
    }

    /// Kills a copy and starts it again, with these variables on top.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&mut self, at: At, number: usize, more: &[(&str, &str)]) -> Result<()> {
        let replica = self.replica(at, number);
        replica.kill().await?;
        replica.start(more)
    }

    /// The addresses of each service's copies.
    #[must_use]
    pub fn urls(&self) -> [Vec<String>; 3] {
        At::ALL.map(|at| self.replicas.iter().filter(|one| one.at == at).map(Replica::url).collect())
    }

    /// Brings back whatever a fault that failed has left broken.
    ///
    /// # Errors
    /// When that is not possible.
    pub async fn mend(&mut self) -> Result<()> {
        let wires = self.wires.iter().flat_map(|wires| [&wires.broker, &wires.database]);
        wires.chain([&self.gateway_wire]).for_each(|wire| wire.set(Mode::Pass));
        self.tap.echo(Echo::None);
        self.gateway.sandbox.faults().clear();
        for on in [On::Postgres, On::Rabbit, On::Mongo] {
            let again = |server: &mut Server, leash: &Leash| {
                server.signal("CONT");
                if server.is_running() { Ok(()) } else { server.restart(leash) }
            };
            self.server(on, again).await?;
        }
        for lower in [["set_vm_memory_high_watermark", "0.4"], ["set_disk_free_limit", "50MB"]] {
            self.server(On::Rabbit, move |server, _| server.control(&lower)).await?;
        }
        self.broker.bind_all(true).await?;
        for at in At::ALL {
            for number in 0..REPLICAS {
                self.restart(at, number, &[]).await?;
            }
        }
        self.until_ready().await
    }

    /// Does something to a server, off the runtime's threads.
    ///
    /// # Errors
    /// When that fails.
    pub async fn server<T: Send + 'static>(
        &self,
        on: On,
        act: impl FnOnce(&mut Server, &Leash) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (servers, leash) = (Arc::clone(&self.servers), self.leash.clone());
        let done = tokio::task::spawn_blocking(move || {
            let mut servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
            act(&mut servers.running[on as usize], &leash)
        });
        done.await?
    }

    /// Waits until a queue holds nothing, in two looks.
    ///
    /// # Errors
    /// When it does not for a minute.
    pub async fn until_empty(&self, name: &str) -> Result<()> {
        let (begun, mut in_a_row) = (Instant::now(), 0);
        while in_a_row < 2 {
            let queues = self.broker.queues().await?;
            let empty = queues.iter().any(|queue| queue.name == name && queue.messages == 0);
            in_a_row = if empty { in_a_row + 1 } else { 0 };
            ensure!(begun.elapsed() < Duration::from_secs(60), "{name} is not empty after a minute");
            sleep(Duration::from_millis(600)).await;
        }
        Ok(())
    }

    /// Waits until every queue has all its consumers; how long that took.
    ///
    /// # Errors
    /// When it takes longer than a minute.
    pub async fn until_consumed(&self) -> Result<Duration> {
        let wanted =
            garage_events::topology::QUEUES.len() * self.replicas.iter().filter(|one| one.runs()).count() / 3;
        let begun = Instant::now();
        loop {
            let there = self.broker.consumers().await.unwrap_or_default();
            if there >= wanted {
                return Ok(begun.elapsed());
            }
            let patience = begun.elapsed() < Duration::from_secs(60);
            ensure!(patience, "{there} of {wanted} consumers are back after a minute");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Where everything is.
struct Places<'a> {
    rabbit: &'a str,
    postgres: &'a str,
    gateway: String,
}

impl Places<'_> {
    fn environment(&self, at: At, wires: &Wires) -> Vec<(String, String)> {
        let database = wires.database.near();
        let name = DATABASES[at as usize];
        let mut variables = vec![
            ("RABBITMQ_URL", self.rabbit.replace(&place(self.rabbit), &wires.broker.near().to_string())),
            ("JWT_SECRET", SECRET.to_owned()),
            ("RUST_LOG", "warn,lapin=off".to_owned()),
        ];
        match at {
            At::Os | At::Execution => {
                let url = self.postgres.replace(&place(self.postgres), &database.to_string());
                variables.push(("DATABASE_URL", format!("{}/{name}", url.trim_end_matches("/postgres"))));
            }
            At::Billing => {
                variables.push(("MONGODB_URI", format!("mongodb://{database}/{name}?directConnection=true")));
                variables.push(("PAYMENT_GATEWAY", "mercado-pago".to_owned()));
                variables.push(("MERCADOPAGO_ACCESS_TOKEN", TOKEN.to_owned()));
                variables.push(("MERCADOPAGO_BASE_URL", format!("http://{}", self.gateway)));
            }
        }
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

async fn wires(rabbit: &str, database: &str) -> Result<Wires> {
    Ok(Wires {
        broker: Wire::to(place(rabbit), true).await?,
        database: Wire::to(place(database), false).await?,
    })
}

/// `host:port` of an URL.
fn place(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}

async fn databases(postgres: &str) -> Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(20));
    let pool = options.connect(postgres).await.context("PostgreSQL")?;
    for name in [DATABASES[0], DATABASES[2]] {
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await?;
    }
    Ok(pool)
}

/// A folder for the logs of a run, beside the programs.
///
/// # Errors
/// When it cannot be made.
pub fn log_folder(seed: u64) -> Result<PathBuf> {
    let programs = std::env::current_exe()?;
    let target = programs.parent().and_then(Path::parent).context("target/debug")?;
    let folder = target.join("faults").join(seed.to_string());
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
