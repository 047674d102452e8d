//! Load, decide, save, and again when somebody else was faster. An aggregate is one unit of work: one record,
//! written whole with the messages it causes. This file has never heard of what an aggregate is about.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    Failure,
    outbox::Outbox,
    store::{Change, Kind, Message, Outcome, Query, Record},
};

/// Tries before a contended record is given up; with jitterless immediate retries this takes milliseconds.
const TRIES: usize = 16;

/// Something with an identity that is stored whole.
pub trait Aggregate: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Where it lives and what it is found by.
    const KIND: &'static Kind;

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

/// The aggregates of a service: reading goes to the store, writing through the outbox.
#[derive(Clone)]
pub struct Repository {
    outbox: Outbox,
}

impl Repository {
    /// Aggregates whose messages leave through `outbox`.
    #[must_use]
    pub const fn new(outbox: Outbox) -> Self {
        Self { outbox }
    }

    /// The way in which changes are written and messages leave.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// One aggregate, if it exists.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load<A: Aggregate>(&self, id: Uuid) -> Result<Option<Loaded<A>>, Failure> {
        Ok(self.load_many(&[id]).await?.pop())
    }

    /// Those that exist among `ids`, in no order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn load_many<A: Aggregate>(&self, ids: &[Uuid]) -> Result<Vec<Loaded<A>>, Failure> {
        self.outbox.store().load(A::KIND, ids).await?.iter().map(loaded).collect()
    }

    /// Those that `query` asks for, in its order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find<A: Aggregate>(&self, query: &Query) -> Result<Vec<Loaded<A>>, Failure> {
        self.outbox.store().find(A::KIND, query).await?.iter().map(loaded).collect()
    }

    /// How many `query` asks for, counted up to its limit.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count<A: Aggregate>(&self, query: &Query) -> Result<u64, Failure> {
        self.outbox.store().count(A::KIND, query).await
    }

    /// The one with this value of a unique field.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn by<A: Aggregate>(
        &self,
        field: &'static str,
        value: impl Into<String>,
    ) -> Result<Option<Loaded<A>>, Failure> {
        let query = Query { filters: vec![(field, value.into())], limit: 1, ..Query::default() };
        Ok(self.find(&query).await?.pop())
    }

    /// Reads, decides, writes; reads and decides again when another writer was faster. A decision that
    /// changes and tells nothing writes nothing.
    ///
    /// # Errors
    /// See [`Unchanged`].
    pub async fn change<A: Aggregate, R>(
        &self,
        id: Uuid,
        mut decide: impl FnMut(Option<&Loaded<A>>) -> Result<Decision<A>, R> + Send,
    ) -> Result<Option<Loaded<A>>, Unchanged<R>>
    where
        R: Send,
    {
        for _ in 0..TRIES {
            let current = self.load::<A>(id).await?;
            let decision = decide(current.as_ref()).map_err(Unchanged::Refused)?;
            let version = current.as_ref().map_or(0, |read| read.version);
            let unchanged = decision.messages.is_empty()
                && decision.next.as_ref() == current.as_ref().map(|read| &read.state);
            if unchanged {
                return Ok(current);
            }
            let next = decision.next.clone();
            match self.commit_one(change(id, version, decision)?).await? {
                Outcome::Committed => return Ok(next.map(|state| Loaded { version: version + 1, state })),
                Outcome::Conflict => {}
                Outcome::Taken { field } => return Err(Unchanged::Taken(field)),
                Outcome::Dangling => return Err(Unchanged::Dangling),
            }
        }
        Err(Failure::passing(
            "changing a contended record",
            format!("{} {id} was changed {TRIES} times meanwhile", A::KIND.name),
        )
        .into())
    }

    async fn commit_one(&self, change: Change) -> Result<Outcome, Failure> {
        let outcomes = self.outbox.commit(vec![change]).await?;
        outcomes.into_iter().next().ok_or_else(|| Failure::lasting("committing", "the store gave no outcome"))
    }
}
