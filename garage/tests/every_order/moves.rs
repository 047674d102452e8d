//! What people and clocks may do to an aggregate at any time. Each list holds every move with what the
//! production code makes of it; one that it refuses, or that changes nothing, is not there.

use garage_billing_service::{bill::Bill, quote::Quote};
use garage_events::{Refusal, Transition};
use garage_execution_service::execution::{Job, Step};
use garage_os_service::work_order::WorkOrder;

use crate::{
    code::{Code, EXECUTION, lapsed, start, tender, totals},
    garage::Scope,
};

/// A move by its name, and what comes of it.
pub(crate) type Move<T> = (&'static str, Transition<T>);

type Tried<T> = (&'static str, Result<Transition<T>, Refusal>);

fn taken<T: PartialEq>(before: &T, tried: Vec<Tried<T>>) -> Vec<Move<T>> {
    let taken = tried.into_iter().filter_map(|(name, outcome)| Some((name, outcome.ok()?)));
    taken.filter(|(_, moved)| moved.state != *before || !moved.events.is_empty()).collect()
}

/// The desk, with an order.
pub(crate) fn at_the_desk(code: &dyn Code, order: &WorkOrder) -> Vec<Move<WorkOrder>> {
    let tried = vec![
        ("the order is called off", code.cancel(order.clone())),
        ("the car is delivered", order.clone().deliver("desk".to_owned(), start())),
    ];
    taken(order, tried)
}

/// The desk, the customer and the calendar, with a bill. Clocks differ and time passes: everything may be tried
/// in time and too late.
pub(crate) fn at_the_till(code: &dyn Code, bill: &Bill, scope: Scope) -> Vec<Move<Bill>> {
    let mut tried = vec![
        ("the quote is sent", code.send(bill.clone(), start())),
        ("the quote is sent too late", code.send(bill.clone(), lapsed())),
        ("the quote is approved", code.approve(bill.clone(), start())),
        ("the quote is approved too late", code.approve(bill.clone(), lapsed())),
        ("the quote is rejected", code.reject(bill.clone(), start())),
        ("the quote is rejected too late", code.reject(bill.clone(), lapsed())),
        ("the quote expires", Ok(bill.clone().expire(lapsed()))),
    ];
    if bill.attempts.len() < scope.attempts {
        tried.push(("a payment is made", code.pay(bill.clone(), tender(bill, totals()[0]))));
        tried.push((
            "a payment of the edited total is made",
            code.pay(bill.clone(), tender(bill, totals()[1])),
        ));
    }
    for attempt in bill.attempts.iter().filter(|_| scope.withdraws) {
        tried.push(("a payment is withdrawn", code.withdraw(bill.clone(), attempt.id)));
    }
    let given: usize = bill.attempts.iter().map(|attempt| attempt.parts.len()).sum();
    for attempt in bill.attempts.iter().filter(|_| given < scope.parts) {
        tried.push(("a part is given back", code.give_back_part(bill.clone(), attempt.id)));
    }
    if scope.edits {
        tried.push(("the quote is edited", code.edit(bill.clone(), totals()[1])));
        tried.push(("the quote is edited back", code.edit(bill.clone(), totals()[0])));
    }
    // Once: a text that comes back would be sent again in the same words.
    let total = bill.quote.as_ref().map(Quote::total);
    if scope.revises && total == Some(totals()[0]) {
        tried.push(("the quote is written anew", code.revise(bill.clone(), totals()[1])));
    }
    taken(bill, tried)
}

/// The technicians, with a job.
pub(crate) fn in_the_shop(code: &dyn Code, job: &Job) -> Vec<Move<Job>> {
    let steps = [
        ("the diagnosis begins", Step::StartDiagnosis { technician_id: None }),
        ("the diagnosis is complete", Step::CompleteDiagnosis { notes: None }),
        ("the repair begins", Step::StartRepair),
        (
            "the repair is complete",
            Step::CompleteRepair { notes: None, parts_used: Vec::new(), services_performed: Vec::new() },
        ),
        ("the test begins", Step::StartTesting),
        ("the work is complete", Step::Complete),
        ("the work cannot be done", Step::Fail { reason: "the frame is bent".to_owned() }),
    ];
    let stepped = steps.map(|(name, step)| (name, code.step(job.clone(), step)));
    let by_hand = ("the job is queued by hand", job.clone().enqueue_by_hand(EXECUTION, start()));
    taken(job, stepped.into_iter().chain([by_hand]).collect())
}
