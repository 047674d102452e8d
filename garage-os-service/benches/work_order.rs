//! What a work order costs: learning a fact, and its record's JSON out and in, for an order with a long history.

use std::hint::black_box;

use chrono::DateTime;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use garage_events::{
    CustomerId, Event, EventId, ExecutionId, ExecutionStatus, VehicleId, WorkOrderId,
    event::{ExecutionCompleted, ExecutionStatusChanged, Payer},
};
use garage_kit::{Aggregate, Decision, change};
use garage_os_service::work_order::{Details, Opening, WorkOrder};
use serde::Deserialize;
use uuid::Uuid;

const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
const EXECUTION: ExecutionId = ExecutionId(Uuid::from_u128(2));

/// As it is stored.
#[derive(Deserialize)]
struct Stored {
    state: WorkOrder,
}

fn order() -> WorkOrder {
    let opening = Opening {
        id: ORDER,
        customer_id: CustomerId(Uuid::from_u128(3)),
        vehicle_id: VehicleId(Uuid::from_u128(4)),
        plate: "ABC1D23".to_owned(),
        payer: Payer { name: "Ana Souza".to_owned(), email: None, document: Some("52998224725".to_owned()) },
        details: Details { description: "Oil change and filter".to_owned(), ..Details::default() },
    };
    (0..8).fold(WorkOrder::open(opening, DateTime::UNIX_EPOCH).state, |order, move_| {
        order.react(&moved(), EventId(Uuid::from_u128(100 + move_)), DateTime::UNIX_EPOCH).state
    })
}

fn moved() -> Event {
    ExecutionStatusChanged {
        work_order_id: ORDER,
        execution_id: EXECUTION,
        previous_status: ExecutionStatus::Testing,
        new_status: ExecutionStatus::Repairing,
    }
    .into()
}

fn react(criterion: &mut Criterion) {
    let completed = Event::from(ExecutionCompleted {
        work_order_id: ORDER,
        execution_id: EXECUTION,
        parts_used: Vec::new(),
        services_performed: Vec::new(),
    });
    let event_id = EventId(Uuid::from_u128(5));
    criterion.bench_function("a work order learns that it is completed", |bencher| {
        let learn = |order: WorkOrder| order.react(black_box(&completed), event_id, DateTime::UNIX_EPOCH);
        bencher.iter_batched(order, learn, BatchSize::SmallInput);
    });
    criterion.bench_function("a work order hears what it knows", |bencher| {
        let known = EventId(Uuid::from_u128(100));
        let hear = |order: WorkOrder| order.react(black_box(&moved()), known, DateTime::UNIX_EPOCH);
        bencher.iter_batched(order, hear, BatchSize::SmallInput);
    });
}

fn record(criterion: &mut Criterion) {
    let decision = || Decision { next: Some(order()), messages: Vec::new() };
    criterion.bench_function("encode a work order's record", |bencher| {
        let encode = |decision| change(ORDER.0, 1, decision);
        bencher.iter_batched(decision, encode, BatchSize::SmallInput);
    });
    let written = change(ORDER.0, 1, decision()).ok().and_then(|change| change.body).unwrap_or_default();
    criterion.bench_function("decode a work order's record", |bencher| {
        bencher.iter(|| serde_json::from_str::<Stored>(black_box(&written)).map(|stored| stored.state.id()));
    });
}

criterion_group!(benches, react, record);
criterion_main!(benches);
