//! The code that is explored: the production functions of the three services behind one trait, so that a
//! planted mistake can stand in for one piece of it. Time, ids and looked-up data are arguments of theirs, and
//! are constants here.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop, and say why")]

use chrono::{DateTime, TimeDelta, Utc};
use garage_billing_service::{
    bill::{Answer, Bill, PartWish, Tender},
    payment::Due,
    quote::{Catalogue, Evidence, Line, Rewrite, Terms},
};
use garage_events::{
    Cents, CustomerId, Event, EventId, ExecutionId, ExecutionStatus, PaymentId, PaymentMethod, Quantity,
    QuoteId, Refusal, Transition, VehicleId, WorkOrderId,
    event::{ExecutionStatusChanged, Payer, PaymentFailed, PaymentRefunded, PaymentRejected},
};
use garage_execution_service::execution::{Job, Step};
use garage_os_service::work_order::{Details, Opening, WorkOrder};
use uuid::Uuid;

use crate::gateway::{Ledger, part};

pub(crate) const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
pub(crate) const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(2));
pub(crate) const QUOTE: QuoteId = QuoteId(Uuid::from_u128(3));
pub(crate) const VEHICLE: VehicleId = VehicleId(Uuid::from_u128(5));
pub(crate) const EXECUTION: ExecutionId = ExecutionId(Uuid::from_u128(4));

/// When everything happens, except for what is said to happen later.
pub(crate) const fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

/// When a charge is sent once more.
pub(crate) fn again() -> DateTime<Utc> {
    start() + TimeDelta::minutes(1)
}

/// When nobody may answer the quote any more.
pub(crate) fn lapsed() -> DateTime<Utc> {
    start() + TimeDelta::days(11)
}

/// What the quote comes to at first, and after it was edited.
pub(crate) fn totals() -> [Cents; 2] {
    [15_000, 12_000].map(|centavos| Cents::new(centavos).unwrap())
}

fn terms() -> Terms {
    Terms { validity: TimeDelta::days(10), diagnosis_fee: totals()[0] }
}

fn customer() -> Evidence {
    Evidence::by("customer")
}

fn text(total: Cents) -> Rewrite {
    Rewrite { lines: vec![line(total)], valid_until: None, by: "desk".to_owned(), reason: None }
}

/// The services' code.
pub(crate) trait Code {
    fn order(&self, order: WorkOrder, event: &Event) -> Transition<WorkOrder> {
        order.react(event, EventId(Uuid::nil()), start())
    }

    fn bill(&self, bill: Bill, event: &Event) -> Transition<Bill> {
        bill.react(event, QUOTE, &Catalogue::default(), terms(), start())
    }

    fn job(&self, job: Job, event: &Event) -> Transition<Job> {
        job.react(event, EXECUTION, start())
    }

    fn cancel(&self, order: WorkOrder) -> Result<Transition<WorkOrder>, Refusal> {
        order.cancel("CUSTOMER_REQUEST".to_owned(), start())
    }

    fn step(&self, job: Job, step: Step) -> Result<Transition<Job>, Refusal> {
        job.step(step, start())
    }

    fn edit(&self, bill: Bill, total: Cents) -> Result<Transition<Bill>, Refusal> {
        bill.edit(text(total), start())
    }

    fn revise(&self, bill: Bill, total: Cents) -> Result<Transition<Bill>, Refusal> {
        bill.revise(text(total), start())
    }

    fn send(&self, bill: Bill, at: DateTime<Utc>) -> Result<Transition<Bill>, Refusal> {
        bill.send(at)
    }

    fn approve(&self, bill: Bill, at: DateTime<Utc>) -> Result<Transition<Bill>, Refusal> {
        bill.approve(customer(), at)
    }

    fn reject(&self, bill: Bill, at: DateTime<Utc>) -> Result<Transition<Bill>, Refusal> {
        bill.reject(customer(), at)
    }

    fn pay(&self, bill: Bill, tender: Tender) -> Result<Transition<Bill>, Refusal> {
        bill.pay(tender, start())
    }

    fn withdraw(&self, bill: Bill, payment: PaymentId) -> Result<Transition<Bill>, Refusal> {
        bill.withdraw(payment, "desk", start())
    }

    fn give_back_part(&self, bill: Bill, payment: PaymentId) -> Result<Transition<Bill>, Refusal> {
        let wish = wish(&bill);
        bill.give_back_part(payment, wish, start())
    }

    fn resend(&self, bill: Bill, reference: PaymentId) -> Transition<Bill> {
        bill.resend(reference, again())
    }

    fn hear(&self, bill: Bill, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Bill> {
        bill.hear(reference, answer, at)
    }

    /// What is performed of what is due.
    fn due(&self, bill: &Bill) -> Vec<Due> {
        bill.due()
    }

    /// Whether an attempt is stored before the gateway is asked.
    fn stores_first(&self) -> bool {
        true
    }

    /// The ledger as the gateway has it when the code has called it.
    fn ledger(&self, ledger: &Ledger) -> Ledger {
        ledger.clone()
    }
}

/// The code as it ships.
pub(crate) struct Production;

impl Code for Production {}

/// A car is taken in.
pub(crate) fn opened() -> Transition<WorkOrder> {
    let opening = Opening {
        id: ORDER,
        customer_id: CUSTOMER,
        vehicle_id: VEHICLE,
        plate: "ABC1D23".to_owned(),
        payer: Payer { name: "Ana".to_owned(), email: None, document: None },
        details: Details::default(),
    };
    WorkOrder::open(opening, start())
}

fn line(total: Cents) -> Line {
    Line {
        name: "Diagnosis".to_owned(),
        description: None,
        quantity: Quantity::ONE,
        unit_price: Some(total),
        part_id: None,
        service_id: None,
    }
}

/// One of each event that only tells history.
pub(crate) fn history() -> Vec<Event> {
    let (work_order_id, payment_id, quote_id) = (ORDER, payment(0), QUOTE);
    let (amount, reason) = (totals()[0], "because".to_owned());
    vec![
        PaymentFailed { work_order_id, payment_id, quote_id, amount, reason: reason.clone() }.into(),
        PaymentRejected { work_order_id, payment_id, quote_id, amount, reason: reason.clone() }.into(),
        PaymentRefunded { work_order_id, payment_id, quote_id, amount, reason, refund_id: None }.into(),
        ExecutionStatusChanged {
            work_order_id,
            execution_id: EXECUTION,
            previous_status: ExecutionStatus::Queued,
            new_status: ExecutionStatus::Diagnosing,
        }
        .into(),
    ]
}

/// The id of a bill's attempt by its place.
pub(crate) fn payment(place: usize) -> PaymentId {
    PaymentId(Uuid::from_u128(100 + place as u128))
}

/// The next part to be given back.
pub(crate) fn wish(bill: &Bill) -> PartWish {
    let parts: usize = bill.attempts.iter().map(|attempt| attempt.parts.len()).sum();
    let id = Uuid::from_u128(200 + parts as u128);
    PartWish { id, amount: part(), reason: "a scratch".to_owned(), by: "manager".to_owned() }
}

/// The next attempt to pay, of this amount.
pub(crate) fn tender(bill: &Bill, amount: Cents) -> Tender {
    Tender {
        id: payment(bill.attempts.len()),
        quote_id: QUOTE,
        customer_id: CUSTOMER,
        amount,
        method: PaymentMethod::Pix,
        card_token: None,
        installments: 1,
    }
}
