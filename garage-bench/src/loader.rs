//! Fills the stores with finished orders, fast: the newest finished one is copied inside the databases themselves, with
//! its ids replaced. So what is loaded is what the services wrote, whatever that is in this version. Ids carry a time
//! of 2024, so that lists show newer orders first.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bson::{Bson, Document, doc};
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::options::WriteConcern;
use sqlx::{ConnectOptions, Connection, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use uuid::Uuid;

use crate::servers::Servers;

/// Rows of one statement, so that none takes minutes.
const ROWS: u64 = 50_000;
/// Documents of one insert.
const DOCUMENTS: u64 = 1000;
/// Inserts at once.
const INSERTS: usize = 4;

/// What an id stands for; copies of different things must not meet.
#[derive(Clone, Copy)]
pub(crate) enum Thing {
    Order = 1,
    Quote = 2,
    Payment = 3,
    Execution = 4,
    Event = 5,
}

/// The id of copy `number` of a thing, as [`sql_copy`] writes it. `series` keeps loads apart.
pub(crate) fn copy(series: u8, thing: Thing, number: u64) -> String {
    format!("018d0000-{series:04x}-7{:03x}-8000-{number:012x}", thing as u8)
}

/// The databases' words for it.
#[derive(Clone, Copy)]
enum Dialect {
    Postgres,
    Sqlite,
}

/// The expression for the id of copy `i`.
fn sql_copy(dialect: Dialect, series: u8, thing: Thing) -> String {
    let start = format!("018d0000-{series:04x}-7{:03x}-8000-", thing as u8);
    match dialect {
        Dialect::Postgres => format!("('{start}' || lpad(to_hex(i), 12, '0'))"),
        Dialect::Sqlite => format!("printf('{start}%012x', i)"),
    }
}

/// The statement that copies row `ids[0]` of a table as the rows `from` to `until`, its ids replaced. Texts also know
/// ids without hyphens: the search does.
fn copying(
    dialect: Dialect,
    table: &str,
    ids: &[(Thing, Uuid)],
    series: u8,
    (from, until): (u64, u64),
) -> Result<String> {
    let (thing, own) = ids.first().context("a row has an id")?;
    let mut body = "CAST(t.body AS text)".to_owned();
    for (thing, id) in ids {
        let copy = sql_copy(dialect, series, *thing);
        body = format!("replace({body}, '{id}', {copy})");
    }
    let copy = sql_copy(dialect, series, *thing);
    body = format!("replace({body}, '{}', replace({copy}, '-', ''))", own.simple());
    Ok(match dialect {
        Dialect::Postgres => format!(
            "INSERT INTO {table} (id, version, body) SELECT CAST({copy} AS uuid), t.version, CAST({body} AS json) \
             FROM {table} AS t, generate_series({from}, {until}) AS i WHERE t.id = '{own}'"
        ),
        Dialect::Sqlite => format!(
            "WITH RECURSIVE series (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM series WHERE i < {until}) \
             INSERT INTO {table} (id, version, body) SELECT {copy}, t.version, {body} \
             FROM series JOIN {table} AS t ON t.id = '{own}'"
        ),
    })
}

fn parts(number: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..number.div_ceil(ROWS)).map(move |part| (part * ROWS, ((part + 1) * ROWS).min(number) - 1))
}

