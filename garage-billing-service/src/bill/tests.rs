//! What a bill decides, command by command and event by event.

use garage_events::{
    ExecutionId,
    event::{ExecutionFailed, WorkOrderCancelled, reason},
};

use super::*;
use crate::quote::Line;

pub(super) const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
pub(super) const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
pub(super) const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(2));
pub(super) const QUOTE: QuoteId = QuoteId(Uuid::from_u128(3));
const FIRST: PaymentId = PaymentId(Uuid::from_u128(4));
const SECOND: PaymentId = PaymentId(Uuid::from_u128(5));

pub(super) fn fee() -> Cents {
    Cents::new(15000).unwrap()
}

pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    AT + chrono::TimeDelta::minutes(minutes)
}

fn hear(bill: Bill, event: impl Into<Event>) -> Transition<Bill> {
    let terms = Terms { validity: chrono::TimeDelta::days(10), diagnosis_fee: fee() };
    bill.react(&event.into(), QUOTE, &Catalogue::default(), terms, AT)
}

pub(super) fn created() -> WorkOrderCreated {
    WorkOrderCreated {
        work_order_id: ORDER,
        customer_id: CUSTOMER,
        vehicle_id: VehicleId(Uuid::nil()),
        status: garage_events::WorkOrderStatus::Pending,
        description: String::new(),
        estimated_cost: None,
        services: Vec::new(),
        parts: Vec::new(),
        customer: None,
    }
}

pub(super) fn called_off() -> WorkOrderCancelled {
    WorkOrderCancelled { work_order_id: ORDER, reason: reason::CUSTOMER_REQUEST.to_owned() }
}

pub(super) fn given_up() -> ExecutionFailed {
    let execution_id = ExecutionId(Uuid::nil());
    ExecutionFailed { work_order_id: ORDER, execution_id, reason: "bent".to_owned() }
}

fn quoted() -> Bill {
    hear(Bill::unknown(ORDER), created()).state
}

fn approved() -> Bill {
    quoted().approve(Evidence::by("ana"), AT).unwrap().state
}

fn tender(id: PaymentId) -> Tender {
    Tender {
        id,
        quote_id: QUOTE,
        customer_id: CUSTOMER,
        amount: fee(),
        method: PaymentMethod::CreditCard,
        card_token: Some("secret".to_owned()),
        installments: 1,
    }
}

/// An order with one attempt, whose call is due.
fn paying() -> Bill {
    approved().pay(tender(FIRST), AT).unwrap().state
}

fn charged(standing: Standing) -> Answer {
    let (gateway_id, amount) = ("77".to_owned(), fee());
    Answer::Charged(Charged::new(gateway_id, standing, amount))
}

fn answered(bill: Bill, standing: Standing) -> Transition<Bill> {
    bill.hear(FIRST, charged(standing), at(1))
}

fn captured() -> Bill {
    answered(paying(), Standing::Approved).state
}

pub(super) fn status(bill: &Bill) -> PaymentStatus {
    bill.attempts[0].status
}

pub(super) fn told(transition: &Transition<Bill>) -> Vec<&'static str> {
    transition.events.iter().map(Event::event_type).collect()
}

#[test]
fn an_order_is_quoted_once_however_often_it_is_told() {
    let first = hear(Bill::unknown(ORDER), created());
    assert_eq!(told(&first), ["quote.created"]);
    assert_eq!(hear(first.state.clone(), created()), Transition::quiet(first.state));
}

#[test]
fn a_cancellation_voids_a_quote_that_nobody_has_paid() {
    for bill in [quoted(), quoted().send(AT).unwrap().state, approved()] {
        let off = hear(bill, called_off());
        assert_eq!(off.state.quote.unwrap().status, QuoteStatus::Cancelled);
        assert!(off.events.is_empty());
    }
    let paid = hear(captured(), called_off()).state;
    assert_eq!(
        paid.quote.as_ref().unwrap().status,
        QuoteStatus::Approved,
        "the work may be finished already"
    );
    let off = hear(paid, given_up()).state;
    assert_eq!(off.quote.unwrap().status, QuoteStatus::Cancelled);
}

