//! A quote as the outside sees it.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, PartId, Quantity, QuoteId, QuoteStatus, ServiceId, VehicleId, WorkOrderId,
    WorkOrderStatus, milliseconds, milliseconds_if_any,
};
use garage_kit::auth::Caller;
use garage_saga::{Shell, waiting::WaitingFor};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{bill::Bill, quote};

/// What the repair will cost.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    pub(super) id: QuoteId,
    work_order_id: WorkOrderId,
    customer_id: CustomerId,
    vehicle_id: VehicleId,
    status: QuoteStatus,
    /// How often its text was written, counted from 1.
    revision: u32,
    items: Vec<Line>,
    /// In all.
    total_amount: Cents,
    /// Until when it may be answered. Unless somebody has said so, it is counted anew from the first sending.
    #[serde(serialize_with = "milliseconds")]
    valid_until: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    /// When the customer got it.
    #[serde(serialize_with = "milliseconds_if_any")]
    sent_at: Option<DateTime<Utc>>,
    /// When the customer said yes.
    #[serde(serialize_with = "milliseconds_if_any")]
    approved_at: Option<DateTime<Utc>>,
    /// Who said it: the subject of their token.
    approved_by: Option<String>,
    /// From where, and to which text.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Approval>,
    /// When the customer said no.
    #[serde(serialize_with = "milliseconds_if_any")]
    rejected_at: Option<DateTime<Utc>>,
    /// Why, in the customer's words.
    rejection_reason: Option<String>,
    /// The order's status as last heard.
    order_status: Option<WorkOrderStatus>,
    /// Who must act, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    /// Whether that deadline has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    stuck: Option<bool>,
}

/// What is kept of a yes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteApproval)]
#[serde(rename_all = "camelCase")]
struct Approval {
    /// The address that it came from; not for a customer's link.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// The revision that it was said to.
    revision: u32,
    /// The SHA-256 of that text.
    text: String,
}

/// One line of a quote.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteLine)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    name: String,
    description: Option<String>,
    quantity: Quantity,
    /// `null` until somebody prices what the catalogue does not know.
    unit_price: Option<Cents>,
    /// Quantity times price, rounded once to the centavo, half up.
    total_price: Cents,
    /// Of the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    part_id: Option<PartId>,
    /// Of the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_id: Option<ServiceId>,
}

impl View {
    /// A bill's quote; nothing before there is one.
    pub(super) fn of(bill: Bill, shell: &Shell) -> Option<Self> {
        let waiting = bill.waiting();
        let (quote, order) = (bill.quote?, bill.order?);
        Some(Self {
            id: quote.id,
            work_order_id: bill.work_order_id,
            customer_id: order.customer_id,
            vehicle_id: order.vehicle_id,
            status: quote.status,
            revision: quote.revision,
            total_amount: quote.total(),
            items: quote.lines.into_iter().map(Line::of).collect(),
            valid_until: quote.valid_until,
            created_at: quote.created_at,
            updated_at: quote.updated_at,
            sent_at: quote.sent_at,
            approved_at: quote.approved.as_ref().map(|yes| yes.at),
            approved_by: quote.approved.as_ref().map(|yes| yes.by.clone()),
            approval: quote.approved.map(|yes| Approval {
                from: yes.from,
                revision: yes.revision,
                text: yes.text,
            }),
            rejected_at: quote.rejected.map(|no| no.at),
            rejection_reason: quote.rejected_because,
            order_status: bill.order_status.map(|known| known.status),
            waiting_for: waiting.map(|waiting| WaitingFor::of(&waiting, &shell.deadlines)),
            stuck: waiting.map(|waiting| shell.deadlines.is_stuck(&waiting, shell.clock.now())),
        })
    }
}

impl View {
    /// Whether it has waited too long.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck == Some(true)
    }

    /// As much of it as the caller may see: a customer's link does not tell who at the desk said yes for
    /// them, nor whom the shop waits for.
    pub(super) fn seen_by(self, caller: &Caller) -> Self {
        if caller.scope().is_none() {
            return self;
        }
        let approved_by = self.approved_by.filter(|by| by == caller.subject());
        let approval = self.approval.map(|yes| Approval { from: None, ..yes });
        Self { approved_by, approval, waiting_for: None, stuck: None, ..self }
    }
}

impl Line {
    pub(super) fn of(line: quote::Line) -> Self {
        Self {
            total_price: line.total(),
            name: line.name,
            description: line.description,
            quantity: line.quantity,
            unit_price: line.unit_price,
            part_id: line.part_id,
            service_id: line.service_id,
        }
    }
}
