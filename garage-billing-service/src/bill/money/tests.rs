//! Money that comes late, goes back in parts or not at once, and payments that the desk withdraws.

use garage_events::WorkOrderStatus;

use super::{
    super::tests::{AT, CUSTOMER, ORDER, QUOTE, at, called_off, created, fee, given_up, status, told},
    *,
};
use crate::quote::{Catalogue, Evidence, Terms};

const FIRST: PaymentId = PaymentId(Uuid::from_u128(4));
const SECOND: PaymentId = PaymentId(Uuid::from_u128(5));

fn hear(bill: Bill, event: impl Into<Event>) -> Bill {
    let terms = Terms { validity: chrono::TimeDelta::days(10), diagnosis_fee: fee() };
    bill.react(&event.into(), QUOTE, &Catalogue::default(), terms, AT).state
}

fn tender(id: PaymentId) -> Tender {
    Tender {
        id,
        quote_id: QUOTE,
        customer_id: CUSTOMER,
        amount: fee(),
        method: PaymentMethod::Pix,
        card_token: None,
        installments: 1,
    }
}

fn approved() -> Bill {
    hear(Bill::unknown(ORDER), created()).approve(Evidence::by("ana"), AT).unwrap().state
}

fn paying() -> Bill {
    approved().pay(tender(FIRST), AT).unwrap().state
}

fn cents(centavos: i64) -> Cents {
    Cents::new(centavos).unwrap()
}

/// The payment as the gateway shows it when so much has gone back.
fn shown(standing: Standing, refunded: i64) -> Answer {
    Answer::Charged(Charged { refunded: cents(refunded), ..Charged::new("77", standing, fee()) })
}

fn answered(bill: Bill, standing: Standing) -> Transition<Bill> {
    bill.hear(FIRST, shown(standing, 0), at(1))
}

fn captured() -> Bill {
    answered(paying(), Standing::Approved).state
}

/// A refund's reason and amount.
fn refunded(transition: &Transition<Bill>) -> Vec<(&str, Cents)> {
    let events = transition.events.iter().map(|event| {
        let Event::PaymentRefunded(told) = event else { panic!("{event:?}") };
        (told.reason.as_str(), told.amount)
    });
    events.collect()
}

/// An attempt that was refused when it was sent twice, and did not show in ample time.
fn never_shown() -> Bill {
    let doubted = paying().resend(FIRST, at(1)).state;
    let doubted = doubted.hear(FIRST, Answer::Refused("not today".to_owned()), at(2)).state;
    let ended = doubted.hear(FIRST, Answer::NeverReceived, at(20));
    assert_eq!((told(&ended), status(&ended.state)), (vec!["payment.failed"], PaymentStatus::Rejected));
    ended.state
}

#[test]
fn money_that_comes_for_a_payment_whose_end_was_told_goes_back_and_starts_no_work() {
    let declined = answered(paying(), Standing::Declined("no".to_owned())).state;
    for ended in [never_shown(), declined] {
        let late = answered(ended, Standing::Approved);
        assert_eq!((told(&late), status(&late.state)), (vec![], PaymentStatus::Refunding));
        assert_eq!(late.state.attempts[0].reason, None);
        assert!(matches!(late.state.due().as_slice(), [Due::Refund { amount, .. }] if *amount == fee()));
        let again = late.state.clone().pay(tender(SECOND), at(30));
        assert!(again.is_err(), "nobody is charged while the shop has their money");
        let back = late.state.hear(FIRST, Answer::RefundDone, at(31));
        assert_eq!(refunded(&back), [("CAPTURED_AFTER_END", fee())]);
        assert_eq!(back.state.retell().last(), back.events.last());
        assert!(back.state.pay(tender(SECOND), at(32)).is_ok());
    }
}

#[test]
fn money_that_comes_late_goes_back_and_the_payment_that_was_made_meanwhile_stays() {
    let paid = never_shown().pay(tender(SECOND), at(21)).unwrap().state;
    let paid = paid.hear(SECOND, shown(Standing::Approved, 0), at(22)).state;
    let late = answered(paid, Standing::Approved).state;
    let standing: Vec<_> = late.attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!(standing, [PaymentStatus::Refunding, PaymentStatus::Approved]);
    assert!(matches!(late.due().as_slice(), [Due::Refund { reference: FIRST, .. }]));
}

#[test]
fn money_that_comes_late_for_an_order_that_is_off_goes_back_with_the_order_s_reason() {
    let late = answered(hear(never_shown(), called_off()), Standing::Approved).state;
    let back = late.hear(FIRST, Answer::RefundDone, at(31));
    assert_eq!(refunded(&back), [("WORK_ORDER_CANCELLED", fee())]);
}

