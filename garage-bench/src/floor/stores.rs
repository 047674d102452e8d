//! The commits of the floors: a record and the message that it causes, stored together and durably, in the fewest
//! round trips that each database allows.

use anyhow::{Context, Result};
use bson::{Document, doc};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

use super::{EVENT, RECORD};

/// The longest list of rows in one statement, in bytes: what is longer than a segment would wait for a delayed
/// acknowledgement, as the driver (sqlx 0.9) does not set `TCP_NODELAY`.
const LENGTH: usize = 15_000;

const TABLES: &str = "
    DROP TABLE IF EXISTS floor_records, floor_outbox;
    CREATE TABLE floor_records (id uuid PRIMARY KEY, version bigint NOT NULL, body json NOT NULL);
    CREATE TABLE floor_outbox (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message json NOT NULL);";

/// Both in one statement, which is a transaction of its own.
const STORE: &str = "
    WITH record AS (
        INSERT INTO floor_records (id, version, body) VALUES ($1::uuid, 1, $2::json)
        ON CONFLICT (id) DO UPDATE SET version = floor_records.version + 1, body = EXCLUDED.body
    )
    INSERT INTO floor_outbox (message) VALUES ($3::json)";

/// The same for many records.
const STORE_MANY: &str = "
    WITH record AS (
        INSERT INTO floor_records (id, version, body) SELECT id, 1, body::json FROM unnest($1::uuid[], $2::text[]) AS given (id, body)
        ON CONFLICT (id) DO UPDATE SET version = floor_records.version + 1, body = EXCLUDED.body
    )
    INSERT INTO floor_outbox (message) SELECT message::json FROM unnest($3::text[]) AS message";

const DATABASE: &str = "floor";
const COLLECTION: &str = "records";

/// Both databases.
#[derive(Clone)]
pub(super) struct Stores {
    sql: PgPool,
    mongo: mongodb::Database,
    record: String,
    event: String,
}

impl Stores {
    /// Connects, and begins with nothing.
    pub(super) async fn open(postgres: &str, uri: &str, sagas: usize) -> Result<Self> {
        let options: PgConnectOptions = postgres.parse().context("the address of PostgreSQL")?;
        // More connections than this only wait for each other's syncs.
        let connections = u32::try_from(sagas.clamp(1, 64)).unwrap_or(64);
        let pool = PgPoolOptions::new().max_connections(connections).connect_with(options);
        let sql = pool.await.context("PostgreSQL")?;
        sqlx::raw_sql(TABLES).execute(&sql).await?;
        let mongo = mongodb::Client::with_uri_str(uri).await.context("MongoDB")?.database(DATABASE);
        mongo.collection::<Document>(COLLECTION).drop().await.context("MongoDB")?;
        let text = |bytes: usize| format!(r#"{{"state":"{}"}}"#, "x".repeat(bytes));
        Ok(Self { sql, mongo, record: text(RECORD), event: text(EVENT) })
    }

    /// One record with its message.
    pub(super) async fn store_sql(&self, id: Uuid) -> Result<()> {
        let stored =
            sqlx::query(STORE).bind(id.to_string()).bind(&self.record).bind(&self.event).execute(&self.sql);
        stored.await.context("a commit in PostgreSQL")?;
        Ok(())
    }

    /// Many records with their messages, in one transaction.
    pub(super) async fn store_sql_many(&self, ids: &[Uuid]) -> Result<()> {
        let a_statement = (LENGTH / (RECORD + EVENT)).max(1);
        let mut transaction = self.sql.begin().await?;
        for ids in ids.chunks(a_statement) {
            let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
            let bodies = vec![self.record.as_str(); ids.len()];
            let events = vec![self.event.as_str(); ids.len()];
            let statement = sqlx::query(STORE_MANY).bind(ids).bind(bodies).bind(events);
            statement.execute(&mut *transaction).await.context("a group commit in PostgreSQL")?;
        }
        transaction.commit().await.context("a group commit in PostgreSQL")?;
        Ok(())
    }

    /// Many documents with their messages inside, in one command that waits for majority and journal.
    pub(super) async fn store_mongo(&self, ids: &[Uuid]) -> Result<()> {
        let updates: Vec<Document> = ids.iter().map(|id| self.update(*id)).collect();
        let command = doc! {
            "update": COLLECTION, "ordered": false, "updates": updates,
            "writeConcern": { "w": "majority", "j": true },
        };
        let answer = self.mongo.run_command(command).await.context("a commit in MongoDB")?;
        anyhow::ensure!(!answer.contains_key("writeErrors"), "MongoDB refused a write: {answer}");
        Ok(())
    }

    fn update(&self, id: Uuid) -> Document {
        doc! {
            "q": { "_id": id.to_string() },
            "u": {
                "$inc": { "version": 1 },
                "$set": { "body": &self.record },
                "$push": { "outbox": &self.event },
            },
            "upsert": true,
        }
    }
}
