//! Whom an order waits for in every state, and that what it tells again is what it told.

use std::collections::BTreeMap;

use garage_events::{
    Awaited, Cents, Deadlines, EventId, PaymentMethod, RejectionReason,
    event::{
        ExecutionCompleted, ExecutionFailed, PaymentApproved, PaymentRefunded, QuoteApproved, QuoteCreated,
        QuoteRejected, QuoteSent,
    },
};
use uuid::Uuid;

use super::*;
use crate::work_order::{
    Details,
    sample::{AT, CUSTOMER, JOB, ORDER, PAID, QUOTED, at, opened},
};

fn amount() -> Cents {
    Cents::new(15000).unwrap()
}

/// Hands a text of the quote to the customer.
fn sent(revision: u32, total_amount: Cents, valid_until: DateTime<Utc>) -> Event {
    let (work_order_id, quote_id, customer_id) = (ORDER, QUOTED, CUSTOMER);
    QuoteSent { work_order_id, quote_id, revision, customer_id, total_amount, valid_until }.into()
}

/// The events that Billing and the workshop tell, by a letter each.
fn event(letter: char) -> Event {
    let (work_order_id, quote_id, payment_id, execution_id) = (ORDER, QUOTED, PAID, JOB);
    let (customer_id, total_amount, valid_until) = (CUSTOMER, amount(), at(14_400));
    let words = |reason: &str| reason.to_owned();
    match letter {
        'q' => QuoteCreated { work_order_id, quote_id, customer_id, total_amount, valid_until }.into(),
        's' => sent(1, total_amount, valid_until),
        't' => sent(2, Cents::new(9900).unwrap(), at(28_800)),
        'a' => QuoteApproved { work_order_id, quote_id, customer_id, total_amount, valid_until }.into(),
        'n' => QuoteRejected { work_order_id, quote_id, reason: RejectionReason::Customer }.into(),
        'p' => PaymentApproved {
            work_order_id,
            quote_id,
            payment_id,
            amount: amount(),
            payment_method: PaymentMethod::Pix,
        }
        .into(),
        'r' => PaymentRefunded {
            work_order_id,
            quote_id,
            payment_id,
            amount: amount(),
            reason: words("bent"),
            refund_id: None,
        }
        .into(),
        'c' => ExecutionCompleted {
            work_order_id,
            execution_id,
            parts_used: Vec::new(),
            services_performed: Vec::new(),
        }
        .into(),
        'f' => ExecutionFailed { work_order_id, execution_id, reason: words("bent") }.into(),
        'o' => ExecutionFailed { work_order_id, execution_id, reason: words(reason::WORK_ORDER_CANCELLED) }
            .into(),
        unknown => panic!("no event is called {unknown}"),
    }
}

/// An order that has lived through these, one a minute; `x` is the desk's cancellation, `d` its delivery.
fn after(story: &str) -> WorkOrder {
    (1..).zip(story.chars()).fold(opened(), |order, (minute, letter)| match letter {
        'x' => order.cancel("CUSTOMER_REQUEST".to_owned(), at(minute)).unwrap().state,
        'd' => order.deliver("desk".to_owned(), at(minute)).unwrap().state,
        told => {
            order
                .react(&event(told), EventId(Uuid::from_u128(minute.unsigned_abs().into())), at(minute))
                .state
        }
    })
}

/// Who is awaited, and the minutes after the intake from which on the order is stuck.
fn awaited(story: &str) -> Option<(Awaited, i64)> {
    let waiting = after(story).waiting()?;
    let deadline = Deadlines::default().deadline(&waiting);
    Some((waiting.wait.who, (deadline - AT).num_minutes()))
}

const DAY: i64 = 24 * 60;

