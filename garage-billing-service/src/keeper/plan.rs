//! What the stock keeper writes, from what it has read: each part in line with the wishes of the orders at hand, and where
//! each order then stands. Pure, so that the tests can take every step of it in every order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use garage_events::{PartId, WorkOrderId};

use crate::{
    bill::Bill,
    part::{Claim, Part},
};

/// An order and a part that its quote names.
pub type Pair = (WorkOrderId, PartId);

/// Where an order stands with a part once what was planned is written.
pub type Carried = (Pair, Claim);

/// What is to be written of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Which part.
    pub part: PartId,
    /// The part as it is to be, written even if it is as it was; `None` when the catalogue has no such part.
    pub next: Option<Part>,
    /// Where the orders then stand.
    pub stands: Vec<Carried>,
}

/// What is to be written for these pairs. A bill that is not there has no wish that could be carried.
pub fn plan<'a>(
    pairs: &BTreeSet<Pair>,
    part: impl Fn(PartId) -> Option<&'a Part>,
    bill: impl Fn(WorkOrderId) -> Option<&'a Bill>,
    at: DateTime<Utc>,
) -> Vec<Planned> {
    let mut bills: BTreeMap<PartId, Vec<&Bill>> = BTreeMap::new();
    for (order, part) in pairs {
        bills.entry(*part).or_default().extend(bill(*order));
    }
    bills.into_iter().map(|(id, bills)| Planned::of(id, part(id), &bills, at)).collect()
}

impl Planned {
    fn of(id: PartId, part: Option<&Part>, bills: &[&Bill], at: DateTime<Utc>) -> Self {
        let Some(part) = part else {
            let stands = bills.iter().map(|bill| ((bill.work_order_id, id), Claim::Unknown)).collect();
            return Self { part: id, next: None, stands };
        };
        let (mut next, mut stands) = (part.clone(), Vec::new());
        for bill in bills {
            let order = bill.work_order_id;
            let (after, standing) = next.in_line_with(order, bill.wish(id), at);
            next = after;
            stands.push(((order, id), standing));
        }
        Self { part: id, next: Some(next), stands }
    }
}
