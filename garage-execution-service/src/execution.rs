//! The workshop's job for one work order: what was learned of the order (approved, paid, called off) and the
//! steps that a technician takes (SPEC 4). Pure: time and ids are arguments. Money is Billing's business;
//! here a job may only begin once `payment.approved` has been heard.

use chrono::{DateTime, Utc};
use garage_events::{
    Event, ExecutionId, ExecutionStatus, Followed, Priority, Refusal, Transition, WorkOrderId,
    WorkOrderStatus,
    event::{
        ExecutionCompleted, ExecutionCreated, ExecutionFailed, ExecutionStatusChanged, PartUsed,
        WorkOrderStatusChanged, reason,
    },
};
use serde::{Deserialize, Serialize};

pub(crate) mod http;
mod record;
mod waiting;

pub use record::JOBS;

/// Parts, and services, that one job may list: more would not fit into the event that tells of its end.
pub const MOST_ITEMS: usize = 200;
/// Characters that the notes of one job's repairs may have in all: five of the longest that are taken at once. No event
/// has them.
pub const MOST_NOTES: usize = 20_000;

/// Everything that the workshop knows of one work order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// The order.
    pub work_order_id: WorkOrderId,
    /// The order was called off; a tombstone when nothing else is known.
    pub called_off: Option<DateTime<Utc>>,
    /// The order's status as last heard from its owner.
    pub order_status: Option<Followed>,
    /// When that was heard.
    #[serde(default)]
    pub followed_at: Option<DateTime<Utc>>,
    /// The work itself, once there is any.
    pub execution: Option<Execution>,
}

/// The work on one car.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// How urgent.
    pub priority: Priority,
    /// Who does it.
    pub technician_id: Option<String>,
    /// When it was prepared.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When it last moved, if something else of it has changed since: see [`Execution::status_since`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_at: Option<DateTime<Utc>>,
    /// When it was paid, and so joined the queue.
    pub queued_at: Option<DateTime<Utc>>,
    /// When a technician began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, well or badly.
    pub ended_at: Option<DateTime<Utc>>,
    /// What was found.
    pub diagnosis_notes: Option<String>,
    /// What was done, a line or more for each repair.
    pub repair_notes: Option<String>,
    /// What was built in.
    pub parts_used: Vec<PartUsed>,
    /// What was done, item by item.
    pub services_performed: Vec<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
}

/// A technician's step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes the job and looks.
    StartDiagnosis {
        /// Who.
        technician_id: Option<String>,
    },
    /// Has looked.
    CompleteDiagnosis {
        /// What was found.
        notes: Option<String>,
    },
    /// Begins to repair; after testing, again.
    StartRepair,
    /// Has repaired.
    CompleteRepair {
        /// What was done.
        notes: Option<String>,
        /// What was built in.
        parts_used: Vec<PartUsed>,
        /// What was done, item by item.
        services_performed: Vec<String>,
    },
    /// Tries it.
    StartTesting,
    /// Is done with it.
    Complete,
    /// Cannot do it.
    Fail {
        /// Why.
        reason: String,
    },
}

impl Job {
    /// Nothing is known yet.
    #[must_use]
    pub const fn unknown(work_order_id: WorkOrderId) -> Self {
        Self { work_order_id, called_off: None, order_status: None, followed_at: None, execution: None }
    }

    /// Learns what an event tells; total. `id` is for an execution that begins with it.
    pub fn react(self, event: &Event, id: ExecutionId, at: DateTime<Utc>) -> Transition<Self> {
        match event {
            Event::QuoteApproved(_) => self.prepare(id, at),
            Event::PaymentApproved(_) => self.paid(id, at),
            Event::WorkOrderCancelled(_) => self.call_off(at),
            Event::WorkOrderStatusChanged(changed) => Transition::quiet(self.follow(changed, at)),
            Event::WorkOrderCreated(_)
            | Event::QuoteCreated(_)
            | Event::QuoteRejected(_)
            | Event::QuoteSent(_)
            | Event::PaymentCreated(_)
            | Event::PaymentRejected(_)
            | Event::PaymentFailed(_)
            | Event::PaymentRefunded(_)
            | Event::ExecutionCreated(_)
            | Event::ExecutionStatusChanged(_)
            | Event::ExecutionCompleted(_)
            | Event::ExecutionFailed(_) => Transition::quiet(self),
        }
    }

