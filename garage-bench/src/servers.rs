//! The servers that everything is measured on: private ones, started by `cargo xtask bench`, which says in the
//! environment where they are and which processes they are.

use anyhow::{Context, Result};
use clap::Args;
use lapin::{Connection, ConnectionProperties};
use serde_json::Value;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

use crate::{drive::named, processes::Named};

/// Where they are.
#[derive(Args, Clone)]
pub(crate) struct Servers {
    /// postgres://…/postgres
    #[arg(long, env = "GARAGE_TEST_POSTGRES_URL")]
    pub(crate) postgres: String,
    /// mongodb://host:port
    #[arg(long, env = "GARAGE_TEST_MONGODB_URI")]
    pub(crate) mongodb: String,
    /// amqp://…
    #[arg(long, env = "GARAGE_TEST_RABBITMQ_URL")]
    pub(crate) rabbitmq: String,
    /// http://user:password@host:port of the broker's management
    #[arg(long, env = "GARAGE_TEST_RABBITMQ_MANAGEMENT_URL")]
    pub(crate) management: String,
    /// The servers' processes: postgres=PID,mongodb=PID,rabbitmq=PID
    #[arg(long = "server", env = "GARAGE_BENCH_SERVERS", value_delimiter = ',', value_parser = named)]
    pub(crate) processes: Vec<Named>,
    /// Their versions, for the document
    #[arg(long, env = "GARAGE_BENCH_VERSIONS", default_value = "unknown servers")]
    pub(crate) versions: String,
    /// What the databases' names end with.
    #[arg(skip)]
    set: &'static str,
}

/// The databases of the services, as the services themselves call them.
const DATABASES: [&str; 2] = ["os_service", "execution_service"];
/// Ends the names of another shop's databases, and names its queues' virtual host.
const BESIDE: &str = "_beside";

impl Servers {
    /// The same servers with databases and queues for another shop, made if they are not there.
    pub(crate) async fn beside(&self) -> Result<Self> {
        let address = format!("{}/api/vhosts/{BESIDE}", self.management.trim_end_matches('/'));
        let client = reqwest::Client::builder().no_proxy().build()?;
        client.put(address).send().await.context("the broker's management")?.error_for_status()?;
        let rabbitmq = format!("{}/{BESIDE}", self.rabbitmq.trim_end_matches('/'));
        let beside = Self { rabbitmq, set: BESIDE, ..self.clone() };
        beside.make_databases().await?;
        Ok(beside)
    }

    /// Makes the two databases in PostgreSQL; MongoDB makes its own.
    pub(crate) async fn make_databases(&self) -> Result<()> {
        let mut connection = self.postgres_at("postgres").await?;
        for name in DATABASES.map(|name| format!("{name}{}", self.set)) {
            let there = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(&name);
            if there.fetch_optional(&mut connection).await?.is_none() {
                let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
                sqlx::query(create).execute(&mut connection).await?;
            }
        }
        Ok(())
    }

    /// The address of one service's database in PostgreSQL.
    pub(crate) fn service_url(&self, service: &str) -> String {
        self.postgres_url(&format!("{service}_service{}", self.set))
    }

    fn postgres_url(&self, database: &str) -> String {
        let (server, _) = self.postgres.rsplit_once('/').unwrap_or((&self.postgres, ""));
        format!("{server}/{database}")
    }

    /// A connection to one database in PostgreSQL.
    pub(crate) async fn postgres_at(&self, database: &str) -> Result<PgConnection> {
        let options: PgConnectOptions =
            self.postgres_url(database).parse().context("the address of PostgreSQL")?;
        options.connect().await.with_context(|| format!("PostgreSQL, database {database}"))
    }

    /// Billing's address in MongoDB.
    pub(crate) fn billing_uri(&self) -> String {
        format!("{}/billing_service{}", self.mongodb.trim_end_matches('/'), self.set)
    }

    /// A client of MongoDB.
    pub(crate) async fn mongo(&self) -> Result<mongodb::Client> {
        mongodb::Client::with_uri_str(&self.mongodb).await.context("MongoDB")
    }

    /// A connection to the broker.
    pub(crate) async fn amqp(&self) -> Result<Connection> {
        Connection::connect(&self.rabbitmq, ConnectionProperties::default()).await.context("RabbitMQ")
    }

    /// What the broker's management answers.
    pub(crate) async fn management(&self, path: &str) -> Result<Value> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("{}{path}", self.management.trim_end_matches('/'));
        let answer = client.get(url).send().await.context("the broker's management")?;
        Ok(serde_json::from_str(&answer.error_for_status()?.text().await?)?)
    }
}
