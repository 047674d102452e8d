//! Whom a job waits for, and what its present facts tell when they are told again. The order's status as its owner
//! tells it shows what was heard of the work's end, and also what was not heard here: that an order is paid, or
//! off. Pure, like the rest of the job.

use chrono::{DateTime, Utc};
use garage_events::{
    Event, ExecutionStatus, Waiting, WorkOrderStatus,
    waiting::{END_HEARD, MONEY_TOLD, START, STEP, STOP_TOLD},
};

use super::{Execution, Job};

impl Job {
    /// What the job waits for; nothing when the next word is not the workshop's to wait for.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        let shown = self.order_status.map(|known| known.status);
        self.waiting_to_be_told(shown).or_else(|| self.waiting_for_the_end(self.execution.as_ref()?, shown))
    }

    /// The order is shown as paid or as off, and the event that says so has not come.
    fn waiting_to_be_told(&self, shown: Option<WorkOrderStatus>) -> Option<Waiting> {
        let status = self.execution.as_ref().map(|execution| execution.status);
        let unpaid = matches!(status, None | Some(ExecutionStatus::AwaitingPayment));
        let goes_on = unpaid || self.execution.as_ref().is_some_and(Execution::is_active);
        let wait = if shown == Some(WorkOrderStatus::InProgress) && unpaid {
            &MONEY_TOLD
        } else if shown == Some(WorkOrderStatus::Cancelled) && goes_on {
            &STOP_TOLD
        } else {
            return None;
        };
        if self.called_off.is_some() { None } else { Some(Waiting::since(wait, self.followed_at?)) }
    }

    fn waiting_for_the_end(&self, execution: &Execution, shown: Option<WorkOrderStatus>) -> Option<Waiting> {
        let end = |heard: bool| -> Option<Waiting> {
            let ended: DateTime<Utc> = execution.ended_at.unwrap_or(execution.status_since());
            (!heard).then(|| Waiting::since(&END_HEARD, ended))
        };
        let completed = matches!(shown, Some(WorkOrderStatus::Completed | WorkOrderStatus::Delivered));
        match execution.status {
            ExecutionStatus::Completed => end(completed),
            ExecutionStatus::Failed => end(completed
                || self.called_off.is_some()
                || matches!(shown, Some(WorkOrderStatus::Failed | WorkOrderStatus::Cancelled))),
            ExecutionStatus::Queued => {
                Some(Waiting::since(&START, execution.queued_at.unwrap_or(execution.status_since())))
            }
            ExecutionStatus::Diagnosing
            | ExecutionStatus::DiagnosisComplete
            | ExecutionStatus::Repairing
            | ExecutionStatus::RepairComplete
            | ExecutionStatus::Testing => Some(Waiting::since(&STEP, execution.status_since())),
            ExecutionStatus::AwaitingPayment | ExecutionStatus::Cancelled => None,
        }
    }

    /// The events that the present facts imply and that somebody else decides on: how the work ended.
    #[must_use]
    pub fn retell(&self) -> Vec<Event> {
        let ended = |execution: &&Execution| match execution.status {
            ExecutionStatus::Completed | ExecutionStatus::Failed => true,
            ExecutionStatus::AwaitingPayment
            | ExecutionStatus::Queued
            | ExecutionStatus::Diagnosing
            | ExecutionStatus::DiagnosisComplete
            | ExecutionStatus::Repairing
            | ExecutionStatus::RepairComplete
            | ExecutionStatus::Testing
            | ExecutionStatus::Cancelled => false,
        };
        let execution = self.execution.as_ref().filter(ended);
        execution
            .map(|execution| execution.told_of_step(self.work_order_id, execution.status))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests;
