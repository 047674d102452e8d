//! One kind's table and the statements over it, composed once from the kind's names and the dialect's words.
//! Values are always parameters; what is composed into a text is a constant of this program.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use serde::Serialize;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use uuid::Uuid;

use super::dialect::{Dialect, Rows};
use crate::{
    Failure,
    store::{Field, Kind, Order, Position, Query, Rule},
};

/// One row of a statement's parameter. All statements over many records take the same shape, so that each
/// dialect needs one way to read it.
#[derive(Default, Serialize)]
pub(super) struct Row<'a> {
    pub(super) id: Uuid,
    pub(super) number: i64,
    pub(super) body: Option<Cow<'a, str>>,
}

/// The longest parameter, in bytes: with what goes along, one TLS record. Version 0.9.0 of sqlx forgets to
/// set `TCP_NODELAY` (sqlx #4335), so the end of anything longer waits some 40 ms for an acknowledgement that
/// the server delays; several short statements do not.
const LENGTH: usize = 15_000;

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
            unsent: SqlStr::from_static(
                "SELECT CAST(message AS text) FROM outbox WHERE at < CAST($1 AS bigint) ORDER BY position \
                 LIMIT CAST($2 AS bigint)",
            ),
            sent: safe(format!("DELETE FROM outbox WHERE id IN (SELECT r.id FROM {rows})")),
        }
    }
}

/// One kind in one database. Statements over many records take a list of [`Row`].
#[derive(Debug)]
pub(super) struct Table {
    kind: &'static Kind,
    dialect: &'static Dialect,
    types: HashMap<String, String>,
    /// Reads those that exist.
    pub(super) load: SqlStr,
    /// Stores those that do not exist yet; answers their ids.
    pub(super) insert: SqlStr,
    /// Stores those that still have the version that was read; answers their ids.
    pub(super) update: SqlStr,
    /// Removes those that still have the version that was read; answers their ids.
    pub(super) delete: SqlStr,
    /// Answers the ids of those that do not exist.
    pub(super) missing: SqlStr,
}

