//! Every step from every state, and every event before and after every other that matters.

use chrono::TimeDelta;
use garage_events::{
    Cents, CustomerId, PartId, PaymentId, PaymentMethod, Quantity, QuoteId,
    event::{PaymentApproved, QuoteApproved, QuoteSent, WorkOrderCancelled, WorkOrderStatusChanged},
};
use uuid::Uuid;

use super::*;

const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
const ID: ExecutionId = ExecutionId(Uuid::from_u128(2));
const ANOTHER: ExecutionId = ExecutionId(Uuid::from_u128(3));

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}

fn quote_approved() -> Event {
    let (quote_id, customer_id) = (QuoteId(Uuid::nil()), CustomerId(Uuid::nil()));
    QuoteApproved {
        work_order_id: ORDER,
        quote_id,
        customer_id,
        total_amount: Cents::default(),
        valid_until: at(0),
    }
    .into()
}

fn payment_approved() -> Event {
    let (payment_id, quote_id) = (PaymentId(Uuid::nil()), QuoteId(Uuid::nil()));
    let payment_method = PaymentMethod::Pix;
    PaymentApproved { work_order_id: ORDER, payment_id, quote_id, amount: Cents::default(), payment_method }
        .into()
}

fn cancelled() -> Event {
    WorkOrderCancelled { work_order_id: ORDER, reason: reason::CUSTOMER_REQUEST.to_owned() }.into()
}