#[test]
fn a_cancellation_that_comes_first_makes_the_quote_void_from_birth() {
    let born = hear(hear(Bill::unknown(ORDER), called_off()).state, created());
    assert_eq!(born.state.quote.unwrap().status, QuoteStatus::Cancelled);
    assert!(born.events.is_empty());
}

#[test]
fn only_the_approved_quote_s_total_is_taken() {
    let refused = quoted().pay(tender(FIRST), AT).unwrap_err().to_string();
    assert_eq!(refused, "paying is not possible: the quote is PENDING");
    let short = Tender { amount: Cents::new(14999).unwrap(), ..tender(FIRST) };
    assert_eq!(approved().pay(short, AT), Err(Refusal::field("amount", "must be the quote's total, 150")));
    let other = Tender { quote_id: QuoteId(Uuid::nil()), ..tender(FIRST) };
    assert!(matches!(approved().pay(other, AT), Err(Refusal::Field { field: "quoteId", .. })));
    let other = Tender { customer_id: CustomerId(Uuid::nil()), ..tender(FIRST) };
    assert!(matches!(approved().pay(other, AT), Err(Refusal::Field { field: "customerId", .. })));
    assert_eq!(told(&approved().pay(tender(FIRST), AT).unwrap()), ["payment.created"]);
}

#[test]
fn one_attempt_lives_at_a_time() {
    let pending = answered(paying(), Standing::Pending).state;
    for bill in [paying(), pending, captured(), hear(captured(), given_up()).state] {
        assert!(matches!(bill.pay(tender(SECOND), AT), Err(Refusal::State { .. })));
    }
    let declined = answered(paying(), Standing::Declined("no".to_owned())).state;
    assert_eq!(declined.pay(tender(SECOND), AT).unwrap().state.attempts.len(), 2);
}

#[test]
fn the_same_attempt_handed_in_again_changes_nothing() {
    let again = captured().pay(tender(FIRST), at(5));
    assert_eq!(again, Ok(Transition::quiet(captured())));
}

#[test]
fn an_order_that_is_off_takes_no_money() {
    for (event, state) in [(Event::from(called_off()), "CANCELLED"), (given_up().into(), "FAILED")] {
        let refused = hear(approved(), event).state.pay(tender(FIRST), AT).unwrap_err().to_string();
        assert_eq!(refused, format!("paying is not possible: the work order is {state}"));
    }
}

#[test]
fn a_no_while_the_client_waits_is_a_failure_and_later_a_rejection() {
    let no = || Standing::Declined("no".to_owned());
    let failed = answered(paying(), no());
    assert_eq!((told(&failed), status(&failed.state)), (vec!["payment.failed"], PaymentStatus::Rejected));
    let pending = answered(paying(), Standing::Pending);
    assert!(pending.events.is_empty());
    let rejected = answered(pending.state, no());
    assert_eq!(
        (told(&rejected), status(&rejected.state)),
        (vec!["payment.rejected"], PaymentStatus::Rejected)
    );
}

#[test]
fn an_answer_is_learned_once() {
    for standing in [Standing::Approved, Standing::Pending, Standing::Declined("no".to_owned())] {
        let once = answered(paying(), standing.clone()).state;
        assert_eq!(answered(once.clone(), standing), Transition::quiet(once));
    }
    let stranger = paying().hear(SECOND, charged(Standing::Approved), AT);
    assert_eq!(stranger, Transition::quiet(paying()));
}

#[test]
fn a_card_s_token_is_forgotten_with_the_first_answer() {
    assert_eq!(captured().attempts[0].card_token, None);
    assert_eq!(answered(paying(), Standing::Pending).state.attempts[0].card_token, None);
    let refused = paying().hear(FIRST, Answer::Refused("no".to_owned()), AT).state;
    assert_eq!(refused.attempts[0].card_token, None);
}

