//! What a job costs: being queued by a payment, a technician's step, and its record's JSON.

use std::hint::black_box;

use chrono::DateTime;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use garage_events::{
    Cents, Event, ExecutionId, PaymentId, PaymentMethod, QuoteId, WorkOrderId, event::PaymentApproved,
};
use garage_execution_service::execution::{Job, Step};
use garage_kit::{Decision, change};
use serde::Deserialize;
use uuid::Uuid;

const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));

/// As it is stored.
#[derive(Deserialize)]
struct Stored {
    state: Job,
}

fn paid() -> Event {
    PaymentApproved {
        work_order_id: ORDER,
        payment_id: PaymentId(Uuid::from_u128(2)),
        quote_id: QuoteId(Uuid::from_u128(3)),
        amount: Cents::new(15_050).unwrap_or_default(),
        payment_method: PaymentMethod::Pix,
    }
    .into()
}

fn queued() -> Job {
    Job::unknown(ORDER).react(&paid(), ExecutionId(Uuid::from_u128(4)), DateTime::UNIX_EPOCH).state
}

fn react(criterion: &mut Criterion) {
    let (event, id) = (paid(), ExecutionId(Uuid::from_u128(4)));
    criterion.bench_function("a job is paid", |bencher| {
        let hear = |job: Job| job.react(black_box(&event), id, DateTime::UNIX_EPOCH);
        bencher.iter_batched(|| Job::unknown(ORDER), hear, BatchSize::SmallInput);
    });
    criterion.bench_function("a technician takes a step", |bencher| {
        let step = |job: Job| job.step(Step::StartDiagnosis { technician_id: None }, DateTime::UNIX_EPOCH);
        bencher.iter_batched(queued, step, BatchSize::SmallInput);
    });
}

fn record(criterion: &mut Criterion) {
    let decision = || Decision { next: Some(queued()), messages: Vec::new() };
    criterion.bench_function("encode a job's record", |bencher| {
        bencher.iter_batched(decision, |decision| change(ORDER.0, 1, decision), BatchSize::SmallInput);
    });
    let written = change(ORDER.0, 1, decision()).ok().and_then(|change| change.body).unwrap_or_default();
    criterion.bench_function("decode a job's record", |bencher| {
        bencher.iter(|| {
            serde_json::from_str::<Stored>(black_box(&written)).map(|stored| stored.state.work_order_id)
        });
    });
}

criterion_group!(benches, react, record);
criterion_main!(benches);
