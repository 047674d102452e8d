//! Every order of events. The production transition functions of the three services, together, in every
//! interleaving of commands, deliveries, duplicates, reorderings, gateway answers (early, late, lost) and
//! crashes: a crash between two steps is the step that did not happen, or the delivery that happens again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop, and say why")]

#[path = "every_order/gateway.rs"]
mod gateway;
#[path = "every_order/mistakes.rs"]
mod mistakes;
#[path = "every_order/promises.rs"]
mod promises;
#[path = "every_order/world.rs"]
mod world;

use std::collections::{BTreeMap, HashMap, VecDeque};

use garage_events::{
    Cents, Event, ExecutionId, ExecutionStatus, PaymentId, QuoteId,
    event::{ExecutionStatusChanged, PaymentFailed, PaymentRefunded, PaymentRejected},
};
use uuid::Uuid;
use world::{Code, ORDER, Production, World};

/// What an exploration saw.
#[derive(Debug, Default)]
struct Seen {
    states: usize,
    quiet: usize,
    ends: BTreeMap<String, usize>,
}

/// A broken promise and the shortest way to it.
#[derive(Debug)]
struct Broken {
    promise: &'static str,
    way: Vec<String>,
}

/// Breadth first, so the first broken promise has a shortest way.
fn explore(code: &dyn Code, attempts: usize) -> Result<Seen, Broken> {
    let first = World::opened();
    let mut came_from: HashMap<u128, (u128, String)> =
        HashMap::from([(first.fingerprint(), (0, String::new()))]);
    let mut waiting = VecDeque::from([first]);
    let mut seen = Seen::default();
    let history = history();
    while let Some(world) = waiting.pop_front() {
        let here = world.fingerprint();
        promises::hold(&world, code)
            .and_then(|()| promises::history_is_inert(&world, code, &history))
            .map_err(|promise| Broken { promise, way: way(&came_from, here) })?;
        seen.states += 1;
        if world.is_quiet() {
            seen.quiet += 1;
            *seen.ends.entry(world.order.status().to_string()).or_default() += 1;
        }
        for (name, next) in world.next(code, attempts) {
            came_from.entry(next.fingerprint()).or_insert_with(|| {
                waiting.push_back(next);
                (here, name)
            });
        }
    }
    Ok(seen)
}

fn way(came_from: &HashMap<u128, (u128, String)>, to: u128) -> Vec<String> {
    let back = std::iter::successors(came_from.get(&to), |(from, _)| came_from.get(from));
    let mut steps: Vec<String> = back.map(|(_, name)| name.clone()).filter(|name| !name.is_empty()).collect();
    steps.reverse();
    steps
}

/// One of each event that only tells history.
fn history() -> Vec<Event> {
    let (work_order_id, payment_id, quote_id) =
        (ORDER, PaymentId(Uuid::from_u128(100)), QuoteId(Uuid::from_u128(3)));
    let (amount, reason) = (Cents::new(15_000).unwrap(), "because".to_owned());
    vec![
        PaymentFailed { work_order_id, payment_id, quote_id, amount, reason: reason.clone() }.into(),
        PaymentRejected { work_order_id, payment_id, quote_id, amount, reason: reason.clone() }.into(),
        PaymentRefunded { work_order_id, payment_id, quote_id, amount, reason }.into(),
        ExecutionStatusChanged {
            work_order_id,
            execution_id: ExecutionId(Uuid::from_u128(4)),
            previous_status: ExecutionStatus::Queued,
            new_status: ExecutionStatus::Diagnosing,
        }
        .into(),
    ]
}

#[test]
fn every_promise_holds_in_every_order_of_events() {
    let seen = explore(&Production, 2).unwrap_or_else(|broken| panic!("{broken:#?}"));
    println!(
        "every order of events: {} states, {} at rest, resting as {:?}",
        seen.states, seen.quiet, seen.ends
    );
    for end in
        ["QUOTED", "QUOTE_SENT", "APPROVED", "IN_PROGRESS", "COMPLETED", "DELIVERED", "CANCELLED", "FAILED"]
    {
        assert!(seen.ends.contains_key(end), "no saga rests as {end}: the exploration is not whole");
    }
}

macro_rules! each_mistake_is_found {
    ($($test:ident: $mistake:ident breaks $promise:literal)+) => {$(
        #[test]
        fn $test() {
            let broken = explore(&mistakes::$mistake, 2).expect_err("nobody noticed");
            println!("{}: {} steps to `{}`", stringify!($mistake), broken.way.len(), broken.promise);
            assert_eq!(broken.promise, $promise, "{:#?}", broken.way);
        }
    )+};
}

each_mistake_is_found! {
    a_missing_idempotency_guard_is_found: NoIdempotencyGuard breaks "a repeated event had an effect"
    a_missing_tombstone_is_found: NoTombstone breaks "a repeated event had an effect"
    a_refund_of_finished_work_is_found: RefundOnCancel breaks "work without a captured payment"
    work_on_approval_alone_is_found: WorkOnApproval breaks "work without a captured payment"
    two_live_attempts_are_found: TwoLiveAttempts breaks "two live captures"
    a_new_refund_key_per_call_is_found: NewRefundKeyPerCall breaks "one capture was given back twice"
    a_new_key_per_call_is_found: NewKeyPerCall breaks "two live captures"
    unknown_taken_for_failed_is_found: UnknownIsFailed breaks "CANCELLED and money kept"
    a_late_capture_kept_is_found: LateCaptureKept breaks "COMPLETED under a quote that nobody approved"
    a_silent_tombstone_is_found: SilentTombstone breaks "CANCELLED and money kept"
    a_failure_without_refund_is_found: NoRefundOnFailure breaks "FAILED and money kept"
    a_forgotten_rejection_is_found: RejectionForgotten breaks "QUOTED without an open quote"
    a_borrowed_reason_is_found: BorrowedReason breaks "IN_PROGRESS and not paid or not worked on"
}
