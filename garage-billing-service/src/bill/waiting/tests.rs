//! Whom a bill waits for in every state, and that what it tells again is what it told.

use chrono::TimeDelta;
use garage_events::{Awaited, Deadlines};

use super::{
    super::tests::{AT, CUSTOMER, ORDER, QUOTE, at, called_off, created, fee, given_up},
    *,
};
use crate::quote::{Evidence, Line, Rewrite};

const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(4));

fn hear(bill: Bill, event: impl Into<Event>, minute: i64) -> Transition<Bill> {
    let terms = Terms { validity: TimeDelta::days(10), diagnosis_fee: fee() };
    bill.react(&event.into(), QUOTE, &Catalogue::default(), terms, at(minute))
}

fn shown(bill: Bill, new_status: WorkOrderStatus, revision: u32, minute: i64) -> Bill {
    let previous_status = WorkOrderStatus::Pending;
    let changed = WorkOrderStatusChanged {
        work_order_id: ORDER,
        previous_status,
        new_status,
        revision,
        customer_erased: false,
    };
    hear(bill, changed, minute).state
}

fn quoted() -> Transition<Bill> {
    hear(Bill::unknown(ORDER), created(), 0)
}

fn approved() -> Transition<Bill> {
    quoted().state.approve(Evidence::by("ana"), at(1)).unwrap()
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

fn paying() -> Bill {
    shown(approved().state, WorkOrderStatus::Approved, 1, 1).pay(tender(PAYMENT), at(2)).unwrap().state
}

fn charged(standing: Standing) -> Answer {
    Answer::Charged(Charged::new("77".to_owned(), standing, fee()))
}

fn answered(standing: Standing) -> Transition<Bill> {
    paying().hear(PAYMENT, charged(standing), at(3))
}

/// Refused when it was sent twice, and not seen in ample time.
fn told_to_have_ended() -> Bill {
    let doubted = paying().resend(PAYMENT, at(3)).state;
    let refused = doubted.hear(PAYMENT, Answer::Refused("not today".to_owned()), at(4)).state;
    refused.hear(PAYMENT, Answer::NeverReceived, at(20)).state
}

fn captured() -> Bill {
    answered(Standing::Approved).state
}

/// Who is awaited, and the minute from which on the bill is stuck.
fn awaited(bill: &Bill) -> Option<(Awaited, i64)> {
    let waiting = bill.waiting()?;
    let deadline = Deadlines::default().deadline(&waiting);
    Some((waiting.wait.who, (deadline - AT).num_minutes()))
}

#[test]
fn what_was_told_of_the_quote_waits_until_the_order_shows_it() {
    assert_eq!(awaited(&quoted().state), Some((Awaited::Os, 1)));
    let heard = shown(quoted().state, WorkOrderStatus::Quoted, 1, 1);
    assert_eq!(awaited(&heard), None, "the customer's word is OS's to wait for");
    let yes = heard.clone().approve(Evidence::by("ana"), at(5)).unwrap().state;
    assert_eq!(awaited(&yes), Some((Awaited::Os, 5 + 1)));
    assert_eq!(awaited(&shown(yes, WorkOrderStatus::Approved, 2, 6)), None);
    let no = heard.reject(Evidence::by("ana"), at(5)).unwrap().state;
    assert_eq!(awaited(&no), Some((Awaited::Os, 5 + 1)));
    assert_eq!(awaited(&shown(no, WorkOrderStatus::Cancelled, 2, 6)), None);
}

/// Another text, which the customer does not have.
fn revised(bill: Bill, minute: i64) -> Bill {
    let line = Line { name: "Brakes".to_owned(), ..bill.quote.as_ref().unwrap().lines[0].clone() };
    let text = Rewrite { lines: vec![line], valid_until: None, by: "berta".to_owned(), reason: None };
    bill.revise(text, at(minute)).unwrap().state
}

#[test]
fn a_text_that_the_customer_has_not_got_waits_for_the_desk_to_send_it() {
    let two_days = 2 * 24 * 60;
    let sent = quoted().state.send(at(1)).unwrap().state;
    let asked = shown(sent, WorkOrderStatus::QuoteSent, 1, 2);
    assert_eq!(awaited(&asked), None, "the customer's word is OS's to wait for");
    let anew = revised(asked, 5);
    assert_eq!(awaited(&anew), Some((Awaited::Desk, 5 + two_days)));
    assert_eq!(anew.waiting().unwrap().wait.what, "sending the quote");
    assert_eq!(awaited(&anew.clone().send(at(6)).unwrap().state), None);
    assert_eq!(awaited(&hear(anew, called_off(), 9).state), None);
    let draft = revised(shown(quoted().state, WorkOrderStatus::Quoted, 1, 1), 5);
    assert_eq!(awaited(&draft), None, "no text was sent: OS waits for the desk itself");
}

#[test]
fn an_attempt_waits_for_the_gateway_then_for_the_payer_and_its_money_to_be_heard_of() {
    assert_eq!(awaited(&paying()), Some((Awaited::Gateway, 2 + 15)));
    let day = 24 * 60;
    assert_eq!(awaited(&answered(Standing::Pending).state), Some((Awaited::Customer, 2 + 4 * day)));
    assert_eq!(awaited(&answered(Standing::Declined("no".to_owned())).state), None);
    assert_eq!(awaited(&captured()), Some((Awaited::Os, 3 + 1)));
    assert_eq!(awaited(&shown(captured(), WorkOrderStatus::InProgress, 2, 4)), None);
    assert_eq!(awaited(&shown(captured(), WorkOrderStatus::Completed, 3, 4)), None);
}

#[test]
fn an_attempt_that_is_to_end_waits_for_the_gateway_and_not_for_the_payer() {
    let withdrawn = answered(Standing::Pending).state.withdraw(PAYMENT, "berta", at(7)).unwrap().state;
    assert_eq!(awaited(&withdrawn), Some((Awaited::Gateway, 7 + 15)));
    let shows = told_to_have_ended().hear(PAYMENT, charged(Standing::Pending), at(30)).state;
    assert_eq!(awaited(&shows), Some((Awaited::Gateway, 30 + 15)));
}

#[test]
fn money_that_counts_is_to_be_heard_of_before_money_that_came_late_goes_back() {
    let comes_late = |bill: Bill| bill.hear(PAYMENT, charged(Standing::Approved), at(30)).state;
    let alone = comes_late(told_to_have_ended());
    assert_eq!(awaited(&alone), Some((Awaited::Gateway, 30 + 10)));
    let second = PaymentId(Uuid::from_u128(5));
    let trying = comes_late(told_to_have_ended().pay(tender(second), at(29)).unwrap().state);
    assert_eq!(awaited(&trying), Some((Awaited::Gateway, 29 + 15)), "the charge");
    let paid = trying.hear(second, charged(Standing::Approved), at(32)).state;
    assert_eq!(awaited(&paid), Some((Awaited::Os, 32 + 1)));
    let working = shown(paid, WorkOrderStatus::InProgress, 2, 33);
    assert_eq!(awaited(&working), Some((Awaited::Gateway, 30 + 10)));
    let back = working.hear(PAYMENT, Answer::RefundDone, at(34)).state;
    assert_eq!(awaited(&back), None);
}

#[test]
fn money_of_an_order_that_is_off_waits_for_the_workshop_s_word_and_then_for_the_gateway() {
    let off = hear(captured(), called_off(), 9).state;
    assert_eq!(awaited(&off), Some((Awaited::Execution, 9 + 1)));
    assert_eq!(awaited(&shown(off.clone(), WorkOrderStatus::Completed, 9, 9)), None, "finished before");
    let owed = hear(off, given_up(), 10).state;
    assert_eq!(awaited(&owed), Some((Awaited::Gateway, 10 + 10)));
    assert_eq!(awaited(&owed.hear(PAYMENT, Answer::RefundDone, at(11)).state), None);
}

#[test]
fn what_only_the_order_s_status_tells_is_awaited_from_whoever_should_have_told_it() {
    for bill in [quoted().state, captured()] {
        assert_eq!(awaited(&shown(bill, WorkOrderStatus::Cancelled, 9, 20)), Some((Awaited::Os, 20 + 1)));
    }
    let failed = shown(captured(), WorkOrderStatus::Failed, 9, 20);
    assert_eq!(awaited(&failed), Some((Awaited::Execution, 20 + 1)));
    assert_eq!(awaited(&hear(quoted().state, called_off(), 9).state), None);
}

#[test]
fn what_is_told_again_is_what_was_told() {
    assert_eq!(quoted().state.retell(), quoted().events);
    let quote = quoted().events;
    let followed = |told: Vec<Event>| quote.iter().cloned().chain(told).collect::<Vec<_>>();
    // At once: a later sending moves the last day, and then what is told of the quote says the new one.
    let sent = quoted().state.send(at(0)).unwrap();
    for next in [approved(), sent, quoted().state.reject(Evidence::by("ana"), at(1)).unwrap()] {
        assert_eq!(next.state.retell(), followed(next.events));
    }
    let told = followed(approved().events.into_iter().chain(answered(Standing::Approved).events).collect());
    assert_eq!(captured().retell(), told);
    let owed = hear(hear(captured(), called_off(), 9).state, given_up(), 10).state;
    assert_eq!(owed.retell(), [], "money that is owed back must start nothing");
    let back = owed.hear(PAYMENT, Answer::RefundDone, at(11));
    assert_eq!(back.state.retell(), back.events);
}

#[test]
fn what_is_heard_again_changes_nothing() {
    let off = hear(captured(), called_off(), 9).state;
    for bill in [quoted().state, captured(), off.clone(), hear(off.clone(), given_up(), 10).state] {
        assert_eq!(hear(bill.clone(), created(), 99), Transition::quiet(bill));
    }
    assert_eq!(hear(off.clone(), called_off(), 99), Transition::quiet(off.clone()));
    let owed = hear(off, given_up(), 10).state;
    assert_eq!(hear(owed.clone(), given_up(), 99), Transition::quiet(owed));
}
