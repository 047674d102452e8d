//! A part as the outside sees it.

use chrono::{DateTime, Utc};
use garage_events::{Cents, PartId, milliseconds};
use garage_kit::auth::{Caller, Group};
use garage_saga::roles::Desk;
use serde::Serialize;
use utoipa::ToSchema;

use crate::part::Part;

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
    stock_quantity: u32,
    /// At or below this many it is to be ordered again.
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
        Self {
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