#[test]
fn somebody_is_awaited_until_the_order_has_ended() {
    assert_eq!(awaited(""), Some((Awaited::Billing, 1)));
    assert_eq!(awaited("q"), Some((Awaited::Desk, 1 + 2 * DAY)));
    assert_eq!(awaited("qs"), Some((Awaited::Customer, 11 * DAY)));
    assert_eq!(awaited("qst"), Some((Awaited::Customer, 21 * DAY)), "the second text is valid for longer");
    assert_eq!(awaited("qtsts"), awaited("qst"), "whenever the first is heard");
    assert_eq!(awaited("qsa"), Some((Awaited::Customer, 3 + 7 * DAY)));
    assert_eq!(awaited("qap"), Some((Awaited::Workshop, 3 + 14 * DAY)));
    assert_eq!(awaited("qapc"), Some((Awaited::Desk, 4 + 7 * DAY)));
    assert_eq!(awaited("qapcd"), None);
}

#[test]
fn an_order_that_is_off_waits_only_while_its_money_is_not_back() {
    for nothing_held in ["x", "qx", "qn", "qaf", "qapxor", "qapfr", "qaprx"] {
        assert_eq!(awaited(nothing_held), None, "{nothing_held}");
    }
    assert_eq!(awaited("qapx"), Some((Awaited::Execution, 4 + 1)));
    assert_eq!(awaited("qapxo"), Some((Awaited::Billing, 5 + 10)));
    assert_eq!(awaited("qapf"), Some((Awaited::Billing, 4 + 10)));
    assert_eq!(awaited("qaxp"), Some((Awaited::Execution, 4 + 1)), "the money came when the order was off");
}

#[test]
fn a_promised_day_is_the_workshop_s_deadline() {
    let promised = Some(at(3 * DAY));
    let details = Details { estimated_completion_date: promised, ..opened().details };
    let order = after("qap").edit(details, at(4)).unwrap().state;
    let waiting = order.waiting().unwrap();
    assert_eq!((waiting.since, Some(Deadlines::default().deadline(&waiting))), (at(3), promised));
}

#[test]
fn what_is_told_again_is_what_was_told() {
    let mut told: BTreeMap<&str, Event> = BTreeMap::new();
    let mut order = opened();
    told.insert("work-order.created", order.retell().remove(0));
    for letter in "qsapcd".chars() {
        let (before, status) = (order.clone(), order.status());
        let learned = match letter {
            'd' => order.deliver("desk".to_owned(), at(9)).unwrap(),
            letter => order.react(&event(letter), EventId(Uuid::nil()), at(1)),
        };
        assert_ne!(learned.state.status(), status);
        assert_eq!(learned.state.retell(), learned.events, "{letter}");
        assert_ne!(before, learned.state);
        order = learned.state;
    }
    assert!(
        matches!(&told["work-order.created"], Event::WorkOrderCreated(told) if told.description == "Brakes squeal")
    );
}

#[test]
fn a_cancellation_is_told_again_with_its_reason() {
    for (story, reason) in [("qn", "QUOTE_REJECTED"), ("qapx", "CUSTOMER_REQUEST")] {
        let told = after(story).retell();
        assert!(
            matches!(&told[..], [Event::WorkOrderCancelled(off), Event::WorkOrderStatusChanged(_)]
            if off.reason == reason),
            "{story}: {told:?}"
        );
    }
    let types: Vec<_> = after("x").retell().iter().map(Event::event_type).collect();
    assert_eq!(types, ["work-order.created", "work-order.cancelled", "work-order.status-changed"]);
}

#[test]
fn what_is_heard_again_changes_nothing() {
    for story in ["q", "qs", "qsa", "qsap", "qsapc", "qapf", "qapxor", "qn", "qapcd"] {
        let order = after(story);
        for letter in story.chars().filter(|letter| !"xd".contains(*letter)) {
            let again = order.clone().react(&event(letter), EventId(Uuid::from_u128(99)), at(99));
            assert_eq!(again, garage_events::Transition::quiet(order.clone()), "{letter} after {story}");
        }
    }
}
