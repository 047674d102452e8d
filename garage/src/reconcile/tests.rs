//! What is a finding and what is not, state by state.

use ExecutionStatus as E;
use PaymentStatus as P;
use QuoteStatus as Q;
use WorkOrderStatus as W;
use uuid::Uuid;

use super::*;

const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
const QUOTE: QuoteId = QuoteId(Uuid::from_u128(2));
const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(3));
const JOB: ExecutionId = ExecutionId(Uuid::from_u128(4));

/// Everybody has heard of the order's status, and nothing has changed for a while.
fn known(order: W, quote: Option<Q>, payment: Option<P>, execution: Option<E>) -> Known {
    let heard = (order != W::Pending).then_some(order);
    Known {
        order: Order { id: ORDER, status: order, created_at: AT, updated_at: AT, waiting_for: None },
        quote: quote.map(|status| Quote {
            id: QUOTE,
            status,
            order_status: heard,
            items: Vec::new(),
            updated_at: AT,
        }),
        payments: payment
            .map(|status| Payment { id: PAYMENT, status, reason: None, created_at: AT, updated_at: AT })
            .into_iter()
            .collect(),
        execution: execution.map(|status| Execution { id: JOB, status, order_status: heard, updated_at: AT }),
        parts: Vec::new(),
    }
}

fn waiting_for(who: &str, known: Known) -> Known {
    let waiting_for = Some(Awaits { who: who.to_owned() });
    Known { order: Order { waiting_for, ..known.order }, ..known }
}

/// What would mend it, a minute later.
fn mends(known: &Known) -> Vec<Mend> {
    findings(known, AT + TimeDelta::minutes(1)).into_iter().map(|finding| finding.mend).collect()
}

const NUDGE_ORDER: Mend = Mend::NudgeOrder(ORDER);
const NUDGE_QUOTE: Mend = Mend::NudgeQuote(QUOTE);
const NUDGE_EXECUTION: Mend = Mend::NudgeExecution(JOB);

#[test]
fn services_that_agree_are_left_alone() {
    for (order, quote, payment, execution) in [
        (W::Quoted, Q::Pending, None, None),
        (W::QuoteSent, Q::Sent, None, None),
        (W::Approved, Q::Approved, None, Some(E::AwaitingPayment)),
        (W::Approved, Q::Approved, Some(P::Rejected), Some(E::AwaitingPayment)),
        (W::Approved, Q::Approved, Some(P::Pending), Some(E::AwaitingPayment)),
        (W::InProgress, Q::Approved, Some(P::Approved), Some(E::Repairing)),
        (W::Completed, Q::Approved, Some(P::Approved), Some(E::Completed)),
        (W::Delivered, Q::Approved, Some(P::Approved), Some(E::Completed)),
        (W::Cancelled, Q::Rejected, None, None),
        (W::Cancelled, Q::Cancelled, None, Some(E::Cancelled)),
        (W::Cancelled, Q::Cancelled, Some(P::Refunded), Some(E::Failed)),
        (W::Failed, Q::Approved, Some(P::Refunded), Some(E::Failed)),
    ] {
        let known = known(order, Some(quote), payment, execution);
        assert_eq!(findings(&known, AT + TimeDelta::minutes(1)), [], "{known:?}");
    }
}

#[test]
fn what_was_not_heard_is_told_again_by_whoever_knows_it() {
    for (order, quote, payment, execution, mend) in [
        (W::Pending, None, None, None, NUDGE_ORDER),
        (W::Pending, Some(Q::Pending), None, None, NUDGE_QUOTE),
        (W::Quoted, Some(Q::Sent), None, None, NUDGE_QUOTE),
        (W::QuoteSent, Some(Q::Approved), None, Some(E::AwaitingPayment), NUDGE_QUOTE),
        (W::Approved, Some(Q::Approved), None, None, NUDGE_QUOTE),
        (W::QuoteSent, Some(Q::Expired), None, None, NUDGE_QUOTE),
        (W::Approved, Some(Q::Approved), Some(P::Approved), Some(E::Queued), NUDGE_QUOTE),
        (W::InProgress, Some(Q::Approved), Some(P::Approved), Some(E::AwaitingPayment), NUDGE_QUOTE),
        (W::InProgress, Some(Q::Approved), Some(P::Approved), None, NUDGE_QUOTE),
        (W::InProgress, Some(Q::Approved), Some(P::Approved), Some(E::Completed), NUDGE_EXECUTION),
        (W::InProgress, Some(Q::Approved), Some(P::Refunded), Some(E::Failed), NUDGE_EXECUTION),
        (W::Failed, Some(Q::Approved), Some(P::Approved), Some(E::Failed), NUDGE_EXECUTION),
        (W::Cancelled, Some(Q::Approved), Some(P::Approved), Some(E::Failed), NUDGE_EXECUTION),
        (W::Cancelled, Some(Q::Approved), Some(P::Approved), Some(E::Cancelled), NUDGE_QUOTE),
        (W::Cancelled, Some(Q::Approved), Some(P::Approved), Some(E::Repairing), NUDGE_ORDER),
        (W::Cancelled, Some(Q::Sent), None, None, NUDGE_ORDER),
        (W::Cancelled, Some(Q::Cancelled), None, Some(E::AwaitingPayment), NUDGE_ORDER),
    ] {
        let known = known(order, quote, payment, execution);
        assert_eq!(mends(&known), [mend], "{known:?}");
    }
}