    fn follow(self, changed: &WorkOrderStatusChanged, at: DateTime<Utc>) -> Self {
        let order_status = Followed::after(self.order_status, changed);
        let followed_at = if order_status == self.order_status { self.followed_at } else { Some(at) };
        Self { order_status, followed_at, ..self }
    }

    /// The customer said yes: make ready, unless the order was called off meanwhile.
    fn prepare(self, id: ExecutionId, at: DateTime<Utc>) -> Transition<Self> {
        if self.execution.is_some() {
            return Transition::quiet(self);
        }
        let status = if self.called_off.is_some() {
            ExecutionStatus::Cancelled
        } else {
            ExecutionStatus::AwaitingPayment
        };
        Transition::quiet(Self { execution: Some(Execution::new(id, status, at)), ..self })
    }

    /// The money is here: into the queue. Paid but called off: say that it will not be done, so that the
    /// money goes back.
    fn paid(self, id: ExecutionId, at: DateTime<Utc>) -> Transition<Self> {
        let waiting = [ExecutionStatus::AwaitingPayment, ExecutionStatus::Cancelled];
        match &self.execution {
            Some(execution) if !waiting.contains(&execution.status) => Transition::quiet(self),
            _unpaid if self.called_off.is_some() => self.fail_for_cancellation(id, at),
            _unpaid => self.enqueue(id, at),
        }
    }

    fn enqueue(self, id: ExecutionId, at: DateTime<Utc>) -> Transition<Self> {
        let mut execution = self.execution.unwrap_or_else(|| Execution::new(id, ExecutionStatus::Queued, at));
        execution.move_to(ExecutionStatus::Queued, at);
        execution.queued_at = Some(at);
        let told = ExecutionCreated {
            work_order_id: self.work_order_id,
            execution_id: execution.id,
            status: ExecutionStatus::Queued,
            priority: execution.priority,
            technician_id: execution.technician_id.clone(),
        };
        Transition::telling(Self { execution: Some(execution), ..self }, [told.into()])
    }

    fn fail_for_cancellation(self, id: ExecutionId, at: DateTime<Utc>) -> Transition<Self> {
        let execution = self.execution.unwrap_or_else(|| Execution::new(id, ExecutionStatus::Cancelled, at));
        let told = ExecutionFailed {
            work_order_id: self.work_order_id,
            execution_id: execution.id,
            reason: reason::WORK_ORDER_CANCELLED.to_owned(),
        };
        let failed = execution.failed(reason::WORK_ORDER_CANCELLED.to_owned(), at);
        Transition::telling(Self { execution: Some(failed), ..self }, [told.into()])
    }

    /// The order was called off: stop active work, forget what was only prepared, leave finished work alone.
    fn call_off(self, at: DateTime<Utc>) -> Transition<Self> {
        if self.called_off.is_some() {
            return Transition::quiet(self);
        }
        let mut job = Self { called_off: Some(at), ..self };
        match job.execution.as_mut() {
            Some(execution) if execution.is_active() => {
                let id = execution.id;
                job.fail_for_cancellation(id, at)
            }
            Some(execution) if execution.status == ExecutionStatus::AwaitingPayment => {
                execution.move_to(ExecutionStatus::Cancelled, at);
                execution.ended_at = Some(at);
                Transition::quiet(job)
            }
            Some(_) | None => Transition::quiet(job),
        }
    }

    /// Says how urgent a job is and who should do it before it is queued. What is queued already is left
    /// alone. `id` is for an execution that begins with it.
    #[must_use]
    pub fn wishing(
        self,
        id: ExecutionId,
        priority: Option<Priority>,
        technician_id: Option<String>,
        at: DateTime<Utc>,
    ) -> Self {
        let status = ExecutionStatus::AwaitingPayment;
        let mut execution = self.execution.clone().unwrap_or_else(|| Execution::new(id, status, at));
        if execution.status != status {
            return self;
        }
        execution.priority = priority.unwrap_or(execution.priority);
        execution.technician_id = technician_id.or(execution.technician_id);
        Self { execution: Some(execution), ..self }
    }

