//! What the server's answers mean. Nothing here talks to it.

use bson::{Bson, Document};
use mongodb::error::{Error, ErrorKind};

use super::PATH;
use crate::{Failure, store::Outcome};

/// The guard of a version (see [`super::write`]) fails with this: *ConversionFailure*.
const GUARD: i32 = 241;
const DUPLICATE_KEY: i32 = 11000;

/// Codes of a server that is not the primary now, is stopping, was interrupted or ran out of time; from the
/// specification of retryable writes, with *LockTimeout*, *MaxTimeMSExpired* and *OutOfDiskSpace*.
const PASSING: [i32; 16] = [6, 7, 24, 50, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 14031];

/// The statements of a write that went wrong, by their place in it.
///
/// # Errors
/// When one failed for a reason that is no [`Outcome`], or it is not known to last.
pub(super) fn outcomes(place: &str, answer: &Document) -> Result<Vec<(usize, Outcome)>, Failure> {
    if let Ok(error) = answer.get_document("writeConcernError") {
        let text = format!("{place}: written, but not known to last: {}", text(error));
        return Err(Failure::passing("writing", text));
    }
    let errors = answer.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(Bson::as_document).map(|error| outcome(place, error)).collect()
}

fn outcome(place: &str, error: &Document) -> Result<(usize, Outcome), Failure> {
    let index = number(error, "index").and_then(|index| usize::try_from(index).ok());
    match (index, number(error, "code")) {
        (Some(index), Some(GUARD)) => Ok((index, Outcome::Conflict)),
        (Some(index), Some(DUPLICATE_KEY)) => Ok((index, taken(error))),
        (_, code) => Err(failed(code, format!("{place}: {}", text(error)))),
    }
}

/// A second record of an id is a conflict; any other key belongs to a unique field.
fn taken(error: &Document) -> Outcome {
    let key = error.get_document("keyPattern").ok().and_then(|keys| keys.keys().next());
    match key.and_then(|key| key.strip_prefix(PATH)) {
        Some(field) => Outcome::Taken { field: field.to_owned() },
        None => Outcome::Conflict,
    }
}

fn failed(code: Option<i32>, text: String) -> Failure {
    match code {
        Some(code) if PASSING.contains(&code) => Failure::passing("writing", text),
        _ => Failure::lasting("writing", text),
    }
}

fn text(error: &Document) -> &str {
    error.get_str("errmsg").unwrap_or("no reason given")
}

fn number(error: &Document, key: &str) -> Option<i32> {
    match error.get(key) {
        Some(Bson::Int32(number)) => Some(*number),
        _ => None,
    }
}

/// A driver's error that says where it happened.
pub(super) fn failure(doing: &'static str, place: &str, error: &Error) -> Failure {
    let text = format!("{place}: {}", error.kind);
    if is_passing(&error.kind) { Failure::passing(doing, text) } else { Failure::lasting(doing, text) }
}

fn is_passing(kind: &ErrorKind) -> bool {
    if let ErrorKind::Command(error) = kind {
        return PASSING.contains(&error.code);
    }
    matches!(
        kind,
        ErrorKind::Io(_)
            | ErrorKind::ServerSelection { .. }
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::DnsResolve { .. }
    )
}
