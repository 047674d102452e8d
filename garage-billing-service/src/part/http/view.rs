//! A part as the outside sees it.

use chrono::{DateTime, Utc};
use garage_events::{Cents, PartId, WorkOrderId, milliseconds};
use garage_kit::auth::{Caller, Group};
use garage_saga::roles::Desk;
use serde::Serialize;
use utoipa::ToSchema;

use crate::part::{Holder, Part, Units};

/// A part of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Part)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    id: PartId,
    name: String,
    part_number: String,
    price: Cents,
    /// What the shop paid; not shown to technicians.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_price: Option<Cents>,
    /// On hand, put aside or not; below 0 when more was built in than was counted.
    #[schema(value_type = f64)]
    stock_quantity: Units,
    /// Put aside for orders whose quote is approved, or waited for by them.
    #[schema(value_type = f64)]
    reserved: Units,
    /// Left for others; below 0 when more are wanted than are there.
    #[schema(value_type = f64)]
    free: Units,
    /// How many of the reserved ones are not there.
    #[schema(value_type = f64)]
    missing: Units,
    /// The orders that wait for it, the first of them first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting_orders: Vec<WorkOrderId>,
    /// With so many free ones or fewer it is to be ordered again.
    min_stock_level: u32,
    unit: String,
    category: Option<String>,
    supplier: Option<String>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
}

impl View {
    pub(super) fn of(part: Part, caller: &Caller) -> Self {
        let waiting = part.holders().into_iter().filter(|holder| holder.missing > Units::ZERO);
        Self {
            reserved: part.reserved(),
            free: part.free(),
            missing: part.missing(),
            waiting_orders: waiting.map(|holder| holder.order).collect(),
            id: part.id,
            name: part.card.name,
            part_number: part.card.part_number,
            price: part.card.price,
            cost_price: part.card.cost_price.filter(|_| caller.is(Desk::ROLES)),
            stock_quantity: part.stock_quantity,
            min_stock_level: part.card.min_stock_level,
            unit: part.card.unit,
            category: part.card.category,
            supplier: part.card.supplier,
            created_at: part.created_at,
            updated_at: part.updated_at,
        }
    }
}

/// An order that holds a part or waits for it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reservation {
    work_order_id: WorkOrderId,
    /// How many it needs.
    #[schema(value_type = f64)]
    quantity: Units,
    /// How many of them are not there.
    #[schema(value_type = f64)]
    missing: Units,
    /// When its quote was approved: whoever came first is served first.
    #[serde(serialize_with = "milliseconds")]
    since: DateTime<Utc>,
}

impl Reservation {
    pub(super) fn of(holder: Holder) -> Self {
        let Holder { order, quantity, since, missing } = holder;
        Self { work_order_id: order, quantity, missing, since }
    }
}
