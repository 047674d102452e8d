//! Where a message waits over which its consumer failed, until it is tried again: in the consuming service's own store,
//! so that its publisher is done with it, nothing behind it waits, and a restart forgets neither it nor how often it was
//! tried.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::dead_letter::{self, DeadLetter};
use crate::{
    Aggregate, Decision, Failure, Loaded,
    aggregate::loaded,
    bus::judge::Ruling,
    change,
    store::{Change, Field, Kind, Message, Order, Outcome, Query, Store},
};

/// Messages of the in-process bus that are tried again later, to be named when a member's store is opened. Its table,
/// in PostgreSQL:
///
/// ```sql
#[doc = include_str!("migrations/postgres/0002_parked.sql")]
/// ```
///
/// and in SQLite:
///
/// ```sql
#[doc = include_str!("migrations/sqlite/0002_parked.sql")]
/// ```
pub static PARKED: Kind = Kind { name: "parked", fields: &[Field::plain("queue"), Field::plain("due")] };

/// At most so many of a queue are tried again in one turn: publishers wait for theirs.
const TURN: u32 = 16;

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parked {
    id: Uuid,
    pub(super) queue: String,
    pub(super) message: Message,
    pub(super) attempts: u32,
    /// How the consumer failed last.
    reason: String,
    pub(super) due: DateTime<Utc>,
}

impl Aggregate for Parked {
    const KIND: &'static Kind = &PARKED;

    fn id(&self) -> Uuid {
        self.id
    }

    fn index(&self) -> Map<String, Value> {
        let due = self.due.to_rfc3339_opts(SecondsFormat::Millis, true);
        [("queue".to_owned(), json!(self.queue)), ("due".to_owned(), json!(due))].into_iter().collect()
    }
}

/// A failed try: how, how often in all, and how long to wait now.
pub(super) struct Try {
    pub(super) cause: String,
    pub(super) attempts: u32,
    pub(super) pause: Duration,
}

impl Parked {
    pub(super) fn new(queue: &str, message: &Message, failed: Try, now: DateTime<Utc>) -> Self {
        let Try { cause: reason, attempts, pause } = failed;
        tracing::warn!(queue, topic = message.topic, id = %message.id, reason, attempts, ?pause,
            "a message failed; it is tried again");
        let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
        Self {
            id: dead_letter::id(queue, message.id),
            queue: queue.to_owned(),
            message: message.clone(),
            attempts,
            reason,
            due: now.checked_add_signed(pause).unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }
}

/// Parks messages; one that is parked already waits as it did.
///
/// # Errors
/// When it is not known that each of them is parked.
pub(super) async fn park(store: &dyn Store, mut parked: Vec<Parked>) -> Result<(), Failure> {
    parked.sort_by_key(|one| one.id);
    parked.dedup_by_key(|one| one.id);
    let changes: Result<Vec<_>, _> = parked.into_iter().map(|one| written(0, one)).collect();
    commit(store, &changes?).await
}

/// The messages of some queues that wait, soonest first.
///
/// # Errors
/// When the store cannot be asked.
pub(super) async fn waiting(store: &dyn Store, queues: &[String]) -> Result<Vec<Loaded<Parked>>, Failure> {
    let mut waiting = Vec::new();
    for queue in queues {
        let query = Query {
            filters: vec![("queue", queue.clone())],
            order: Order::By("due"),
            limit: TURN,
            ..Query::default()
        };
        for record in store.find(&PARKED, &query).await? {
            waiting.push(loaded(&record)?);
        }
    }
    waiting.sort_by_key(|one: &Loaded<Parked>| one.state.due);
    Ok(waiting)
}

/// Writes what became of messages that were tried again. A dead letter is there before its message is gone.
///
/// # Errors
/// When it is not known that all is written; what is not will be tried once more.
pub(super) async fn settle(
    store: &dyn Store,
    tried: Vec<(Loaded<Parked>, Ruling)>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let (mut letters, mut changes) = (Vec::new(), Vec::new());
    for (Loaded { version, state: parked }, ruling) in tried {
        match ruling {
            Ruling::Done => changes.push(gone(version, &parked)?),
            Ruling::Rest { reason, attempts } => {
                letters.push(DeadLetter::new(&parked.queue, &parked.message, &reason, attempts, now));
                changes.push(gone(version, &parked)?);
            }
            Ruling::Again { cause, attempts, pause } => {
                let failed = Try { cause, attempts, pause };
                changes.push(written(version, Parked::new(&parked.queue, &parked.message, failed, now))?);
            }
        }
    }
    dead_letter::rest(store, letters).await?;
    commit(store, &changes).await
}

fn written(expected: u64, parked: Parked) -> Result<Change, Failure> {
    change(parked.id, expected, Decision { next: Some(parked), messages: Vec::new() })
}

fn gone(expected: u64, parked: &Parked) -> Result<Change, Failure> {
    change::<Parked>(parked.id, expected, Decision { next: None, messages: Vec::new() })
}

async fn commit(store: &dyn Store, changes: &[Change]) -> Result<(), Failure> {
    if changes.is_empty() {
        return Ok(());
    }
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Taken { .. } | Outcome::Dangling);
    if store.commit(changes).await?.iter().any(refused) {
        return Err(Failure::lasting("parking messages", "the table of parked messages refuses them"));
    }
    Ok(())
}
