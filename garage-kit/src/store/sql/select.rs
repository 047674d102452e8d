//! A query as a statement: what is asked for decides its text, so it is composed each time, from constants. Also the words
//! that a text is searched by, which are the same in every store.

use sqlx::SqlStr;

use super::table::{COLUMNS, Table, safe};
use crate::{
    Failure,
    store::{Field, Kind, Order, Position, Query, Rule},
};

/// A search has at most so many words; what comes behind them is not looked for.
const MOST_WORDS: usize = 8;

impl Query {
    /// What [`Query::search`] is made of: a record is found that contains each of them, in whatever order. Words that stand
    /// side by side in a record without a blank are found too. A search without a word is for the empty one, which every
    /// record contains that can be searched.
    pub(in crate::store) fn words(&self) -> Vec<String> {
        let Some(text) = &self.search else { return Vec::new() };
        let words: Vec<String> = text.split_whitespace().take(MOST_WORDS).map(str::to_lowercase).collect();
        if words.is_empty() { vec![String::new()] } else { words }
    }
}

impl Table {
    /// The statement for `query`, with its parameters.
    pub(super) fn select(&self, query: &Query) -> Result<(SqlStr, Vec<String>), Failure> {
        let (sql, parameters) = self.compose(COLUMNS, query)?;
        Ok((safe(sql), parameters))
    }

    /// The statement that counts what `query` asks for.
    pub(super) fn count(&self, query: &Query) -> Result<(SqlStr, Vec<String>), Failure> {
        let (sql, parameters) = self.compose("1", query)?;
        Ok((safe(format!("SELECT CAST(count(*) AS text) FROM ({sql}) AS found")), parameters))
    }

    fn compose(&self, columns: &str, query: &Query) -> Result<(String, Vec<String>), Failure> {
        let mut select = Select::default();
        let newest_of = self.newest_of(query)?;
        let filters = if newest_of.is_some() { &[] } else { query.filters.as_slice() };
        for (name, value) in filters {
            let value = select.parameter(value);
            select.conditions.push(self.equals(self.field(name)?, &value));
        }
        if query.search.is_some() {
            self.field("search")?;
        }
        for word in query.words() {
            let pattern = select.parameter(&pattern(&word));
            select.conditions.push(format!("t.search LIKE {pattern} ESCAPE '\\'"));
        }
        let after = query.after.as_ref();
        let order = match newest_of {
            Some((name, value)) => self.order_of_one(&mut select, name, value, after),
            None => self.order(&mut select, query.order, after)?,
        };
        if let (Order::By(name), Some(last)) = (query.order, &query.until) {
            let last = select.parameter(last);
            select.conditions.push(format!("t.{name} <= {}", self.cast(name, &last)));
        }
        let limit = select.parameter(&query.limit.to_string());
        let Select { conditions, parameters } = select;
        let conditions = conditions.join(" AND ");
        let sql = format!(
            "SELECT {columns} FROM {} AS t WHERE {conditions} ORDER BY {order} LIMIT CAST({limit} AS bigint)",
            self.kind.name,
        );
        Ok((sql, parameters))
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

    /// Whether the newest are asked for of those that have one value in one field, which other records may have too.
    fn newest_of<'a>(&self, query: &'a Query) -> Result<Option<(&'static str, &'a str)>, Failure> {
        let (Order::Newest, [(name, value)]) = (query.order, query.filters.as_slice()) else {
            return Ok(None);
        };
        Ok((self.field(name)?.rule == Rule::Plain).then_some((*name, value)))
    }

    /// For [`Self::newest_of`]: a range and not `=`, ordered by the field before the id. With `=` PostgreSQL drops the field
    /// from the order, and where its statistics take values for evenly spread it goes along the primary key, past the
    /// thousands that have another value.
    fn order_of_one(&self, select: &mut Select, name: &str, value: &str, after: Option<&Position>) -> String {
        let value = self.cast(name, &select.parameter(value));
        let end = match after.map(|last| select.parameter(&last.id.to_string())) {
            Some(last) => format!("(t.{name}, t.id) < ({value}, CAST({last} AS {}))", self.dialect.id),
            None => format!("t.{name} <= {value}"),
        };
        select.conditions.extend([format!("t.{name} >= {value}"), end]);
        format!("t.{name} DESC, t.id DESC")
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

/// A pattern that finds `word` anywhere and nothing else.
fn pattern(word: &str) -> String {
    let mut pattern = String::from("%");
    for character in word.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
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
            (by("title"), "SEARCH t USING INDEX books_title (title>? AND title<?)"),
            (
                Query { after: after.clone(), ..by("title") },
                "SEARCH t USING INDEX books_title (title>? AND title<?)",
            ),
            (by("author_id"), "SEARCH t USING INDEX books_author_id (author_id>? AND author_id<?)"),
            (by("tags"), "SEARCH side USING PRIMARY KEY (value=?)"),
            (by_title.clone(), "USING INDEX books_title"),
            (
                Query { after: after.clone(), until: Some("n".to_owned()), ..by_title.clone() },
                "SEARCH t USING INDEX books_title (title>? AND title<?)",
            ),
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
        assert_eq!(pattern(r"50%_off\"), r"%50\%\_off\\%");
    }

    #[test]
    fn a_search_has_eight_words_at_most_and_at_least_the_empty_one() {
        let words = |text: &str| Query { search: Some(text.to_owned()), ..Query::default() }.words();
        assert_eq!(words("  Corolla\u{a0}TOYOTA "), ["corolla", "toyota"]);
        assert_eq!(words("1 2 3 4 5 6 7 8 9"), ["1", "2", "3", "4", "5", "6", "7", "8"]);
        assert_eq!((words(" "), Query::default().words()), (vec![String::new()], Vec::new()));
    }
}
