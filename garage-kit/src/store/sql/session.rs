//! Connections: a pool that reads and a pool that writes, which are one and the same in PostgreSQL. Behind
//! two small traits so that the store itself is not generic.

use async_trait::async_trait;
use sqlx::{Database, Pool, SqlStr, Transaction, pool::PoolConnection};

use super::dialect::{Dialect, Driver, Rows};
use crate::store::pool::{Pool as Shown, Underway};

/// A database to talk to.
#[async_trait]
pub(super) trait Sessions: Send + Sync {
    /// Runs one statement that reads.
    async fn read(&self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error>;

    /// Runs one statement that writes, as a transaction of its own.
    async fn write(&self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error>;

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
    async fn run(&mut self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error>;

    /// Makes it last.
    async fn commit(self: Box<Self>) -> Result<(), sqlx::Error>;
}

/// The connections to one database.
pub(super) struct Pools<DB: Database> {
    pub(super) readers: Pool<DB>,
    pub(super) writers: Pool<DB>,
    pub(super) dialect: &'static Dialect,
    /// What the two are called; one name where they are the same.
    pub(super) names: &'static [&'static str],
    /// Who wants to read, and who wants to write.
    pub(super) waiting: [Underway; 2],
}

#[async_trait]
impl<DB: Driver> Sessions for Pools<DB> {
    async fn read(&self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error> {
        let mut connection = self.reader().await?;
        DB::rows(&mut connection, sql, parameters).await
    }

    async fn write(&self, sql: SqlStr, parameters: Vec<String>) -> Result<Rows, sqlx::Error> {
        let mut connection = self.writer().await?;
        DB::rows(&mut connection, sql, parameters).await
    }

    async fn begin(&self) -> Result<Box<dyn Work>, sqlx::Error> {
        let _wants = self.waiting[1].one();
        Ok(Box::new(self.writers.begin_with(self.dialect.begin).await?))
    }

    fn pools(&self) -> Vec<Shown> {
        let [reading, writing] = [&self.waiting[0], &self.waiting[1]].map(Underway::count);
        if let [name] = self.names {
            return vec![shown(name, &self.writers, reading + writing)];
        }
        let pools = [(&self.readers, reading), (&self.writers, writing)];
        self.names.iter().zip(pools).map(|(name, (pool, waiting))| shown(name, pool, waiting)).collect()
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }
}

impl<DB: Driver> Pools<DB> {
    async fn reader(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
        let _wants = self.waiting[0].one();
        self.readers.acquire().await
    }

    async fn writer(&self) -> Result<PoolConnection<DB>, sqlx::Error> {
        let _wants = self.waiting[1].one();
        self.writers.acquire().await
    }
}

fn shown<DB: Database>(name: &'static str, pool: &Pool<DB>, waiting: u32) -> Shown {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    let most = pool.options().get_max_connections();
    Shown { name, most, idle, used: pool.size().saturating_sub(idle), waiting }
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
