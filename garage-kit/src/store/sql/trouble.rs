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

/// A failure that says where it happened.
pub(super) fn failure(doing: &'static str, place: &str, error: &sqlx::Error) -> Failure {
    let text = format!("{place}: {error}");
    if is_passing(error) { Failure::passing(doing, text) } else { Failure::lasting(doing, text) }
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
    use super::{is_passing_code, sqlite};

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
