//! Aggregates in PostgreSQL or SQLite, whichever the URL says, with the same SQL text for both. A kind is a
//! table `(id, version, body)`; its fields are columns that the database derives from the body by itself, so
//! that unique indexes and foreign keys hold on them. Messages wait in the table `outbox`, written in the
//! same transaction. The tables are made by the service's migrations; `tests/migrations` has an example of
//! each. Nothing here creates a database or a folder.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{SqlStr, migrate::Migrator};
use tokio::time::timeout;
use uuid::Uuid;

use self::{
    commit::Statements,
    dialect::{Dialect, Parameter, Rows},
    open::Opened,
    session::Sessions,
    table::{Outbox, Table},
};
use crate::{
    Failure,
    store::{Change, Kind, Message, Outcome, Query, Record, Store, pool::Pool},
};

mod commit;
mod dialect;
mod nul;
mod open;
mod rows;
mod select;
mod session;
mod table;
mod trouble;

/// Connections to PostgreSQL, unless told otherwise.
const CONNECTIONS: u32 = 8;
/// Past this an answer is not worth waiting for; what was underway is undone or, if it was a commit, unknown.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ids that one statement takes.
const IDS: usize = 2048;
const LOADING: &str = "loading records";
const COUNTING: &str = "counting records";

/// A service's schema in both dialects: `sqlx::migrate!("migrations/postgres")` and its sibling.
#[derive(Debug)]
pub struct Migrations {
    /// For PostgreSQL.
    pub postgres: Migrator,
    /// For SQLite.
    pub sqlite: Migrator,
}

/// Aggregates in PostgreSQL or SQLite.
pub struct SqlStore {
    sessions: Arc<dyn Sessions>,
    place: String,
    tables: HashMap<&'static str, Table>,
    kinds: &'static [&'static Kind],
    outbox: Outbox,
    dialect: &'static Dialect,
    /// In bytes, what a statement is given at once.
    longest: usize,
    statements: Statements,
}

