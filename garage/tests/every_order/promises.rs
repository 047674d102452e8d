//! The promises of SPEC 4, checked in every world that can be reached; those about rest, where nothing is on
//! its way any more.

use garage_billing_service::{
    bill::{Answer, Bill},
    payment::{Attempt, Due},
    quote::Quote,
};
use garage_events::{
    Event, ExecutionStatus, PaymentId, PaymentStatus, QuoteStatus, Transition, WorkOrderStatus,
};
use garage_execution_service::execution::{Execution, Job};
use garage_os_service::work_order::WorkOrder;

use crate::gateway::{Ledger, State};

/// What there is to see in a world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    pub order: &'a WorkOrder,
    pub bill: &'a Bill,
    pub job: &'a Job,
    pub ledger: &'a Ledger,
    pub hands: [Hand<'a>; 2],
}

/// What a cashier has in hand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hand<'a> {
    Free,
    Asking(&'a Due),
    Holding(&'a Answer),
}

pub(crate) type Kept = Result<(), &'static str>;

fn promise(holds: bool, text: &'static str) -> Kept {
    if holds { Ok(()) } else { Err(text) }
}

/// What holds at any time.
pub(crate) fn hold(sight: &Sight<'_>) -> Kept {
    money_is_taken_once(sight)?;
    the_customer_agreed(sight)?;
    work_is_paid_for(sight)
}

/// Promise 2: at most one live capture, and ours is the ledger's.
fn money_is_taken_once(sight: &Sight<'_>) -> Kept {
    let entries = &sight.ledger.0;
    promise(sight.ledger.count(State::is_held) <= 1, "two live captures")?;
    promise(entries.values().all(|entry| entry.refunds.len() <= 1), "one capture was given back twice")?;
    let is_stored = |reference: &PaymentId| sight.bill.attempt(*reference).is_some();
    promise(entries.keys().all(is_stored), "a charge that was not stored before")?;
    let is_asked = |reference: &PaymentId, key: &String| {
        let parts =
            sight.bill.attempt(*reference).map(|attempt| attempt.parts.as_slice()).unwrap_or_default();
        parts.iter().any(|part| part.id.to_string() == *key)
    };
    let mut went =
        entries.iter().flat_map(|(reference, entry)| entry.parts.iter().map(move |key| (reference, key)));
    promise(
        went.all(|(reference, key)| is_asked(reference, key)),
        "a part went back that nobody asked for, or twice",
    )?;
    promise(
        entries
            .values()
            .all(|entry| entry.parts.is_empty() || status(sight) == Some(ExecutionStatus::Completed)),
        "a part went back for work that is not finished",
    )?;
    let is_paid = |attempt: &Attempt| attempt.status == PaymentStatus::Approved;
    let mut paid = sight.bill.attempts.iter().filter(|attempt| is_paid(attempt));
    promise(
        paid.all(|attempt| entries.get(&attempt.id).is_some_and(|entry| entry.amount == attempt.amount)),
        "taken for paid and not paid in full",
    )
}

/// What is charged is what the customer said yes to, in time.
fn the_customer_agreed(sight: &Sight<'_>) -> Kept {
    let total = sight.bill.quote.as_ref().map(Quote::total);
    promise(
        sight.bill.attempts.iter().all(|attempt| Some(attempt.amount) == total),
        "an amount that is not the quote's total",
    )?;
    let in_time = |quote: &Quote| quote.approved.as_ref().is_none_or(|yes| yes.at <= quote.valid_until);
    promise(sight.bill.quote.as_ref().is_none_or(in_time), "approved after its time")
}

fn status(sight: &Sight<'_>) -> Option<ExecutionStatus> {
    sight.job.execution.as_ref().map(|execution| execution.status)
}

fn is_active(sight: &Sight<'_>) -> bool {
    sight.job.execution.as_ref().is_some_and(Execution::is_active)
}

/// Promises 1 and 3: no work without money, no refund of finished work.
fn work_is_paid_for(sight: &Sight<'_>) -> Kept {
    let captured = sight.ledger.count(State::is_kept);
    let going_back = sight.ledger.count(|state| matches!(state, State::GoingBack | State::Refunded));
    promise(!is_active(sight) || captured == 1, "work without a captured payment")?;
    let owed = sight.bill.attempts.iter().any(|attempt| attempt.status == PaymentStatus::Refunding);
    let finished = status(sight) == Some(ExecutionStatus::Completed);
    promise(!finished || (captured == 1 && going_back == 0 && !owed), "finished work was or will be refunded")
}

/// Promise 4: what is true when all is quiet.
pub(crate) fn rest_is_right(sight: &Sight<'_>) -> Kept {
    sight.bill.attempts.iter().try_for_each(|attempt| books_are_right(attempt, sight.ledger))?;
    let (captured, kept) = (sight.ledger.count(State::is_held), sight.ledger.count(State::is_kept));
    let at_rest = status(sight);
    let quote = sight.bill.quote.as_ref().map(|quote| quote.status);
    match sight.order.status() {
        WorkOrderStatus::Cancelled => {
            promise(captured == 0, "CANCELLED and money kept")?;
            promise(!is_active(sight), "CANCELLED and still working")?;
            promise(
                at_rest != Some(ExecutionStatus::AwaitingPayment),
                "CANCELLED and still waiting for money",
            )
        }
        WorkOrderStatus::Failed => {
            promise(captured == 0, "FAILED and money kept")?;
            promise(at_rest == Some(ExecutionStatus::Failed), "FAILED and the workshop knows nothing of it")
        }
        WorkOrderStatus::Completed | WorkOrderStatus::Delivered => {
            promise(kept == 1, "COMPLETED and not paid exactly once")?;
            promise(at_rest == Some(ExecutionStatus::Completed), "COMPLETED and the workshop is not done")?;
            promise(quote == Some(QuoteStatus::Approved), "COMPLETED under a quote that nobody approved")?;
            let total = sight.bill.quote.as_ref().map(Quote::total);
            promise(sight.order.total_amount() == total, "COMPLETED and the desk knows another total")
        }
        WorkOrderStatus::InProgress => {
            promise(kept == 1 && is_active(sight), "IN_PROGRESS and not paid or not worked on")
        }
        WorkOrderStatus::Approved => {
            promise(captured == 0, "APPROVED and money held")?;
            promise(at_rest == Some(ExecutionStatus::AwaitingPayment), "APPROVED and nothing prepared")
        }
        WorkOrderStatus::Quoted | WorkOrderStatus::QuoteSent => {
            let open = matches!(quote, Some(QuoteStatus::Pending | QuoteStatus::Sent));
            promise(open && captured == 0, "QUOTED without an open quote")?;
            let sent = sight.bill.quote.as_ref().filter(|quote| quote.status == QuoteStatus::Sent);
            let agrees = sent.is_none_or(|quote| sight.order.total_amount() == Some(quote.total()));
            promise(agrees, "the customer has a quote and the desk knows another total")
        }
        WorkOrderStatus::Pending => Err("a saga rests without a quote"),
    }
}

/// At rest an attempt is what its payment is at the gateway.
fn books_are_right(attempt: &Attempt, ledger: &Ledger) -> Kept {
    let entry = ledger.0.get(&attempt.id);
    let standing = entry.map(|entry| entry.state);
    let went = |id: uuid::Uuid| entry.is_some_and(|entry| entry.parts.contains(&id.to_string()));
    let parts_agree = attempt.parts.iter().all(|part| part.is_done() == went(part.id))
        && entry.is_none_or(|entry| entry.part_going_back.is_none());
    promise(parts_agree, "our books of a part are not the gateway's")?;
    let agrees = match attempt.status {
        PaymentStatus::Approved => standing.is_some_and(State::is_kept),
        PaymentStatus::Refunded => matches!(standing, Some(State::Refunded | State::Taken)),
        PaymentStatus::Rejected | PaymentStatus::Cancelled => {
            matches!(standing, None | Some(State::Declined | State::Cancelled))
        }
        PaymentStatus::Processing | PaymentStatus::Pending | PaymentStatus::Refunding => false,
    };
    promise(agrees, "our books are not the gateway's")
}

/// Every move of money is told once, when it happens, and nothing else is.
pub(crate) fn money_is_told(before: &Bill, moved: &Transition<Bill>) -> Kept {
    let mut due: Vec<_> = moved.state.attempts.iter().filter_map(|after| to_tell(before, after)).collect();
    due.extend(moved.state.attempts.iter().flat_map(|after| parts_to_tell(before, after)));
    let mut told: Vec<_> = moved.events.iter().filter_map(told_of_money).collect();
    due.sort_unstable();
    told.sort_unstable();
    promise(due == told, "money that moved and was not told, or the other way round")
}

/// What the customer said yes to is what the quote says.
pub(crate) fn the_yes_is_to_this_text(bill: &Bill) -> Kept {
    let yes = bill.quote.as_ref().and_then(|quote| Some((quote.approved.as_ref()?.revision, quote.revision)));
    promise(yes.is_none_or(|(read, says)| read == says), "the text was changed after the customer's yes")
}

fn to_tell(before: &Bill, after: &Attempt) -> Option<(&'static str, PaymentId)> {
    let was = before.attempt(after.id).map(|attempt| attempt.status);
    let told = match after.status {
        _ if was == Some(after.status) => return None,
        PaymentStatus::Approved => "payment.approved",
        PaymentStatus::Refunded => "payment.refunded",
        PaymentStatus::Rejected if was == Some(PaymentStatus::Pending) => "payment.rejected",
        PaymentStatus::Rejected => "payment.failed",
        PaymentStatus::Processing => "payment.created",
        PaymentStatus::Pending | PaymentStatus::Cancelled | PaymentStatus::Refunding => return None,
    };
    Some((told, after.id))
}

fn parts_to_tell<'a>(
    before: &'a Bill,
    after: &'a Attempt,
) -> impl Iterator<Item = (&'static str, PaymentId)> + 'a {
    let was_done = |id| {
        let parts = before.attempt(after.id).map(|attempt| attempt.parts.as_slice()).unwrap_or_default();
        parts.iter().any(|part| part.id == id && part.is_done())
    };
    let done = after.parts.iter().filter(move |part| part.is_done() && !was_done(part.id));
    done.map(|_| ("payment.refunded", after.id))
}

fn told_of_money(event: &Event) -> Option<(&'static str, PaymentId)> {
    let payment = match event {
        Event::PaymentCreated(told) => told.payment_id,
        Event::PaymentApproved(told) => told.payment_id,
        Event::PaymentRejected(told) => told.payment_id,
        Event::PaymentFailed(told) => told.payment_id,
        Event::PaymentRefunded(told) => told.payment_id,
        Event::WorkOrderCreated(_)
        | Event::WorkOrderStatusChanged(_)
        | Event::WorkOrderCancelled(_)
        | Event::QuoteCreated(_)
        | Event::QuoteApproved(_)
        | Event::QuoteRejected(_)
        | Event::QuoteSent(_)
        | Event::ExecutionCreated(_)
        | Event::ExecutionStatusChanged(_)
        | Event::ExecutionCompleted(_)
        | Event::ExecutionFailed(_) => return None,
    };
    Some((event.event_type(), payment))
}

/// What has ended is not called off.
pub(crate) fn ended_is_not_called_off(before: &WorkOrder, moved: &Transition<WorkOrder>) -> Kept {
    let ended = match before.status() {
        WorkOrderStatus::Completed | WorkOrderStatus::Delivered | WorkOrderStatus::Failed => true,
        WorkOrderStatus::Pending
        | WorkOrderStatus::Quoted
        | WorkOrderStatus::QuoteSent
        | WorkOrderStatus::Approved
        | WorkOrderStatus::InProgress
        | WorkOrderStatus::Cancelled => false,
    };
    let called_off = moved.events.iter().any(|told| matches!(told, Event::WorkOrderCancelled(_)));
    promise(!(ended && called_off), "an order was called off after its end")
}

/// Events that only tell history never change a status and never make anybody tell anything.
pub(crate) fn history_is_inert(before: &WorkOrder, heard: &Transition<WorkOrder>) -> Kept {
    promise(heard.events.is_empty() && heard.state.status() == before.status(), "history changed the present")
}
