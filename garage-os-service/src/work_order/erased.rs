//! What an order forgets with its customer. The car, its plate, what was asked for, what it came to and what the workshop
//! made of it stay: they are the car's record, and what the shop answers for (decision 19). Who paid, and what the desk
//! and the customer wrote, goes, also where it is learned later. Pure.

use garage_events::{Refusal, Transition, event::reason};
use serde_json::Value;

use super::{Details, Fact, What, WorkOrder};

/// What the screens note of a car at its intake: its kilometres.
const MEASURES: [&str; 1] = ["km"];
/// In digits.
const LONGEST_MEASURE: usize = 7;

impl WorkOrder {
    /// Whether nothing more will come of it and no money is held that must go back.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.waiting().is_none()
    }

    /// The order of nobody in particular. The others hear of it each time, as they may know whose it was, also again from
    /// a back-up. For when the customer's own record is empty: then there is only forward, whatever the order has come to
    /// meanwhile. When it was last worked on stays, for the warranty and the figures.
    pub fn forget(self) -> Transition<Self> {
        let forgotten = Self {
            payer: None,
            details: Details {
                description: String::new(),
                metadata: self.details.metadata.and_then(of_the_car),
                ..self.details
            },
            facts: self.facts.into_iter().map(Fact::of_nobody).collect(),
            customer_erased: true,
            ..self
        };
        let told = forgotten.last_change();
        Transition::telling(forgotten, told)
    }

    /// What is written into an order of nobody would be somebody's again.
    pub(super) fn check_erased(&self) -> Result<(), Refusal> {
        if self.customer_erased { Err(Refusal::state("editing", "customer", reason::ERASED)) } else { Ok(()) }
    }
}

impl Fact {
    /// The fact without the words of the desk and the customer; the workshop's own are about the car.
    pub(super) fn of_nobody(self) -> Self {
        let what = match self.what {
            What::Cancelled { reason } => What::Cancelled { reason: word(reason) },
            What::PaymentRefunded { payment_id, amount, refund_id: refund_id @ Some(_), .. } => {
                What::PaymentRefunded { payment_id, amount, reason: reason::ERASED.to_owned(), refund_id }
            }
            what @ (What::Opened
            | What::Quoted { .. }
            | What::QuoteSent { .. }
            | What::QuoteApproved { .. }
            | What::QuoteRejected { .. }
            | What::PaymentFailed { .. }
            | What::PaymentRejected { .. }
            | What::PaymentApproved { .. }
            | What::PaymentRefunded { refund_id: None, .. }
            | What::ExecutionMoved { .. }
            | What::ExecutionCompleted { .. }
            | What::ExecutionFailed { .. }
            | What::Delivered { .. }) => what,
        };
        Self { what, ..self }
    }
}

