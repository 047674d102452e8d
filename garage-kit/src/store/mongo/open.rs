//! What is settled when the store opens: how the driver talks to the servers, and which indexes there are.

use std::{future::IntoFuture, time::Duration};

use bson::{Document, doc};
use mongodb::{
    error::ErrorKind,
    options::{ClientOptions, ReadConcern, ReadPreference},
};
use tokio::time::timeout;

use super::{answer, read};
use crate::{
    Failure,
    store::{Kind, Rule},
};

/// How long a server is looked for.
const SEARCH: Duration = Duration::from_secs(5);
/// How often one is asked how it is. Whoever has said that it is stopping counts as away until the next answer, so this is
/// how soon it is back if it did not stop; the driver's own ten seconds are longer than a search.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Reads see what the primary has now, even if a fail-over takes it back: whatever is decided from it is
/// written under the version that was read, and is a conflict then.
pub(super) async fn options(uri: String) -> Result<ClientOptions, Failure> {
    const DOING: &str = "connecting to MongoDB";
    let mut options = match timeout(SEARCH, tokio::spawn(ClientOptions::parse(uri).into_future())).await {
        Ok(Ok(Ok(options))) => options,
        Ok(Ok(Err(error))) if matches!(*error.kind, ErrorKind::InvalidArgument { .. }) => {
            // The driver's words may hold a piece of the password.
            let text = "the URI is malformed; user and password must be percent-encoded";
            return Err(Failure::lasting(DOING, text));
        }
        Ok(Ok(Err(error))) => return Err(answer::unopened(DOING, "the URI's name", &error)),
        Ok(Err(ended)) => return Err(Failure::lasting(DOING, ended)),
        Err(_) => return Err(Failure::passing(DOING, "the name service did not answer")),
    };
    options.server_selection_timeout = Some(SEARCH);
    options.connect_timeout = Some(SEARCH);
    options.heartbeat_freq = Some(HEARTBEAT);
    options.selection_criteria = Some(ReadPreference::Primary.into());
    options.read_concern = Some(ReadConcern::local());
    Ok(options)
}

/// All are partial: a deleted record, an absent value or an empty outbox takes no room and breaks no rule. A
/// query uses one only if it asks for nothing outside of it, as [`read::has`] and [`read::waits`] do. What is
/// searched for a part of its text gains nothing from an index.
pub(super) fn indexes(kind: &Kind) -> Document {
    let fields = kind.fields.iter().filter(|field| field.name != "search").map(|field| {
        let (path, unique) = (read::path(*field), field.rule == Rule::Unique);
        let key = if unique { doc! { path: 1 } } else { doc! { path: 1, "_id": 1 } };
        doc! { "name": field.name, "key": key, "unique": unique, "partialFilterExpression": read::has(*field) }
    });
    let outbox =
        doc! { "name": "outbox", "key": { "outbox.at": 1 }, "partialFilterExpression": read::waits() };
    let deleted =
        doc! { "name": "deleted", "key": { "version": 1 }, "partialFilterExpression": { "version": 0 } };
    doc! { "createIndexes": kind.name, "indexes": fields.chain([outbox, deleted]).collect::<Vec<_>>() }
}
