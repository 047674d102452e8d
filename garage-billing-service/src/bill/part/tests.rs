//! What of a payment may go back in parts when somebody has refunded at the gateway itself.

use super::{
    super::tests::{AT, CUSTOMER, ORDER, QUOTE, at, created, fee},
    *,
};
use crate::quote::{Catalogue, Evidence, Terms};

const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(4));

fn hear(bill: Bill, event: impl Into<Event>) -> Bill {
    let terms = Terms { validity: chrono::TimeDelta::days(10), diagnosis_fee: fee() };
    bill.react(&event.into(), QUOTE, &Catalogue::default(), terms, AT).state
}

fn cents(centavos: i64) -> Cents {
    Cents::new(centavos).unwrap()
}

/// A finished order whose payment the gateway shows like this.
fn finished(charged: Charged) -> Bill {
    let tender = Tender {
        id: PAYMENT,
        quote_id: QUOTE,
        customer_id: CUSTOMER,
        amount: fee(),
        method: PaymentMethod::Pix,
        card_token: None,
        installments: 1,
    };
    let approved = hear(Bill::unknown(ORDER), created()).approve(Evidence::by("ana"), AT).unwrap().state;
    let paid = approved.pay(tender, AT).unwrap().state.hear(PAYMENT, Answer::Charged(charged), AT).state;
    let done = WorkOrderStatusChanged {
        work_order_id: ORDER,
        previous_status: WorkOrderStatus::InProgress,
        new_status: WorkOrderStatus::Completed,
        revision: 5,
        customer_erased: false,
    };
    hear(paid, done)
}

fn paid() -> Charged {
    Charged::new("77", Standing::Approved, fee())
}

fn gone(centavos: i64) -> Charged {
    Charged { refunded: cents(centavos), ..paid() }
}

fn wish(id: u128, centavos: i64) -> PartWish {
    let (reason, by) = ("a scratch".to_owned(), "berta".to_owned());
    PartWish { id: Uuid::from_u128(id), amount: cents(centavos), reason, by }
}

/// How much had gone before the part that is asked for, as the gateway is asked.
fn gone_before(bill: &Bill) -> Cents {
    match bill.due().as_slice() {
        [Due::GiveBack { gone_before, .. } | Due::LookForRefund { gone_before, .. }] => *gone_before,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_somebody_refunded_at_the_gateway_is_not_left() {
    let refused = finished(gone(4_000)).give_back_part(PAYMENT, wish(7, 11_000), at(1));
    assert_eq!(refused, Err(Refusal::field("amount", "must be above 0 and less than what is left, 110")));
    assert!(finished(gone(4_000)).give_back_part(PAYMENT, wish(7, 10_999), at(1)).is_ok());
}

#[test]
fn what_had_gone_before_a_part_is_not_taken_for_it() {
    let asked = finished(gone(4_000)).give_back_part(PAYMENT, wish(7, 3_000), at(1)).unwrap().state;
    assert_eq!(gone_before(&asked), cents(4_000));
    let later = asked.hear(PAYMENT, Answer::Charged(gone(5_000)), at(2)).state;
    assert_eq!(gone_before(&later), cents(4_000), "as it was when the part was asked for");
    let why = "no balance".to_owned();
    let doubted = later.hear(PAYMENT, Answer::PartRefused(Uuid::from_u128(7), why), at(3)).state;
    assert_eq!(gone_before(&doubted), cents(4_000));
}

#[test]
fn parts_that_went_count_though_the_gateway_was_not_looked_at_since() {
    let first = finished(paid()).give_back_part(PAYMENT, wish(7, 3_000), at(1)).unwrap().state;
    let first = first.hear(PAYMENT, Answer::PartDone(Uuid::from_u128(7)), at(2)).state;
    let second = first.clone().give_back_part(PAYMENT, wish(8, 2_000), at(3)).unwrap().state;
    assert_eq!(gone_before(&second), cents(3_000));
    assert!(first.give_back_part(PAYMENT, wish(8, 12_000), at(3)).is_err());
}

#[test]
fn no_part_is_asked_for_while_a_refund_of_somebody_else_is_under_way() {
    let under_way = finished(Charged { going_back: cents(1_000), ..paid() });
    assert_eq!(under_way.check_a_part_may_go(PAYMENT), Ok(()), "it may have ended meanwhile");
    let refused = under_way.clone().give_back_part(PAYMENT, wish(7, 3_000), at(1)).unwrap_err().to_string();
    assert_eq!(refused, "giving a part back is not possible: the refund at the gateway is still on its way");
    let ended = under_way.hear(PAYMENT, Answer::Charged(gone(1_000)), at(2)).state;
    assert!(ended.give_back_part(PAYMENT, wish(7, 3_000), at(3)).is_ok());
}
