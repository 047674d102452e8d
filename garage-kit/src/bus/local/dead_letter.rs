//! Where a message rests that its consumer can never take: in the consuming service's own store, written
//! before the message counts as delivered. The same message set aside twice from one queue is one dead
//! letter.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::{
    Aggregate, Decision, Failure, change,
    store::{Change, Field, Kind, Message, Outcome, Store},
};

/// Dead letters of the in-process bus, to be named when a member's store is opened. Its table, in PostgreSQL:
///
/// ```sql
#[doc = include_str!("migrations/postgres/0001_dead_letters.sql")]
/// ```
///
/// and in SQLite:
///
/// ```sql
#[doc = include_str!("migrations/sqlite/0001_dead_letters.sql")]
/// ```
pub static DEAD_LETTERS: Kind = Kind {
    name: "dead_letters",
    fields: &[Field::plain("queue"), Field::plain("correlation"), Field::plain("at")],
};

/// A message that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Made from the queue and the message: a repeated set-aside has the same.
    pub id: Uuid,
    /// The queue it was consumed from.
    pub queue: String,
    /// The topic it was published with.
    pub topic: String,
    /// Its publisher's id for it.
    pub message_id: Uuid,
    /// What its conversation is about.
    pub correlation: Uuid,
    /// Why it can never succeed.
    pub reason: String,
    /// How often it was tried in vain before it was set aside; 0 when it was hopeless at first sight.
    #[serde(default)]
    pub attempts: u32,
    /// What was sent.
    pub body: String,
    /// When it was set aside first.
    pub at: DateTime<Utc>,
}

impl Aggregate for DeadLetter {
    const KIND: &'static Kind = &DEAD_LETTERS;

    fn id(&self) -> Uuid {
        self.id
    }

    fn index(&self) -> Map<String, Value> {
        let (queue, correlation, at) =
            (self.queue.as_str(), self.correlation.to_string(), self.at.to_rfc3339());
        [
            ("queue".to_owned(), json!(queue)),
            ("correlation".to_owned(), json!(correlation)),
            ("at".to_owned(), json!(at)),
        ]
        .into_iter()
        .collect()
    }
}

impl DeadLetter {
    pub(super) fn new(
        queue: &str,
        message: &Message,
        reason: &str,
        attempts: u32,
        at: DateTime<Utc>,
    ) -> Self {
        tracing::warn!(queue, topic = message.topic, id = %message.id, reason, attempts, "a message is set aside");
        Self {
            id: id(queue, message.id),
            queue: queue.to_owned(),
            topic: message.topic.clone(),
            message_id: message.id,
            correlation: message.correlation,
            reason: reason.to_owned(),
            attempts,
            body: message.body.clone(),
            at,
        }
    }
}

/// The same for the same message of the same queue.
pub(super) fn id(queue: &str, message: Uuid) -> Uuid {
    let mut bytes = [0; 16];
    let hash = Sha256::new().chain_update(queue).chain_update(message).finalize();
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Stores dead letters; one that rests already stays as it is.
///
/// # Errors
/// When it is not known that each of them rests.
pub(super) async fn rest(store: &dyn Store, mut letters: Vec<DeadLetter>) -> Result<(), Failure> {
    if letters.is_empty() {
        return Ok(());
    }
    letters.sort_by_key(|letter| letter.id);
    letters.dedup_by_key(|letter| letter.id);
    let changes: Vec<Change> = letters.into_iter().map(written).collect::<Result<_, _>>()?;
    for outcome in store.commit(&changes).await? {
        match outcome {
            Outcome::Committed | Outcome::Conflict => {}
            Outcome::Taken { .. } | Outcome::Dangling => {
                return Err(Failure::lasting(
                    "setting messages aside",
                    "the table of dead letters refuses them",
                ));
            }
        }
    }
    Ok(())
}

fn written(letter: DeadLetter) -> Result<Change, Failure> {
    change(letter.id, 0, Decision { next: Some(letter), messages: Vec::new() })
}