#[test]
fn a_refund_that_os_has_not_heard_of_is_told_again() {
    let back = known(W::Failed, Some(Q::Approved), Some(P::Refunded), Some(E::Failed));
    assert_eq!(mends(&waiting_for("billing-service", back)), [NUDGE_QUOTE]);
    let stopped = known(W::Cancelled, Some(Q::Cancelled), Some(P::Refunding), Some(E::Failed));
    assert_eq!(mends(&waiting_for("execution-service", stopped)), [NUDGE_EXECUTION]);
}

#[test]
fn doubt_about_money_is_asked_about_once_it_lasts() {
    let late = |known: &Known| findings(known, AT + TimeDelta::minutes(20));
    let doubt = known(W::Approved, Some(Q::Approved), Some(P::Processing), Some(E::AwaitingPayment));
    assert_eq!((mends(&doubt), late(&doubt)[0].mend), (vec![], NUDGE_QUOTE));
    let mut owed = known(W::Failed, Some(Q::Approved), Some(P::Refunding), Some(E::Failed));
    assert_eq!((mends(&owed), late(&owed)[0].mend), (vec![], NUDGE_QUOTE));
    owed.payments[0].reason = Some("no balance".to_owned());
    let found = late(&owed).remove(0);
    assert_eq!(found.mend, Mend::Person);
    assert!(found.what.ends_with("no balance"), "{found}");
}

#[test]
fn money_that_is_wrong_is_for_a_person() {
    let unpaid = known(W::Completed, Some(Q::Approved), None, Some(E::Completed));
    assert_eq!(mends(&unpaid), [Mend::Person]);
    let mut twice = known(W::InProgress, Some(Q::Approved), Some(P::Approved), Some(E::Queued));
    twice.payments.push(twice.payments[0].clone());
    assert_eq!(mends(&twice), [Mend::Person]);
}

#[test]
fn a_shelf_that_keeps_too_much_or_too_little_is_mended() {
    let on_the_shelf = |status: &str, reserved, known| {
        let part = Part { part_id: PartId(Uuid::nil()), status: status.to_owned(), reserved };
        Known { parts: vec![part], ..known }
    };
    let going_on = known(W::InProgress, Some(Q::Approved), Some(P::Approved), Some(E::Queued));
    let done = known(W::Completed, Some(Q::Approved), Some(P::Approved), Some(E::Completed));
    let off = known(W::Cancelled, Some(Q::Cancelled), None, None);
    for (status, reserved, known, mend) in [
        ("RESERVED", 2.0, &going_on, None),
        ("RESERVED", 0.0, &going_on, Some(NUDGE_QUOTE)),
        ("TAKEN", 0.0, &done, None),
        ("TAKEN", 2.0, &done, Some(NUDGE_QUOTE)),
        ("GIVEN_BACK", 0.0, &off, None),
        ("GIVEN_BACK", 2.0, &off, Some(NUDGE_QUOTE)),
    ] {
        assert_eq!(
            mends(&on_the_shelf(status, reserved, known.clone())),
            Vec::from_iter(mend),
            "{status} {reserved}"
        );
    }
}

#[test]
fn an_old_picture_of_the_order_is_renewed() {
    let mut late = known(W::InProgress, Some(Q::Approved), Some(P::Approved), Some(E::Queued));
    late.execution.as_mut().unwrap().order_status = Some(W::Approved);
    assert_eq!(mends(&late), [NUDGE_ORDER]);
    late.quote.as_mut().unwrap().order_status = None;
    assert_eq!(mends(&late), [NUDGE_ORDER, NUDGE_ORDER]);
}

#[test]
fn what_may_be_on_its_way_is_no_finding() {
    let lost = known(W::Pending, None, None, None);
    assert_eq!(findings(&lost, AT + TimeDelta::seconds(9)), []);
    let line = findings(&lost, AT + TimeDelta::seconds(10))[0].to_string();
    assert_eq!(line, format!("{ORDER}: Billing has no quote; POST /work-orders/{ORDER}/nudge"));
}

#[test]
fn an_order_that_os_does_not_know_is_a_finding_while_it_binds_anybody() {
    let left = |quote, payment| {
        let known = known(W::Pending, Some(quote), payment, None);
        forgotten(ORDER, &known.quote.unwrap(), &known.payments).map(|finding| finding.mend)
    };
    for (quote, payment) in [
        (Q::Pending, None),
        (Q::Sent, None),
        (Q::Approved, None),
        (Q::Approved, Some(P::Rejected)),
        (Q::Approved, Some(P::Processing)),
        (Q::Approved, Some(P::Pending)),
        (Q::Approved, Some(P::Approved)),
        (Q::Cancelled, Some(P::Refunding)),
    ] {
        assert_eq!(left(quote, payment), Some(Mend::Person), "{quote} {payment:?}");
    }
    for (quote, payment) in
        [(Q::Rejected, None), (Q::Expired, None), (Q::Cancelled, None), (Q::Approved, Some(P::Refunded))]
    {
        assert_eq!(left(quote, payment), None, "{quote} {payment:?}");
    }
}