#[test]
fn money_that_comes_for_an_order_that_is_off_is_owed_back_and_starts_no_work() {
    for event in [Event::from(called_off()), given_up().into()] {
        let late = answered(hear(paying(), event).state, Standing::Approved);
        assert_eq!((told(&late), status(&late.state)), (vec![], PaymentStatus::Refunding));
        assert!(matches!(late.state.due().as_slice(), [Due::Refund { .. }]));
    }
}

#[test]
fn money_that_came_before_the_cancellation_waits_for_the_workshop() {
    let off = hear(captured(), called_off()).state;
    assert_eq!((status(&off), off.due()), (PaymentStatus::Approved, vec![]));
    assert_eq!(status(&hear(off, given_up()).state), PaymentStatus::Refunding);
}

#[test]
fn a_refund_is_told_once_and_with_its_reason() {
    let owed = hear(captured(), given_up()).state;
    assert_eq!(hear(owed.clone(), given_up()), Transition::quiet(owed.clone()));
    let refused = owed.hear(FIRST, Answer::RefundRefused("no balance".to_owned()), at(1)).state;
    assert_eq!((status(&refused), refused.due().len()), (PaymentStatus::Refunding, 1));
    assert_eq!(refused.attempts[0].reason.as_deref(), Some("no balance"));
    let done = refused.hear(FIRST, Answer::RefundDone, at(2));
    assert!(matches!(done.events.as_slice(), [Event::PaymentRefunded(told)] if told.reason == "bent"));
    assert_eq!((status(&done.state), done.state.due()), (PaymentStatus::Refunded, vec![]));
    assert_eq!(done.state.clone().hear(FIRST, Answer::RefundDone, at(3)), Transition::quiet(done.state));
}

#[test]
fn a_charge_of_another_amount_is_no_answer_and_leaves_a_note() {
    let amount = Cents::new(1).unwrap();
    let standing = Standing::Approved;
    let odd = Answer::Charged(Charged::new("7", standing, amount));
    let heard = paying().hear(FIRST, odd, AT);
    assert_eq!((told(&heard), status(&heard.state)), (vec![], PaymentStatus::Processing));
    assert_eq!(heard.state.attempts[0].reason.as_deref(), Some("the gateway has 0.01 instead of 150"));
}

#[test]
fn a_charge_that_is_sent_again_is_searched_for_from_then_on() {
    let again = paying().resend(FIRST, at(14)).state;
    let off = hear(again.clone(), called_off()).state;
    assert_eq!(off.due(), [Due::Search { reference: FIRST, sent_at: at(14) }]);
    assert_eq!(off.clone().resend(FIRST, at(20)), Transition::quiet(off), "it is not sent any more");
    let pending = answered(again, Standing::Pending).state;
    assert_eq!(pending.clone().resend(FIRST, at(20)), Transition::quiet(pending));
}

#[test]
fn a_charge_that_never_arrived_ends_with_the_order_and_not_before() {
    let never = |bill: Bill| status(&bill.hear(FIRST, Answer::NeverReceived, at(20)).state);
    assert_eq!(never(paying()), PaymentStatus::Processing);
    assert_eq!(never(hear(paying(), called_off()).state), PaymentStatus::Cancelled);
}

#[test]
fn a_charge_that_was_sent_twice_is_not_believed_refused_before_it_must_have_shown() {
    let refused = || Answer::Refused("the token was used before".to_owned());
    let once = paying().hear(FIRST, refused(), at(1));
    assert_eq!((told(&once), status(&once.state)), (vec!["payment.failed"], PaymentStatus::Rejected));

    let doubted = paying().resend(FIRST, at(1)).state.hear(FIRST, refused(), at(2));
    assert_eq!((told(&doubted), status(&doubted.state)), (vec![], PaymentStatus::Processing));
    let doubted = doubted.state;
    assert_eq!(doubted.due(), [Due::Search { reference: FIRST, sent_at: at(1) }], "it is not sent again");
    assert_eq!(doubted.clone().resend(FIRST, at(3)), Transition::quiet(doubted.clone()));

    let made = answered(doubted.clone(), Standing::Approved);
    assert_eq!((told(&made), status(&made.state)), (vec!["payment.approved"], PaymentStatus::Approved));
    let never = doubted.hear(FIRST, Answer::NeverReceived, at(20));
    assert_eq!((told(&never), status(&never.state)), (vec!["payment.failed"], PaymentStatus::Rejected));
}