    /// Puts a paid order into the queue by hand, when its owner says that it is paid but the payment's own
    /// event has not come (a dead letter, say).
    ///
    /// # Errors
    /// When the order is not known to be paid, was called off, or has an execution.
    pub fn enqueue_by_hand(self, id: ExecutionId, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        let refuse = |state: &str| Refusal::state("queueing by hand", "work order", state);
        if self.called_off.is_some() {
            return Err(refuse("CANCELLED"));
        }
        if let Some(execution) =
            self.execution.as_ref().filter(|one| one.status != ExecutionStatus::AwaitingPayment)
        {
            return Err(Refusal::state("queueing by hand", "execution", execution.status));
        }
        match self.order_status.as_ref().map(|known| known.status) {
            Some(WorkOrderStatus::InProgress) => Ok(self.enqueue(id, at)),
            Some(other) => Err(refuse(other.word())),
            None => Err(refuse("not known to be paid")),
        }
    }

    /// Takes a technician's step.
    ///
    /// # Errors
    /// When the step is out of order; the refusal names the state.
    pub fn step(self, step: Step, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        let Some(execution) = self.execution.clone() else { return Err(Refusal::Unknown("execution")) };
        let before = execution.status;
        let next = execution.step(step, at)?;
        let told = next.told_of_step(self.work_order_id, before);
        Ok(Transition::telling(Self { execution: Some(next), ..self }, [told]))
    }

    /// Changes who does it and how urgent it is. That is no step: whoever is awaited has no more time for it.
    ///
    /// # Errors
    /// Once the work has ended.
    pub fn assign(
        self,
        priority: Option<Priority>,
        technician_id: Option<Option<String>>,
        at: DateTime<Utc>,
    ) -> Result<Transition<Self>, Refusal> {
        let Some(mut execution) = self.execution.clone() else { return Err(Refusal::Unknown("execution")) };
        if execution.has_ended() {
            return Err(Refusal::state("changing", "execution", execution.status));
        }
        execution.priority = priority.unwrap_or(execution.priority);
        execution.technician_id = technician_id.unwrap_or(execution.technician_id);
        if self.execution.as_ref() == Some(&execution) {
            return Ok(Transition::quiet(self));
        }
        execution.moved_at = Some(execution.status_since());
        execution.updated_at = at;
        Ok(Transition::quiet(Self { execution: Some(execution), ..self }))
    }
}

impl Execution {
    const fn new(id: ExecutionId, status: ExecutionStatus, at: DateTime<Utc>) -> Self {
        Self {
            id,
            status,
            priority: Priority::Normal,
            technician_id: None,
            created_at: at,
            updated_at: at,
            moved_at: None,
            queued_at: None,
            started_at: None,
            ended_at: None,
            diagnosis_notes: None,
            repair_notes: None,
            parts_used: Vec::new(),
            services_performed: Vec::new(),
            failure_reason: None,
        }
    }

