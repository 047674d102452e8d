//! That the order in which facts are heard moves no time of an order, and neither does what is heard later.

use garage_events::{
    Cents, Event, EventId, PaymentMethod, RejectionReason,
    event::{
        ExecutionCompleted, PaymentApproved, PaymentRefunded, QuoteApproved, QuoteCreated, QuoteRejected,
        QuoteSent, reason,
    },
};
use uuid::Uuid;

use super::*;
use crate::work_order::sample::{CUSTOMER, JOB, ORDER, PAID, QUOTED, at, opened};

/// What Billing and the workshop say, by a letter each.
fn event(letter: char) -> Event {
    let (work_order_id, quote_id, payment_id, customer_id) = (ORDER, QUOTED, PAID, CUSTOMER);
    let (amount, valid_until) = (Cents::new(15_000).unwrap(), at(14_400));
    let total_amount = amount;
    let sent = |revision| {
        QuoteSent { work_order_id, quote_id, revision, customer_id, total_amount, valid_until }.into()
    };
    match letter {
        'q' => QuoteCreated { work_order_id, quote_id, customer_id, total_amount, valid_until }.into(),
        's' => sent(1),
        't' => sent(2),
        'a' => QuoteApproved { work_order_id, quote_id, customer_id, total_amount, valid_until }.into(),
        'n' => QuoteRejected { work_order_id, quote_id, reason: RejectionReason::Customer }.into(),
        'p' => {
            let payment_method = PaymentMethod::Pix;
            PaymentApproved { work_order_id, quote_id, payment_id, amount, payment_method }.into()
        }
        'r' => {
            let (reason, refund_id) = ("squeals again".to_owned(), Some(Uuid::from_u128(6)));
            PaymentRefunded { work_order_id, quote_id, payment_id, amount, reason, refund_id }.into()
        }
        'c' => ExecutionCompleted {
            work_order_id,
            execution_id: JOB,
            parts_used: Vec::new(),
            services_performed: Vec::new(),
        }
        .into(),
        unknown => panic!("no event is called {unknown}"),
    }
}

/// Says at a minute what a letter stands for; `x` is the desk's cancellation, `d` its delivery.
fn hear(order: WorkOrder, letter: char, minute: i64) -> WorkOrder {
    match letter {
        'x' => order.cancel(reason::CUSTOMER_REQUEST.to_owned(), at(minute)).unwrap().state,
        'd' => order.deliver("desk".to_owned(), at(minute)).unwrap().state,
        told => order.react(&event(told), EventId(Uuid::nil()), at(minute)).state,
    }
}

/// An order that heard, in this order, what happened at these minutes.
fn after(heard: &[(char, i64)]) -> WorkOrder {
    heard.iter().fold(opened(), |order, (letter, minute)| hear(order, *letter, *minute))
}

/// Every order in which these can be heard.
fn every_order(told: &[(char, i64)]) -> Vec<Vec<(char, i64)>> {
    if told.is_empty() {
        return vec![Vec::new()];
    }
    let begun_with = |first: usize| {
        let mut rest = told.to_vec();
        let first = rest.remove(first);
        every_order(&rest).into_iter().map(move |later| [vec![first], later].concat())
    };
    (0..told.len()).flat_map(begun_with).collect()
}

#[test]
fn a_status_began_when_the_first_fact_happened_that_it_follows_from() {
    let story = [('q', 1), ('s', 2), ('t', 3), ('a', 4), ('p', 5), ('c', 6)];
    for (heard, since) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 4), (5, 5), (6, 6)] {
        for heard in every_order(&story[..heard]) {
            assert_eq!(after(&heard).status_since(), at(since), "{heard:?}");
        }
    }
}

#[test]
fn a_cancelled_order_was_so_from_the_first_that_called_it_off() {
    let rejected_first = after(&[('q', 1), ('n', 2), ('x', 3)]);
    let heard_later = after(&[('q', 1), ('x', 3), ('n', 2)]);
    assert_eq!((rejected_first.status_since(), heard_later.status_since()), (at(2), at(2)));
}

#[test]
fn what_is_heard_after_the_end_moves_nothing() {
    let finished = after(&[('p', 5), ('c', 6)]);
    assert_eq!((finished.completed_at(), finished.delivered_at()), (Some(at(6)), None));
    let delivered = hear(finished, 'd', 7);
    let refunded = hear(hear(delivered.clone(), 'r', 9), 'a', 4);
    assert_eq!((delivered.updated_at, refunded.updated_at), (at(7), at(9)));
    for order in [delivered, refunded.clone(), refunded.forget().state] {
        assert_eq!(
            (order.status_since(), order.completed_at(), order.delivered_at()),
            (at(7), Some(at(6)), Some(at(7)))
        );
    }
}