const COLUMNS: &str = "CAST(t.id AS text), CAST(t.version AS text), CAST(t.body AS text)";

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
                 ORDER BY r.id ON CONFLICT (id) DO NOTHING RETURNING CAST(id AS text)"
            )),
            update: safe(format!(
                "{held} UPDATE {name} SET version = version + 1, body = held.next FROM held \
                 WHERE id = held.held_id RETURNING CAST(id AS text)"
            )),
            delete: safe(format!(
                "{held} DELETE FROM {name} WHERE id IN (SELECT held_id FROM held) RETURNING CAST(id AS text)"
            )),
            missing: safe(format!(
                "SELECT CAST(r.id AS text) FROM {rows} \
                 WHERE NOT EXISTS (SELECT 1 FROM {name} AS t WHERE t.id = r.id)"
            )),
            kind,
            dialect,
            types,
        })
    }

    /// What it holds.
    pub(super) const fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// The statement for `query`, with its parameters.
    pub(super) fn select(&self, query: &Query) -> Result<(SqlStr, Vec<String>), Failure> {
        let mut select = Select::default();
        for (name, value) in &query.filters {
            let value = select.parameter(value);
            select.conditions.push(self.equals(self.field(name)?, &value));
        }
        if let Some(text) = &query.search {
            self.field("search")?;
            let pattern = select.parameter(&pattern(text));
            select.conditions.push(format!("t.search LIKE {pattern} ESCAPE '\\'"));
        }
        let order = self.order(&mut select, query.order, query.after.as_ref())?;
        let limit = select.parameter(&query.limit.to_string());
        let Select { conditions, parameters } = select;
        let conditions = conditions.join(" AND ");
        let sql = format!(
            "SELECT {COLUMNS} FROM {} AS t WHERE {conditions} ORDER BY {order} LIMIT CAST({limit} AS bigint)",
            self.kind.name,
        );
        Ok((safe(sql), parameters))
    }

    fn equals(&self, field: Field, value: &str) -> String {
        let Field { name, rule } = field;
        match rule {
            Rule::Plain | Rule::Unique => format!("t.{name} = {}", self.cast(name, value)),
            Rule::Many => {
                let side = side_table(self.kind, name);
                format!("t.id IN (SELECT side.id FROM {side} AS side WHERE side.value = {value})")
            }
        }
    }

    /// The order, with the condition that starts it behind the last page.
    fn order(&self, select: &mut Select, order: Order, after: Option<&Position>) -> Result<String, Failure> {
        let id = self.dialect.id;
        let after = after.map(|last| (select.parameter(&last.value), select.parameter(&last.id.to_string())));
        match order {
            Order::Newest => {
                select.conditions.push(match after {
                    Some((_, last)) => format!("t.id < CAST({last} AS {id})"),
                    None => "true".to_owned(),
                });
                Ok("t.id DESC".to_owned())
            }
            Order::By(name) => {
                let name = self.single(name)?;
                select.conditions.push(match after {
                    Some((value, last)) => {
                        format!("(t.{name}, t.id) > ({}, CAST({last} AS {id}))", self.cast(name, &value))
                    }
                    None => format!("t.{name} IS NOT NULL"),
                });
                Ok(format!("t.{name}, t.id"))
            }
        }
    }

    /// A text parameter as the column's type: an id that refers to another record is a UUID in PostgreSQL.
    fn cast(&self, name: &str, parameter: &str) -> String {
        let cast = self.types.get(name).map_or("text", String::as_str);
        format!("CAST({parameter} AS {cast})")
    }

    fn field(&self, name: &str) -> Result<Field, Failure> {
        let unknown =
            || Failure::lasting("finding records", format!("{} has no field {name}", self.kind.name));
        self.kind.fields.iter().find(|field| field.name == name).copied().ok_or_else(unknown)
    }

    fn single(&self, name: &'static str) -> Result<&'static str, Failure> {
        match self.field(name)?.rule {
            Rule::Plain | Rule::Unique => Ok(name),
            Rule::Many => {
                let text = format!("{} cannot be ordered by {name}: it is a list", self.kind.name);
                Err(Failure::lasting("finding records", text))
            }
        }
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

/// The table in which the values of a field with many of them are kept.
fn side_table(kind: &Kind, field: &str) -> String {
    format!("{}_{field}", kind.name)
}

#[derive(Default)]
struct Select {
    conditions: Vec<String>,
    parameters: Vec<String>,
}

impl Select {
    fn parameter(&mut self, value: &str) -> String {
        self.parameters.push(value.to_owned());
        format!("${}", self.parameters.len())
    }
}

/// A pattern that finds `text` anywhere and nothing else.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// A statement made of this program's constants alone.
fn safe(sql: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str()
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, Row, SqliteConnection};

    use super::{super::dialect, Table, pattern, safe};
    use crate::{
        store::{Order, Position, Query},
        testing::store::BOOKS,
    };

    /// How SQLite would run the statement for `query`.
    async fn plan(query: &Query) -> String {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::migrate!("tests/migrations/sqlite").run(&mut connection).await.unwrap();
        let columns = ["id", "version", "body", "isbn", "title", "author_id", "search"];
        let columns = columns.map(|name| vec![name.to_owned(), "text".to_owned()]).to_vec();
        let table = Table::new(&BOOKS, &dialect::SQLITE, columns).unwrap();
        let (sql, parameters) = table.select(query).unwrap();
        let explain = safe(format!("EXPLAIN QUERY PLAN {}", sql.as_str()));
        let explain = parameters.into_iter().fold(sqlx::query(explain), |query, text| query.bind(text));
        let steps = explain.fetch_all(&mut connection).await.unwrap();
        steps.iter().map(|step| step.get::<String, _>("detail") + "\n").collect()
    }

    fn by(field: &'static str) -> Query {
        Query { filters: vec![(field, "x".to_owned())], limit: 9, ..Query::default() }
    }

    #[tokio::test]
    async fn every_list_uses_its_index() {
        let after = Some(Position { value: "m".to_owned(), id: uuid::Uuid::nil() });
        let by_title = Query { order: Order::By("title"), limit: 9, ..Query::default() };
        for (query, step) in [
            (by("isbn"), "SEARCH t USING INDEX books_isbn (isbn=?)"),
            (by("title"), "SEARCH t USING INDEX books_title (title=?)"),
            (by("author_id"), "SEARCH t USING INDEX books_author_id (author_id=?)"),
            (by("tags"), "SEARCH side USING PRIMARY KEY (value=?)"),
            (by_title.clone(), "USING INDEX books_title"),
            (Query { after, ..by_title }, "SEARCH t USING INDEX books_title"),
            (Query { limit: 9, ..Query::default() }, "SCAN t USING INDEX sqlite_autoindex_books_1"),
        ] {
            let plan = plan(&query).await;
            let is_one = query.filters.iter().any(|(field, _)| *field == "isbn");
            assert!(plan.contains(step) && (is_one || !plan.contains("TEMP B-TREE")), "{query:?}\n{plan}");
        }
    }

    #[test]
    fn a_pattern_takes_every_character_as_it_is() {
        assert_eq!(pattern(r"50%_OFF\"), r"%50\%\_off\\%");
    }
}
