//! An execution as the outside sees it: whole for those who work here, how far it is for the customer.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use garage_events::{
    ExecutionId, ExecutionStatus, Priority, WorkOrderId, WorkOrderStatus, event::PartUsed, milliseconds,
    milliseconds_if_any,
};
use garage_saga::{Shell, waiting::WaitingFor};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{AnyOfBuilder, Ref, Schema},
    },
};

use crate::execution::{Execution, Job};

/// The work on one car.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Execution)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// Its id; the order's, where there is no execution yet.
    pub(crate) id: ExecutionId,
    /// `true` of an order that has no execution and is listed because it waits: only its status says that it is paid, or
    /// off. `POST /executions` queues a paid one.
    #[serde(skip_serializing_if = "Option::is_none")]
    without_execution: Option<bool>,
    work_order_id: WorkOrderId,
    status: ExecutionStatus,
    priority: Priority,
    /// Who does it.
    technician_id: Option<String>,
    /// What was found.
    diagnosis_notes: Option<String>,
    /// What was done. What a rework says is added as a new line.
    repair_notes: Option<String>,
    /// What was built in.
    parts_used: Vec<PartUsed>,
    /// What was done, item by item.
    services_performed: Vec<String>,
    /// Why it failed: the technician's words, or `WORK_ORDER_CANCELLED`.
    failure_reason: Option<String>,
    /// The order's status as last heard.
    order_status: Option<WorkOrderStatus>,
    /// Who must act, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    /// Whether that deadline has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    stuck: Option<bool>,
    /// When it came to its present status; a change of who does it or how urgent it is does not move it.
    #[serde(serialize_with = "milliseconds")]
    status_since: DateTime<Utc>,
    /// When it was prepared.
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    /// When it last changed, by a step or otherwise.
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    /// When it was paid, and so joined the queue.
    #[serde(serialize_with = "milliseconds_if_any")]
    queued_at: Option<DateTime<Utc>>,
    /// When a technician began.
    #[serde(serialize_with = "milliseconds_if_any")]
    started_at: Option<DateTime<Utc>>,
    /// When the work was finished.
    #[serde(serialize_with = "milliseconds_if_any")]
    completed_at: Option<DateTime<Utc>>,
}

impl View {
    /// What is seen of a job; nothing before there is an execution, unless something is awaited.
    pub(crate) fn of(job: Job, shell: &Shell) -> Option<Self> {
        let (order, waiting) = (job.work_order_id, job.waiting());
        let without_execution = job.execution.is_none().then_some(true);
        let execution = job.execution.or_else(|| Some(not_prepared(order, waiting?.since)))?;
        let (finished, since) = (execution.status == ExecutionStatus::Completed, execution.status_since());
        Some(Self {
            id: execution.id,
            without_execution,
            work_order_id: order,
            status: execution.status,
            priority: execution.priority,
            technician_id: execution.technician_id,
            diagnosis_notes: execution.diagnosis_notes,
            repair_notes: execution.repair_notes,
            parts_used: execution.parts_used,
            services_performed: execution.services_performed,
            failure_reason: execution.failure_reason,
            order_status: job.order_status.map(|known| known.status),
            waiting_for: waiting.map(|waiting| WaitingFor::of(&waiting, &shell.deadlines)),
            stuck: waiting.map(|waiting| shell.deadlines.is_stuck(&waiting, shell.clock.now())),
            status_since: since,
            created_at: execution.created_at,
            updated_at: execution.updated_at,
            queued_at: execution.queued_at,
            started_at: execution.started_at,
            completed_at: execution.ended_at.filter(|_| finished),
        })
    }

    /// Whether its deadline has passed.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck == Some(true)
    }
}

/// What stands for an execution that should be there and is not. Nothing that prepares it was heard, so it can only be
/// called by its order's id.
const fn not_prepared(order: WorkOrderId, since: DateTime<Utc>) -> Execution {
    Execution::new(ExecutionId(order.0), ExecutionStatus::AwaitingPayment, since)
}

/// How far it is, for the customer: no notes, no names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExecutionProgress)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    id: ExecutionId,
    work_order_id: WorkOrderId,
    status: ExecutionStatus,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds_if_any")]
    queued_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "milliseconds_if_any")]
    started_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "milliseconds_if_any")]
    completed_at: Option<DateTime<Utc>>,
}

impl Progress {
    /// What of it is the customer's business.
    pub(crate) const fn of(whole: &View) -> Self {
        Self {
            id: whole.id,
            work_order_id: whole.work_order_id,
            status: whole.status,
            created_at: whole.created_at,
            updated_at: whole.updated_at,
            queued_at: whole.queued_at,
            started_at: whole.started_at,
            completed_at: whole.completed_at,
        }
    }
}

/// An execution, as much of it as the caller may see.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Seen {
    /// The whole.
    ByStaff(Box<View>),
    /// How far it is.
    ByCustomer(Progress),
}

/// The whole has all that the customer's part has: both may fit, and not exactly one of them.
impl PartialSchema for Seen {
    fn schema() -> RefOr<Schema> {
        let seen = AnyOfBuilder::new()
            .item(Ref::from_schema_name(View::name()))
            .item(Ref::from_schema_name(Progress::name()))
            .description(Some("An execution, as much of it as the caller may see."));
        RefOr::T(Schema::AnyOf(seen.build()))
    }
}

impl ToSchema for Seen {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ExecutionSeen")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((View::name().into(), View::schema()));
        View::schemas(schemas);
        schemas.push((Progress::name().into(), Progress::schema()));
        Progress::schemas(schemas);
    }
}