    /// Paid and not ended.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        is_active(self.status)
    }

    /// When it came to where it stands.
    #[must_use]
    pub fn status_since(&self) -> DateTime<Utc> {
        self.moved_at.unwrap_or(self.updated_at)
    }

    fn has_ended(&self) -> bool {
        !self.is_active() && self.status != ExecutionStatus::AwaitingPayment
    }

    fn move_to(&mut self, status: ExecutionStatus, at: DateTime<Utc>) {
        self.status = status;
        self.updated_at = at;
        self.moved_at = None;
    }

    fn failed(mut self, reason: String, at: DateTime<Utc>) -> Self {
        self.move_to(ExecutionStatus::Failed, at);
        self.ended_at = Some(at);
        self.failure_reason = Some(reason);
        self
    }

    fn step(mut self, step: Step, at: DateTime<Utc>) -> Result<Self, Refusal> {
        use ExecutionStatus::{
            Completed, Diagnosing, DiagnosisComplete, Queued, RepairComplete, Repairing, Testing,
        };
        let next = match (&step, self.status) {
            (Step::StartDiagnosis { .. }, Queued) => Diagnosing,
            (Step::CompleteDiagnosis { .. }, Diagnosing) => DiagnosisComplete,
            (Step::StartRepair, DiagnosisComplete | Testing) => Repairing,
            (Step::CompleteRepair { .. }, Repairing) => RepairComplete,
            (Step::StartTesting, RepairComplete) => Testing,
            (Step::Complete, RepairComplete | Testing) => Completed,
            (Step::Fail { reason }, _) if self.is_active() => {
                own_words(reason)?;
                ExecutionStatus::Failed
            }
            (out_of_order, status) => return Err(Refusal::state(out_of_order.doing(), "execution", status)),
        };
        self.record(step, at);
        self.move_to(next, at);
        self.check_whole()?;
        Ok(self)
    }

    fn record(&mut self, step: Step, at: DateTime<Utc>) {
        match step {
            Step::StartDiagnosis { technician_id } => {
                self.started_at = Some(at);
                self.technician_id = technician_id.or_else(|| self.technician_id.take());
            }
            Step::CompleteDiagnosis { notes } => self.diagnosis_notes = notes,
            Step::CompleteRepair { notes, parts_used, services_performed } => {
                self.repair_notes = below(self.repair_notes.take(), notes);
                self.parts_used.extend(parts_used);
                self.services_performed.extend(services_performed);
            }
            Step::Complete => self.ended_at = Some(at),
            Step::Fail { reason } => {
                self.ended_at = Some(at);
                self.failure_reason = Some(reason);
            }
            Step::StartRepair | Step::StartTesting => {}
        }
    }

    /// Rework adds to the notes and to the lists, so it is the whole that is held to the limits.
    fn check_whole(&self) -> Result<(), Refusal> {
        let characters = self.repair_notes.as_ref().map_or(0, |notes| notes.chars().count());
        let wholes = [
            ("notes", characters, MOST_NOTES, "characters"),
            ("partsUsed", self.parts_used.len(), MOST_ITEMS, "items"),
            ("servicesPerformed", self.services_performed.len(), MOST_ITEMS, "items"),
        ];
        let full = wholes.into_iter().find(|(_, size, most, _)| size > most);
        full.map_or(Ok(()), |(field, size, most, unit)| {
            let problem = format!("must not bring the job to {size} {unit} in all: it may have {most}");
            Err(Refusal::field(field, problem))
        })
    }

    /// The end of the work is told by its own event, every other step by the change of status.
    fn told_of_step(&self, work_order_id: WorkOrderId, previous_status: ExecutionStatus) -> Event {
        match self.status {
            ExecutionStatus::Completed => ExecutionCompleted {
                work_order_id,
                execution_id: self.id,
                parts_used: self.parts_used.clone(),
                services_performed: self.services_performed.clone(),
            }
            .into(),
            ExecutionStatus::Failed => ExecutionFailed {
                work_order_id,
                execution_id: self.id,
                reason: self.failure_reason.clone().unwrap_or_default(),
            }
            .into(),
            new_status @ (ExecutionStatus::AwaitingPayment
            | ExecutionStatus::Queued
            | ExecutionStatus::Diagnosing
            | ExecutionStatus::DiagnosisComplete
            | ExecutionStatus::Repairing
            | ExecutionStatus::RepairComplete
            | ExecutionStatus::Testing
            | ExecutionStatus::Cancelled) => {
                ExecutionStatusChanged { work_order_id, execution_id: self.id, previous_status, new_status }
                    .into()
            }
        }
    }
}

impl Step {
    const fn doing(&self) -> &'static str {
        match self {
            Self::StartDiagnosis { .. } => "starting the diagnosis",
            Self::CompleteDiagnosis { .. } => "completing the diagnosis",
            Self::StartRepair => "starting the repair",
            Self::CompleteRepair { .. } => "completing the repair",
            Self::StartTesting => "starting the test",
            Self::Complete => "completing",
            Self::Fail { .. } => "failing",
        }
    }
}

/// Paid and not ended.
#[must_use]
pub const fn is_active(status: ExecutionStatus) -> bool {
    match status {
        ExecutionStatus::Queued
        | ExecutionStatus::Diagnosing
        | ExecutionStatus::DiagnosisComplete
        | ExecutionStatus::Repairing
        | ExecutionStatus::RepairComplete
        | ExecutionStatus::Testing => true,
        ExecutionStatus::AwaitingPayment
        | ExecutionStatus::Completed
        | ExecutionStatus::Failed
        | ExecutionStatus::Cancelled => false,
    }
}

/// What is said of a further repair stands below what was said of those before.
fn below(before: Option<String>, notes: Option<String>) -> Option<String> {
    match (before, notes) {
        (Some(before), Some(notes)) => Some(format!("{before}\n{notes}")),
        (before, notes) => notes.or(before),
    }
}

/// One reason is the system's own: with it the work order would not be seen to fail.
fn own_words(reason: &str) -> Result<(), Refusal> {
    if reason.trim().is_empty() || reason == reason::WORK_ORDER_CANCELLED {
        return Err(Refusal::field(
            "reason",
            "must say in the technician's own words why the work cannot be done",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
