//! Every order of events. The production transition functions of the three services, together, in every
//! interleaving of commands, deliveries, duplicates, reorderings, gateway answers (early, late, old, lost) and
//! crashes: a crash between two steps is the step that did not happen, or the delivery that happens again.

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
#[path = "every_order/walks.rs"]
mod walks;
#[path = "every_order/world.rs"]
mod world;

use code::Production;
use explore::{Seen, explore};
use garage::Scope;
use garage_events::WorkOrderStatus;
use gateway::Vices;

/// Doubt, and calls of two replicas under way at once: what one asks may be out of date, what it stores old.
const REPLICAS: Scope = Scope {
    attempts: 2,
    hands: 2,
    edits: false,
    revises: false,
    looks: false,
    parts: 0,
    withdraws: false,
    vices: Vices { forgets_keys: true, miscounts: false, takes_back: false, rejects: false },
};

/// Everything that people may do, with one call at a time.
const PEOPLE: Scope = Scope { hands: 1, edits: true, looks: true, ..REPLICAS };

/// A manager gives parts of the money back once the work is finished, with calls of two replicas under way.
const PARTS: Scope = Scope { attempts: 1, parts: 2, ..REPLICAS };

/// The payer's bank takes money back.
const TAKEN_BACK: Scope = Scope {
    attempts: 1,
    edits: false,
    vices: Vices { forgets_keys: false, miscounts: false, takes_back: true, rejects: false },
    ..PEOPLE
};

/// The shop writes a quote anew that the customer has.
const REVISED: Scope = Scope { attempts: 1, edits: false, looks: false, revises: true, ..PEOPLE };

/// A refund that was accepted is rejected later, while two replicas ask for it.
const REJECTED: Scope = Scope {
    attempts: 1,
    vices: Vices { forgets_keys: false, miscounts: false, takes_back: false, rejects: true },
    ..REPLICAS
};

/// The desk withdraws payments that wait.
const WITHDRAWN: Scope = Scope { withdraws: true, edits: false, ..PEOPLE };

/// Paths that only some scopes lead to.
const PARTS_ALONE: [&str; 4] = [
    "two parts are given back one after the other",
    "a part is refused for good",
    "a part that was refused had gone after all",
    "two replicas give one part back at once",
];
const WITHDRAWN_ALONE: &str = "a payment is withdrawn, another is paid and the work completed";
const REJECTED_ALONE: &str = "a refund is rejected after it was accepted, and another goes";
const REVISED_ALONE: &str = "a quote is written anew under the customer's eyes, sent again and paid";
const BANKS_ALONE: [&str; 2] =
    ["the payer's bank takes the money of finished work", "the payer's bank takes money that was owed back"];

fn is_elsewhere(path: &str) -> bool {
    [REVISED_ALONE, WITHDRAWN_ALONE, REJECTED_ALONE].contains(&path)
        || PARTS_ALONE.contains(&path)
        || BANKS_ALONE.contains(&path)
}

#[expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken promise must stop the test; figures are for people"
)]
fn hold_every_promise(scope: Scope) -> Seen {
    let seen = explore(&Production, scope).unwrap_or_else(|broken| panic!("{broken:?}"));
    println!("every order of events, {scope:?}: {seen}");
    for end in WorkOrderStatus::ALL.iter().filter(|end| **end != WorkOrderStatus::Pending) {
        assert!(seen.ends.contains_key(end), "no saga rests as {end}: the exploration is not whole");
    }
    seen
}

#[test]
fn every_promise_holds_while_two_replicas_call_the_gateway() {
    let seen = hold_every_promise(REPLICAS);
    let edited = |path: &&&str| path.contains("edited") || is_elsewhere(path);
    assert_eq!(seen.missed.iter().filter(|path| !edited(path)).count(), 0, "not reached: {:?}", seen.missed);
    assert!(seen.states > 3_000_000, "only {} states", seen.states);
}

