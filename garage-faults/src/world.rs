//! The whole shop on private servers: two copies of each service program, every wire between them and their servers in
//! our hands, the gateway, and a tap on the exchange.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use bson::doc;
use reqwest::Client;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use tokio::time::{Instant, sleep};
use xtask::{
    leash::Leash,
    servers::{Purpose, REPLICA_SET, STAND_BY, Server, Servers},
};

use crate::{
    broker::Broker,
    doorbell::{self, Ring},
    gateway::{GatewayServer, TOKEN},
    replica::{At, Release, Replica},
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
    /// A cluster's second node of RabbitMQ.
    Rabbit2 = 3,
    /// Its third.
    Rabbit3 = 4,
    /// The second member of a replica set.
    Mongo2 = 5,
    /// Its third.
    Mongo3 = 6,
    /// PostgreSQL's stand-by.
    StandBy = 7,
}

/// A cluster's nodes of RabbitMQ.
pub const NODES: [On; 3] = [On::Rabbit, On::Rabbit2, On::Rabbit3];
/// The members of its replica set.
pub const MEMBERS: [On; 3] = [On::Mongo, On::Mongo2, On::Mongo3];

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
    is_cluster: bool,
    /// The services' programs of an earlier commit, if there are any; the world begins with these.
    pub earlier: Option<PathBuf>,
}

