//! The promises of SPEC 4, checked in every world that can be reached; those about rest, where nothing is on
//! its way any more.

use garage_events::{Event, ExecutionStatus, PaymentStatus, QuoteStatus, WorkOrderStatus};

use crate::{
    gateway::State,
    world::{Code, World},
};

type Kept = Result<(), &'static str>;

fn promise(holds: bool, text: &'static str) -> Kept {
    if holds { Ok(()) } else { Err(text) }
}

pub(crate) fn hold(world: &World, code: &dyn Code) -> Kept {
    money_is_taken_once(world)?;
    work_is_paid_for(world)?;
    repetition_has_no_effect(world, code)?;
    if world.is_quiet() { rest_is_right(world) } else { Ok(()) }
}

fn count(world: &World, state: State) -> usize {
    world.entries().filter(|(_, entry)| entry.state == state).count()
}

/// Promise 2: at most one live capture, and ours is the ledger's.
fn money_is_taken_once(world: &World) -> Kept {
    promise(count(world, State::Captured) <= 1, "two live captures")?;
    let total = world.bill.quote.as_ref().map(garage_billing_service::quote::Quote::total);
    promise(
        world.entries().all(|(_, entry)| Some(entry.amount) == total),
        "an amount that is not the quote's total",
    )?;
    promise(world.entries().all(|(_, entry)| entry.refunds.len() <= 1), "one capture was given back twice")?;
    let stored = |reference| world.bill.attempts.iter().any(|attempt| attempt.id == reference);
    promise(world.entries().all(|(reference, _)| stored(*reference)), "a charge that was not stored before")
}

fn status(world: &World) -> Option<ExecutionStatus> {
    world.job.execution.as_ref().map(|execution| execution.status)
}

fn is_active(world: &World) -> bool {
    world.job.execution.as_ref().is_some_and(garage_execution_service::execution::Execution::is_active)
}

/// Promises 1 and 3: no work without money, no refund of finished work.
fn work_is_paid_for(world: &World) -> Kept {
    let (captured, refunded) = (count(world, State::Captured), count(world, State::Refunded));
    promise(!is_active(world) || captured == 1, "work without a captured payment")?;
    let owed = world.bill.attempts.iter().any(|attempt| attempt.status == PaymentStatus::Refunding);
    let finished = status(world) == Some(ExecutionStatus::Completed);
    promise(!finished || (captured == 1 && refunded == 0 && !owed), "finished work was or will be refunded")
}

/// Promise 5: what was heard before has no effect and tells nothing, however late it comes again.
fn repetition_has_no_effect(world: &World, code: &dyn Code) -> Kept {
    promise(
        world.done.iter().all(|delivery| !world.is_changed_by(code, delivery)),
        "a repeated event had an effect",
    )
}

/// Promise 4: what is true when all is quiet.
fn rest_is_right(world: &World) -> Kept {
    let captured = count(world, State::Captured);
    let at_rest = status(world);
    let quote = world.bill.quote.as_ref().map(|quote| quote.status);
    match world.order.status() {
        WorkOrderStatus::Cancelled => {
            promise(captured == 0, "CANCELLED and money kept")?;
            promise(!is_active(world), "CANCELLED and still working")?;
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
            promise(captured == 1, "COMPLETED and not paid exactly once")?;
            promise(at_rest == Some(ExecutionStatus::Completed), "COMPLETED and the workshop is not done")?;
            promise(quote == Some(QuoteStatus::Approved), "COMPLETED under a quote that nobody approved")
        }
        WorkOrderStatus::InProgress => {
            promise(captured == 1 && is_active(world), "IN_PROGRESS and not paid or not worked on")
        }
        WorkOrderStatus::Approved => {
            promise(captured == 0, "APPROVED and money held")?;
            promise(at_rest == Some(ExecutionStatus::AwaitingPayment), "APPROVED and nothing prepared")
        }
        WorkOrderStatus::Quoted | WorkOrderStatus::QuoteSent => {
            let open = matches!(quote, Some(QuoteStatus::Pending | QuoteStatus::Sent));
            promise(open && captured == 0, "QUOTED without an open quote")
        }
        WorkOrderStatus::Pending => Err("a saga rests without a quote"),
    }
}

/// Events that only tell history never change a status and never make anybody tell anything.
pub(crate) fn history_is_inert(world: &World, code: &dyn Code, told: &[Event]) -> Kept {
    told.iter().try_for_each(|event| {
        let order = code.order(world.order.clone(), event);
        promise(
            order.events.is_empty() && order.state.status() == world.order.status(),
            "history changed the present",
        )
    })
}
