//! A batch as `update` commands. MongoDB writes one document at a time atomically, so a record, its version
//! and its messages are one document and no transaction is needed, not even a replica set.
//!
//! One command carries many statements, and the answer names those that failed, but not those that found
//! nothing. So a version that has passed must be an error, not a filter that misses: the statement converts
//! the id to a number unless the version is the expected one, which no id survives. Version 0 stands for "not
//! there": for documents that are missing (every statement may create) and for those that were deleted while
//! messages still waited in them.

use bson::{Document, RawArrayBuf, RawBson, RawDocumentBuf, doc, rawdoc};

use super::json;
use crate::{
    Failure,
    store::{Change, Message},
};

/// Limits of one command: the server takes at most 16 MiB.
const STATEMENTS: usize = 1000;
const BYTES: usize = 8 << 20;

/// The statement that writes a change.
pub(super) fn statement(change: &Change) -> Result<RawDocumentBuf, Failure> {
    let expected = change.expected.cast_signed();
    let (version, body) = match &change.body {
        Some(text) => (expected + 1, RawBson::Document(rawdoc! { "$literal": body(text)? })),
        None => (0, RawBson::String("$$REMOVE".to_owned())),
    };
    let messages = change.messages.iter().map(waiting).collect::<Result<RawArrayBuf, _>>()?;
    let is_expected = rawdoc! { "$eq": [{ "$ifNull": ["$version", 0] }, expected] };
    Ok(rawdoc! {
        "q": { "_id": change.id.to_string() },
        "u": [{ "$set": {
            "version": { "$cond": [is_expected, version, { "$toInt": "$_id" }] },
            "body": body,
            "outbox": { "$concatArrays": [{ "$ifNull": ["$outbox", []] }, { "$literal": messages }] },
        } }],
        "upsert": true,
    })
}

/// The statement that forgets messages of one record.
pub(super) fn forget(id: &str, messages: Vec<String>) -> RawDocumentBuf {
    let messages: RawArrayBuf = messages.into_iter().collect();
    rawdoc! { "q": { "_id": id }, "u": { "$pull": { "outbox": { "id": { "$in": messages } } } } }
}

/// The command that removes what was deleted and has nothing to say any more.
pub(super) fn bury(collection: &str) -> Document {
    doc! {
        "delete": collection,
        "deletes": [{ "q": { "version": 0, "outbox": [] }, "limit": 0 }],
        "writeConcern": { "w": 1 },
    }
}

/// Statements as commands that the server takes, each with the number of its statements.
pub(super) fn commands(collection: &str, statements: Vec<RawDocumentBuf>) -> Vec<(RawDocumentBuf, usize)> {
    split(statements).into_iter().map(|part| (command(collection, &part), part.len())).collect()
}

/// Waits for the disks of a majority, also to forget a message: the outbox is read as the majority has it, so
/// what was forgotten in haste would be found there again.
fn command(collection: &str, statements: &[RawDocumentBuf]) -> RawDocumentBuf {
    let mut updates = RawArrayBuf::new();
    for statement in statements {
        updates.push(statement.as_ref());
    }
    rawdoc! {
        "update": collection,
        "ordered": false,
        "writeConcern": { "w": "majority", "j": true, "wtimeout": 10_000 },
        "updates": updates,
    }
}

fn split(statements: Vec<RawDocumentBuf>) -> Vec<Vec<RawDocumentBuf>> {
    let mut parts: Vec<Vec<RawDocumentBuf>> = Vec::new();
    let mut bytes = 0;
    for statement in statements {
        let size = statement.as_bytes().len();
        match parts.last_mut() {
            Some(part) if part.len() < STATEMENTS && bytes + size <= BYTES => {
                bytes += size;
                part.push(statement);
            }
            _ => {
                bytes = size;
                parts.push(vec![statement]);
            }
        }
    }
    parts
}

fn body(text: &str) -> Result<RawDocumentBuf, Failure> {
    json::to_document(text).ok_or_else(|| Failure::lasting("writing a record", "its body is no JSON object"))
}

fn waiting(message: &Message) -> Result<RawDocumentBuf, Failure> {
    let text = serde_json::to_string(message)
        .map_err(|cause| Failure::lasting("writing a message into the outbox", cause))?;
    let at = bson::DateTime::from_millis(message.at.timestamp_millis());
    Ok(rawdoc! { "id": message.id.to_string(), "at": at, "message": text })
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::{BYTES, STATEMENTS, split};

    fn sizes(statements: Vec<RawDocumentBuf>) -> Vec<usize> {
        split(statements).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_command_has_no_more_statements_than_the_server_takes() {
        assert_eq!(sizes(vec![rawdoc! {}; 2 * STATEMENTS + 1]), [STATEMENTS, STATEMENTS, 1]);
    }

    #[test]
    fn a_command_has_no_more_bytes_than_the_server_takes() {
        assert_eq!(sizes(vec![rawdoc! { "text": "x".repeat(BYTES / 2) }; 3]), [1, 1, 1]);
    }
}
