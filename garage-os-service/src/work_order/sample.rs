//! An order for tests, with the names and the time that they know it by.

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{CustomerId, ExecutionId, PaymentId, QuoteId, VehicleId, WorkOrderId, event::Payer};
use uuid::Uuid;

use super::{Details, Opening, WorkOrder};

pub(super) const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
pub(super) const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
pub(super) const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(2));
pub(super) const QUOTED: QuoteId = QuoteId(Uuid::from_u128(3));
pub(super) const PAID: PaymentId = PaymentId(Uuid::from_u128(4));
pub(super) const JOB: ExecutionId = ExecutionId(Uuid::from_u128(5));

pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    AT + TimeDelta::minutes(minutes)
}

pub(super) fn opened() -> WorkOrder {
    let opening = Opening {
        id: ORDER,
        customer_id: CUSTOMER,
        vehicle_id: VehicleId(Uuid::nil()),
        plate: "ABC1D23".to_owned(),
        payer: Payer { name: "Ana".to_owned(), email: None, document: None },
        details: Details { description: "Brakes squeal".to_owned(), ..Details::default() },
    };
    WorkOrder::open(opening, AT).state
}
