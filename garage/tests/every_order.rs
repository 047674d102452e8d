//! Every order of events. The production transition functions of the three services, together, in every
//! interleaving of commands, deliveries, duplicates, reorderings, gateway answers (early, late, old, lost) and
//! crashes: a crash between two steps is the step that did not happen, or the delivery that happens again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop, and say why")]

#[path = "every_order/changes.rs"]
mod changes;
#[path = "every_order/code.rs"]
mod code;
#[path = "every_order/explore.rs"]
mod explore;
#[path = "every_order/found.rs"]
mod found;
#[path = "every_order/garage.rs"]
mod garage;
#[path = "every_order/gateway.rs"]
mod gateway;
#[path = "every_order/mistakes.rs"]
mod mistakes;
#[path = "every_order/moves.rs"]
mod moves;
#[path = "every_order/numbered.rs"]
mod numbered;
#[path = "every_order/promises.rs"]
mod promises;
#[path = "every_order/reached.rs"]
mod reached;
#[path = "every_order/steps.rs"]
mod steps;
#[path = "every_order/world.rs"]
mod world;

use code::Production;
use explore::explore;
use garage::Scope;
use gateway::Vices;

const VIRTUE: Vices = Vices { forgets_keys: false, miscounts: false };

#[test]
fn every_promise_holds_in_every_order_of_events() {
    let number = |name: &str, or: usize| std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(or);
    let scope = Scope {
        attempts: number("A", 2),
        hands: number("H", 1),
        edits: number("E", 1) == 1,
        looks: number("L", 0) == 1,
        vices: Vices { forgets_keys: number("F", 0) == 1, miscounts: number("M", 0) == 1 },
    };
    let seen = explore(&Production, scope).unwrap_or_else(|broken| panic!("{broken:?}"));
    println!("every order of events: {seen}");
    println!("missed {:?}", seen.missed);
}

const QUICK: Scope = Scope { attempts: 2, hands: 1, edits: true, looks: false, vices: VIRTUE };

macro_rules! each_mistake_is_found {
    ($($test:ident: $mistake:ident breaks $promise:literal)+) => {$(
        #[test]
        fn $test() {
            let broken = explore(&mistakes::$mistake, QUICK).expect_err("nobody noticed");
            println!("{}: {broken:?}", stringify!($mistake));
            assert_eq!(broken.promise, $promise, "{broken:?}");
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
