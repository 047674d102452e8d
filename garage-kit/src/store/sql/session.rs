//! Connections, in pools by what they are for. Behind two small traits so that the store itself is not generic.

use async_trait::async_trait;
use sqlx::{Database, Pool, SqlStr, Transaction, pool::PoolConnection};

use super::dialect::{Dialect, Driver, Parameter, Rows};
use crate::store::pool::{Pool as Shown, Underway};

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

    /// How the connections are used.
    fn pools(&self) -> Vec<Shown>;

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

/// Connections for one purpose, with its name for whoever watches over them.
pub(super) struct NamedPool<DB: Database> {
    name: &'static str,
    pub(super) pool: Pool<DB>,
    waiting: Underway,
}

impl<DB: Driver> NamedPool<DB> {
    /// These connections, by this name.
    pub(super) fn new(name: &'static str, pool: Pool<DB>) -> Self {
        Self { name, pool, waiting: Underway::default() }
    }

    async fn acquire(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
        let _wants = self.waiting.one();
        self.pool.acquire().await
    }

    async fn run(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        DB::rows(&mut *self.acquire().await?, sql, parameters).await
    }

    fn shown(&self) -> Shown {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        let most = self.pool.options().get_max_connections();
        let used = self.pool.size().saturating_sub(idle);
        Shown { name: self.name, most, idle, used, waiting: self.waiting.count() }
    }
}

/// The connections to one database.
pub(super) struct Pools<DB: Database> {
    pub(super) searching: NamedPool<DB>,
    pub(super) writing: NamedPool<DB>,
    /// Whether those that write also read by ids, and not those that search.
    pub(super) writers_load: bool,
    pub(super) dialect: &'static Dialect,
}

#[async_trait]
impl<DB: Driver> Sessions for Pools<DB> {
    async fn search(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        self.searching.run(sql, parameters).await
    }

    async fn load(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        let pool = if self.writers_load { &self.writing } else { &self.searching };
        pool.run(sql, parameters).await
    }

    async fn write(&self, sql: SqlStr, parameters: Vec<Parameter>) -> Result<Rows, sqlx::Error> {
        self.writing.run(sql, parameters).await
    }

    async fn begin(&self) -> Result<Box<dyn Work>, sqlx::Error> {
        let _wants = self.writing.waiting.one();
        Ok(Box::new(self.writing.pool.begin_with(self.dialect.begin).await?))
    }

    fn pools(&self) -> Vec<Shown> {
        vec![self.searching.shown(), self.writing.shown()]
    }

    async fn close(&self) {
        self.searching.pool.close().await;
        self.writing.pool.close().await;
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