/// Of the shop's own notes those that the system itself writes about the car, where they can only be a measure: whole
/// numbers that are too short for a telephone or a document. The names of all others were chosen by people, who may have
/// written anybody's into one.
fn of_the_car(notes: Value) -> Option<Value> {
    let Value::Object(mut notes) = notes else { return None };
    notes.retain(|name, note| {
        let digits = note.as_str().map_or_else(|| note.to_string(), str::to_owned);
        let is_measure = (1..=LONGEST_MEASURE).contains(&digits.len());
        MEASURES.contains(&name.as_str()) && is_measure && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    (!notes.is_empty()).then_some(Value::Object(notes))
}

/// A reason that is a word of the events, and else the mark of what has gone.
fn word(said: String) -> String {
    let words = [reason::CUSTOMER_REQUEST, reason::QUOTE_REJECTED, reason::QUOTE_EXPIRED];
    if words.contains(&said.as_str()) { said } else { reason::ERASED.to_owned() }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use garage_events::{
        Cents, CustomerId, Event, EventId, ExecutionId, PaymentId, PaymentMethod, QuoteId, VehicleId,
        WorkOrderId, WorkOrderStatus,
        event::{ExecutionFailed, Payer, PaymentApproved, PaymentRefunded},
    };
    use uuid::Uuid;

    use super::*;
    use crate::work_order::Opening;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
    const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(2));

    fn open() -> WorkOrder {
        let payer = Payer {
            name: "Ana Souza".to_owned(),
            email: Some("ana@example.com".to_owned()),
            document: Some("52998224725".to_owned()),
        };
        let details = Details {
            description: "Ana hears a noise".to_owned(),
            metadata: Some(
                serde_json::json!({"left": "Ana's umbrella", "km": "82350", "call": "11987654321", "Ana Souza": 7}),
            ),
            ..Details::default()
        };
        let (customer_id, vehicle_id) = (CustomerId(Uuid::nil()), VehicleId(Uuid::nil()));
        let opening =
            Opening { id: ORDER, customer_id, vehicle_id, plate: "ABC1D23".to_owned(), payer, details };
        WorkOrder::open(opening, AT).state
    }

    fn hear(order: WorkOrder, event: impl Into<Event>) -> Transition<WorkOrder> {
        order.react(&event.into(), EventId(Uuid::nil()), AT)
    }

    fn paid() -> PaymentApproved {
        PaymentApproved {
            work_order_id: ORDER,
            payment_id: PAYMENT,
            quote_id: QuoteId(Uuid::nil()),
            amount: Cents::new(15000).unwrap(),
            payment_method: PaymentMethod::Pix,
        }
    }

    fn refunded(refund_id: Option<Uuid>) -> PaymentRefunded {
        PaymentRefunded {
            work_order_id: ORDER,
            payment_id: PAYMENT,
            quote_id: QuoteId(Uuid::nil()),
            amount: Cents::new(15000).unwrap(),
            reason: "Ana was right".to_owned(),
            refund_id,
        }
    }

    fn cancelled() -> WorkOrder {
        open().cancel("Ana has sold it".to_owned(), AT).unwrap().state
    }

    #[test]
    fn an_order_that_goes_on_or_holds_money_is_not_settled() {
        assert!(!open().is_settled());
        let held = hear(cancelled(), paid()).state;
        assert!(!held.is_settled() && hear(held, refunded(None)).state.is_settled());
    }

    #[test]
    fn money_that_came_after_the_customer_had_gone_is_in_nobody_s_way() {
        let late = hear(cancelled(), paid()).state;
        let forgotten = late.clone().forget().state;
        assert_eq!((forgotten.payer.as_ref(), forgotten.status()), (None, late.status()));
    }

    #[test]
    fn nothing_of_the_customer_is_left_and_the_others_are_told() {
        let forgotten = cancelled().forget();
        let text = serde_json::to_string(&forgotten.state).unwrap() + &forgotten.state.findable();
        for theirs in ["Ana", "ana", "52998224725", "example", "11987654321", "call"] {
            assert!(!text.contains(theirs), "{theirs}: {text}");
        }
        assert_eq!(forgotten.state.details.metadata, Some(serde_json::json!({"km": "82350"})));
        assert_eq!(
            (forgotten.state.plate.as_str(), forgotten.state.status()),
            ("ABC1D23", WorkOrderStatus::Cancelled)
        );
        assert!(matches!(
            forgotten.events.as_slice(),
            [Event::WorkOrderStatusChanged(told)] if told.customer_erased && told.revision == 1
        ));
        assert_eq!(forgotten.state.updated_at, cancelled().updated_at);
        assert_eq!(forgotten.state.clone().forget(), forgotten);
    }

    #[test]
    fn what_comes_later_brings_nobody_back() {
        let forgotten = cancelled().forget().state;
        let told = hear(forgotten, refunded(Some(Uuid::from_u128(9)))).state;
        let failed = ExecutionFailed {
            work_order_id: ORDER,
            execution_id: ExecutionId(Uuid::nil()),
            reason: "the bolt is bent".to_owned(),
        };
        let text = serde_json::to_string(&hear(told.clone(), failed).state).unwrap();
        assert!(!text.contains("Ana") && text.contains("the bolt is bent"), "{text}");
        let created = told.retell().into_iter().find_map(|event| {
            if let Event::WorkOrderCreated(created) = event { Some(created) } else { None }
        });
        assert_eq!(
            created.map(|created| (created.customer, created.description)),
            Some((None, String::new()))
        );
    }

    #[test]
    fn the_words_of_the_events_stay() {
        let order = open().cancel(reason::CUSTOMER_REQUEST.to_owned(), AT).unwrap().state;
        let forgotten = order.forget().state;
        assert_eq!(forgotten.cancellation_reason(), Some(reason::CUSTOMER_REQUEST));
        assert_eq!(cancelled().forget().state.cancellation_reason(), Some(reason::ERASED));
    }
}
