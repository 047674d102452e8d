//! What the routes of this service have in common: who may take them, and how records that tell nothing are
//! kept. The role is an argument of the handler, before all that is read of the request, so that no route can
//! forget it and nobody who may not learns what would be right.

use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, Utc};
use garage_kit::{
    Aggregate, Decision, Loaded, Unchanged,
    auth::Caller,
    http::{Answer, Field, Fields, IfMatch, Problem, read},
};
use garage_saga::Shell;
use uuid::Uuid;

use crate::search::folded;

/// Whoever works here.
pub(crate) const STAFF: &[&str] = &["attendant", "technician", "manager"];
const FRONT_DESK: &[&str] = &["attendant", "manager"];
const MANAGER: &[&str] = &["manager"];

/// Technicians read what the desk writes.
pub(crate) struct Staff;

/// Attendants run the desk: customers, vehicles and orders are theirs to write, and calling an order off is
/// their business too, as that deletes nothing.
pub(crate) struct FrontDesk(pub(crate) Caller);

/// What is deleted is gone, so deleting customers and vehicles is the manager's.
pub(crate) struct Manager;

async fn caller<S: Send + Sync>(parts: &mut Parts, state: &S, roles: &[&str]) -> Result<Caller, Problem> {
    let caller = Caller::from_request_parts(parts, state).await?;
    caller.require(roles)?;
    Ok(caller)
}

impl<S: Send + Sync> FromRequestParts<S> for Staff {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        caller(parts, state, STAFF).await.map(|_| Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for FrontDesk {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        caller(parts, state, FRONT_DESK).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        caller(parts, state, MANAGER).await.map(|_| Self)
    }
}

/// Writes or deletes (`None`) a record that takes no part in the saga. The rules of the store come back as
/// they are, for the route to word.
pub(crate) async fn keep<A: Aggregate>(
    shell: &Shell,
    id: Uuid,
    seen: IfMatch,
    mut decide: impl FnMut(Option<A>, DateTime<Utc>) -> Result<Option<A>, Problem> + Send,
) -> Result<Option<Loaded<A>>, Unchanged<Problem>> {
    let at = shell.clock.now();
    let decided = |current: Option<&Loaded<A>>| {
        current.map_or(Ok(()), |current| seen.check(current.version))?;
        let next = decide(current.map(|current| current.state.clone()), at)?;
        Ok(Decision { next, messages: Vec::new() })
    };
    shell.repository.change(id, decided).await
}

/// A field of a patch that may be changed but not taken away.
pub(crate) fn changed<T>(
    fields: &mut Fields<'_>,
    name: &str,
    read: impl FnOnce(Field<'_>) -> Answer<T>,
) -> Answer<Option<T>> {
    match fields.patch(name, read)? {
        Some(None) => Err(fields.refuse(name, "must not be null")),
        given => Ok(given.flatten()),
    }
}

/// The words that a list is searched for, as the store's `search` fields are written.
pub(crate) fn sought(fields: &mut Fields<'_>) -> Answer<Option<String>> {
    let words = fields.optional("q", read::text(1..=200))?;
    Ok(words.map(|words| folded(&words)).filter(|words| !words.is_empty()))
}