#[test]
fn every_promise_holds_whatever_people_do() {
    let seen = hold_every_promise(PEOPLE);
    let one_at_a_time = |path: &&&str| {
        let elsewhere = is_elsewhere(path);
        elsewhere || path.contains("two replicas") || path.contains("an answer from before")
    };
    assert_eq!(
        seen.missed.iter().filter(|path| !one_at_a_time(path)).count(),
        0,
        "not reached: {:?}",
        seen.missed
    );
}

#[test]
fn every_promise_holds_when_a_manager_gives_parts_back() {
    let seen = hold_every_promise(PARTS);
    assert!(PARTS_ALONE.iter().all(|path| !seen.missed.contains(path)), "not reached: {:?}", seen.missed);
}

#[test]
fn every_promise_holds_when_a_quote_is_written_anew() {
    let seen = hold_every_promise(REVISED);
    assert!(!seen.missed.contains(&REVISED_ALONE), "not reached: {:?}", seen.missed);
}

#[test]
fn every_promise_holds_when_a_payer_s_bank_takes_money_back() {
    let seen = hold_every_promise(TAKEN_BACK);
    assert!(BANKS_ALONE.iter().all(|path| !seen.missed.contains(path)), "not reached: {:?}", seen.missed);
}

#[test]
fn every_promise_holds_when_the_desk_withdraws_payments() {
    let seen = hold_every_promise(WITHDRAWN);
    assert!(!seen.missed.contains(&WITHDRAWN_ALONE), "not reached: {:?}", seen.missed);
}

#[test]
fn every_promise_holds_when_refunds_are_rejected_after_they_were_accepted() {
    let seen = hold_every_promise(REJECTED);
    assert!(!seen.missed.contains(&REJECTED_ALONE), "not reached: {:?}", seen.missed);
}

/// A charge of another amount than was asked for is for a person to look at: no work, and no other attempt.
#[test]
fn every_promise_holds_when_the_gateway_miscounts() {
    let vices = Vices { forgets_keys: false, miscounts: true, takes_back: false, rejects: false };
    hold_every_promise(Scope { attempts: 1, edits: false, looks: false, vices, ..PEOPLE });
}

/// Everything at once, with one attempt. Minutes and gigabytes more, with two and three:
/// `GARAGE_EXPLORE=deep cargo test --release -p garage --test every_order deep`.
#[test]
fn every_promise_holds_as_deep_as_was_asked_for() {
    let everything = Scope { edits: true, looks: true, ..REPLICAS };
    if std::env::var("GARAGE_EXPLORE").is_ok_and(|how| how == "deep") {
        hold_every_promise(everything);
        hold_every_promise(Scope { attempts: 3, ..PEOPLE });
    } else {
        hold_every_promise(Scope { attempts: 1, ..everything });
    }
}

/// Enough for one mistake.
const QUICK: Scope = Scope {
    looks: false,
    vices: Vices { forgets_keys: false, miscounts: false, takes_back: false, rejects: false },
    ..PEOPLE
};
/// Two replicas, one attempt.
const TWO: Scope = Scope { attempts: 1, hands: 2, ..QUICK };
const MISCOUNTING: Scope = Scope {
    vices: Vices { forgets_keys: false, miscounts: true, takes_back: false, rejects: false },
    ..QUICK
};
/// A quote, and nobody pays.
const UNPAID: Scope = Scope { attempts: 0, ..REVISED };
/// One part.
const PART: Scope = Scope { parts: 1, edits: false, ..TWO };

macro_rules! each_mistake_is_found {
    ($($test:ident: $mistake:ident in $scope:ident breaks $promise:literal)+) => {$(
        #[test]
        fn $test() {
            let broken = explore(&mistakes::$mistake, $scope).expect_err("nobody noticed");
            println!("{}: {broken:?}", stringify!($mistake));
            assert_eq!(broken.promise, $promise, "{broken:?}");
        }
    )+};
}

