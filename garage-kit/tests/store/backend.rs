//! A fresh database of each sort.

use std::sync::Arc;

use async_trait::async_trait;
use garage_kit::{
    store::{
        Store,
        mongo::MongoStore,
        sql::{Migrations, SqlStore},
    },
    testing::{
        MongoDatabase, PostgresDatabase, mongo_database, postgres_database,
        store::{Backend, KINDS},
    },
};
use tempfile::TempDir;

pub(crate) fn migrations() -> Migrations {
    Migrations {
        postgres: sqlx::migrate!("tests/migrations/postgres"),
        sqlite: sqlx::migrate!("tests/migrations/sqlite"),
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
