//! Changes and messages to try promises with.

#![expect(clippy::expect_used, clippy::panic, reason = "a promise that is broken panics")]

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::BOOKS;
use crate::{
    clock::Clock,
    store::{Change, Kind, Message, Outcome, Query, Record, Store},
};

/// No ids.
pub(super) const NONE: [Uuid; 0] = [];

/// A fresh id.
pub(super) fn id() -> Uuid {
    Clock::system().id()
}

/// A body with this index.
pub(super) fn indexed(index: Value) -> Value {
    json!({ "state": { "any": "thing" }, "index": index })
}

/// A book with a title.
pub(super) fn titled(title: &str) -> Value {
    indexed(json!({ "title": title }))
}

/// A book with a number that no other book may have.
pub(super) fn numbered(isbn: &str) -> Value {
    indexed(json!({ "isbn": isbn }))
}

/// A change that tells nothing.
pub(super) fn put(kind: &'static Kind, id: Uuid, expected: u64, body: &Value) -> Change {
    Change { kind, id, expected, body: Some(body.to_string()), messages: Vec::new() }
}

/// A book that is born.
pub(super) fn born(id: Uuid, body: &Value) -> Change {
    put(&BOOKS, id, 0, body)
}

/// A record that goes.
pub(super) fn gone(kind: &'static Kind, id: Uuid, expected: u64) -> Change {
    Change { kind, id, expected, body: None, messages: Vec::new() }
}

/// The change, telling one message.
pub(super) fn telling(mut change: Change) -> Change {
    let told = message(change.kind, change.id, 0);
    change.messages.push(told);
    change
}

/// A message of one hour ago and `later` seconds.
pub(super) fn message(kind: &'static Kind, aggregate: Uuid, later: i64) -> Message {
    Message {
        id: Clock::system().event_id(),
        kind: kind.name.to_owned(),
        aggregate,
        topic: "book.printed".to_owned(),
        correlation: aggregate,
        causation: None,
        trace: None,
        source: "printer".to_owned(),
        version: 1,
        at: now() - TimeDelta::hours(1) + TimeDelta::seconds(later),
        mandatory: true,
        body: r#"{"eventType":"book.printed"}"#.to_owned(),
    }
}

/// The time.
pub(super) fn now() -> DateTime<Utc> {
    Clock::system().now()
}

/// Commits what must succeed.
pub(super) async fn commit(store: &dyn Store, changes: &[Change]) {
    let outcomes = store.commit(changes).await.expect("the store commits");
    assert_eq!(outcomes, vec![Outcome::Committed; changes.len()]);
}

/// Commits one change.
pub(super) async fn outcome(store: &dyn Store, change: Change) -> Outcome {
    let mut outcomes = store.commit(&[change]).await.expect("the store commits");
    assert_eq!(outcomes.len(), 1, "one change has one outcome");
    outcomes.remove(0)
}

/// A value of a unique field that another record has.
pub(super) fn taken(field: &str) -> Outcome {
    Outcome::Taken { field: field.to_owned() }
}

/// One record, if it exists.
pub(super) async fn load(store: &dyn Store, kind: &'static Kind, id: Uuid) -> Option<Record> {
    let mut records = store.load(kind, &[id]).await.expect("the store loads");
    assert!(records.len() <= 1, "one id has one record");
    records.pop()
}

/// The version of a book; 0 when there is none.
pub(super) async fn version(store: &dyn Store, id: Uuid) -> u64 {
    load(store, &BOOKS, id).await.map_or(0, |record| record.version)
}

/// The ids of the books that a query finds.
pub(super) async fn found(store: &dyn Store, query: &Query) -> Vec<Uuid> {
    let records = store.find(&BOOKS, query).await.expect("the store finds");
    records.into_iter().map(|record| record.id).collect()
}

/// A query for a value in a field.
pub(super) fn by(field: &'static str, value: &str) -> Query {
    Query { filters: vec![(field, value.to_owned())], limit: 10, ..Query::default() }
}

/// A record's body as JSON.
pub(super) fn json(record: &Record) -> Value {
    serde_json::from_str(&record.body).unwrap_or_else(|cause| panic!("{}: {cause}", record.body))
}

/// All messages that wait.
pub(super) async fn unsent(store: &dyn Store) -> Vec<Message> {
    store.unsent(now(), 10_000).await.expect("the outbox can be read")
}

/// The ids of all messages that wait, sorted.
pub(super) async fn unsent_ids(store: &dyn Store) -> Vec<Uuid> {
    sorted(unsent(store).await.iter().map(|message| message.id))
}

/// The ids of what the changes tell, sorted.
pub(super) fn told(changes: &[Change]) -> Vec<Uuid> {
    sorted(changes.iter().flat_map(|change| &change.messages).map(|message| message.id))
}

/// Sorted ids.
pub(super) fn sorted(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids
}