impl SqlStore {
    /// Opens `postgres://…` or `sqlite:path`, brings its schema up to date and checks that every kind has
    /// its table.
    ///
    /// # Errors
    /// When the database cannot be reached, is missing or has another schema. The text names the place,
    /// never the password.
    pub async fn connect(
        url: &str,
        migrations: Migrations,
        kinds: &'static [&'static Kind],
    ) -> Result<Self, Failure> {
        Self::connect_with(url, migrations, kinds, CONNECTIONS).await
    }

    /// The same with another number of connections to PostgreSQL.
    ///
    /// # Errors
    /// See [`Self::connect`].
    pub async fn connect_with(
        url: &str,
        mut migrations: Migrations,
        kinds: &'static [&'static Kind],
        connections: u32,
    ) -> Result<Self, Failure> {
        // Changes are additive: a program may start beside a newer one, or after it when that was taken back.
        migrations.postgres.set_ignore_missing(true);
        migrations.sqlite.set_ignore_missing(true);
        let Opened { sessions, dialect, place, longest } =
            if url.starts_with("postgres://") || url.starts_with("postgresql://") {
                open::postgres(url, &migrations.postgres, connections).await?
            } else if let Some(path) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
                open::sqlite(path, &migrations.sqlite).await?
            } else {
                return Err(Failure::lasting(
                    "opening the database",
                    "its URL must begin with postgres:// or sqlite:",
                ));
            };
        let mut store = Self {
            sessions,
            place,
            tables: HashMap::new(),
            kinds,
            outbox: Outbox::new(dialect),
            dialect,
            longest,
            statements: Statements::default(),
        };
        for kind in kinds {
            let columns = store
                .read(
                    "checking the schema",
                    SqlStr::from_static(dialect.columns),
                    vec![kind.name.to_owned().into()],
                )
                .await?;
            store.tables.insert(kind.name, Table::new(kind, dialect, columns)?);
        }
        Ok(store)
    }

    /// Lets go of the database, once what is underway has ended.
    pub async fn close(&self) {
        self.sessions.close().await;
    }

    fn table(&self, kind: &Kind) -> Result<&Table, Failure> {
        let unknown =
            || Failure::lasting("naming a table", format!("{} was not named at connect", kind.name));
        self.tables.get(kind.name).ok_or_else(unknown)
    }

    /// A value that the column's type cannot have is in no record.
    async fn read(
        &self,
        doing: &'static str,
        sql: SqlStr,
        parameters: Vec<Parameter>,
    ) -> Result<Rows, Failure> {
        match self.within(doing, self.sessions.search(sql, parameters)).await? {
            Err(error) if trouble::is_no_value(&error) => Ok(Rows::new()),
            answer => answer.map_err(|error| self.failure(doing, &error)),
        }
    }

    async fn forget(&self, messages: &[Message]) -> Result<(), sqlx::Error> {
        let ids = sorted(messages);
        for ids in ids.chunks(IDS) {
            let ids = || vec![Parameter::Ids(ids.to_vec())];
            self.contended(|| self.sessions.write(self.outbox.sent.clone(), ids())).await?;
        }
        Ok(())
    }

    fn failure(&self, doing: &'static str, error: &sqlx::Error) -> Failure {
        trouble::failure(doing, &self.place, error)
    }

    async fn within<T>(&self, doing: &'static str, work: impl Future<Output = T>) -> Result<T, Failure> {
        let late = |_| Failure::passing(doing, format!("{} did not answer within {PATIENCE:?}", self.place));
        timeout(PATIENCE, work).await.map_err(late)
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn load(&self, kind: &'static Kind, ids: &[Uuid]) -> Result<Vec<Record>, Failure> {
        let table = self.table(kind)?;
        let mut records = Vec::new();
        for ids in ids.chunks(IDS) {
            let read = self.sessions.load(table.load.clone(), vec![Parameter::Ids(ids.to_vec())]);
            let rows = self.within(LOADING, read).await?.map_err(|error| self.failure(LOADING, &error))?;
            records.extend(rows.into_iter().map(record).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(records)
    }

    async fn find(&self, kind: &'static Kind, query: &Query) -> Result<Vec<Record>, Failure> {
        let (sql, parameters) = self.table(kind)?.select(query)?;
        if nul::is_in(&parameters) {
            return Ok(Vec::new());
        }
        self.read("finding records", sql, texts(parameters)).await?.into_iter().map(record).collect()
    }

    async fn count(&self, kind: &'static Kind, query: &Query) -> Result<u64, Failure> {
        let (sql, parameters) = self.table(kind)?.count(query)?;
        if nul::is_in(&parameters) {
            return Ok(0);
        }
        let rows = self.read(COUNTING, sql, texts(parameters)).await?;
        let Some(count) = rows.first().and_then(|row| row.first()) else { return Ok(0) };
        count.parse().map_err(|cause| Failure::lasting(COUNTING, cause))
    }

    async fn commit(&self, changes: &[Change]) -> Result<Vec<Outcome>, Failure> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        self.within("committing", self.settle(changes)).await?
    }

    async fn unsent(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<Message>, Failure> {
        let parameters = texts(vec![before.timestamp_millis().to_string(), limit.to_string()]);
        let rows = self.read("reading the outbox", self.outbox.unsent.clone(), parameters).await?;
        rows.iter().flatten().map(|text| message(text)).collect()
    }

    async fn sent(&self, messages: &[Message]) -> Result<(), Failure> {
        if messages.is_empty() {
            return Ok(());
        }
        let forgotten = self.within("marking messages as sent", self.forget(messages)).await?;
        forgotten.map_err(|error| self.failure("marking messages as sent", &error))
    }

    async fn ping(&self) -> Result<(), Failure> {
        self.read("asking the database", SqlStr::from_static("SELECT '1'"), Vec::new()).await.map(drop)
    }

    fn pools(&self) -> Vec<Pool> {
        self.sessions.pools()
    }
}

fn record(row: Vec<String>) -> Result<Record, Failure> {
    let broken = || Failure::lasting("reading a record", "its row is not (id, version, body)");
    let [id, version, body] = <[String; 3]>::try_from(row).map_err(|_| broken())?;
    Ok(Record {
        id: id.parse().map_err(|_| broken())?,
        version: version.parse().map_err(|_| broken())?,
        body: nul::show(body)?,
    })
}

/// The messages' ids in one order for all replicas, as for records.
fn sorted(messages: &[Message]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = messages.iter().map(|message| message.id).collect();
    ids.sort_unstable();
    ids
}

fn texts(parameters: Vec<String>) -> Vec<Parameter> {
    parameters.into_iter().map(Parameter::Text).collect()
}

fn message(text: &str) -> Result<Message, Failure> {
    serde_json::from_str(text).map_err(|cause| Failure::lasting("reading a message of the outbox", cause))
}
