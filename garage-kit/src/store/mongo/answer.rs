//! What the server's answers mean. Nothing here talks to it.

use bson::{Bson, Document};
use mongodb::error::{Error, ErrorKind};

use super::PATH;
use crate::{Failure, store::Outcome};

/// The guard of a version (see [`super::write`]) fails with this: *ConversionFailure*.
const GUARD: i32 = 241;
const DUPLICATE_KEY: i32 = 11000;

/// Codes of a server that is not the primary now, is stopping, was interrupted or ran out of time; all those that the
/// driver tries again, with *LockTimeout*, *CursorNotFound*, *OutOfDiskSpace* and what a write's concern may run into.
const PASSING: [i32; 20] =
    [6, 7, 24, 43, 50, 64, 89, 91, 112, 134, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436, 14031];

/// *UserNotFound*, *Unauthorized*, *AuthenticationFailed*, *ReauthenticationRequired*.
const REFUSED: [i32; 4] = [11, 13, 18, 391];

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
        Some(code) if PASSING.contains(&code) || REFUSED.contains(&code) => Failure::passing("writing", text),
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

/// A driver's error at work that says where it happened. Whoever is refused once the store is open was let in before: no
/// record and no message is to blame, and all wait for the operator, as they wait for a server that is away.
pub(super) fn failure(doing: &'static str, place: &str, error: &Error) -> Failure {
    of(doing, place, error, is_passing(&error.kind) || is_refused(&error.kind))
}

/// A driver's error while a store opens. A program that is refused then hears so at once, and stops.
pub(super) fn unopened(doing: &'static str, place: &str, error: &Error) -> Failure {
    of(doing, place, error, is_passing(&error.kind))
}

fn of(doing: &'static str, place: &str, error: &Error, passing: bool) -> Failure {
    let text = format!("{place}: {}", error.kind);
    if passing { Failure::passing(doing, text) } else { Failure::lasting(doing, text) }
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

fn is_refused(kind: &ErrorKind) -> bool {
    if let ErrorKind::Command(error) = kind {
        return REFUSED.contains(&error.code);
    }
    matches!(kind, ErrorKind::Authentication { .. })
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use mongodb::error::{CommandError, Error, ErrorKind};
    use serde_json::json;

    use super::{failure, outcomes, unopened};

    fn said(code: i32) -> Error {
        let said: CommandError = serde_json::from_value(json!({ "code": code, "errmsg": "no" })).unwrap();
        ErrorKind::Command(said).into()
    }

    #[test]
    fn a_server_that_gives_up_or_is_not_yet_the_primary_is_waited_for() {
        for code in [91, 134, 189, 10058, 10107, 13435, 13436, 11600, 11602] {
            assert!(failure("finding records", "here", &said(code)).is_passing(), "{code}");
            let answer = doc! { "writeErrors": [{ "index": 0, "code": code, "errmsg": "no" }] };
            assert!(outcomes("here", &answer).unwrap_err().is_passing(), "{code}");
        }
        assert!(
            !failure("finding records", "here", &said(9)).is_passing(),
            "a statement that cannot be read"
        );
    }

    #[test]
    fn whoever_is_refused_at_work_waits_and_whoever_is_refused_at_the_start_stops() {
        for code in [11, 13, 18, 391] {
            assert!(failure("writing", "here", &said(code)).is_passing(), "{code}");
            assert!(!unopened("making indexes", "here", &said(code)).is_passing(), "{code}");
        }
    }
}
