//! What a bill costs: making a quote of a new order, following it, and its record's JSON.

use std::hint::black_box;

use chrono::{DateTime, TimeDelta};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use garage_billing_service::{
    bill::Bill,
    quote::{Catalogue, Terms},
};
use garage_events::{
    Cents, CustomerId, Event, QuoteId, VehicleId, WorkOrderId, WorkOrderStatus,
    event::{Payer, WorkOrderCreated, WorkOrderStatusChanged},
};
use garage_kit::{Decision, change};
use serde::Deserialize;
use uuid::Uuid;

const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
const QUOTE: QuoteId = QuoteId(Uuid::from_u128(2));

/// As it is stored.
#[derive(Deserialize)]
struct Stored {
    state: Bill,
}

fn terms() -> Terms {
    Terms { validity: TimeDelta::days(10), diagnosis_fee: Cents::new(15_000).unwrap_or_default() }
}

fn created() -> Event {
    WorkOrderCreated {
        work_order_id: ORDER,
        customer_id: CustomerId(Uuid::from_u128(3)),
        vehicle_id: VehicleId(Uuid::from_u128(4)),
        status: WorkOrderStatus::Pending,
        description: "Oil change and filter".to_owned(),
        estimated_cost: Cents::new(15_050),
        services: Vec::new(),
        parts: Vec::new(),
        customer: Some(Payer { name: "Ana Souza".to_owned(), email: None, document: None }),
    }
    .into()
}

fn hear(bill: Bill, event: &Event) -> Bill {
    bill.react(event, QUOTE, &Catalogue::default(), terms(), DateTime::UNIX_EPOCH).state
}

fn react(criterion: &mut Criterion) {
    let (created, changed) = (created(), changed());
    criterion.bench_function("a bill makes a quote", |bencher| {
        bencher.iter_batched(
            || Bill::unknown(ORDER),
            |bill| hear(bill, black_box(&created)),
            BatchSize::SmallInput,
        );
    });
    let quoted = hear(Bill::unknown(ORDER), &created);
    criterion.bench_function("a bill follows its order", |bencher| {
        bencher.iter_batched(
            || quoted.clone(),
            |bill| hear(bill, black_box(&changed)),
            BatchSize::SmallInput,
        );
    });
}

fn changed() -> Event {
    WorkOrderStatusChanged {
        work_order_id: ORDER,
        previous_status: WorkOrderStatus::Pending,
        new_status: WorkOrderStatus::Quoted,
        revision: 1,
        customer_erased: false,
    }
    .into()
}

fn record(criterion: &mut Criterion) {
    let bill = hear(Bill::unknown(ORDER), &created());
    let decision = || Decision { next: Some(bill.clone()), messages: Vec::new() };
    criterion.bench_function("encode a bill's record", |bencher| {
        bencher.iter_batched(decision, |decision| change(ORDER.0, 1, decision), BatchSize::SmallInput);
    });
    let written = change(ORDER.0, 1, decision()).ok().and_then(|change| change.body).unwrap_or_default();
    criterion.bench_function("decode a bill's record", |bencher| {
        bencher.iter(|| {
            serde_json::from_str::<Stored>(black_box(&written)).map(|stored| stored.state.work_order_id)
        });
    });
}

criterion_group!(benches, react, record);
criterion_main!(benches);