#[test]
fn a_payment_whose_end_was_told_and_that_can_be_paid_after_all_is_cancelled_and_not_told_of_again() {
    let shows = answered(never_shown(), Standing::Pending);
    assert_eq!((told(&shows), status(&shows.state)), (vec![], PaymentStatus::Pending));
    assert!(matches!(shows.state.due().as_slice(), [Due::Cancel { .. }]));
    assert!(shows.state.clone().pay(tender(SECOND), at(30)).is_err(), "it may still be paid");

    let gone = answered(shows.state.clone(), Standing::Cancelled("by_collector".to_owned()));
    assert_eq!((told(&gone), status(&gone.state)), (vec![], PaymentStatus::Cancelled));
    assert!(gone.state.pay(tender(SECOND), at(30)).is_ok());

    let paid = answered(shows.state, Standing::Approved);
    assert_eq!((told(&paid), status(&paid.state)), (vec![], PaymentStatus::Refunding));
}

#[test]
fn an_old_answer_does_not_bring_back_what_was_declined() {
    let declined = answered(paying(), Standing::Declined("no".to_owned())).state;
    assert_eq!(answered(declined.clone(), Standing::Pending), Transition::quiet(declined));
}

#[test]
fn money_that_was_refunded_at_the_gateway_before_it_was_seen_is_told_with_that_reason() {
    let back = paying().hear(FIRST, shown(Standing::Refunded, 15_000), at(1));
    assert_eq!(refunded(&back), [("REFUNDED_AT_GATEWAY", fee())]);
    let off = hear(back.state.clone(), called_off());
    assert_eq!(off.retell().last(), back.events.last(), "what was told stays as it was told");
    let off = hear(paying(), called_off()).hear(FIRST, shown(Standing::Refunded, 15_000), at(1));
    assert_eq!(refunded(&off), [("WORK_ORDER_CANCELLED", fee())]);
}

#[test]
fn only_what_has_not_gone_is_asked_back() {
    let partly = captured().hear(FIRST, shown(Standing::Approved, 4_000), at(2)).state;
    let owed = hear(partly, given_up());
    let due = owed.due();
    assert!(matches!(due.as_slice(), [Due::Refund { amount, .. }] if *amount == cents(11_000)), "{due:?}");
    let seen = owed.hear(FIRST, shown(Standing::Approved, 5_000), at(3)).state;
    assert_eq!(seen.due(), due, "it may be on its way: the same is asked under the same key");
    let back = seen.hear(FIRST, Answer::RefundDone, at(4));
    assert_eq!(refunded(&back), [("bent", fee())], "all of it is back with the payer");
}

#[test]
fn a_refund_that_was_accepted_and_rejected_is_asked_again_under_another_key_for_what_is_left() {
    let owed = hear(captured(), given_up());
    let key = |bill: &Bill| bill.due()[0].key().unwrap();
    let ended = |ended, gone| Answer::RefundEnded { ended, gone: cents(gone), why: "rejected".to_owned() };
    let second = owed.clone().hear(FIRST, ended(0, 4_000), at(2)).state;
    assert_ne!(key(&owed), key(&second));
    assert!(matches!(second.due()[0], Due::Refund { amount, .. } if amount == cents(11_000)));
    assert_eq!(second.attempts[0].reason.as_deref(), Some("rejected"));
    assert_eq!(second.clone().hear(FIRST, ended(0, 0), at(3)), Transition::quiet(second.clone()));

    let refused = owed.hear(FIRST, Answer::RefundRefused("no balance".to_owned()), at(2)).state;
    assert_eq!(key(&refused), format!("{FIRST}-refund"), "nobody knows what became of it");
    let back = second.hear(FIRST, Answer::RefundDone, at(4)).state;
    assert_eq!(back.clone().hear(FIRST, ended(1, 0), at(5)), Transition::quiet(back));
}

#[test]
fn what_has_gone_already_is_not_asked_back_at_all() {
    let gone = captured().hear(FIRST, shown(Standing::Refunded, 15_000), at(2));
    assert_eq!((told(&gone), status(&gone.state)), (vec![], PaymentStatus::Approved));
    let owed = hear(gone.state, given_up());
    assert!(matches!(owed.due().as_slice(), [Due::Read { .. }]));
    let back = owed.clone().hear(FIRST, shown(Standing::Refunded, 15_000), at(3));
    assert_eq!(refunded(&back), [("bent", fee())]);
    let kept = owed.hear(FIRST, shown(Standing::Approved, 9_000), at(3)).state;
    assert!(matches!(kept.due().as_slice(), [Due::Refund { amount, .. }] if *amount == cents(6_000)));
}

