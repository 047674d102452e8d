//! `sslmode=verify-full&sslrootcert=` to a real PostgreSQL, whose certificate is changed while it runs.

use std::{path::Path, str::FromStr, time::Duration};

use garage_kit::{
    Failure,
    store::sql::{Migrations, SqlStore},
    testing::{PostgresDatabase, postgres_database, store::KINDS},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep},
};

use crate::{
    authority::{Authority, Shown},
    variable,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// There is one server, and it shows one certificate at a time.
static SERVER: Mutex<()> = Mutex::const_new(());

/// The tests' server while it shows what we want; others of this program wait.
struct Server {
    database: PostgresDatabase,
    _ours: MutexGuard<'static, ()>,
}

async fn administrator() -> PgConnection {
    let options = PgConnectOptions::from_str(&variable("GARAGE_TEST_POSTGRES_URL")).unwrap();
    options.ssl_mode(PgSslMode::Disable).connect().await.unwrap()
}

async fn set(settings: &[(&str, &str)]) {
    let mut administrator = administrator().await;
    for (name, value) in settings {
        let sql = AssertSqlSafe(format!("ALTER SYSTEM SET {name} = '{value}'"));
        sqlx::raw_sql(sql).execute(&mut administrator).await.unwrap();
    }
    sqlx::raw_sql("SELECT pg_reload_conf()").execute(&mut administrator).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    for (name, value) in settings {
        while shown(name).await != *value {
            assert!(Instant::now() < deadline, "the server does not take {name} = {value}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// What holds for a connection that is made now.
async fn shown(setting: &str) -> String {
    let sql = AssertSqlSafe(format!("SHOW {setting}"));
    let mut administrator = administrator().await;
    sqlx::query_scalar(sql).fetch_one(&mut administrator).await.unwrap()
}

impl Server {
    async fn that_shows(certificate: &Shown, name: &str) -> Self {
        let ours = SERVER.lock().await;
        let folder = variable("GARAGE_TEST_TLS_FOLDER");
        let [certificate, key] = certificate.write_into(Path::new(&folder), name);
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        set(&[("ssl_cert_file", &certificate), ("ssl_key_file", &key), ("ssl", "on")]).await;
        Self { database: postgres_database("tls").await, _ours: ours }
    }

    async fn without_tls() -> Self {
        let ours = SERVER.lock().await;
        set(&[("ssl", "off")]).await;
        Self { database: postgres_database("tls").await, _ours: ours }
    }

    async fn connect(&self, host: &str, trusted: &Authority) -> Result<SqlStore, Failure> {
        let options = PgConnectOptions::from_str(&self.database.url()).unwrap();
        let (port, name) = (options.get_port(), options.get_database().unwrap());
        let asked = format!("sslmode=verify-full&sslrootcert={}", trusted.file().display());
        let url = format!("postgres://postgres@{host}:{port}/{name}?{asked}");
        let migrations = Migrations {
            postgres: sqlx::migrate!("tests/migrations/postgres"),
            sqlite: sqlx::migrate!("tests/migrations/sqlite"),
        };
        SqlStore::connect(&url, migrations, &KINDS).await
    }

    async fn refused(&self, host: &str, trusted: &Authority) -> String {
        self.connect(host, trusted).await.err().unwrap().to_string()
    }

    /// How many connections to our database there are, with TLS and without.
    async fn connections(&self) -> (i64, i64) {
        let options = PgConnectOptions::from_str(&self.database.url()).unwrap();
        let sql = "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) \
                   FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = $1";
        let mut administrator = administrator().await;
        let name = options.get_database().unwrap().to_owned();
        sqlx::query_as(sql).bind(name).fetch_one(&mut administrator).await.unwrap()
    }
}

#[tokio::test]
async fn only_a_server_that_our_authority_vouches_for_by_its_name_is_talked_to() {
    let authority = Authority::new();
    let server = Server::that_shows(&authority.certificate(), "postgres").await;
    let store = server.connect("localhost", &authority).await.unwrap();
    let (with, without) = server.connections().await;
    assert!(with > 0 && without == 0, "{with} with TLS, {without} without");
    store.close().await;
    let told = server.refused("localhost", &Authority::new()).await;
    assert!(told.contains("UnknownIssuer") || told.contains("BadSignature"), "{told}");
    let told = server.refused("127.0.0.1", &authority).await;
    assert!(told.contains("not valid for name"), "{told}");
}

#[tokio::test]
async fn a_server_whose_certificate_has_expired_is_not_talked_to() {
    let authority = Authority::new();
    let server = Server::that_shows(&authority.expired_certificate(), "postgres-expired").await;
    let told = server.refused("localhost", &authority).await;
    assert!(told.contains("expired"), "{told}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to_by_who_asks_for_it() {
    let server = Server::without_tls().await;
    let told = server.refused("localhost", &Authority::new()).await;
    assert!(told.to_lowercase().contains("tls"), "{told}");
}
