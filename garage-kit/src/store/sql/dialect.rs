//! The few words in which PostgreSQL and SQLite differ, and the one function that runs a statement in either.
//! All answers are text, so nothing else here knows a driver's types.

use std::future::Future;

use sqlx::{
    ColumnIndex, Database, Decode, Executor, IntoArguments, Postgres, Row as _, SqlStr, Sqlite, Type,
    query::Query,
};
use uuid::Uuid;

use super::rows::List;

/// What a statement answers: rows of texts.
pub(super) type Rows = Vec<Vec<String>>;

/// What a statement is given.
#[derive(Clone, Debug)]
pub(super) enum Parameter {
    /// A text.
    Text(String),
    /// Ids, as [`Dialect::among`] takes them.
    Ids(Vec<Uuid>),
    /// Rows, as [`Dialect::rows`] takes them.
    List(List),
}

impl From<String> for Parameter {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// One database's wording.
#[derive(Debug)]
pub(super) struct Dialect {
    /// A [`Parameter::List`] as a table `r`, for the list that stands at this place among a statement's.
    pub(super) rows: fn(place: usize) -> String,
    /// What an id must be to be one of parameter 1, which is [`Parameter::Ids`].
    pub(super) among: &'static str,
    /// Whether one statement may write to several tables, each writing in a `WITH` of its own.
    pub(super) at_once: bool,
    /// The type of ids.
    pub(super) id: &'static str,
    /// Makes a `SELECT` from `t` hold its rows against other writers, in the order in which it finds them.
    pub(super) hold: &'static str,
    /// Opens a transaction that will write.
    pub(super) begin: &'static str,
    /// The columns of the table that parameter 1 names, with the type to which a text is cast for each.
    pub(super) columns: &'static str,
}

/// A list is five arrays.
pub(super) static POSTGRES: Dialect = Dialect {
    rows: |place| {
        let [ids, numbers, bodies, fields, records] = [1, 2, 3, 4, 5].map(|column| 5 * place + column);
        format!(
            "(SELECT id, number, CAST(body AS json) AS body, CAST(fields AS json) AS fields, record FROM \
             unnest(CAST(${ids} AS uuid[]), CAST(${numbers} AS bigint[]), CAST(${bodies} AS text[]), \
             CAST(${fields} AS text[]), CAST(${records} AS text[])) AS x(id, number, body, fields, record)) AS r"
        )
    },
    among: "= ANY(CAST($1 AS uuid[]))",
    at_once: true,
    id: "uuid",
    hold: "FOR NO KEY UPDATE OF t",
    begin: "BEGIN",
    columns: "SELECT CAST(attname AS text), format_type(atttypid, NULL) FROM pg_attribute \
              WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
};

/// A transaction that reads first and writes later fails at once when somebody wrote in between, so all that
/// write say so at their beginning; there is nothing to hold after that. A list is one JSON text.
pub(super) static SQLITE: Dialect = Dialect {
    rows: |place| {
        format!(
            "(SELECT value->>'id' AS id, value->>'number' AS number, value->>'body' AS body \
             FROM json_each(${})) AS r",
            place + 1
        )
    },
    among: "IN (SELECT value FROM json_each($1))",
    at_once: false,
    id: "text",
    hold: "",
    begin: "BEGIN IMMEDIATE",
    columns: "SELECT name, 'text' FROM pragma_table_xinfo($1)",
};

/// A statement with what it is given.
type Bound<'q, DB> = Query<'q, DB, <DB as Database>::Arguments>;

/// A driver that runs our statements. It exists because Rust does not carry the bounds of [`rows`] along.
pub(super) trait Driver: Database {
    /// See [`rows`].
    fn rows(
        connection: &mut Self::Connection,
        sql: SqlStr,
        parameters: Vec<Parameter>,
    ) -> impl Future<Output = Result<Rows, sqlx::Error>> + Send;
}

impl Driver for Postgres {
    async fn rows(
        connection: &mut Self::Connection,
        sql: SqlStr,
        parameters: Vec<Parameter>,
    ) -> Result<Rows, sqlx::Error> {
        let bind = |query: Bound<'static, Self>, parameter| match parameter {
            Parameter::Text(text) => query.bind(text),
            Parameter::Ids(ids) => query.bind(ids),
            Parameter::List(List { ids, numbers, bodies, fields, records, length: _ }) => {
                query.bind(ids).bind(numbers).bind(bodies).bind(fields).bind(records)
            }
        };
        rows::<Self>(connection, parameters.into_iter().fold(sqlx::query(sql), bind)).await
    }
}

impl Driver for Sqlite {
    async fn rows(
        connection: &mut Self::Connection,
        sql: SqlStr,
        parameters: Vec<Parameter>,
    ) -> Result<Rows, sqlx::Error> {
        let mut query: Bound<'static, Self> = sqlx::query(sql);
        for parameter in parameters {
            let text = match parameter {
                Parameter::Text(text) => Ok(text),
                Parameter::Ids(ids) => serde_json::to_string(&ids),
                Parameter::List(list) => serde_json::to_string(&list),
            };
            query = query.bind(text.map_err(|cause| sqlx::Error::Encode(cause.into()))?);
        }
        rows::<Self>(connection, query).await
    }
}

/// Runs one statement.
async fn rows<DB: Database>(
    connection: &mut DB::Connection,
    bound: Bound<'static, DB>,
) -> Result<Rows, sqlx::Error>
where
    DB::Arguments: IntoArguments<DB>,
    String: Type<DB> + for<'r> Decode<'r, DB>,
    usize: ColumnIndex<DB::Row>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let answer = connection.fetch_all(bound).await?;
    answer.iter().map(|row| (0..row.len()).map(|column| row.try_get(column)).collect()).collect()
}
