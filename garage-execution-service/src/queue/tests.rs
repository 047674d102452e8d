//! The order of the queue, and what the workshop counts.

use garage_events::{
    Event, ExecutionId, PaymentId, PaymentMethod, QuoteId, WorkOrderId, event::PaymentApproved,
};
use garage_kit::Aggregate;
use uuid::Uuid;

use super::*;
use crate::execution::{Job, Step};

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn queued(priority: Priority, since: DateTime<Utc>) -> Job {
    let paid: Event = PaymentApproved {
        work_order_id: WorkOrderId(Uuid::from_u128(1)),
        payment_id: PaymentId(Uuid::nil()),
        quote_id: QuoteId(Uuid::nil()),
        amount: garage_events::Cents::default(),
        payment_method: PaymentMethod::Pix,
    }
    .into();
    let job = Job::unknown(paid.work_order_id()).react(&paid, ExecutionId(Uuid::from_u128(2)), since).state;
    job.assign(Some(priority), None, since).unwrap().state
}

fn execution(job: &Job) -> &Execution {
    job.execution.as_ref().unwrap()
}

#[test]
fn the_most_urgent_is_next_and_among_equals_the_one_that_waits_longest() {
    let in_order = [
        (Priority::Urgent, 8),
        (Priority::Urgent, 9),
        (Priority::High, 1),
        (Priority::Normal, 0),
        (Priority::Normal, 100_000),
        (Priority::Low, 0),
    ];
    let places: Vec<_> = in_order
        .iter()
        .map(|(priority, since)| place(execution(&queued(*priority, minute(*since)))).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn what_has_begun_waits_no_more() {
    let begun = queued(Priority::Normal, minute(0))
        .step(Step::StartDiagnosis { technician_id: None }, minute(1))
        .unwrap()
        .state;
    assert_eq!(place(execution(&begun)), None);
}

#[test]
fn an_empty_workshop_counts_nothing_and_names_every_active_status() {
    let empty = Count::default().statistics();
    assert_eq!((empty.total, empty.average_wait_time.to_string().as_str()), (0, "0"));
    let names: Vec<_> = empty.by_status.keys().map(|status| status.word()).collect();
    assert_eq!(
        names,
        ["QUEUED", "DIAGNOSING", "DIAGNOSIS_COMPLETE", "REPAIRING", "REPAIR_COMPLETE", "TESTING"]
    );
}

#[test]
fn the_mean_wait_ends_with_the_diagnosis_or_with_now() {
    let begun = queued(Priority::Normal, minute(0))
        .step(Step::StartDiagnosis { technician_id: None }, minute(10))
        .unwrap()
        .state;
    let waiting = queued(Priority::Normal, minute(55));
    let mut count = Count::default();
    count.add(execution(&begun), minute(60));
    count.add(execution(&waiting), minute(60));
    let statistics = count.statistics();
    assert_eq!((statistics.total, statistics.average_wait_time.to_string().as_str()), (2, "7.5"));
    assert_eq!(statistics.by_status[&ExecutionStatus::Diagnosing], 1);
}

#[test]
fn nobody_waits_for_less_than_no_time_whatever_the_clocks_of_two_replicas_say() {
    let mut count = Count::default();
    count.add(execution(&queued(Priority::Normal, minute(1))), minute(0));
    assert_eq!(count.statistics().average_wait_time.to_string(), "0");
}

#[test]
fn what_has_ended_is_not_even_read_to_be_counted() {
    let active = queued(Priority::Normal, minute(0));
    assert_eq!(active.index()["active"], "true");
    let failed = active.step(Step::Fail { reason: "rust".to_owned() }, minute(1)).unwrap().state;
    assert!(failed.index()["active"].is_null());
}

#[test]
fn what_has_ended_is_not_counted() {
    let failed = queued(Priority::Normal, minute(0))
        .step(Step::Fail { reason: "rust".to_owned() }, minute(1))
        .unwrap()
        .state;
    let mut count = Count::default();
    count.add(execution(&failed), minute(60));
    assert_eq!(count.statistics(), Count::default().statistics());
}
