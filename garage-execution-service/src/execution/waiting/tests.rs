//! Whom a job waits for in every state, and that what it tells again is what it told.

use chrono::TimeDelta;
use garage_events::{
    Awaited, Deadlines, ExecutionId, PaymentId, PaymentMethod, Priority, QuoteId, Transition, WorkOrderId,
    event::{PaymentApproved, QuoteApproved, WorkOrderCancelled, WorkOrderStatusChanged, reason},
};
use uuid::Uuid;

use super::*;
use crate::execution::Step;

const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
const ID: ExecutionId = ExecutionId(Uuid::from_u128(2));
const QUOTE: QuoteId = QuoteId(Uuid::nil());

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn approved() -> Event {
    QuoteApproved {
        work_order_id: ORDER,
        quote_id: QUOTE,
        customer_id: garage_events::CustomerId(Uuid::nil()),
        total_amount: garage_events::Cents::default(),
        valid_until: at(0),
    }
    .into()
}

fn paid() -> Event {
    PaymentApproved {
        work_order_id: ORDER,
        payment_id: PaymentId(Uuid::nil()),
        quote_id: QUOTE,
        amount: garage_events::Cents::default(),
        payment_method: PaymentMethod::Pix,
    }
    .into()
}

fn cancelled() -> Event {
    WorkOrderCancelled { work_order_id: ORDER, reason: reason::CUSTOMER_REQUEST.to_owned() }.into()
}

fn shown(new_status: WorkOrderStatus, revision: u32) -> Event {
    let previous_status = WorkOrderStatus::Pending;
    WorkOrderStatusChanged {
        work_order_id: ORDER,
        previous_status,
        new_status,
        revision,
        customer_erased: false,
    }
    .into()
}

fn having_heard(events: &[Event]) -> Job {
    let told = (0..).zip(events);
    told.fold(Job::unknown(ORDER), |job, (minute, event)| job.react(event, ID, at(minute)).state)
}

fn queued() -> Job {
    having_heard(&[approved(), paid(), shown(WorkOrderStatus::InProgress, 1)])
}

fn given_up() -> Transition<Job> {
    queued().step(Step::Fail { reason: "the frame is bent".to_owned() }, at(5)).unwrap()
}

fn completed() -> Transition<Job> {
    let steps = [
        Step::StartDiagnosis { technician_id: None },
        Step::CompleteDiagnosis { notes: None },
        Step::StartRepair,
        Step::CompleteRepair { notes: None, parts_used: Vec::new(), services_performed: Vec::new() },
    ];
    let repaired = steps.into_iter().fold(queued(), |job, step| job.step(step, at(4)).unwrap().state);
    repaired.step(Step::Complete, at(5)).unwrap()
}

/// Who is awaited, and the minute from which on the job is stuck.
fn awaited(job: &Job) -> Option<(Awaited, i64)> {
    let waiting = job.waiting()?;
    let deadline = Deadlines::default().deadline(&waiting);
    Some((waiting.wait.who, (deadline - DateTime::UNIX_EPOCH).num_minutes()))
}

const DAY: i64 = 24 * 60;

#[test]
fn a_paid_job_waits_for_a_technician_and_then_for_the_next_step() {
    assert_eq!(awaited(&having_heard(&[approved()])), None);
    assert_eq!(awaited(&queued()), Some((Awaited::Workshop, 1 + 7 * DAY)));
    let begun = queued().step(Step::StartDiagnosis { technician_id: None }, at(9)).unwrap().state;
    assert_eq!(awaited(&begun), Some((Awaited::Workshop, 9 + 14 * DAY)));
}

#[test]
fn who_does_it_and_how_urgent_it_is_give_nobody_more_time_for_a_step() {
    let assign = |job: Job, minute: i64| {
        let somebody = Some(Some(format!("technician {minute}")));
        job.assign(Some(Priority::Urgent), somebody, at(minute)).unwrap().state
    };
    let begun = queued().step(Step::StartDiagnosis { technician_id: None }, at(9)).unwrap().state;
    let given = assign(assign(begun, 20), 30);
    assert_eq!(given.waiting().unwrap().since, at(9));
    assert_eq!(awaited(&given), Some((Awaited::Workshop, 9 + 14 * DAY)));
    let moved = given.step(Step::CompleteDiagnosis { notes: None }, at(40)).unwrap().state;
    assert_eq!(awaited(&moved), Some((Awaited::Workshop, 40 + 14 * DAY)));
    assert_eq!(awaited(&assign(moved, 50)), Some((Awaited::Workshop, 40 + 14 * DAY)));
}

#[test]
fn a_job_that_an_earlier_build_wrote_moved_when_it_last_changed() {
    let begun = queued().step(Step::StartDiagnosis { technician_id: None }, at(9)).unwrap().state;
    let written = serde_json::to_value(&begun).unwrap();
    assert_eq!(written["execution"]["moved_at"], serde_json::Value::Null);
    let read: Job = serde_json::from_value(written).unwrap();
    let given = read.assign(Some(Priority::High), None, at(20)).unwrap().state;
    let read_again: Job = serde_json::from_value(serde_json::to_value(&given).unwrap()).unwrap();
    assert_eq!(awaited(&read_again), Some((Awaited::Workshop, 9 + 14 * DAY)));
}

#[test]
fn an_end_waits_until_the_order_shows_it() {
    for (ended, status) in [(completed(), WorkOrderStatus::Completed), (given_up(), WorkOrderStatus::Failed)]
    {
        assert_eq!(awaited(&ended.state), Some((Awaited::Os, 5 + 1)));
        assert_eq!(awaited(&ended.state.react(&shown(status, 2), ID, at(6)).state), None);
    }
    let stopped = queued().react(&cancelled(), ID, at(5)).state;
    assert_eq!(awaited(&stopped), None, "whoever called it off does not wait for us");
}

#[test]
fn what_only_the_order_s_status_tells_is_awaited_from_whoever_should_have_told_it() {
    let unpaid = having_heard(&[approved(), shown(WorkOrderStatus::InProgress, 1)]);
    assert_eq!(awaited(&unpaid), Some((Awaited::Billing, 1 + 1)));
    assert_eq!(awaited(&unpaid.react(&paid(), ID, at(9)).state), Some((Awaited::Workshop, 9 + 7 * DAY)));
    let off = queued().react(&shown(WorkOrderStatus::Cancelled, 2), ID, at(9)).state;
    assert_eq!(awaited(&off), Some((Awaited::Os, 9 + 1)));
    assert_eq!(awaited(&off.react(&cancelled(), ID, at(10)).state), None);
}

#[test]
fn only_the_end_is_told_again_and_as_it_was_told() {
    assert_eq!(queued().retell(), []);
    assert_eq!(having_heard(&[cancelled()]).retell(), []);
    for ended in [completed(), given_up(), queued().react(&cancelled(), ID, at(5))] {
        assert_eq!(ended.state.retell(), ended.events);
    }
}

#[test]
fn what_is_heard_again_changes_nothing() {
    let events = [approved(), paid(), shown(WorkOrderStatus::InProgress, 1)];
    for job in [queued(), completed().state, given_up().state] {
        for event in &events {
            assert_eq!(job.clone().react(event, ID, at(99)), Transition::quiet(job.clone()));
        }
    }
    let off = queued().react(&cancelled(), ID, at(5)).state;
    for event in events.iter().chain([&cancelled()]) {
        assert_eq!(off.clone().react(event, ID, at(99)), Transition::quiet(off.clone()));
    }
}