fn status_changed(new_status: WorkOrderStatus, revision: u32) -> Event {
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

/// A job that has heard these events, one a minute.
fn having_heard(events: &[Event]) -> Job {
    let told = (0..).zip(events);
    told.fold(Job::unknown(ORDER), |job, (minute, event)| job.react(event, ID, at(minute)).state)
}

fn queued() -> Job {
    having_heard(&[quote_approved(), payment_approved()])
}

/// A job that stands here, by the shortest way.
fn standing(status: ExecutionStatus) -> Job {
    let after = |steps: &[Step]| {
        steps.iter().fold(queued(), |job, step| job.step(step.clone(), at(5)).unwrap().state)
    };
    let way = [
        start_diagnosis(),
        complete_diagnosis(),
        Step::StartRepair,
        complete_repair(),
        Step::StartTesting,
        Step::Complete,
    ];
    match status {
        ExecutionStatus::AwaitingPayment => having_heard(&[quote_approved()]),
        ExecutionStatus::Cancelled => having_heard(&[quote_approved(), cancelled()]),
        ExecutionStatus::Queued => queued(),
        ExecutionStatus::Diagnosing => after(&way[..1]),
        ExecutionStatus::DiagnosisComplete => after(&way[..2]),
        ExecutionStatus::Repairing => after(&way[..3]),
        ExecutionStatus::RepairComplete => after(&way[..4]),
        ExecutionStatus::Testing => after(&way[..5]),
        ExecutionStatus::Completed => after(&way),
        ExecutionStatus::Failed => after(&[fail("no spare part")]),
    }
}

fn start_diagnosis() -> Step {
    Step::StartDiagnosis { technician_id: Some("tito".to_owned()) }
}

fn complete_diagnosis() -> Step {
    Step::CompleteDiagnosis { notes: Some("worn brake pads".to_owned()) }
}

fn complete_repair() -> Step {
    let parts_used =
        vec![PartUsed { part_id: Some(PartId(Uuid::from_u128(9))), name: None, quantity: Quantity::ONE }];
    Step::CompleteRepair {
        notes: Some("pads replaced".to_owned()),
        parts_used,
        services_performed: vec!["brakes".to_owned()],
    }
}

fn fail(reason: &str) -> Step {
    Step::Fail { reason: reason.to_owned() }
}

fn execution(job: &Job) -> &Execution {
    job.execution.as_ref().unwrap()
}

/// Where each step leads, by the state it is taken from; everything else is out of order.
fn leads_to(step: &Step, from: ExecutionStatus) -> Option<ExecutionStatus> {
    use ExecutionStatus::{
        Completed, Diagnosing, DiagnosisComplete, Failed, Queued, RepairComplete, Repairing, Testing,
    };
    let allowed: &[(ExecutionStatus, ExecutionStatus)] = match step {
        Step::StartDiagnosis { .. } => &[(Queued, Diagnosing)],
        Step::CompleteDiagnosis { .. } => &[(Diagnosing, DiagnosisComplete)],
        Step::StartRepair => &[(DiagnosisComplete, Repairing), (Testing, Repairing)],
        Step::CompleteRepair { .. } => &[(Repairing, RepairComplete)],
        Step::StartTesting => &[(RepairComplete, Testing)],
        Step::Complete => &[(RepairComplete, Completed), (Testing, Completed)],
        Step::Fail { .. } => &[
            (Queued, Failed),
            (Diagnosing, Failed),
            (DiagnosisComplete, Failed),
            (Repairing, Failed),
            (RepairComplete, Failed),
            (Testing, Failed),
        ],
    };
    allowed.iter().find(|(start, _)| *start == from).map(|(_, end)| *end)
}

#[test]
fn a_step_is_taken_in_its_place_and_refused_everywhere_else() {
    let steps = [
        start_diagnosis(),
        complete_diagnosis(),
        Step::StartRepair,
        complete_repair(),
        Step::StartTesting,
        Step::Complete,
        fail("no spare part"),
    ];
    for from in ExecutionStatus::ALL.iter().copied() {
        assert_eq!(execution(&standing(from)).status, from);
        for step in &steps {
            match (standing(from).step(step.clone(), at(9)), leads_to(step, from)) {
                (Ok(taken), Some(to)) => assert_eq!(execution(&taken.state).status, to, "{from} {step:?}"),
                (Err(refusal), None) => {
                    assert!(refusal.to_string().ends_with(&format!("the execution is {from}")), "{refusal}")
                }
                (decided, expected) => panic!("{from} {step:?}: {decided:?} instead of {expected:?}"),
            }
        }
    }
}

#[test]
fn every_step_but_the_last_tells_the_change_of_status() {
    let told = standing(ExecutionStatus::Diagnosing).step(complete_diagnosis(), at(9)).unwrap().events;
    let (previous_status, new_status) = (ExecutionStatus::Diagnosing, ExecutionStatus::DiagnosisComplete);
    assert_eq!(
        told,
        [ExecutionStatusChanged { work_order_id: ORDER, execution_id: ID, previous_status, new_status }
            .into()]
    );
}

#[test]
fn the_end_tells_what_was_built_in_and_done() {
    let ended = standing(ExecutionStatus::RepairComplete).step(Step::Complete, at(9)).unwrap();
    let Event::ExecutionCompleted(told) = &ended.events[0] else { panic!("{:?}", ended.events) };
    assert_eq!((told.parts_used.len(), &*told.services_performed), (1, &["brakes".to_owned()][..]));
    assert_eq!(ended.events.len(), 1);
    assert_eq!(execution(&ended.state).ended_at, Some(at(9)));
}

#[test]
fn a_failure_tells_the_technicians_words() {
    let failed = standing(ExecutionStatus::Testing).step(fail("the frame is bent"), at(9)).unwrap();
    let told =
        ExecutionFailed { work_order_id: ORDER, execution_id: ID, reason: "the frame is bent".to_owned() };
    assert_eq!(failed.events, [told.into()]);
    assert_eq!(execution(&failed.state).failure_reason.as_deref(), Some("the frame is bent"));
}

#[test]
fn a_failure_needs_words_and_not_the_systems_own() {
    for reason in ["", "  ", reason::WORK_ORDER_CANCELLED] {
        let refused = queued().step(fail(reason), at(9)).unwrap_err();
        assert!(matches!(refused, Refusal::Field { field: "reason", .. }), "{reason:?}: {refused}");
    }
}

/// The end of another repair, after a test that failed.
fn reworked(notes: Option<String>, services_performed: Vec<String>) -> Result<Transition<Job>, Refusal> {
    let again = standing(ExecutionStatus::Testing).step(Step::StartRepair, at(6)).unwrap().state;
    again.step(Step::CompleteRepair { notes, parts_used: vec![], services_performed }, at(7))
}

#[test]
fn rework_adds_to_what_was_done() {
    let repaired = reworked(None, vec!["bleeding".to_owned()]).unwrap().state;
    let execution = execution(&repaired);
    assert_eq!(execution.services_performed, ["brakes", "bleeding"]);
    assert_eq!((execution.parts_used.len(), execution.repair_notes.as_deref()), (1, Some("pads replaced")));
}

#[test]
fn what_is_noted_of_a_rework_stands_below_what_was_noted_before() {
    let repaired = reworked(Some("bled the circuit".to_owned()), vec![]).unwrap().state;
    assert_eq!(execution(&repaired).repair_notes.as_deref(), Some("pads replaced\nbled the circuit"));
}

#[test]
fn the_notes_of_all_repairs_together_have_a_limit_that_is_named() {
    let left = MOST_NOTES - "pads replaced\n".len();
    let words = |characters: usize| Some("\u{e7}".repeat(characters));
    assert!(reworked(words(left), vec![]).is_ok());
    let refused = reworked(words(left + 1), vec![]).unwrap_err();
    let told = "notes must not bring the job to 20001 characters in all: it may have 20000";
    assert_eq!(refused.to_string(), told);
}

#[test]
fn rework_without_end_does_not_outgrow_the_event_that_tells_it() {
    let refused = reworked(None, vec!["brakes".to_owned(); MOST_ITEMS]).unwrap_err();
    assert!(matches!(refused, Refusal::Field { field: "servicesPerformed", .. }), "{refused}");
}

#[test]
fn whoever_starts_the_diagnosis_has_the_job_and_nobody_in_particular_leaves_it_as_it_was() {
    let assigned = queued().assign(None, Some(Some("ana".to_owned())), at(3)).unwrap().state;
    let nobody = assigned.clone().step(Step::StartDiagnosis { technician_id: None }, at(4)).unwrap().state;
    assert_eq!(execution(&nobody).technician_id.as_deref(), Some("ana"));
    let somebody = assigned.step(start_diagnosis(), at(4)).unwrap().state;
    assert_eq!(
        (execution(&somebody).technician_id.as_deref(), execution(&somebody).started_at),
        (Some("tito"), Some(at(4)))
    );
}

#[test]
fn no_step_is_possible_before_there_is_an_execution() {
    assert_eq!(Job::unknown(ORDER).step(start_diagnosis(), at(1)), Err(Refusal::Unknown("execution")));
    assert_eq!(Job::unknown(ORDER).assign(None, None, at(1)), Err(Refusal::Unknown("execution")));
}

#[test]
fn an_approved_quote_prepares_the_job_and_tells_nobody() {
    let prepared = Job::unknown(ORDER).react(&quote_approved(), ID, at(1));
    assert_eq!(prepared.events, []);
    assert_eq!(execution(&prepared.state), &Execution::new(ID, ExecutionStatus::AwaitingPayment, at(1)));
}

#[test]
fn the_payment_queues_the_job_whether_it_was_prepared_or_not() {
    for job in [Job::unknown(ORDER), having_heard(&[quote_approved()])] {
        let paid = job.react(&payment_approved(), ID, at(1));
        let Event::ExecutionCreated(told) = &paid.events[0] else { panic!("{:?}", paid.events) };
        assert_eq!(
            (told.execution_id, told.status, told.priority),
            (ID, ExecutionStatus::Queued, Priority::Normal)
        );
        let execution = execution(&paid.state);
        assert_eq!((execution.status, execution.queued_at), (ExecutionStatus::Queued, Some(at(1))));
    }
}

#[test]
fn a_repeated_event_changes_and_tells_nothing_wherever_the_job_stands() {
    let known = [quote_approved(), status_changed(WorkOrderStatus::InProgress, 4)];
    for from in ExecutionStatus::ALL.iter().copied() {
        let job = known.iter().fold(standing(from), |job, event| job.react(event, ANOTHER, at(50)).state);
        for event in &known {
            assert_eq!(
                job.clone().react(event, ANOTHER, at(60)),
                Transition::quiet(job.clone()),
                "{from} {event:?}"
            );
        }
    }
    for event in [payment_approved(), cancelled()] {
        for from in ExecutionStatus::ALL.iter().copied() {
            let once = standing(from).react(&event, ANOTHER, at(50)).state;
            assert_eq!(
                once.clone().react(&event, ANOTHER, at(60)),
                Transition::quiet(once),
                "{from} {event:?}"
            );
        }
    }
}

#[test]
fn the_quotes_approval_after_the_payment_changes_nothing() {
    let paid = having_heard(&[payment_approved()]);
    assert_eq!(paid.clone().react(&quote_approved(), ANOTHER, at(9)), Transition::quiet(paid));
}

#[test]
fn active_work_on_a_cancelled_order_fails_aloud() {
    for from in ExecutionStatus::ALL.iter().copied().filter(|status| is_active(*status)) {
        let stopped = standing(from).react(&cancelled(), ANOTHER, at(9));
        let reason = reason::WORK_ORDER_CANCELLED.to_owned();
        assert_eq!(
            stopped.events,
            [ExecutionFailed { work_order_id: ORDER, execution_id: ID, reason }.into()],
            "{from}"
        );
        assert_eq!(
            (execution(&stopped.state).status, execution(&stopped.state).ended_at),
            (ExecutionStatus::Failed, Some(at(9)))
        );
    }
}

#[test]
fn what_was_only_prepared_is_cancelled_in_silence() {
    let stopped = having_heard(&[quote_approved()]).react(&cancelled(), ANOTHER, at(9));
    assert_eq!((execution(&stopped.state).status, stopped.events), (ExecutionStatus::Cancelled, vec![]));
}

#[test]
fn finished_work_stays_finished_when_the_order_is_cancelled() {
    for ended in [ExecutionStatus::Completed, ExecutionStatus::Failed] {
        let late = standing(ended).react(&cancelled(), ANOTHER, at(9));
        assert_eq!((execution(&late.state), late.events), (execution(&standing(ended)), vec![]));
    }
}

#[test]
fn a_payment_after_the_cancellation_is_answered_with_a_failure_whatever_came_before() {
    for before in
        [vec![cancelled()], vec![quote_approved(), cancelled()], vec![cancelled(), quote_approved()]]
    {
        let job = having_heard(&before);
        assert!(
            job.execution.as_ref().is_none_or(|execution| execution.status == ExecutionStatus::Cancelled)
        );
        let paid = job.react(&payment_approved(), ID, at(9));
        let reason = reason::WORK_ORDER_CANCELLED.to_owned();
        assert_eq!(paid.events, [ExecutionFailed { work_order_id: ORDER, execution_id: ID, reason }.into()]);
        assert_eq!(execution(&paid.state).status, ExecutionStatus::Failed);
    }
}

#[test]
fn the_orders_status_follows_its_newest_revision() {
    let job = having_heard(&[
        status_changed(WorkOrderStatus::InProgress, 4),
        status_changed(WorkOrderStatus::Approved, 3),
    ]);
    assert_eq!(job.order_status, Some(Followed { status: WorkOrderStatus::InProgress, revision: 4 }));
    assert_eq!(job.execution, None);
}

#[test]
fn an_event_of_somebody_elses_affair_changes_nothing() {
    let (quote_id, customer_id) = (QuoteId(Uuid::nil()), CustomerId(Uuid::nil()));
    let sent = QuoteSent {
        work_order_id: ORDER,
        quote_id,
        revision: 1,
        customer_id,
        total_amount: Cents::default(),
        valid_until: at(0),
    };
    assert_eq!(queued().react(&sent.into(), ANOTHER, at(9)), Transition::quiet(queued()));
}

#[test]
fn by_hand_only_a_paid_order_without_an_execution_is_queued() {
    let in_progress = status_changed(WorkOrderStatus::InProgress, 4);
    for before in [vec![in_progress.clone()], vec![quote_approved(), in_progress.clone()]] {
        let queued = having_heard(&before).enqueue_by_hand(ID, at(9)).unwrap();
        assert_eq!(execution(&queued.state).status, ExecutionStatus::Queued);
        assert!(matches!(&queued.events[..], [Event::ExecutionCreated(_)]));
    }
    for (before, state) in [
        (vec![], "not known to be paid"),
        (vec![quote_approved()], "not known to be paid"),
        (vec![status_changed(WorkOrderStatus::Approved, 3)], "APPROVED"),
        (vec![status_changed(WorkOrderStatus::Completed, 5)], "COMPLETED"),
        (vec![in_progress.clone(), cancelled()], "CANCELLED"),
        (vec![in_progress, payment_approved()], "QUEUED"),
    ] {
        let refused = having_heard(&before).enqueue_by_hand(ANOTHER, at(9)).unwrap_err();
        assert!(refused.to_string().ends_with(&format!("is {state}")), "{refused}");
    }
}

#[test]
fn the_payments_own_event_after_queueing_by_hand_changes_nothing() {
    let by_hand = having_heard(&[status_changed(WorkOrderStatus::InProgress, 4)])
        .enqueue_by_hand(ID, at(9))
        .unwrap()
        .state;
    assert_eq!(by_hand.clone().react(&payment_approved(), ANOTHER, at(10)), Transition::quiet(by_hand));
}

#[test]
fn wishes_hold_for_what_is_not_queued_yet() {
    let wished = Job::unknown(ORDER).wishing(ID, Some(Priority::Urgent), Some("tito".to_owned()), at(1));
    assert_eq!(
        (execution(&wished).priority, execution(&wished).technician_id.as_deref()),
        (Priority::Urgent, Some("tito"))
    );
    assert_eq!(queued().wishing(ANOTHER, Some(Priority::Urgent), None, at(1)), queued());
}

#[test]
fn who_does_it_and_how_urgent_it_is_may_change_until_the_work_ends() {
    for from in ExecutionStatus::ALL.iter().copied() {
        let changed = standing(from).assign(Some(Priority::High), Some(None), at(9));
        if is_active(from) || from == ExecutionStatus::AwaitingPayment {
            let changed = changed.unwrap();
            let execution = execution(&changed.state);
            assert_eq!(
                (execution.priority, &execution.technician_id, execution.updated_at),
                (Priority::High, &None, at(9))
            );
            assert_eq!(changed.events, [], "{from}");
        } else {
            assert_eq!(changed, Err(Refusal::state("changing", "execution", from)));
        }
    }
}

#[test]
fn an_assignment_that_changes_nothing_leaves_no_trace() {
    assert_eq!(queued().assign(Some(Priority::Normal), None, at(9)), Ok(Transition::quiet(queued())));
}
