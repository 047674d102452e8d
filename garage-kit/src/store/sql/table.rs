//! One kind's table and the statements that load and store it, composed once from the kind's names and the
//! dialect's words. Values are always parameters; what is composed into a text is a constant of this program.

use std::{borrow::Cow, collections::HashMap, fmt::Write as _, sync::Arc};

use serde::Serialize;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use uuid::Uuid;

use super::dialect::{Dialect, Rows};
use crate::{
    Failure,
    store::{Kind, Rule},
};

/// One row of a statement's parameter. All statements over many records take the same shape, so that each
/// dialect needs one way to read it.
#[derive(Default, Serialize)]
pub(super) struct Row<'a> {
    pub(super) id: Uuid,
    pub(super) number: i64,
    pub(super) body: Option<Cow<'a, str>>,
    /// For a message: the record that tells it, as the statements over records name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) record: Option<String>,
}

/// The longest parameter, in bytes: with what goes along, one TLS record. Version 0.9.0 of sqlx forgets to
/// set `TCP_NODELAY` (sqlx #4335), so the end of anything longer waits some 40 ms for an acknowledgement that
/// the server delays; several short statements do not.
pub(super) const LENGTH: usize = 15_000;

/// Rows as parameters, in their order, for as many runs of a statement.
pub(super) fn lists<'a>(rows: impl IntoIterator<Item = Row<'a>>) -> Result<Vec<String>, sqlx::Error> {
    let mut lists: Vec<String> = Vec::new();
    for row in rows {
        let row = serde_json::to_string(&row).map_err(|cause| sqlx::Error::Encode(cause.into()))?;
        match lists.last_mut() {
            Some(list) if list.len() + row.len() < LENGTH => {
                list.push(',');
                list.push_str(&row);
            }
            _ => lists.push(format!("[{row}")),
        }
    }
    lists.iter_mut().for_each(|list| list.push(']'));
    Ok(lists)
}

/// Ids as parameters.
pub(super) fn ids(ids: impl Iterator<Item = Uuid>) -> Result<Vec<String>, sqlx::Error> {
    lists(ids.map(|id| Row { id, ..Row::default() }))
}

/// The statements over the messages that must still leave.
#[derive(Debug)]
pub(super) struct Outbox {
    /// Stores messages; their number is their time in milliseconds since 1970.
    pub(super) insert: SqlStr,
    /// The same, but only those that a record tells which `stored` names: see [`at_once`].
    insert_stored: String,
    /// The oldest messages of before a time, at most so many.
    pub(super) unsent: SqlStr,
    /// Forgets messages.
    pub(super) sent: SqlStr,
}

impl Outbox {
    /// The statements in the words of `dialect`.
    pub(super) fn new(Dialect { rows, .. }: &Dialect) -> Self {
        Self {
            insert: safe(format!(
                "INSERT INTO outbox (id, at, message) SELECT r.id, r.number, r.body FROM {rows} WHERE true \
                 ON CONFLICT (id) DO NOTHING"
            )),
            insert_stored: format!(
                "INSERT INTO outbox (id, at, message) SELECT r.id, r.number, r.body FROM {rows} \
                 WHERE r.record IN (SELECT record FROM stored) ON CONFLICT (id) DO NOTHING"
            ),
            unsent: SqlStr::from_static(
                "SELECT CAST(message AS text) FROM outbox WHERE at < CAST($1 AS bigint) ORDER BY position \
                 LIMIT CAST($2 AS bigint)",
            ),
            sent: safe(format!("DELETE FROM outbox WHERE id IN (SELECT r.id FROM {rows})")),
        }
    }

    /// Several statements over records and the messages of what they stored as one statement, which is a transaction of
    /// its own: one way to the server and back instead of one for each and two for the transaction. The statements'
    /// parameters come first, in their order, then the messages.
    pub(super) fn at_once(&self, statements: &[&SqlStr]) -> SqlStr {
        let mut sql = String::from("WITH ");
        for (place, statement) in statements.iter().enumerate() {
            let _ = write!(sql, "w{place} AS ({}), ", numbered(statement.as_str(), place + 1));
        }
        let stored = (0..statements.len()).map(|place| format!("SELECT record FROM w{place}"));
        let stored = stored.collect::<Vec<_>>().join(" UNION ALL ");
        let told = numbered(&self.insert_stored, statements.len() + 1);
        let _ = write!(sql, "stored AS ({stored}), told AS ({told}) SELECT record FROM stored");
        safe(sql)
    }
}

/// A statement with one parameter, as the one of this number.
fn numbered(statement: &str, number: usize) -> String {
    statement.replace("$1", &format!("${number}"))
}

/// One kind in one database. Statements over many records take a list of [`Row`].
#[derive(Debug)]
pub(super) struct Table {
    /// What it holds.
    pub(super) kind: &'static Kind,
    /// The database's words.
    pub(super) dialect: &'static Dialect,
    /// The types of its columns.
    pub(super) types: HashMap<String, String>,
    /// Reads those that exist.
    pub(super) load: SqlStr,
    /// Stores those that do not exist yet; answers their names, as [`name`] gives them.
    pub(super) insert: SqlStr,
    /// Stores those that still have the version that was read; answers their names.
    pub(super) update: SqlStr,
    /// Removes those that still have the version that was read; answers their names.
    pub(super) delete: SqlStr,
    /// Answers the names of those that do not exist.
    pub(super) missing: SqlStr,
}

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
        let (name, Dialect { rows, hold, .. }) = (kind.name, dialect);
        let held = format!(
            "WITH held AS MATERIALIZED (SELECT t.id AS held_id, r.body AS next FROM {name} AS t \
             JOIN {rows} ON t.id = r.id AND t.version = r.number ORDER BY t.id {hold})"
        );
        Ok(Self {
            load: safe(format!("SELECT {COLUMNS} FROM {name} AS t WHERE t.id IN (SELECT r.id FROM {rows})")),
            insert: safe(format!(
                "INSERT INTO {name} (id, version, body) SELECT r.id, 1, r.body FROM {rows} WHERE true \
                 ORDER BY r.id ON CONFLICT (id) DO NOTHING RETURNING '{name}:' || CAST(id AS text) AS record"
            )),
            update: safe(format!(
                "{held} UPDATE {name} SET version = version + 1, body = held.next FROM held \
                 WHERE id = held.held_id RETURNING '{name}:' || CAST(id AS text) AS record"
            )),
            delete: safe(format!(
                "{held} DELETE FROM {name} WHERE id IN (SELECT held_id FROM held) \
                 RETURNING '{name}:' || CAST(id AS text) AS record"
            )),
            missing: safe(format!(
                "SELECT '{name}:' || CAST(r.id AS text) AS record FROM {rows} \
                 WHERE NOT EXISTS (SELECT 1 FROM {name} AS t WHERE t.id = r.id)"
            )),
            kind,
            dialect,
            types,
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
