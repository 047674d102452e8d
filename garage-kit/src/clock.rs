//! The one home of time and of fresh ids. Everything else takes them as arguments, so that tests can stop
//! the clock, turn it forward ten days, and expire a quote without waiting.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use crate::crash;

/// A clock that can be handed round; copies show the same time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is turned.
    #[must_use]
    pub fn manual(start: DateTime<Utc>) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(start))))
    }

    /// The time, in whole milliseconds: what is stored and sent reads back equal.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one home of the time")]
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.0 {
            Source::System => Utc::now() + crash::clock_shift(),
            Source::Manual(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        };
        DateTime::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
    }

    /// Turns a manual clock forward; the machine's cannot be turned.
    pub fn advance(&self, by: TimeDelta) {
        if let Source::Manual(time) = &self.0 {
            *time.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }

    /// An id for a thing that lists are ordered by: UUID version 7, newer ones sort later.
    #[must_use]
    pub fn id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos()))
    }

    /// An id without order: UUID version 4, as events have.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one home of fresh ids")]
    pub fn event_id(&self) -> Uuid {
        Uuid::new_v4()
    }
}
