//! The record of who replayed or discarded which letter, and why. It lies in the service's own store, written before
//! the act, so that no act is without its line and no line goes with its letter; the outcome is added after it.

use chrono::{DateTime, Utc};
use garage_kit::{
    Aggregate, Decision, Failure,
    bus::letters::{Ended, Fate, Letter},
    change,
    store::{Change, Field, Kind},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// The audit of dead letters, which every service's store must know.
pub static DEAD_LETTER_AUDITS: Kind =
    Kind { name: "dead_letter_audits", fields: &[Field::plain("queue"), Field::plain("correlation")] };

/// One act on one letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Audit {
    pub(super) id: Uuid,
    pub(super) at: DateTime<Utc>,
    pub(super) who: String,
    pub(super) why: String,
    pub(super) act: Act,
    pub(super) letter_id: Uuid,
    pub(super) queue: String,
    pub(super) topic: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) correlation: Option<Uuid>,
    /// Why the letter rested.
    pub(super) reason: String,
    pub(super) outcome: Outcome,
    /// Why it failed, if it did.
    pub(super) problem: Option<String>,
}

/// What was wished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Act {
    Replay,
    Discard,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Outcome {
    /// It was wished, and what became of it is not known: the service stopped in the middle of it.
    Intended,
    /// It was done.
    Done,
    /// The letter rested no more.
    Gone,
    /// The letter still rests.
    Failed,
}

impl From<Fate> for Act {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Replay => Self::Replay,
            Fate::Discard => Self::Discard,
        }
    }
}

impl Audit {
    /// The line that is written before the act.
    pub(super) fn intended(
        id: Uuid,
        at: DateTime<Utc>,
        who: &str,
        why: &str,
        fate: Fate,
        letter: &Letter,
    ) -> Self {
        Self {
            id,
            at,
            who: who.to_owned(),
            why: why.to_owned(),
            act: fate.into(),
            letter_id: letter.id,
            queue: letter.queue.clone(),
            topic: letter.topic.clone(),
            message_id: letter.message_id.clone(),
            correlation: letter.correlation,
            reason: letter.reason.clone(),
            outcome: Outcome::Intended,
            problem: None,
        }
    }

    /// The same line with what became of it.
    pub(super) fn ended(self, ended: &Ended) -> Self {
        let (outcome, problem) = match ended {
            Ended::Done => (Outcome::Done, None),
            Ended::Gone => (Outcome::Gone, None),
            Ended::Failed(why) => (Outcome::Failed, Some(why.clone())),
        };
        Self { outcome, problem, ..self }
    }

    /// To be written over the version `expected`.
    pub(super) fn written(&self, expected: u64) -> Result<Change, Failure> {
        change(self.id, expected, Decision { next: Some(self.clone()), messages: Vec::new() })
    }
}

impl Aggregate for Audit {
    const KIND: &'static Kind = &DEAD_LETTER_AUDITS;

    fn id(&self) -> Uuid {
        self.id
    }

    fn index(&self) -> Map<String, Value> {
        let correlation = self.correlation.map(|id| id.to_string());
        let fields = [("queue", json!(self.queue)), ("correlation", json!(correlation))];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
