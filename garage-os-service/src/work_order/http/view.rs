//! A work order as its readers see it. The payer is not among it: whoever works here finds the customer under
//! its own address, and the token of a customer's link shall tell nobody more than how far the order is.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, EventId, QuoteId, VehicleId, WorkOrderId, WorkOrderStatus,
    event::{RequestedPart, RequestedService},
    milliseconds, milliseconds_if_any,
};
use garage_saga::{Shell, waiting::WaitingFor};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    plate::Plate,
    work_order::{Fact, What, WorkOrder},
};

/// A work order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkOrder)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkOrderView {
    id: WorkOrderId,
    customer_id: CustomerId,
    vehicle_id: VehicleId,
    /// The vehicle's at intake; masked for a customer's link.
    #[schema(example = "ABC1D23")]
    plate: String,
    #[schema(example = "Oil change and tire rotation")]
    description: String,
    /// Follows from what has become known; see the history.
    status: WorkOrderStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_cost: Option<Cents>,
    services: Vec<RequestedService>,
    parts: Vec<RequestedPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_technician_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "milliseconds_if_any")]
    estimated_completion_date: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// When the present status began; what is learned later does not move it.
    #[serde(serialize_with = "milliseconds")]
    status_since: DateTime<Utc>,
    /// When the workshop finished, once it has.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "milliseconds_if_any")]
    completed_at: Option<DateTime<Utc>>,
    /// When the car was given back, once it was; a warranty counts from here.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "milliseconds_if_any")]
    delivered_at: Option<DateTime<Utc>>,
    /// How often the status has changed.
    revision: u32,
    /// The customer has been erased, and with them what the desk and they wrote.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    customer_erased: bool,
    /// Once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    quote_id: Option<QuoteId>,
    /// The quote's.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_amount: Option<Cents>,
    /// `CUSTOMER_REQUEST`, `QUOTE_REJECTED`, `QUOTE_EXPIRED` or somebody's words; only while the order is CANCELLED, as one
    /// that was called off too late is COMPLETED.
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_reason: Option<String>,
    /// The technician's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    /// Who must act, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    /// Whether that deadline has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    stuck: Option<bool>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    /// When something was last learned or edited, whatever it was.
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
}

impl WorkOrderView {
    /// An order as it is now.
    pub(super) fn of(order: WorkOrder, shell: &Shell) -> Self {
        let (waiting, status) = (order.waiting(), order.status());
        let reason = order.cancellation_reason().filter(|_| status == WorkOrderStatus::Cancelled);
        Self {
            waiting_for: waiting.map(|waiting| WaitingFor::of(&waiting, &shell.deadlines)),
            stuck: waiting.map(|waiting| shell.deadlines.is_stuck(&waiting, shell.clock.now())),
            status,
            status_since: order.status_since(),
            completed_at: order.completed_at(),
            delivered_at: order.delivered_at(),
            quote_id: order.quote_id(),
            total_amount: order.total_amount(),
            cancellation_reason: reason.map(str::to_owned),
            failure_reason: order.failure_reason().map(str::to_owned),
            id: order.id,
            customer_id: order.customer_id,
            vehicle_id: order.vehicle_id,
            plate: order.plate,
            description: order.details.description,
            estimated_cost: order.details.estimated_cost,
            services: order.details.services,
            parts: order.details.parts,
            assigned_technician_id: order.details.assigned_technician_id,
            estimated_completion_date: order.details.estimated_completion_date,
            metadata: order.details.metadata,
            revision: order.revision,
            customer_erased: order.customer_erased,
            created_at: order.created_at,
            updated_at: order.updated_at,
        }
    }

    /// Whether it is past its deadline, which it became without a new version.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck == Some(true)
    }

    /// What a customer's link may show: a link is passed on, so the plate is masked (LGPD art. 6), and what
    /// the shop keeps for itself stays there.
    pub(super) fn for_the_customer(self) -> Self {
        let plate = self.plate.parse().map_or_else(|_| String::new(), |plate: Plate| plate.masked());
        Self { plate, assigned_technician_id: None, metadata: None, waiting_for: None, stuck: None, ..self }
    }
}

/// A fact of a work order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Moment {
    #[serde(flatten)]
    what: What,
    /// By the clock of whoever saw it.
    #[serde(serialize_with = "milliseconds")]
    at: DateTime<Utc>,
    /// The event that told it; none for what happened here.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<EventId>,
    /// The order's, from then on.
    status: WorkOrderStatus,
}

impl From<(&Fact, WorkOrderStatus)> for Moment {
    fn from((fact, status): (&Fact, WorkOrderStatus)) -> Self {
        Self { what: fact.what.clone(), at: fact.at, event_id: fact.event_id, status }
    }
}