#[test]
fn what_went_back_in_parts_is_not_told_a_second_time_with_the_rest() {
    let finished = WorkOrderStatusChanged {
        work_order_id: ORDER,
        previous_status: WorkOrderStatus::InProgress,
        new_status: WorkOrderStatus::Completed,
        revision: 5,
        customer_erased: false,
    };
    let (id, reason, by) = (Uuid::from_u128(9), "a scratch".to_owned(), "berta".to_owned());
    let wish = PartWish { id, amount: cents(4_000), reason, by };
    let part = hear(captured(), finished).give_back_part(FIRST, wish, at(2)).unwrap().state;
    let owed = hear(part.hear(FIRST, Answer::PartDone(id), at(3)).state, given_up());
    assert!(matches!(owed.due().as_slice(), [Due::Refund { amount, .. }] if *amount == cents(11_000)));
    let back = owed.hear(FIRST, Answer::RefundDone, at(4));
    assert_eq!(refunded(&back), [("bent", cents(11_000))]);
}

fn withdrawn(bill: Bill) -> Bill {
    bill.withdraw(FIRST, "berta", at(2)).unwrap().state
}

#[test]
fn a_payment_that_waits_is_withdrawn_by_the_gateway_s_word_and_another_may_follow() {
    let waits = withdrawn(answered(paying(), Standing::Pending).state);
    assert!(matches!(waits.due().as_slice(), [Due::Cancel { .. }]));
    assert_eq!(waits.clone().withdraw(FIRST, "ana", at(3)), Ok(Transition::quiet(waits.clone())));
    assert!(waits.clone().pay(tender(SECOND), at(3)).is_err(), "it may still be paid");
    let ended = answered(waits, Standing::Cancelled("by_collector".to_owned()));
    assert_eq!((told(&ended), status(&ended.state)), (vec!["payment.rejected"], PaymentStatus::Rejected));
    assert_eq!(ended.state.attempts[0].reason.as_deref(), Some("WITHDRAWN"));
    assert_eq!(ended.state.clone().withdraw(FIRST, "ana", at(4)), Ok(Transition::quiet(ended.state.clone())));
    assert!(ended.state.pay(tender(SECOND), at(4)).is_ok());
}

#[test]
fn a_withdrawn_payment_that_nobody_has_seen_is_made_no_more_and_looked_for() {
    let doubt = withdrawn(paying());
    assert_eq!(doubt.due(), [Due::Search { reference: FIRST, sent_at: AT }]);
    assert_eq!(doubt.clone().resend(FIRST, at(3)), Transition::quiet(doubt.clone()));
    let never = doubt.clone().hear(FIRST, Answer::NeverReceived, at(20));
    assert_eq!((told(&never), status(&never.state)), (vec!["payment.failed"], PaymentStatus::Rejected));
    let shows = answered(doubt, Standing::Pending).state;
    assert!(matches!(shows.due().as_slice(), [Due::Cancel { .. }]));
}

#[test]
fn money_that_came_before_a_payment_could_be_withdrawn_counts() {
    let waits = withdrawn(answered(paying(), Standing::Pending).state);
    let paid = answered(waits, Standing::Approved);
    assert_eq!((told(&paid), status(&paid.state)), (vec!["payment.approved"], PaymentStatus::Approved));
    assert_eq!(paid.state.due(), []);
    let refused = paid.state.withdraw(FIRST, "berta", at(3)).unwrap_err().to_string();
    assert_eq!(refused, "withdrawing is not possible: the payment is APPROVED");
}

#[test]
fn only_what_waits_is_withdrawn() {
    let declined = answered(paying(), Standing::Declined("no".to_owned())).state;
    for ended in [declined, captured(), hear(captured(), given_up())] {
        assert!(matches!(ended.withdraw(FIRST, "berta", at(2)), Err(Refusal::State { .. })));
    }
    assert_eq!(paying().withdraw(SECOND, "berta", at(2)), Err(Refusal::Unknown("payment")));
}

#[test]
fn a_customer_s_link_stops_trying_before_the_desk_does() {
    let mut bill = approved();
    let tried = |bill: Bill, number: usize| {
        let id = PaymentId(Uuid::from_u128(100 + number as u128));
        let trying = bill.pay(tender(id), AT).unwrap().state;
        trying.hear(id, Answer::Refused("no".to_owned()), at(1)).state
    };
    for number in 0..MOST_BY_LINK {
        assert_eq!(bill.check_room_for_the_link(), Ok(()));
        bill = tried(bill, number);
    }
    let refused = bill.check_room_for_the_link().unwrap_err().to_string();
    assert_eq!(
        refused,
        "paying by this link is not possible: the bill is at 20 attempts, as many as a customer's link may make: \
         ask the workshop"
    );
    for number in MOST_BY_LINK..MOST_ATTEMPTS {
        bill = tried(bill, number);
    }
    assert!(bill.pay(tender(FIRST), AT).is_err());
}