/// Copies one row of a table in PostgreSQL.
pub(crate) async fn copy_rows(
    connection: &mut PgConnection,
    table: &str,
    ids: &[(Thing, Uuid)],
    series: u8,
    number: u64,
) -> Result<()> {
    for part in parts(number) {
        let statement = copying(Dialect::Postgres, table, ids, series, part)?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    let settle = sqlx::AssertSqlSafe(format!("VACUUM ANALYZE {table}"));
    sqlx::raw_sql(settle).execute(connection).await?;
    Ok(())
}

/// Loads `orders` finished orders into PostgreSQL and MongoDB, beside running services.
pub(crate) async fn servers(servers: &Servers, orders: u64) -> Result<()> {
    let mut os = servers.postgres_at("os_service").await?;
    let newest =
        "SELECT CAST(id AS text) FROM work_orders WHERE status = 'COMPLETED' ORDER BY id DESC LIMIT 1";
    let row = sqlx::query(newest).fetch_one(&mut os).await.context("a finished order")?;
    let order: Uuid = row.get::<&str, _>(0).parse()?;
    let mut execution = servers.postgres_at("execution_service").await?;
    let job = "SELECT CAST(execution_id AS text) FROM jobs WHERE id = CAST($1 AS uuid)";
    let row = sqlx::query(job).bind(order.to_string()).fetch_one(&mut execution).await.context("its job")?;
    let job: Uuid = row.get::<&str, _>(0).parse()?;
    let job = [(Thing::Order, order), (Thing::Execution, job)];
    tokio::try_join!(
        copy_rows(&mut os, "work_orders", &job[..1], 0, orders),
        copy_rows(&mut execution, "jobs", &job, 0, orders),
        copy_bills(servers, order, orders),
    )?;
    Ok(())
}

async fn copy_bills(servers: &Servers, order: Uuid, orders: u64) -> Result<()> {
    let billing = servers.mongo().await?.database("billing_service");
    let bills = billing.collection::<Document>("bills");
    let bill = bills.find_one(doc! { "_id": order.to_string() }).await?.context("the order's bill")?;
    let index = bill.get_document("body")?.get_document("index")?;
    let payment =
        index.get_array("payment_id")?.first().and_then(Bson::as_str).context("its payment")?.to_owned();
    let ids = [
        (Thing::Order, order.to_string()),
        (Thing::Quote, index.get_str("quote_id")?.to_owned()),
        (Thing::Payment, payment),
    ];
    let inserts = stream::iter((0..orders).step_by(usize::try_from(DOCUMENTS)?)).map(|from| {
        let copies = (from..(from + DOCUMENTS).min(orders)).map(|number| {
            let ids = ids.iter().map(|(thing, id)| (id.clone(), copy(0, *thing, number))).collect::<Vec<_>>();
            replaced(Bson::Document(bill.clone()), &ids)
        });
        let copies: Vec<Document> = copies.filter_map(|copy| copy.as_document().cloned()).collect();
        let bills = bills.clone();
        async move {
            let insert = bills.insert_many(copies).ordered(false).write_concern(WriteConcern::nodes(1));
            insert.await.map(drop)
        }
    });
    inserts.buffer_unordered(INSERTS).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// The same value with other ids.
#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else can hold an id")]
fn replaced(value: Bson, ids: &[(String, String)]) -> Bson {
    match value {
        Bson::String(text) => Bson::String(
            ids.iter().fold(text, |text, (old, new)| if text == *old { new.clone() } else { text }),
        ),
        Bson::Array(values) => {
            values.into_iter().map(|value| replaced(value, ids)).collect::<Vec<_>>().into()
        }
        Bson::Document(document) => {
            let fields = document.into_iter().map(|(name, value)| (name, replaced(value, ids)));
            Bson::Document(fields.collect())
        }
        other => other,
    }
}

/// Loads `orders` finished orders into the files of an embedded shop that is closed.
pub(crate) async fn sqlite(data: &Path, orders: u64) -> Result<()> {
    let mut os = open(data, "os").await?;
    let newest = "SELECT id FROM work_orders WHERE status = 'COMPLETED' ORDER BY id DESC LIMIT 1";
    let order = text(&mut os, newest.to_owned()).await.context("a finished order")?;
    let mut billing = open(data, "billing").await?;
    let quote = text(&mut billing, format!("SELECT quote_id FROM bills WHERE id = '{order}'")).await?;
    let payment =
        text(&mut billing, format!("SELECT value FROM bills_payment_id WHERE id = '{order}'")).await?;
    let mut execution = open(data, "execution").await?;
    let job = text(&mut execution, format!("SELECT execution_id FROM jobs WHERE id = '{order}'")).await?;
    let of_order = (Thing::Order, order);
    copy_file(os, "work_orders", &[of_order], orders).await?;
    copy_file(billing, "bills", &[of_order, (Thing::Quote, quote), (Thing::Payment, payment)], orders)
        .await?;
    copy_file(execution, "jobs", &[of_order, (Thing::Execution, job)], orders).await?;
    // Or else the first commit of whoever opens them next would wait for all of it.
    for service in ["os", "billing", "execution"] {
        tokio::fs::File::open(file(data, service)).await?.sync_all().await?;
    }
    Ok(())
}

fn file(data: &Path, service: &str) -> PathBuf {
    data.join(format!("{service}.sqlite"))
}

async fn open(data: &Path, service: &str) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(file(data, service));
    // What is loaded is thrown away with a machine that loses its power meanwhile.
    let options = options.foreign_keys(true).pragma("synchronous", "OFF").pragma("cache_size", "-262144");
    options.connect().await.with_context(|| format!("the file of {service}"))
}

async fn text(connection: &mut SqliteConnection, question: String) -> Result<Uuid> {
    let row = sqlx::query(sqlx::AssertSqlSafe(question)).fetch_one(connection).await?;
    Ok(row.get::<String, _>(0).parse()?)
}

async fn copy_file(
    mut connection: SqliteConnection,
    table: &str,
    ids: &[(Thing, Uuid)],
    orders: u64,
) -> Result<()> {
    for part in parts(orders) {
        let statement = copying(Dialect::Sqlite, table, ids, 0, part)?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let rows: i64 = sqlx::query(count).fetch_one(&mut connection).await?.get(0);
    ensure!(u64::try_from(rows)? >= orders, "only {rows} rows in {table}");
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_row_is_copied_with_ids_of_its_own_and_nothing_else_changed() {
        let mut connection = SqliteConnectOptions::new().in_memory(true).connect().await.unwrap();
        let order = Uuid::from_u128(7);
        let (long, short) = (order, order.simple());
        let table = "CREATE TABLE jobs (id TEXT PRIMARY KEY, version INTEGER, body TEXT)";
        sqlx::raw_sql(table).execute(&mut connection).await.unwrap();
        let row = format!(
            "INSERT INTO jobs VALUES ('{order}', 3, '{{\"id\":\"{long}\",\"search\":\"{short} oil\"}}')"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(row)).execute(&mut connection).await.unwrap();

        let statement = copying(Dialect::Sqlite, "jobs", &[(Thing::Order, order)], 2, (0, 9)).unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();

        let copied = copy(2, Thing::Order, 9);
        let body: String = sqlx::query("SELECT body FROM jobs WHERE version = 3 AND id = $1")
            .bind(&copied)
            .fetch_one(&mut connection)
            .await
            .unwrap()
            .get(0);
        assert_eq!(body, format!("{{\"id\":\"{copied}\",\"search\":\"{} oil\"}}", copied.replace('-', "")));
        assert!(copied.parse::<Uuid>().is_ok_and(|id| id.get_version_num() == 7));
    }

    #[test]
    fn parts_cover_every_row_once() {
        assert_eq!(parts(100_001).collect::<Vec<_>>(), [(0, 49_999), (50_000, 99_999), (100_000, 100_000)]);
    }
}
