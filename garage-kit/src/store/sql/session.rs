//! Connections, in pools by what they are for. Behind two small traits so that the store itself is not generic.

use async_trait::async_trait;
use sqlx::{Database, Pool, SqlStr, Transaction};

use super::dialect::{Dialect, Driver, Parameter, Rows};

/// A database to talk to.
#[async_trait]
pub(super) trait Sessions: Send + Sync {
    /// Runs one statement that searches.
    async fn search(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error>;

    /// Runs one statement that reads by ids.
    async fn load(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error>;

    /// Runs one statement that writes, as a transaction of its own.
    async fn write(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error>;

    /// Opens a transaction.
    async fn begin(&self) -> Result<Box<dyn Work>, sqlx::Error>;

    /// Lets go of all connections, once they are idle.
    async fn close(&self);
}

/// A transaction; dropped without a commit, it leaves nothing.
#[async_trait]
pub(super) trait Work: Send {
    /// Runs one statement.
    async fn run(&mut self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error>;

    /// Makes it last.
    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error>;
}

/// The connections to one database. Two of the pools may be one and the same.
pub(super) struct Pools<DB: Database> {
    pub(super) searching: Pool<DB>,
    pub(super) loading: Pool<DB>,
    pub(super) writing: Pool<DB>,
    pub(super) dialect: &'static Dialect,
}

impl<DB: Driver> Pools<DB> {
    async fn run(pool: &Pool<DB>, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        DB::rows(&mut *pool.acquire().await?, sql, parameters).await
    }
}

#[async_trait]
impl<DB: Driver> Sessions for Pools<DB> {
    async fn search(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        Self::run(&self.searching, sql, parameters).await
    }

    async fn load(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        Self::run(&self.loading, sql, parameters).await
    }

    async fn write(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        Self::run(&self.writing, sql, parameters).await
    }

    async fn begin(&self) -> Result<Box<dyn Work>, sqlx::Error> {
        Ok(Box::new(self.writing.begin_with(self.dialect.begin).await?))
    }

    async fn close(&self) {
        for pool in [&self.searching, &self.loading, &self.writing] {
            pool.close().await;
        }
    }
}

#[async_trait]
impl<DB: Driver> Work for Transaction<'static, DB> {
    async fn run(&mut self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        DB::rows(&mut *self, sql, parameters).await
    }

    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error> {
        Transaction::commit(*self).await
    }
}