impl World {
    /// Starts all of it, on one server each or on a cluster of each; the services' logs go to `logs`. With the folder of
    /// earlier programs every copy begins as one of these.
    ///
    /// # Errors
    /// When anything does not come up.
    pub async fn start(leash: &Leash, logs: &Path, cluster: bool, earlier: Option<PathBuf>) -> Result<Self> {
        let held = leash.clone();
        let start = move || {
            if cluster { Servers::start_cluster(&held) } else { Servers::start(&held, Purpose::Tests) }
        };
        let servers = tokio::task::spawn_blocking(start).await??;
        let folder = servers.folder().to_owned();
        let places = Places::of(&servers, cluster)?;

        let http = Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let mongo = places.mongo().await?;
        let sql = places.sql().await?;
        let gateway = GatewayServer::start(&folder).await?;
        let gateway_wire = Wire::to(gateway.address.to_string(), false).await?;
        let [first, second, third] = &places.rabbits;
        let wires = [
            wires(first, &places.postgres).await?,
            wires(second, &places.mongos[0]).await?,
            wires(third, &places.postgres).await?,
        ];
        let ports: [u16; 6] = xtask::ports::free()?;
        let mut replicas = Vec::new();
        for at in At::ALL {
            for number in 0..REPLICAS {
                let near = gateway_wire.near().to_string();
                let environment = places.environment(at, &wires[at as usize], &near);
                let port = ports[at as usize * REPLICAS + number];
                let mut replica = Replica::new(at, number, port, logs, environment);
                replica.change_to(earlier.clone().map_or(Release::Todays, Release::Earlier));
                replicas.push(replica);
            }
        }
        let world = Self {
            replicas,
            wires,
            gateway_wire,
            gateway,
            tap: Tap::open(first).await?,
            broker: Broker::new(&places.management, http.clone()),
            sql,
            mongo,
            http,
            servers: Arc::new(Mutex::new(servers)),
            leash: leash.clone(),
            is_cluster: cluster,
            earlier,
        };
        let [_, doors, _] = world.urls();
        world.gateway.doorbell.lead_to(doors);
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
        self.gateway.doorbell.set(Ring::Lost);
        let all: &[On] = if self.is_cluster {
            &[On::Rabbit2, On::Rabbit3, On::Mongo2, On::Mongo3]
        } else {
            &[On::Postgres]
        };
        for on in all.iter().copied().chain([On::Rabbit, On::Mongo]) {
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
                self.replica(at, number).change_to(Release::Todays);
                self.restart(at, number, &[]).await?;
            }
        }
        self.until_ready().await
    }

    /// Ends a copy gently and starts it as another release, as a rolling upgrade does; returns when it is ready.
    ///
    /// # Errors
    /// When it does not end well or does not become ready.
    pub async fn roll(&mut self, at: At, number: usize, release: Release) -> Result<()> {
        let replica = self.replica(at, number);
        replica.terminate(Duration::from_secs(20)).await?;
        replica.change_to(release);
        replica.start(&[])?;
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

    /// `kill -9` of a server.
    ///
    /// # Errors
    /// When this program is ending.
    pub async fn kill(&self, on: On) -> Result<()> {
        let kill = |server: &mut Server, _: &Leash| {
            server.kill();
            Ok(())
        };
        self.server(on, kill).await
    }

    /// Where a server is, as `host:port`.
    ///
    /// # Errors
    /// When the server has no such address.
    pub fn place(&self, on: On, variable: &str) -> Result<String> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let url = servers.running[on as usize].variable(variable).with_context(|| variable.to_owned())?;
        Ok(place(url))
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

/// Where everything is: URLs. Of what is no cluster, the one server stands for all three.
struct Places {
    postgres: String,
    rabbits: [String; 3],
    management: String,
    mongos: [String; 3],
    is_cluster: bool,
}

impl Places {
    fn of(servers: &Servers, cluster: bool) -> Result<Self> {
        let variable = |on: On, name: &str| {
            let value = servers.running[on as usize].variable(name).map(str::to_owned);
            value.with_context(|| format!("{name} is unknown"))
        };
        let all = |three: [On; 3], name: &str| -> Result<[String; 3]> {
            let [one, two, three] = if cluster { three } else { [three[0]; 3] };
            Ok([variable(one, name)?, variable(two, name)?, variable(three, name)?])
        };
        Ok(Self {
            postgres: variable(On::Postgres, "GARAGE_TEST_POSTGRES_URL")?,
            rabbits: all(NODES, "GARAGE_TEST_RABBITMQ_URL")?,
            management: variable(On::Rabbit, "GARAGE_TEST_RABBITMQ_MANAGEMENT_URL")?,
            mongos: all(MEMBERS, "GARAGE_TEST_MONGODB_URI")?,
            is_cluster: cluster,
        })
    }

    /// Our own way to MongoDB; a replica set is initiated first.
    async fn mongo(&self) -> Result<mongodb::Client> {
        if !self.is_cluster {
            return Ok(mongodb::Client::with_uri_str(&self.mongos[0]).await?);
        }
        let first =
            mongodb::Client::with_uri_str(format!("{}/?directConnection=true", self.mongos[0])).await?;
        let member = |(number, url): (i32, &String)| doc! { "_id": number, "host": place(url) };
        let members: Vec<_> = (0..).zip(&self.mongos).map(member).collect();
        let wish = doc! { "_id": REPLICA_SET, "members": members,
        "settings": { "electionTimeoutMillis": 3000 } };
        first
            .database("admin")
            .run_command(doc! { "replSetInitiate": wish })
            .await
            .context("a replica set")?;
        Ok(mongodb::Client::with_uri_str(self.replica_set("admin")).await?)
    }

    /// Our own way to PostgreSQL, with the services' databases made. With a stand-by, commits wait for it from now on.
    async fn sql(&self) -> Result<PgPool> {
        let pool = pool(&self.postgres).await?;
        for name in [DATABASES[0], DATABASES[2]] {
            sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&pool).await?;
        }
        if self.is_cluster {
            let wait = format!("ALTER SYSTEM SET synchronous_standby_names = '{STAND_BY}'");
            sqlx::raw_sql(AssertSqlSafe(wait)).execute(&pool).await?;
            sqlx::raw_sql("SELECT pg_reload_conf()").execute(&pool).await?;
        }
        Ok(pool)
    }

    fn replica_set(&self, database: &str) -> String {
        let hosts: Vec<String> = self.mongos.iter().map(|url| place(url)).collect();
        format!("mongodb://{}/{database}?replicaSet={REPLICA_SET}", hosts.join(","))
    }

    /// A service reaches its servers by wire; a replica set, whose members tell where they are, without.
    fn environment(&self, at: At, wires: &Wires, gateway: &str) -> Vec<(String, String)> {
        let database = wires.database.near();
        let name = DATABASES[at as usize];
        let rabbit = &self.rabbits[0];
        let mut variables = vec![
            ("RABBITMQ_URL", rabbit.replace(&place(rabbit), &wires.broker.near().to_string())),
            ("JWT_SECRET", SECRET.to_owned()),
            ("RUST_LOG", "warn,lapin=off".to_owned()),
        ];
        match at {
            At::Os | At::Execution => {
                let url = self.postgres.replace(&place(&self.postgres), &database.to_string());
                variables.push(("DATABASE_URL", format!("{}/{name}", url.trim_end_matches("/postgres"))));
            }
            At::Billing => {
                let alone = format!("mongodb://{database}/{name}?directConnection=true");
                variables.push(("MONGODB_URI", if self.is_cluster { self.replica_set(name) } else { alone }));
                variables.push(("PAYMENT_GATEWAY", "mercado-pago".to_owned()));
                variables.push(("MERCADOPAGO_ACCESS_TOKEN", TOKEN.to_owned()));
                variables.push(("MERCADOPAGO_BASE_URL", format!("http://{gateway}")));
                variables.push(("MERCADOPAGO_WEBHOOK_SECRET", doorbell::SECRET.to_owned()));
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

/// A few connections to PostgreSQL, past the wires.
///
/// # Errors
/// When it is away.
pub(crate) async fn pool(postgres: &str) -> Result<PgPool> {
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(20));
    options.connect(postgres).await.context("PostgreSQL")
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
