//! The few words in which PostgreSQL and SQLite differ, and the one function that runs a statement in either.
//! All parameters and all answers are text, so nothing else here knows a driver's types.

use std::future::Future;

use sqlx::{
    ColumnIndex, Database, Decode, Encode, Executor, IntoArguments, Postgres, Row, SqlStr, Sqlite, Type,
};

/// What a statement answers: rows of texts.
pub(super) type Rows = Vec<Vec<String>>;

/// One database's wording.
#[derive(Debug)]
pub(super) struct Dialect {
    /// Parameter 1, a list of [`super::table::Row`], as a table `r`.
    pub(super) rows: &'static str,
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

pub(super) static POSTGRES: Dialect = Dialect {
    rows: "(SELECT id, number, CAST(body AS json) AS body, record FROM json_to_recordset(CAST($1 AS json)) \
           AS x(id uuid, number bigint, body text, record text)) AS r",
    at_once: true,
    id: "uuid",
    hold: "FOR NO KEY UPDATE OF t",
    begin: "BEGIN",
    columns: "SELECT CAST(attname AS text), format_type(atttypid, NULL) FROM pg_attribute \
              WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
};

/// A transaction that reads first and writes later fails at once when somebody wrote in between, so all that
/// write say so at their beginning; there is nothing to hold after that.
pub(super) static SQLITE: Dialect = Dialect {
    rows: "(SELECT value->>'id' AS id, value->>'number' AS number, value->>'body' AS body \
           FROM json_each($1)) AS r",
    at_once: false,
    id: "text",
    hold: "",
    begin: "BEGIN IMMEDIATE",
    columns: "SELECT name, 'text' FROM pragma_table_xinfo($1)",
};

/// A driver that runs our statements. It exists because Rust does not carry the bounds of [`rows`] along.
pub(super) trait Driver: Database {
    /// See [`rows`].
    fn rows(
        connection: &mut Self::Connection,
        sql: SqlStr,
        parameters: Vec<String>,
    ) -> impl Future<Output = Result<Rows, sqlx::Error>> + Send;
}

impl Driver for Postgres {
    async fn rows(
        connection: &mut Self::Connection,
        sql: SqlStr,
        parameters: Vec<String>,
    ) -> Result<Rows, sqlx::Error> {
        rows::<Self>(connection, sql, parameters).await
    }
}

impl Driver for Sqlite {
    async fn rows(
        connection: &mut Self::Connection,
        sql: SqlStr,
        parameters: Vec<String>,
    ) -> Result<Rows, sqlx::Error> {
        rows::<Self>(connection, sql, parameters).await
    }
}

/// Runs one statement.
async fn rows<DB: Database>(
    connection: &mut DB::Connection,
    sql: SqlStr,
    parameters: Vec<String>,
) -> Result<Rows, sqlx::Error>
where
    DB::Arguments: IntoArguments<DB>,
    String: Type<DB> + for<'q> Encode<'q, DB> + for<'r> Decode<'r, DB>,
    usize: ColumnIndex<DB::Row>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let bound = parameters.into_iter().fold(sqlx::query::<DB>(sql), |query, text| query.bind(text));
    let answer = connection.fetch_all(bound).await?;
    answer.iter().map(|row| (0..row.len()).map(|column| row.try_get(column)).collect()).collect()
}
