//! Opening a database by its URL: PostgreSQL over the network, SQLite in a file. Both check early, with a
//! sentence for the operator; neither ever shows the password.

use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

use futures::TryFutureExt as _;
use sqlx::{
    ConnectOptions, Connection,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::timeout;

use super::{
    dialect::{Dialect, POSTGRES, SQLITE},
    session::{NamedPool, Pools, Sessions},
    trouble,
};
use crate::Failure;

const CONNECTING: &str = "connecting to PostgreSQL";
/// Connections to PostgreSQL that read and write by id: one commits, one marks what has left, others load.
const BY_ID: u32 = 4;
/// What is set on them. A server may be set to answer before a commit is on disk; ours must not. And statements which find
/// every row by its id are planned once: their plan is right whatever the tables hold, and to plan one costs more than to
/// run it.
const BY_ID_SETTINGS: &str = "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), \
                              set_config('enable_seqscan', 'off', false), \
                              set_config('enable_hashjoin', 'off', false), \
                              set_config('enable_mergejoin', 'off', false), \
                              CASE current_setting('synchronous_commit') WHEN 'off' \
                              THEN set_config('synchronous_commit', 'on', false) END";
/// How long a caller waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that rested longer than this is asked whether it still lives before it is used.
const RESTED: Duration = Duration::from_secs(1);
/// Connections that read the same file at once; each is a thread.
const READERS: u32 = 4;
/// How long a reader stays open for nothing.
const RESTING: Duration = Duration::from_secs(60);

/// An open database.
pub(super) struct Opened {
    pub(super) sessions: Arc<dyn Sessions>,
    pub(super) dialect: &'static Dialect,
    /// Its name for messages to the operator.
    pub(super) place: String,
    /// In bytes, what a statement is best given at once.
    pub(super) longest: usize,
}

/// What goes out in one piece: with what goes along, one segment of the loopback interface. Version 0.9.0 of sqlx forgets to
/// set `TCP_NODELAY` (sqlx #4335), so the end of anything longer waits some 40 ms for an acknowledgement that the server
/// delays; several short statements do not.
const ONE_SEGMENT: usize = 60_000;
/// The same for one TLS record.
const ONE_RECORD: usize = 15_000;

/// Connects to PostgreSQL and brings its schema up to date.
pub(super) async fn postgres(url: &str, migrator: &Migrator, connections: u32) -> Result<Opened, Failure> {
    let malformed = "the URL is not of the form postgres://user:password@host:port/database";
    let options = PgConnectOptions::from_str(url).map_err(|_| Failure::lasting(CONNECTING, malformed))?;
    let options = options.statement_cache_capacity(64);
    let place = place(&options);
    knock(&options, &place).await?;
    let open = async |name, pool: PgPoolOptions| match pool.connect_with(options.clone()).await {
        Ok(pool) => Ok(NamedPool::new(name, pool)),
        Err(error) => Err(trouble::unopened(CONNECTING, &place, &error)),
    };
    let settled = pool(BY_ID).after_connect(|connection, _| {
        Box::pin(sqlx::query(BY_ID_SETTINGS).execute(connection).map_ok(drop))
    });
    let by_id = open("by_id", settled).await?;
    migrator.run(&by_id.pool).await.map_err(|error| unmigrated(&place, &error))?;
    let is_tls = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let is_tls: bool = sqlx::query_scalar(is_tls)
        .fetch_one(&by_id.pool)
        .await
        .map_err(|error| trouble::unopened(CONNECTING, &place, &error))?;
    let longest = if is_tls { ONE_RECORD } else { ONE_SEGMENT };
    let searching = open("searching", pool(connections.saturating_sub(BY_ID).max(1))).await?;
    let pools = Pools { searching, writing: by_id, writers_load: true, dialect: &POSTGRES };
    Ok(Opened { sessions: Arc::new(pools), dialect: &POSTGRES, place, longest })
}

/// Asks a connection whether it lives only after a rest: to ask always would double the way to the server.
fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, rest| {
            Box::pin(async move {
                if rest.idle_for > RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!("{}:{}/{database}", options.get_host(), options.get_port())
}

/// The first connection is made outside the pool, which would hide the reason behind a time-out.
async fn knock(options: &PgConnectOptions, place: &str) -> Result<(), Failure> {
    match timeout(PATIENCE, options.connect()).await {
        Err(_) => Err(Failure::passing(CONNECTING, format!("{place} did not answer within {PATIENCE:?}"))),
        Ok(Err(sqlx::Error::Database(error))) if error.code().as_deref() == Some("3D000") => {
            let text = format!("{place}: there is no such database; create it with CREATE DATABASE");
            Err(Failure::lasting(CONNECTING, text))
        }
        Ok(Err(error)) => Err(trouble::unopened(CONNECTING, place, &error)),
        Ok(Ok(connection)) => {
            connection.close().await.map_err(|error| trouble::unopened(CONNECTING, place, &error))
        }
    }
}

/// Opens or creates a file and brings its schema up to date. The writer comes first: it makes the file and
/// its journal, which readers cannot.
pub(super) async fn sqlite(path: &str, migrator: &Migrator) -> Result<Opened, Failure> {
    let path = Path::new(path);
    let place = path.display().to_string();
    let pool =
        || SqlitePoolOptions::new().acquire_timeout(PATIENCE).max_lifetime(None).test_before_acquire(false);
    let writers = pool().max_connections(1).idle_timeout(None).connect_with(writing(path)).await;
    let writers = writers.map_err(|error| unopened(path, &error))?;
    migrator.run(&writers).await.map_err(|error| unmigrated(&place, &error))?;
    let readers = pool().max_connections(READERS).idle_timeout(RESTING).connect_with(reading(path)).await;
    let readers = readers.map_err(|error| unopened(path, &error))?;
    let pools = Pools {
        searching: NamedPool::new("readers", readers),
        writing: NamedPool::new("writers", writers),
        writers_load: false,
        dialect: &SQLITE,
    };
    Ok(Opened { sessions: Arc::new(pools), dialect: &SQLITE, place, longest: ONE_SEGMENT })
}

/// Caches are small: three such stores share one small process, and the system caches files anyway.
fn file(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .statement_cache_capacity(32)
        .pragma("cache_size", "-512")
}

/// FULL because in WAL mode anything less may lose the last commits when the power goes.
fn writing(path: &Path) -> SqliteConnectOptions {
    file(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", "16777216")
}

fn reading(path: &Path) -> SqliteConnectOptions {
    file(path).read_only(true)
}

fn unopened(path: &Path, error: &sqlx::Error) -> Failure {
    let place = path.display();
    let place = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            format!("{place}: there is no folder {}", folder.display())
        }
        _ => format!("{place}: is the folder writable, and is this a database"),
    };
    trouble::unopened("opening the SQLite file", &place, error)
}

fn unmigrated(place: &str, error: &MigrateError) -> Failure {
    const DOING: &str = "bringing the schema up to date";
    if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = &error {
        return trouble::unopened(DOING, place, error);
    }
    Failure::lasting(DOING, format!("{place}: {error}"))
}
