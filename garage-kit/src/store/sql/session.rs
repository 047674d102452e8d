//! Connections: a pool that reads and a pool that writes, which are one and the same in PostgreSQL. Behind
//! two small traits so that the store itself is not generic.

use async_trait::async_trait;
use sqlx::{Database, Pool, SqlStr, Transaction};

use super::dialect::{Dialect, Driver, Rows};

/// A database to talk to.
#[async_trait]
pub(super) trait Sessions: Send + Sync {
    /// Runs one statement that reads.
    async fn read(&self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error>;

    /// Runs one statement that writes, as a transaction of its own.
    async fn write(&self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error>;

    /// Opens a transaction.
    async fn begin(&self) -> Result<Box<dyn Work>, sqlx::Error>;

    /// Lets go of all connections, once they are idle.
    async fn close(&self);
}

/// A transaction; dropped without a commit, it leaves nothing.
#[async_trait]
pub(super) trait Work: Send {
    /// Runs one statement.
    async fn run(&mut self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error>;

    /// Makes it last.
    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error>;
}

/// The connections to one database.
pub(super) struct Pools<DB: Database> {
    pub(super) readers: Pool<DB>,
    pub(super) writers: Pool<DB>,
    pub(super) dialect: &'static Dialect,
}

#[async_trait]
impl<DB: Driver> Sessions for Pools<DB> {
    async fn read(&self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error> {
        let mut connection = self.readers.acquire().await?;
        DB::rows(&mut connection, sql, parameters).await
    }

    async fn write(&self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error> {
        let mut connection = self.writers.acquire().await?;
        DB::rows(&mut connection, sql, parameters).await
    }

    async fn begin(&self) -> Result<Box<dyn Work>, sqlx::Error> {
        Ok(Box::new(self.writers.begin_with(self.dialect.begin).await?))
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

#[async_trait]
impl<DB: Driver> Work for Transaction<'static, DB> {
    async fn run(&mut self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error> {
        DB::rows(&mut *self, sql, parameters).await
    }

    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error> {
        Transaction::commit(*self).await
    }
}
