//! A fresh database of each sort.

use std::sync::Arc;

use async_trait::async_trait;
use garage_kit::{
    clock::Clock,
    store::{
        Change, Outcome, Store,
        mongo::MongoStore,
        sql::{Migrations, SqlStore},
    },
    testing::{
        MongoDatabase, PostgresDatabase, mongo_database, postgres_database,
        store::{AUTHORS, Backend, KINDS},
    },
};
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use tempfile::TempDir;

pub(crate) fn migrations() -> Migrations {
    Migrations {
        postgres: sqlx::migrate!("tests/migrations/postgres"),
        sqlite: sqlx::migrate!("tests/migrations/sqlite"),
    }
}

/// Those of a later program, which has added a column.
fn newer_migrations() -> Migrations {
    let Migrations { postgres, sqlite } = migrations();
    let more = |known: &Migrator| {
        let column = "ALTER TABLE books ADD COLUMN shelf TEXT".into_sql_str();
        let added = Migration::new(9000, "shelf".into(), MigrationType::Simple, column, false);
        Migrator::with_migrations(known.iter().cloned().chain([added]).collect())
    };
    Migrations { postgres: more(&postgres), sqlite: more(&sqlite) }
}

/// A newer program makes its tables; the older one starts beside it, or again after it, and writes.
pub(crate) async fn old_and_new(url: &str) {
    let author = |name: &str| Change {
        kind: &AUTHORS,
        id: Clock::system().id(),
        expected: 0,
        body: Some(format!(r#"{{"state":{{}},"index":{{"name":"{name}"}}}}"#)),
        messages: Vec::new(),
    };
    for (migrations, name) in [
        (migrations(), "Ana"),
        (newer_migrations(), "Bia"),
        (migrations(), "Caio"),
        (newer_migrations(), "Davi"),
    ] {
        let store = SqlStore::connect(url, migrations, &KINDS).await.unwrap();
        assert_eq!(store.commit(&[author(name)]).await.unwrap(), [Outcome::Committed], "{name}");
        store.close().await;
    }
}

pub(crate) struct Postgres(pub(crate) PostgresDatabase);

pub(crate) async fn postgres() -> Postgres {
    Postgres(postgres_database("kit").await)
}

#[async_trait]
impl Backend for Postgres {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqlStore::connect(&self.0.url(), migrations(), &KINDS).await.unwrap())
    }

    fn has_foreign_keys(&self) -> bool {
        true
    }
}

pub(crate) struct Sqlite(pub(crate) TempDir);

pub(crate) async fn sqlite() -> Sqlite {
    Sqlite(tempfile::tempdir().unwrap())
}

impl Sqlite {
    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.0.path().join("books 100%.db").display())
    }
}

#[async_trait]
impl Backend for Sqlite {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SqlStore::connect(&self.url(), migrations(), &KINDS).await.unwrap())
    }

    fn has_foreign_keys(&self) -> bool {
        true
    }
}

pub(crate) struct Mongo(pub(crate) MongoDatabase);

pub(crate) async fn mongo() -> Mongo {
    Mongo(mongo_database("kit"))
}

#[async_trait]
impl Backend for Mongo {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(MongoStore::connect(&self.0.uri(), "unused", &KINDS).await.unwrap())
    }

    fn has_foreign_keys(&self) -> bool {
        false
    }
}
