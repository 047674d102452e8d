//! A job as a record: one per work order, under the order's id. A job without an execution (a tombstone, or
//! an order that is only followed) is found by its id alone, and by whom it waits for.

use garage_events::{Event, Waiting};
use garage_kit::{
    Aggregate,
    store::{Field, Kind},
};
use garage_saga::waiting::{Patient, WAITING};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Job;
use crate::queue;

/// The workshop's jobs.
pub static JOBS: Kind = Kind {
    name: "jobs",
    fields: &[
        Field::unique("execution_id"),
        Field::plain("status"),
        Field::plain("technician_id"),
        Field::plain("listed"),
        Field::plain("active"),
        Field::plain("queue"),
        WAITING,
    ],
};

impl Aggregate for Job {
    const KIND: &'static Kind = &JOBS;
    const REMEMBERED: bool = true;

    fn id(&self) -> Uuid {
        self.work_order_id.0
    }

    /// `waiting` while somebody is awaited, `listed` once there is an execution, `active` while it is paid and has not ended, `queue` while it waits.
    fn index(&self) -> Map<String, Value> {
        let waiting = Self::waiting(self).map(|waiting| (WAITING.name.to_owned(), json!(waiting.key())));
        let Some(execution) = &self.execution else { return waiting.into_iter().collect() };
        let fields = [
            ("execution_id", json!(execution.id)),
            ("status", json!(execution.status)),
            ("technician_id", json!(execution.technician_id)),
            ("listed", json!("true")),
            ("active", json!(execution.is_active().then_some("true"))),
            ("queue", json!(queue::place(execution))),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(waiting).collect()
    }
}

impl Patient for Job {
    fn waiting(&self) -> Option<Waiting> {
        Self::waiting(self)
    }

    fn retell(&self) -> Vec<Event> {
        Self::retell(self)
    }
}
