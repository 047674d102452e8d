//! Rows as a statement's parameter. All statements over many records take the same shape, so that each dialect needs
//! one way to read it.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// One row.
#[derive(Default)]
pub(super) struct Row<'a> {
    pub(super) id: Uuid,
    pub(super) number: i64,
    pub(super) body: Option<Cow<'a, str>>,
    /// What the body's fields are, once more and by themselves: see [`super::table::FIELDS`].
    pub(super) fields: Option<String>,
    /// For a message: the record that tells it, as the statements over records name it.
    pub(super) record: Option<String>,
}

impl Row<'_> {
    fn length(&self) -> usize {
        let text = |text: Option<&str>| text.map_or(0, str::len);
        let texts = [self.body.as_deref(), self.fields.as_deref(), self.record.as_deref()];
        size_of::<Uuid>() + size_of::<i64>() + texts.into_iter().map(text).sum::<usize>()
    }
}

/// Rows, column by column.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    pub(super) ids: Vec<Uuid>,
    pub(super) numbers: Vec<i64>,
    pub(super) bodies: Vec<Option<String>>,
    pub(super) fields: Vec<Option<String>>,
    pub(super) records: Vec<Option<String>>,
    /// In bytes.
    pub(super) length: usize,
}

impl List {
    fn push(&mut self, row: Row<'_>) {
        self.length += row.length();
        self.ids.push(row.id);
        self.numbers.push(row.number);
        self.bodies.push(row.body.map(Cow::into_owned));
        self.fields.push(row.fields);
        self.records.push(row.record);
    }
}

/// As SQLite reads it, which has no use for the rest.
impl Serialize for List {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            id: &'a Uuid,
            number: i64,
            body: Option<&'a str>,
        }
        let rows = self.ids.iter().zip(&self.numbers).zip(&self.bodies);
        serializer.collect_seq(rows.map(|((id, number), body)| Row {
            id,
            number: *number,
            body: body.as_deref(),
        }))
    }
}

/// Rows in their order, as parameters for as many runs of a statement, none of them much longer than `longest` bytes.
pub(super) fn lists<'a>(rows: impl IntoIterator<Item = Row<'a>>, longest: usize) -> Vec<List> {
    let mut lists: Vec<List> = Vec::new();
    for row in rows {
        match lists.last_mut() {
            Some(list) if list.length + row.length() < longest => list.push(row),
            _ => {
                let mut list = List::default();
                list.push(row);
                lists.push(list);
            }
        }
    }
    lists
}
