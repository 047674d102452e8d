//! An event with what is known of its telling, and its JSON text (SPEC 3). An envelope reads what any version of any
//! service wrote: unknown fields are ignored, a missing `version` is 1. What it cannot read is told apart, as each
//! kind of unreadable message has a different cure.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{Event, EventId, Service, WorkOrderId};

/// The newest schema version that this build reads and the one that it writes.
pub const VERSION: u32 = 1;

/// The largest event, as JSON text, in bytes; a larger one is refused before it is stored (SPEC 3).
pub const MAX_BYTES: usize = 256 * 1024;

/// An event with what is known of its telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Unique for ever; the same in every copy of this event.
    pub event_id: EventId,
    /// When it happened, by the clock of `source`.
    pub timestamp: DateTime<Utc>,
    /// Who published it.
    pub source: Service,
    /// The schema version of `data`.
    pub version: u32,
    /// The event that caused this one, if an event did.
    pub causation_id: Option<EventId>,
    /// What happened.
    pub event: Event,
}

/// Why a message is no event that this build can read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not JSON, or JSON without the fields that every event has.
    #[error("not an event: {0}")]
    Malformed(#[source] serde_json::Error),
    /// A type that this build does not know: perhaps a newer service wrote it.
    #[error("unknown event type `{0}`")]
    UnknownType(String),
    /// A schema from the future.
    #[error("`{event_type}` has version {version}, this program reads up to {VERSION}")]
    UnknownVersion {
        /// The routing key.
        event_type: String,
        /// The version that was claimed.
        version: u32,
    },
    /// The type is known, its data is not as agreed.
    #[error("the data of `{event_type}` is not as agreed: {source}")]
    Data {
        /// The routing key.
        event_type: String,
        /// Which field, and what was expected.
        source: serde_json::Error,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    event_id: EventId,
    event_type: &'a str,
    timestamp: String,
    source: Service,
    version: u32,
    correlation_id: WorkOrderId,
    causation_id: Option<EventId>,
    data: &'a Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read<'a> {
    event_id: EventId,
    event_type: String,
    timestamp: DateTime<Utc>,
    source: Service,
    version: Option<u32>,
    causation_id: Option<EventId>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Envelope {
    /// The event as JSON text.
    ///
    /// # Errors
    /// Never for values that were read or decided here; the signature is serde's.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Written {
            event_id: self.event_id,
            event_type: self.event.event_type(),
            timestamp: self.timestamp.to_rfc3339_opts(SecondsFormat::Millis, true),
            source: self.source,
            version: self.version,
            correlation_id: self.event.work_order_id(),
            causation_id: self.causation_id,
            data: &self.event,
        })
    }

    /// Reads an event.
    ///
    /// # Errors
    /// See [`Unreadable`]; none of its cases can heal by trying again.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Unreadable> {
        let read: Read<'_> = serde_json::from_slice(bytes).map_err(Unreadable::Malformed)?;
        let version = read.version.unwrap_or(1);
        if version > VERSION && Event::TYPES.contains(&read.event_type.as_str()) {
            return Err(Unreadable::UnknownVersion { event_type: read.event_type, version });
        }
        Ok(Self {
            event: Event::from_data(&read.event_type, read.data)?,
            event_id: read.event_id,
            timestamp: read.timestamp,
            source: read.source,
            version,
            causation_id: read.causation_id,
        })
    }
}

/// The one time format of the wire: UTC with milliseconds and `Z`, as JavaScript prints it.
///
/// # Errors
/// As the serializer's.
pub fn milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// A time that may be missing, in the one format of the wire, or null.
///
/// # Errors
/// As the serializer's.
pub fn milliseconds_if_any<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => milliseconds(time, serializer),
        None => serializer.serialize_none(),
    }
}
