//! Dead letters, acts and their audit as a manager sees them.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use garage_kit::bus::letters::{Letter, Opened};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::audit::{Act, Audit, Outcome};

/// A dead letter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub(super) struct LetterView {
    /// The same at every look.
    id: Uuid,
    /// The queue it was set aside from.
    queue: String,
    /// Null when nobody knows.
    event_type: Option<String>,
    /// Its sender's id for it; null when it gave none.
    message_id: Option<String>,
    /// Null when it does not say.
    work_order_id: Option<Uuid>,
    /// Why it rests.
    reason: String,
    /// How often its consumer had tried; null when nobody counted.
    attempts: Option<u32>,
    /// Null when nobody knows.
    set_aside_at: Option<DateTime<Utc>>,
    /// The length of its body.
    bytes: usize,
}

impl From<Letter> for LetterView {
    fn from(letter: Letter) -> Self {
        let Letter { id, queue, topic, message_id, correlation, reason, attempts, at, bytes } = letter;
        Self {
            id,
            queue,
            event_type: topic,
            message_id,
            work_order_id: correlation,
            reason,
            attempts,
            set_aside_at: at,
            bytes,
        }
    }
}

/// A dead letter with everything that was sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenedDeadLetter)]
pub(super) struct OpenedView {
    #[serde(flatten)]
    letter: LetterView,
    /// What travelled beside the body.
    headers: BTreeMap<String, Value>,
    /// The body; null when it is no text.
    body: Option<String>,
    /// The body in base64, when it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl From<Opened> for OpenedView {
    fn from(Opened { letter, headers, body }: Opened) -> Self {
        let (body, body_base64) = match String::from_utf8(body) {
            Ok(text) => (Some(text), None),
            Err(bytes) => (None, Some(BASE64_STANDARD.encode(bytes.into_bytes()))),
        };
        Self { letter: letter.into(), headers, body, body_base64 }
    }
}

/// What was done.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SettledDeadLetters)]
pub(super) struct Report {
    /// How many letters were meant, of those that were looked at.
    pub(super) matched: usize,
    /// How many were done.
    pub(super) done: usize,
    /// Those that could not be done.
    pub(super) failed: Vec<Failed>,
    /// Those within the limit that this request did not come to: ask again.
    pub(super) left: Vec<Uuid>,
    /// Whether nothing was to be done.
    pub(super) dry_run: bool,
}

/// A letter that could not be settled.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UnsettledDeadLetter)]
pub(super) struct Failed {
    pub(super) id: Uuid,
    /// Why not.
    pub(super) reason: String,
}

/// An act on a dead letter.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterAudit)]
pub(super) struct AuditView {
    id: Uuid,
    at: DateTime<Utc>,
    /// Whose token it was.
    who: String,
    /// In their words.
    why: String,
    act: Act,
    outcome: Outcome,
    /// Why it failed, if it did.
    problem: Option<String>,
    letter_id: Uuid,
    queue: String,
    event_type: Option<String>,
    message_id: Option<String>,
    work_order_id: Option<Uuid>,
    /// Why the letter rested.
    reason: String,
}

impl From<Audit> for AuditView {
    fn from(audit: Audit) -> Self {
        let Audit {
            id,
            at,
            who,
            why,
            act,
            letter_id,
            queue,
            topic,
            message_id,
            correlation,
            reason,
            outcome,
            problem,
        } = audit;
        Self {
            id,
            at,
            who,
            why,
            act,
            outcome,
            problem,
            letter_id,
            queue,
            event_type: topic,
            message_id,
            work_order_id: correlation,
            reason,
        }
    }
}
