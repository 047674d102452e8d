//! Where aggregates live. A record is `(id, version, body)`; what is searched or constrained is derived from
//! the body when it is written. Messages that must leave are stored in the same write as the state that
//! caused them, and go once the bus has confirmed them. The face is small so that one conformance suite
//! ([`crate::testing`]) can hold PostgreSQL, SQLite and MongoDB to the same promises.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::pool::Pool;
use crate::{Failure, trace::TraceContext};

pub mod mongo;
pub mod pool;
pub mod sql;

/// One sort of aggregate: its table or collection, and what it can be found by.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The table's or collection's name.
    pub name: &'static str,
    /// What [`Query`] may name.
    pub fields: &'static [Field],
}

/// Something that records are found by, written by [`crate::Aggregate::index`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Snake case; in SQL a generated column of this name.
    pub name: &'static str,
    /// What holds for it.
    pub rule: Rule,
}

/// What holds for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Any number of records may share a value.
    Plain,
    /// No two records share a value; absent ones do not count.
    Unique,
    /// A record has a list of them, and is found by each.
    Many,
}

impl Field {
    /// A field by which records are found.
    #[must_use]
    pub const fn plain(name: &'static str) -> Self {
        Self { name, rule: Rule::Plain }
    }

    /// A field whose value belongs to one record.
    #[must_use]
    pub const fn unique(name: &'static str) -> Self {
        Self { name, rule: Rule::Unique }
    }

    /// A field with a list of values.
    #[must_use]
    pub const fn many(name: &'static str) -> Self {
        Self { name, rule: Rule::Many }
    }
}

/// A stored aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: Uuid,
    /// Starts at 1 and grows by one per commit.
    pub version: u64,
    /// JSON: `{"state": …, "index": …}`.
    pub body: String,
}

/// One aggregate's next state with what must be told of it: written together or not at all.
#[derive(Clone, Debug)]
pub struct Change {
    /// What it is.
    pub kind: &'static Kind,
    /// Which.
    pub id: Uuid,
    /// The version that was read; 0 for one that must not exist yet.
    pub expected: u64,
    /// The next body as [`Record::body`]; `None` deletes.
    pub body: Option<String>,
    /// What leaves once this is stored.
    pub messages: Vec<Message>,
}

/// How one change of a batch went. Anything but `Committed` left nothing behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored, with its messages.
    Committed,
    /// Another writer was faster: read again, decide again.
    Conflict,
    /// Another record has this value of a unique field.
    Taken {
        /// The field's name.
        field: String,
    },
    /// It names a record that is not there, or one that still names it is in the way.
    Dangling,
}

/// An event on its way out, with what the bus must know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Unique for ever; a repeated publish carries the same.
    pub id: Uuid,
    /// The kind's name of the aggregate that told it.
    pub kind: String,
    /// The aggregate that told it.
    pub aggregate: Uuid,
    /// The routing key.
    pub topic: String,
    /// What the conversation is about.
    pub correlation: Uuid,
    /// The message that caused this one.
    pub causation: Option<Uuid>,
    /// Where it was told, if that is in another trace than its conversation's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
    /// Who tells it.
    pub source: String,
    /// The schema version of the body.
    pub version: u32,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Whether somebody must be listening: an unroutable one then stays unsent.
    pub mandatory: bool,
    /// The JSON text as it goes out.
    pub body: String,
}

impl Message {
    /// Where it was told.
    #[must_use]
    pub fn context(&self) -> TraceContext {
        self.trace.unwrap_or_else(|| TraceContext::of(self.correlation, self.id))
    }
}

/// Which records, in which order. Values are compared as text.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Fields and the values they must have.
    pub filters: Vec<(&'static str, String)>,
    /// Records whose field `search` contains this text; case does not matter (the field holds lower case).
    pub search: Option<String>,
    /// The order.
    pub order: Order,
    /// Start behind this record.
    pub after: Option<Position>,
    /// With [`Order::By`]: end with this value of its field.
    pub until: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// The order of a [`Query`]'s answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By id, falling: ids are UUIDv7, so the newest come first.
    #[default]
    Newest,
    /// By a field, rising, then by id, rising. Records without the field are not found.
    By(&'static str),
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The last record's value of the order's field; empty for [`Order::Newest`].
    pub value: String,
    /// The last record's id.
    pub id: Uuid,
}

/// A database that keeps aggregates and the messages that must still leave.
#[async_trait]
pub trait Store: Send + Sync {
    /// The records that exist among `ids`, in no order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    async fn load(&self, kind: &'static Kind, ids: &[Uuid]) -> Result<Vec<Record>, Failure>;

    /// The records that `query` asks for, in its order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    async fn find(&self, kind: &'static Kind, query: &Query) -> Result<Vec<Record>, Failure>;

    /// How many records `query` asks for, counted up to its limit.
    ///
    /// # Errors
    /// When the database cannot be asked.
    async fn count(&self, kind: &'static Kind, query: &Query) -> Result<u64, Failure>;

    /// Writes a batch, durably. All or nothing per change, one outcome per change, in their order. A batch
    /// names a record at most once.
    ///
    /// # Errors
    /// When it is not known that the batch was written: it may have been, wholly or for some changes.
    async fn commit(&self, changes: &[Change]) -> Result<Vec<Outcome>, Failure>;

    /// The oldest messages that were stored before `before` and have not been marked as sent.
    ///
    /// # Errors
    /// When the database cannot be asked.
    async fn unsent(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<Message>, Failure>;

    /// Forgets messages that the bus has confirmed. One already forgotten is no error.
    ///
    /// # Errors
    /// When the database cannot be asked; the messages will be published again.
    async fn sent(&self, messages: &[Message]) -> Result<(), Failure>;

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    async fn ping(&self) -> Result<(), Failure>;

    /// Its pools of connections as they are now; none for a store that has no connections.
    fn pools(&self) -> Vec<Pool> {
        Vec::new()
    }
}
