//! The parts of one order: what its quote names, and whether it is there. The bill says what is wanted and what became of
//! it, each part whether there is enough.

use std::collections::BTreeMap;

use garage_events::{PartId, WorkOrderId};
use garage_kit::{Repository, http::Problem};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    bill::Bill,
    part::{Claim, Part, Units, Wish},
};

/// A part that an order's quote names.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderedPart {
    part_id: PartId,
    /// As the catalogue has it; nothing where it has no such part.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// How many the quote names.
    #[schema(value_type = f64)]
    quantity: Units,
    status: OrderedPartStatus,
    /// How many are not there: of the order's own when they are put aside, and else of those that it would need.
    #[schema(value_type = f64)]
    missing: Units,
    /// How many the shelf keeps for this order now, be they there or not.
    #[schema(value_type = f64)]
    reserved: Units,
}

/// Where an order stands with a part.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum OrderedPartStatus {
    /// The quote names it; nothing is put aside before the customer's yes.
    Quoted,
    /// Put aside, as far as there is enough.
    Reserved,
    /// Built in.
    Taken,
    /// Free again, as the order is off.
    GivenBack,
    /// The catalogue has no such part.
    Unknown,
}

/// All of them.
///
/// # Errors
/// When Billing knows no such order, or the store fails.
pub(super) async fn parts(repository: &Repository, order: WorkOrderId) -> Result<Vec<OrderedPart>, Problem> {
    let bill = repository.load::<Bill>(order.0).await?;
    let bill = bill.ok_or_else(|| Problem::not_found("work order"))?.state;
    let named = bill.parts();
    let ids: Vec<_> = named.keys().map(|part| part.0).collect();
    let parts = repository.load_many::<Part>(&ids).await?;
    let parts: BTreeMap<PartId, Part> = parts.into_iter().map(|part| (part.state.id, part.state)).collect();
    let named = named.into_iter();
    Ok(named.map(|(id, quantity)| OrderedPart::of(&bill, id, quantity, parts.get(&id))).collect())
}

impl OrderedPart {
    fn of(bill: &Bill, part_id: PartId, quantity: Units, part: Option<&Part>) -> Self {
        let held = part.and_then(|part| part.holds.get(&bill.work_order_id)).filter(|hold| !hold.taken);
        Self {
            part_id,
            name: part.map(|part| part.card.name.clone()),
            part_number: part.map(|part| part.card.part_number.clone()),
            unit: part.map(|part| part.card.unit.clone()),
            quantity,
            status: OrderedPartStatus::of(bill, part_id, part),
            missing: part.map_or(Units::ZERO, |part| missing(bill, part, quantity)),
            reserved: held.map_or(Units::ZERO, |hold| hold.quantity),
        }
    }
}

impl OrderedPartStatus {
    /// What is about to be carried to the part counts as done: that is a matter of moments.
    fn of(bill: &Bill, id: PartId, part: Option<&Part>) -> Self {
        match (bill.stock.get(&id), bill.wish(id)) {
            (Some(Claim::Taken), _) => Self::Taken,
            (Some(Claim::GivenBack), _) => Self::GivenBack,
            (Some(Claim::Unknown), _) => Self::Unknown,
            _ if part.is_none() => Self::Unknown,
            (_, Wish::Keep(_)) => Self::Reserved,
            (_, Wish::Take(_)) => Self::Taken,
            (Some(Claim::Reserved), Wish::Nothing) => Self::GivenBack,
            (None, Wish::Nothing) => Self::Quoted,
        }
    }
}

fn missing(bill: &Bill, part: &Part, quantity: Units) -> Units {
    if bill.stock.get(&part.id).is_some_and(|standing| standing.is_final()) {
        return Units::ZERO;
    }
    let own = part.holders().into_iter().find(|holder| holder.order == bill.work_order_id);
    own.map_or_else(|| (quantity - part.free().or_none()).or_none(), |holder| holder.missing)
}
