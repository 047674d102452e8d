//! What comes from the bus. What reads is written back and reads as the same, and every service that hears it twice does
//! nothing the second time, whatever the first did.

use chrono::{DateTime, TimeDelta};
use garage_billing_service::{
    bill::Bill,
    quote::{Catalogue, Terms},
};
use garage_events::{
    Cents, CustomerId, Envelope, Event, EventId, ExecutionId, QuoteId, Transition, VehicleId, WorkOrderId,
    event::Payer, topology,
};
use garage_execution_service::execution::Job;
use garage_os_service::work_order::{Details, Opening, WorkOrder};
use uuid::Uuid;

const QUOTE: QuoteId = QuoteId(Uuid::from_u128(3));
const EXECUTION: ExecutionId = ExecutionId(Uuid::from_u128(4));

pub fn check(data: &[u8]) {
    let Ok(envelope) = Envelope::from_json(data) else { return };
    let written = envelope.to_json().unwrap();
    let again = Envelope::from_json(written.as_bytes()).unwrap();
    // The wire has milliseconds.
    assert_eq!(again.event, envelope.event);
    assert_eq!(
        (again.event_id, again.source, again.version),
        (envelope.event_id, envelope.source, envelope.version)
    );
    assert_eq!(again.to_json().unwrap(), written);
    assert!(
        topology::QUEUES.iter().any(|queue| queue.event_type == envelope.event.event_type())
            || is_untold(&envelope.event)
    );
    hear(&envelope.event);
}

/// Events that nobody of ours listens to.
fn is_untold(event: &Event) -> bool {
    !topology::QUEUES.iter().any(|queue| queue.event_type == event.event_type())
}

fn hear(event: &Event) {
    let (order, at) = (event.work_order_id(), DateTime::UNIX_EPOCH);
    let terms = Terms { validity: TimeDelta::days(10), diagnosis_fee: Cents::new(15_000).unwrap() };
    once_is_enough(opened(order), |state| state.react(event, EventId(Uuid::nil()), at));
    once_is_enough(Bill::unknown(order), |state| state.react(event, QUOTE, &Catalogue::default(), terms, at));
    once_is_enough(Job::unknown(order), |state| state.react(event, EXECUTION, at));
}

fn once_is_enough<S: Clone + PartialEq + std::fmt::Debug>(state: S, react: impl Fn(S) -> Transition<S>) {
    let once = react(state);
    let twice = react(once.state.clone());
    assert_eq!(twice.state, once.state);
    assert!(twice.events.is_empty(), "told again: {:?}", twice.events);
}

fn opened(id: WorkOrderId) -> WorkOrder {
    let opening = Opening {
        id,
        customer_id: CustomerId(Uuid::from_u128(2)),
        vehicle_id: VehicleId(Uuid::from_u128(5)),
        plate: "ABC1D23".to_owned(),
        payer: Payer { name: "Ana".to_owned(), email: None, document: None },
        details: Details::default(),
    };
    WorkOrder::open(opening, DateTime::UNIX_EPOCH).state
}
