//! What the routes of this service have in common: how records that tell nothing are kept, and what is read alike.

use chrono::{DateTime, Utc};
use garage_kit::{
    Aggregate, Decision, Loaded, Unchanged,
    http::{Answer, Field, Fields, IfMatch, Problem, read},
};
use garage_saga::Shell;
use uuid::Uuid;

use crate::search::{order_wanted, wanted};

/// Said of a customer to whom nothing new can belong.
pub(crate) const ERASED: &str = "must be a customer's; this one's data have been erased";

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
    Ok(fields.optional("q", read::text(1..=200))?.map(|text| wanted(&text)))
}

/// The same of a list of orders, whose numbers are written in more ways than one.
pub(crate) fn order_sought(fields: &mut Fields<'_>) -> Answer<Option<String>> {
    Ok(fields.optional("q", read::text(1..=200))?.map(|text| order_wanted(&text)))
}