each_mistake_is_found! {
    a_missing_idempotency_guard_is_found: NoIdempotencyGuard in QUICK breaks "a repeated event had an effect"
    a_missing_tombstone_is_found: NoTombstone in QUICK breaks "a repeated event had an effect"
    a_refund_of_finished_work_is_found: RefundOnCancel in QUICK breaks "work without a captured payment"
    work_on_approval_alone_is_found: WorkOnApproval in QUICK breaks "work without a captured payment"
    two_live_attempts_are_found: TwoLiveAttempts in QUICK breaks "two live captures"
    a_new_refund_key_per_call_is_found: NewRefundKeyPerCall in QUICK breaks "one capture was given back twice"
    a_new_key_per_call_is_found: NewKeyPerCall in QUICK breaks "two live captures"
    unknown_taken_for_failed_is_found: UnknownIsFailed in QUICK breaks "our books are not the gateway's"
    a_late_capture_kept_is_found: LateCaptureKept in QUICK breaks "COMPLETED under a quote that nobody approved"
    a_silent_tombstone_is_found: SilentTombstone in QUICK breaks "CANCELLED and money kept"
    a_failure_without_refund_is_found: NoRefundOnFailure in QUICK breaks "FAILED and money kept"
    a_forgotten_rejection_is_found: RejectionForgotten in QUICK breaks "QUOTED without an open quote"
    a_borrowed_reason_is_found: BorrowedReason in QUICK breaks "IN_PROGRESS and not paid or not worked on"
    an_intent_that_is_not_stored_is_found: NoIntent in QUICK breaks "a charge that was not stored before"
    a_stale_total_is_found: StaleTotal in QUICK breaks "an amount that is not the quote's total"
    a_text_that_is_sent_as_the_first_is_found: NumberNotTold in UNPAID breaks "the customer has a quote and the desk knows another total"
    a_text_that_the_desk_misses_is_found: FirstTextKept in UNPAID breaks "the customer has a quote and the desk knows another total"
    a_text_changed_after_the_yes_is_found: RevisedAfterTheYes in UNPAID breaks "the text was changed after the customer's yes"
    an_approval_after_its_time_is_found: NoExpiry in QUICK breaks "approved after its time"
    an_amount_that_is_not_compared_is_found: AmountNotCompared in MISCOUNTING breaks "taken for paid and not paid in full"
    finished_work_told_as_failed_is_found: FinishedWorkFails in QUICK breaks "COMPLETED and not paid exactly once"
    swapped_ends_of_the_work_are_found: SwappedEnds in QUICK breaks "finished work was or will be refunded"
    swapped_words_about_money_are_found: SwappedWords in QUICK breaks "money that moved and was not told, or the other way round"
    a_late_decline_is_found: LateDecline in TWO breaks "money that moved and was not told, or the other way round"
    a_refusal_believed_too_early_is_found: RefusalBelieved in TWO breaks "our books are not the gateway's"
    an_old_answer_that_wins_is_found: LastAnswerWins in TWO breaks "an event was told twice"
    a_refund_told_twice_is_found: RefundToldTwice in TWO breaks "money that moved and was not told, or the other way round"
    a_part_of_unfinished_work_is_found: PartOfUnfinishedWork in PART breaks "a part went back for work that is not finished"
    a_new_key_per_part_is_found: NewPartKeyPerCall in PART breaks "a part went back that nobody asked for, or twice"
    a_refusal_of_a_part_believed_too_early_is_found: PartRefusalBelieved in PART breaks "our books of a part are not the gateway's"
    an_old_part_taken_for_the_one_that_has_gone_is_found: OldPartSeen in PARTS breaks "our books of a part are not the gateway's"
    taken_money_that_counts_as_unpaid_is_found: TakenIsUnpaid in TAKEN_BACK breaks "money that moved and was not told, or the other way round"
    a_cancellation_after_the_end_is_found: CancelledAfterTheEnd in QUICK breaks "an order was called off after its end"
}