#[test]
fn a_refusal_that_comes_after_the_payment_was_seen_means_nothing() {
    for standing in [Standing::Pending, Standing::Approved] {
        let seen = answered(paying(), standing).state;
        let late = seen.clone().hear(FIRST, Answer::Refused("no".to_owned()), at(1));
        assert_eq!(late, Transition::quiet(seen));
    }
}

#[test]
fn a_quote_is_sent_approved_and_rejected_once() {
    let sent = quoted().send(AT).unwrap();
    assert_eq!(told(&sent), ["quote.sent"]);
    assert_eq!(sent.state.clone().send(at(1)), Ok(Transition::quiet(sent.state)));
    assert_eq!(approved().approve(Evidence::by("bia"), at(1)), Ok(Transition::quiet(approved())));
    let no = quoted().reject_because(Some("too dear".to_owned()), Evidence::by("ana"), AT).unwrap();
    assert_eq!(told(&no), ["quote.rejected"]);
    assert_eq!(no.state.clone().reject(Evidence::by("bia"), at(1)), Ok(Transition::quiet(no.state.clone())));
    assert_eq!(no.state.quote.unwrap().rejected_because.as_deref(), Some("too dear"));
    assert!(approved().reject(Evidence::by("ana"), AT).is_err());
}

#[test]
fn a_quote_expires_after_its_last_moment_and_says_so() {
    let last = quoted().quote.unwrap().valid_until;
    assert_eq!(quoted().expire(last), Transition::quiet(quoted()));
    let late = last + chrono::TimeDelta::milliseconds(1);
    let lapsed = quoted().expire(late);
    let expired = RejectionReason::Expired;
    assert!(matches!(lapsed.events.as_slice(), [Event::QuoteRejected(told)] if told.reason == expired));
    assert_eq!(lapsed.state.clone().expire(late), Transition::quiet(lapsed.state));
    assert_eq!(approved().expire(late), Transition::quiet(approved()));
}

#[test]
fn a_command_to_write_the_lines_counts_once() {
    let text = |name: &str| {
        let line = Line { name: name.to_owned(), ..quoted().quote.unwrap().lines.remove(0) };
        Rewrite { lines: vec![line], valid_until: None, by: "berta".to_owned(), reason: None }
    };
    let command = Uuid::from_u128(9);
    let written = quoted().write(command, text("a"), AT).unwrap().state;
    let edited = written.edit(text("b"), AT).unwrap().state;
    let again = edited.clone().write(command, text("a"), at(1));
    assert_eq!(again, Ok(Transition::quiet(edited.clone())));
    let other = edited.write(Uuid::from_u128(10), text("c"), at(1)).unwrap().state;
    assert_eq!(other.quote.as_ref().unwrap().lines[0].name, "c");
    let sent = other.clone().send(at(2)).unwrap().state;
    for later in [other, sent] {
        let again = later.clone().write(command, text("a"), at(3));
        assert_eq!(again, Ok(Transition::quiet(later)), "the first command again, after the second");
    }
}

#[test]
fn a_revised_quote_is_sent_again_and_only_its_own_text_is_approved() {
    let line = Line { name: "Brakes".to_owned(), ..quoted().quote.unwrap().lines.remove(0) };
    let text = Rewrite { lines: vec![line], valid_until: None, by: "berta".to_owned(), reason: None };
    let sent = quoted().send(AT).unwrap().state;
    let revised = sent.revise(text.clone(), at(1)).unwrap();
    assert!(revised.events.is_empty(), "the customer has nothing new before it is sent");
    assert_eq!(told(&revised.state.clone().send(at(2)).unwrap()), ["quote.sent"]);
    let stale = Evidence { revision: Some(1), ..Evidence::by("ana") };
    assert!(revised.state.clone().approve(stale, at(2)).is_err());
    let approved = revised.state.approve(Evidence::by("ana"), at(2)).unwrap().state;
    assert!(approved.revise(text, at(3)).is_err());
}
