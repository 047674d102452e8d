//! Queries as filters, and documents as records.

use bson::{Document, RawDocument, doc};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{PATH, json};
use crate::{
    Failure,
    store::{Field, Kind, Message, Order, Position, Query, Record, Rule},
};

/// A filter and a sort.
pub(super) fn query(kind: &Kind, query: &Query) -> Result<(Document, Document), Failure> {
    let mut conditions = vec![there()];
    let mut is_one = false;
    for (name, value) in &query.filters {
        let field = field(kind, name)?;
        is_one |= field.rule == Rule::Unique;
        conditions.push(doc! { path(field): value });
    }
    if query.search.is_some() {
        let text = format!("${}", path(field(kind, "search")?));
        conditions.extend(query.words().into_iter().map(|word| contains(&text, word)));
    }
    let sort = order(kind, &mut conditions, query.order, query.after.as_ref())?;
    if let (Order::By(name), Some(last)) = (query.order, &query.until) {
        conditions.push(doc! { path(field(kind, name)?): { "$lte": last } });
    }
    // One record has no order, and to ask for one leads the server to the wrong index.
    Ok((
        doc! { "$and": conditions },
        if is_one {
            doc! {}
        } else {
            sort
        },
    ))
}

/// Records whose `text`, a path, contains a word, taken as it is: `$` begins a path.
fn contains(text: &str, word: String) -> Document {
    let place = doc! { "$indexOfBytes": [text, { "$literal": word }] };
    doc! { "$expr": { "$gte": [place, 0] } }
}

/// Records by their ids.
pub(super) fn ids(ids: &[Uuid]) -> Document {
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    doc! { "$and": [there(), { "_id": { "$in": ids } }] }
}

/// The oldest messages of before a time. First come as many records as messages are wanted, those with the
/// oldest message first: none of the messages that are wanted is in a later one. The time is asked for last,
/// because with a bound on a list's members the index would give no order.
pub(super) fn unsent(before: DateTime<Utc>, limit: u32) -> Vec<Document> {
    vec![
        doc! { "$match": waits() },
        doc! { "$sort": { "outbox.at": 1 } },
        doc! { "$limit": i64::from(limit) },
        doc! { "$unwind": { "path": "$outbox", "includeArrayIndex": "place" } },
        doc! { "$match": { "outbox.at": { "$lt": bson::DateTime::from_millis(before.timestamp_millis()) } } },
        doc! { "$sort": { "outbox.at": 1, "_id": 1, "place": 1 } },
        doc! { "$limit": i64::from(limit) },
        doc! { "$replaceWith": "$outbox" },
    ]
}

/// Records with messages that wait.
pub(super) fn waits() -> Document {
    doc! { "outbox.0": { "$exists": true } }
}

/// Records with a value in a field: texts, and lists with a text.
pub(super) fn has(field: Field) -> Document {
    doc! { path(field): { "$gte": "" } }
}

/// Where a field is in a document.
pub(super) fn path(field: Field) -> String {
    format!("{PATH}{}", field.name)
}

/// A record that was not deleted.
fn there() -> Document {
    doc! { "version": { "$gt": 0 } }
}

fn field(kind: &Kind, name: &str) -> Result<Field, Failure> {
    let unknown = || Failure::lasting("finding records", format!("{} has no field {name}", kind.name));
    kind.fields.iter().find(|field| field.name == name).copied().ok_or_else(unknown)
}

/// The order, with the condition that starts it behind the last page.
fn order(
    kind: &Kind,
    conditions: &mut Vec<Document>,
    order: Order,
    after: Option<&Position>,
) -> Result<Document, Failure> {
    match order {
        Order::Newest => {
            conditions.extend(after.map(|last| doc! { "_id": { "$lt": last.id.to_string() } }));
            Ok(doc! { "_id": -1 })
        }
        Order::By(name) => {
            let field = field(kind, name)?;
            let path = path(field);
            conditions.push(has(field));
            conditions.extend(after.map(|last| behind(&path, last)));
            match field.rule {
                Rule::Plain => Ok(doc! { path: 1, "_id": 1 }),
                Rule::Unique => Ok(doc! { path: 1 }),
                Rule::Many => {
                    let text = format!("{} cannot be ordered by {name}: it is a list", kind.name);
                    Err(Failure::lasting("finding records", text))
                }
            }
        }
    }
}

fn behind(path: &str, last: &Position) -> Document {
    let same = doc! { path: &last.value, "_id": { "$gt": last.id.to_string() } };
    doc! { "$or": [{ path: { "$gt": &last.value } }, same] }
}

/// The record that a document holds.
pub(super) fn record(document: &RawDocument) -> Result<Record, Failure> {
    let broken = || Failure::lasting("reading a record", "its document is not (_id, version, body)");
    let body = document.get_document("body").ok().and_then(json::to_text).ok_or_else(broken)?;
    let id = document.get_str("_id").ok().and_then(|id| id.parse().ok());
    let version = document.get_i64("version").ok().and_then(|version| u64::try_from(version).ok());
    Ok(Record { id: id.ok_or_else(broken)?, version: version.ok_or_else(broken)?, body })
}

/// The message that an entry of an outbox holds.
pub(super) fn message(entry: &Document) -> Result<Message, Failure> {
    let text = entry.get_str("message").unwrap_or_default();
    serde_json::from_str(text).map_err(|cause| Failure::lasting("reading a message of the outbox", cause))
}
