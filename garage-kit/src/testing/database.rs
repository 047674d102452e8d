//! A fresh database for one test, dropped with its guard, also when the test panics.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot begin must stop, and say why")]

use std::{env, future::Future, str::FromStr, thread};

use mongodb::Client;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};

use crate::clock::Clock;

/// A database in PostgreSQL that lives as long as this value.
#[derive(Debug)]
pub struct PostgresDatabase {
    name: String,
    admin: PgConnectOptions,
}

/// A database in PostgreSQL whose name begins with `prefix`.
///
/// # Panics
/// When `GARAGE_TEST_POSTGRES_URL` is not set or its server is away.
pub async fn postgres_database(prefix: &str) -> PostgresDatabase {
    let admin = PgConnectOptions::from_str(&server("GARAGE_TEST_POSTGRES_URL"))
        .expect("GARAGE_TEST_POSTGRES_URL must be an URL");
    let database = PostgresDatabase { name: fresh(prefix), admin };
    administer(database.admin.clone(), format!("CREATE DATABASE {}", database.name)).await;
    database
}

impl PostgresDatabase {
    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.admin.clone().database(&self.name).to_url_lossy().to_string()
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let admin = self.admin.clone();
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        apart(move || administer(admin, drop));
    }
}

async fn administer(admin: PgConnectOptions, sql: String) {
    let mut connection = admin.connect().await.expect("the PostgreSQL server of the tests must answer");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("databases come and go");
    connection.close().await.expect("a connection ends");
}

/// A database in MongoDB that lives as long as this value.
#[derive(Debug)]
pub struct MongoDatabase {
    name: String,
    server: String,
}

/// A database in MongoDB whose name begins with `prefix`. The first write creates it.
///
/// # Panics
/// When `GARAGE_TEST_MONGODB_URI` is not set.
#[must_use]
pub fn mongo_database(prefix: &str) -> MongoDatabase {
    MongoDatabase { name: fresh(prefix), server: server("GARAGE_TEST_MONGODB_URI") }
}

impl MongoDatabase {
    /// Its URI.
    #[must_use]
    pub fn uri(&self) -> String {
        let (server, options) = self.server.split_once('?').unwrap_or((&self.server, ""));
        format!("{}/{}?{options}", server.trim_end_matches('/'), self.name)
    }
}

impl Drop for MongoDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        apart(move || async move {
            let client = Client::with_uri_str(&server).await.expect("GARAGE_TEST_MONGODB_URI must be an URI");
            client.database(&name).drop().await.expect("databases come and go");
        });
    }
}

fn server(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `cargo xtask test`, it starts private servers")
    })
}

fn fresh(prefix: &str) -> String {
    format!("{prefix}_{}", Clock::system().id().simple())
}

/// Runs something to its end on a thread of its own: a value is dropped inside another runtime, which may be
/// ending.
fn apart<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime starts").block_on(work());
    };
    if thread::spawn(run).join().is_err() {
        tracing::warn!("a test left its database behind");
    }
}
