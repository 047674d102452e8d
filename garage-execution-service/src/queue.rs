//! Which paid job is next, and how the workshop stands. The queue is not kept anywhere: a job's place in it
//! follows from its priority and from when it was paid.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use garage_events::{ExecutionStatus, Priority};
use serde::Serialize;
use utoipa::ToSchema;

use crate::execution::{Execution, is_active};

pub(crate) mod http;

/// A text that sorts waiting jobs: the most urgent first, among equals the one that has waited longest.
/// `None` for jobs that do not wait.
#[must_use]
pub fn place(execution: &Execution) -> Option<String> {
    let urgency = match execution.priority {
        Priority::Urgent => 1,
        Priority::High => 2,
        Priority::Normal => 3,
        Priority::Low => 4,
    };
    let since = execution.queued_at.filter(|_| execution.status == ExecutionStatus::Queued)?;
    Some(format!("{urgency}{}", since.to_rfc3339_opts(SecondsFormat::Millis, true)))
}

/// How the workshop stands: the jobs that are paid and have not ended.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// How many there are.
    #[schema(example = 3)]
    pub total: usize,
    /// How many stand at each step; every step is named.
    pub by_status: BTreeMap<ExecutionStatus, usize>,
    /// Their mean wait in minutes, with one decimal: from joining the queue to the start of the diagnosis, or
    /// to now for those that still wait. 0 when there are none.
    #[schema(example = 12.5)]
    pub average_wait_time: f64,
}

/// Counts jobs, one by one.
#[derive(Clone, Debug)]
pub struct Count {
    by_status: BTreeMap<ExecutionStatus, usize>,
    waited: TimeDelta,
}

impl Default for Count {
    fn default() -> Self {
        let active = ExecutionStatus::ALL.iter().copied().filter(|status| is_active(*status));
        Self { by_status: active.map(|status| (status, 0)).collect(), waited: TimeDelta::zero() }
    }
}

impl Count {
    /// Counts a job, unless it is not active.
    pub fn add(&mut self, execution: &Execution, now: DateTime<Utc>) {
        let Some(count) = self.by_status.get_mut(&execution.status) else { return };
        *count += 1;
        let queued = execution.queued_at.unwrap_or(now);
        let waited = execution.started_at.unwrap_or(now) - queued;
        // Whoever queued it may have a clock that is a little ahead of ours.
        self.waited += waited.max(TimeDelta::zero());
    }

    /// What was counted.
    #[must_use]
    pub fn statistics(self) -> Statistics {
        let total = self.by_status.values().sum();
        Statistics { total, average_wait_time: minutes(self.waited, total), by_status: self.by_status }
    }
}

/// The mean of so many waits, in minutes with one decimal.
fn minutes(waited: TimeDelta, count: usize) -> f64 {
    if count == 0 {
        return 0.0;
    }
    let tenths = waited.as_seconds_f64() / 6.0 / count as f64;
    tenths.round() / 10.0
}

#[cfg(test)]
mod tests;
