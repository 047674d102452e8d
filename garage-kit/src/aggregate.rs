//! An aggregate is one unit of work: one record, written whole with the messages it causes. How it is read and written is
//! [`crate::Repository`]'s; this file has never heard of what an aggregate is about.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Failure,
    store::{Change, Kind, Message, Record},
};

/// Something with an identity that is stored whole.
pub trait Aggregate: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where it lives and what it is found by.
    const KIND: &'static Kind;

    /// Whether decisions may rest on what this process has written or read last, which saves reading it again: a commit
    /// names the version that it rests on, so a decision on a passed one does not count. Not for records that are deleted
    /// and made again, as their versions repeat.
    const REMEMBERED: bool = false;

    /// Its id.
    fn id(&self) -> Uuid;

    /// Values of the fields that [`Self::KIND`] names: texts, or lists of texts for those with many. Absent
    /// or null ones are not found.
    fn index(&self) -> Map<String, Value>;
}

/// An aggregate as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<A> {
    /// The version that was read; the `ETag` of HTTP.
    pub version: u64,
    /// What was read.
    pub state: A,
}

/// What a decision wants to be written.
#[derive(Clone, Debug)]
pub struct Decision<A> {
    /// The next state; `None` deletes.
    pub next: Option<A>,
    /// What must leave once it is stored.
    pub messages: Vec<Message>,
}

impl<A: PartialEq> Decision<A> {
    /// Whether writing it would leave everything as it is, and tell nobody.
    #[must_use]
    pub fn changes_nothing(&self, current: Option<&Loaded<A>>) -> bool {
        self.messages.is_empty() && self.next.as_ref() == current.map(|read| &read.state)
    }
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Unchanged<R> {
    /// The decision was no.
    #[error("refused")]
    Refused(R),
    /// Another record has this value of a unique field.
    #[error("another one has this {0}")]
    Taken(String),
    /// It refers to something that is not there, or something still refers to it.
    #[error("something it refers to is missing, or something still refers to it")]
    Dangling,
    /// The store failed, or the record was contended beyond patience.
    #[error(transparent)]
    Failed(#[from] Failure),
}

#[derive(Serialize)]
struct Written<'a, A> {
    state: &'a A,
    index: Map<String, Value>,
}

#[derive(Deserialize)]
struct Read<A> {
    state: A,
}

/// The body under which an aggregate is stored.
///
/// # Errors
/// When its serialization fails, which is a mistake of its type.
fn body<A: Aggregate>(state: &A) -> Result<String, Failure> {
    let written = Written { state, index: state.index() };
    serde_json::to_string(&written).map_err(|cause| Failure::lasting("writing an aggregate as JSON", cause))
}

/// A stored record as the aggregate it is.
///
/// # Errors
/// When it does not read.
pub(crate) fn loaded<A: Aggregate>(record: &Record) -> Result<Loaded<A>, Failure> {
    let read: Read<A> = serde_json::from_str(&record.body).map_err(|cause| {
        Failure::lasting("reading a stored aggregate", format!("{} {}: {cause}", A::KIND.name, record.id))
    })?;
    Ok(Loaded { version: record.version, state: read.state })
}

/// The change that brings a record from the version that was read to the decision.
///
/// # Errors
/// When its serialization fails, which is a mistake of its type.
pub fn change<A: Aggregate>(id: Uuid, expected: u64, decision: Decision<A>) -> Result<Change, Failure> {
    let body = decision.next.as_ref().map(body).transpose()?;
    Ok(Change { kind: A::KIND, id, expected, body, messages: decision.messages })
}
