//! What an error of the database means for a change: a rule of the schema spoke, another writer was in the
//! way, or something is broken.

use sqlx::error::{DatabaseError, ErrorKind};

use crate::{
    Failure,
    store::{Kind, Outcome, Rule},
};

/// The rule of the schema that `error` reports, if it does.
pub(super) fn violation(error: &sqlx::Error, kinds: &[&'static Kind]) -> Option<Outcome> {
    let error = error.as_database_error()?;
    match error.kind() {
        ErrorKind::ForeignKeyViolation => Some(Outcome::Dangling),
        ErrorKind::UniqueViolation => taken(error, kinds),
        ErrorKind::NotNullViolation | ErrorKind::CheckViolation | ErrorKind::Other | _ => None,
    }
}

/// PostgreSQL names the index, which is called `<table>_<field>` by our convention; SQLite names the column
/// as `<table>.<field>` at the end of its message.
fn taken(error: &dyn DatabaseError, kinds: &[&'static Kind]) -> Option<Outcome> {
    let message = error.message();
    let index = error.constraint();
    let named = |table: &str, field: &str| match index {
        Some(index) => index == format!("{table}_{field}"),
        None => message.ends_with(&format!(" {table}.{field}")),
    };
    kinds
        .iter()
        .flat_map(|kind| kind.fields.iter().map(|field| (kind.name, field)))
        .find(|(table, field)| field.rule == Rule::Unique && named(table, field.name))
        .map(|(_, field)| Outcome::Taken { field: field.name.to_owned() })
}

/// Whether the transaction was given up in favour of another one and may simply be done again.
pub(super) fn is_contention(error: &sqlx::Error) -> bool {
    match code(error).as_deref() {
        Some("40001" | "40P01" | "55P03") => true,
        Some(code) => matches!(sqlite(code), Some(5 | 6)),
        None => false,
    }
}

/// Whether a parameter is no value of its column's type, as a word where a UUID belongs, so that no record
/// can have it.
pub(super) fn is_no_value(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("22P02")
}

/// A failure at work that says where it happened. Whoever is refused once the store is open was let in before: no record
/// and no message is to blame, and all wait for the operator, as they wait for a server that is away.
pub(super) fn failure(doing: &'static str, place: &str, error: &sqlx::Error) -> Failure {
    of(doing, place, error, is_passing(error) || is_refused(error))
}

/// A failure while a store opens. A program that is refused then hears so at once, and stops.
pub(super) fn unopened(doing: &'static str, place: &str, error: &sqlx::Error) -> Failure {
    of(doing, place, error, is_passing(error))
}

fn of(doing: &'static str, place: &str, error: &sqlx::Error, passing: bool) -> Failure {
    let text = format!("{place}: {error}");
    if passing { Failure::passing(doing, text) } else { Failure::lasting(doing, text) }
}

fn is_refused(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| is_refused_code(&code))
}

/// PostgreSQL's class 28 (user or password), 3D000 (no such database), 42501 (no right) and 42P01 (no such table).
fn is_refused_code(code: &str) -> bool {
    sqlite(code).is_none() && (code.starts_with("28") || ["3D000", "42501", "42P01"].contains(&code))
}

fn is_passing(error: &sqlx::Error) -> bool {
    match code(error) {
        Some(code) => is_passing_code(&code),
        None => matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        ),
    }
}

/// PostgreSQL's classes 08 (connection), 25006 (read only, as a demoted primary is), 40 (rolled back), 53
/// (out of something), 55P03 (locked), 57 and 58 (an operator or the system intervened); SQLite's busy,
/// locked, read only, interrupted, I/O error, full and cannot open.
fn is_passing_code(code: &str) -> bool {
    match sqlite(code) {
        Some(code) => matches!(code, 5 | 6 | 8 | 9 | 10 | 13 | 14),
        None => {
            ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                || matches!(code, "25006" | "55P03")
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
}

/// SQLite's primary code; PostgreSQL's have five characters.
fn sqlite(code: &str) -> Option<i32> {
    if code.len() == 5 { None } else { code.parse::<i32>().ok().map(|code| code & 0xff) }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use sqlx::error::{BoxDynError, DatabaseError, ErrorKind};

    use super::{failure, is_passing_code, sqlite, unopened};

    /// What a server says, by its code.
    #[derive(Debug, thiserror::Error)]
    #[error("the server said {0}")]
    struct Said(&'static str);

    impl DatabaseError for Said {
        fn message(&self) -> &str {
            self.0
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }

        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> BoxDynError {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn said(code: &'static str) -> sqlx::Error {
        sqlx::Error::Database(Box::new(Said(code)))
    }

    #[test]
    fn whoever_is_refused_at_work_waits_and_whoever_is_refused_at_the_start_stops() {
        for code in ["28P01", "28000", "3D000", "42501", "42P01"] {
            assert!(failure("committing", "here", &said(code)).is_passing(), "{code}");
            assert!(!unopened("connecting to PostgreSQL", "here", &said(code)).is_passing(), "{code}");
        }
        let starting = unopened("connecting to PostgreSQL", "here", &said("57P03"));
        assert!(starting.is_passing(), "a server that is starting is waited for");
        for ours in ["42601", "28"] {
            assert!(!failure("committing", "here", &said(ours)).is_passing(), "an error of ours: {ours}");
        }
    }

    #[test]
    fn a_full_disk_and_a_stopping_server_pass_but_a_broken_statement_stays() {
        assert!(is_passing_code("13"), "SQLite: full");
        assert!(is_passing_code("57P01"), "PostgreSQL: the administrator stops the server");
        assert!(!is_passing_code("42601"), "PostgreSQL: syntax error");
        assert!(!is_passing_code("1"), "SQLite: any error of ours");
    }

    #[test]
    fn extended_codes_of_sqlite_are_read_by_their_primary_one() {
        assert_eq!(sqlite("517"), Some(5), "a snapshot that is too old counts as busy");
        assert_eq!(sqlite("23505"), None);
    }
}
