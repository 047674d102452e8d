//! One kind's table and the statements that load and store it, composed once from the kind's names and the
//! dialect's words. Values are always parameters; what is composed into a text is a constant of this program.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use uuid::Uuid;

use super::dialect::{Dialect, Rows};
use crate::{
    Failure,
    store::{Kind, Rule},
};

/// The statements over the messages that must still leave.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Stores messages; their number is their time in milliseconds since 1970.
    pub(super) insert: SqlStr,
    /// The dialect's rows.
    rows: fn(usize) -> String,
    /// The oldest messages of before a time, at most so many.
    pub(super) unsent: SqlStr,
    /// Forgets messages.
    pub(super) sent: SqlStr,
}

impl Outbox {
    /// The statements in the words of `dialect`.
    pub(super) fn new(&Dialect { rows, among, .. }: &Dialect) -> Self {
        Self {
            insert: safe(format!("{} WHERE true {UNLESS_THERE}", insert(&rows(0)))),
            rows,
            unsent: SqlStr::from_static(
                "SELECT CAST(message AS text) FROM outbox WHERE at < CAST($1 AS bigint) ORDER BY position \
                 LIMIT CAST($2 AS bigint)",
            ),
            sent: safe(format!("DELETE FROM outbox WHERE id {among}")),
        }
    }

    /// Several statements over records and the messages of what they stored as one statement, which is a transaction of
    /// its own: one way to the server and back instead of one for each and two for the transaction. The statements'
    /// lists come first, in their order, then the messages.
    pub(super) fn at_once(&self, statements: &[&Statement]) -> SqlStr {
        let mut sql = String::from("WITH ");
        for (place, statement) in statements.iter().enumerate() {
            let _ = write!(sql, "w{place} AS ({}), ", statement.over(&(self.rows)(place)));
        }
        let stored = (0..statements.len()).map(|place| format!("SELECT record FROM w{place}"));
        let stored = stored.collect::<Vec<_>>().join(" UNION ALL ");
        let told = insert(&(self.rows)(statements.len()));
        let _ = write!(
            sql,
            "stored AS ({stored}), told AS ({told} WHERE r.record IN (SELECT record FROM stored) {UNLESS_THERE}) \
             SELECT record FROM stored"
        );
        safe(sql)
    }
}

fn insert(rows: &str) -> String {
    format!("INSERT INTO outbox (id, at, message) SELECT r.id, r.number, r.body FROM {rows}")
}

const UNLESS_THERE: &str = "ON CONFLICT (id) DO NOTHING";

/// A statement over a list of rows.
#[derive(Debug)]
pub(super) struct Statement {
    text: String,
    /// By itself.
    pub(super) alone: SqlStr,
}

/// Where the rows stand in a statement's text.
const ROWS: &str = "{rows}";

impl Statement {
    fn new(text: String, rows: &str) -> Self {
        Self { alone: safe(text.replace(ROWS, rows)), text }
    }

    fn over(&self, rows: &str) -> String {
        self.text.replace(ROWS, rows)
    }
}

/// One kind in one database.
#[derive(Debug)]
pub(super) struct Table {
    /// What it holds.
    pub(super) kind: &'static Kind,
    /// The database's words.
    pub(super) dialect: &'static Dialect,
    /// The types of its columns.
    pub(super) types: HashMap<String, String>,
    /// Whether it has a column [`FIELDS`].
    pub(super) apart: bool,
    /// Reads those that exist.
    pub(super) load: SqlStr,
    /// Stores those that do not exist yet; answers their names, as [`name`] gives them.
    pub(super) insert: Statement,
    /// Stores those that still have the version that was read; answers their names.
    pub(super) update: Statement,
    /// Removes those that still have the version that was read; answers their names.
    pub(super) delete: Statement,
    /// Answers the names of those that do not exist.
    pub(super) missing: Statement,
}

/// A column that a table may have, beside `fields_version`: the part of the body that the other columns are derived from, by
/// itself, and the version that it is of. Reading it from the body, a database reads all of the body for each of them.
pub(super) const FIELDS: &str = "fields";

/// What reads of records answer.
pub(super) const COLUMNS: &str = "CAST(t.id AS text), CAST(t.version AS text), CAST(t.body AS text)";

impl Table {
    /// The statements over `kind`. `columns` are the table's columns with their types.
    pub(super) fn new(
        kind: &'static Kind,
        dialect: &'static Dialect,
        columns: Rows,
    ) -> Result<Self, Failure> {
        let types = types(kind, columns)?;
        let (name, Dialect { among, hold, .. }) = (kind.name, dialect);
        let apart = types.contains_key(FIELDS);
        let [columns, first, next, set] = match apart {
            true => [
                ", fields, fields_version",
                ", r.fields, 1",
                ", r.fields",
                ", fields = held.fields, fields_version = version + 1",
            ],
            false => [""; 4],
        };
        let held = format!(
            "WITH held AS MATERIALIZED (SELECT t.id AS held_id, r.body AS next{next} FROM {name} AS t \
             JOIN {ROWS} ON t.id = r.id AND t.version = r.number ORDER BY t.id {hold})"
        );
        let rows = (dialect.rows)(0);
        let statement = |text| Statement::new(text, &rows);
        Ok(Self {
            load: safe(format!("SELECT {COLUMNS} FROM {name} AS t WHERE t.id {among}")),
            insert: statement(format!(
                "INSERT INTO {name} (id, version, body{columns}) SELECT r.id, 1, r.body{first} FROM {ROWS} WHERE true \
                 ORDER BY r.id ON CONFLICT (id) DO NOTHING RETURNING '{name}:' || CAST(id AS text) AS record"
            )),
            update: statement(format!(
                "{held} UPDATE {name} SET version = version + 1, body = held.next{set} FROM held \
                 WHERE id = held.held_id RETURNING '{name}:' || CAST(id AS text) AS record"
            )),
            delete: statement(format!(
                "{held} DELETE FROM {name} WHERE id IN (SELECT held_id FROM held) \
                 RETURNING '{name}:' || CAST(id AS text) AS record"
            )),
            missing: statement(format!(
                "SELECT '{name}:' || CAST(r.id AS text) AS record FROM {ROWS} \
                 WHERE NOT EXISTS (SELECT 1 FROM {name} AS t WHERE t.id = r.id)"
            )),
            kind,
            dialect,
            types,
            apart,
        })
    }
}

/// The types of a table's columns. A column that is missing means that the migrations were forgotten.
fn types(kind: &Kind, columns: Rows) -> Result<HashMap<String, String>, Failure> {
    let columns = columns.into_iter().filter_map(|column| <[String; 2]>::try_from(column).ok());
    let types: HashMap<String, String> = columns.map(|[name, cast]| (name, cast)).collect();
    let fields = kind.fields.iter().filter(|field| field.rule != Rule::Many).map(|field| field.name);
    match ["id", "version", "body"].into_iter().chain(fields).find(|name| !types.contains_key(*name)) {
        None => Ok(types),
        Some(column) => {
            let text = format!("table {} has no column {column}; the migrations must make it", kind.name);
            Err(Failure::lasting("checking the schema", text))
        }
    }
}

/// A record's name among all kinds.
pub(super) fn name(kind: &Kind, id: Uuid) -> String {
    format!("{}:{id}", kind.name)
}

/// A statement made of this program's constants alone.
pub(super) fn safe(sql: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str()
}
