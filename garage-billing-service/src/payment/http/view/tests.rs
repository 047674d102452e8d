//! What is shown of a payment that is to end, and about which payment a bill waits.

use garage_events::waiting::PAYMENT_HEARD;

use super::*;
use crate::{
    gateway::Instructions,
    payment::{GoesBack, Withdrawn},
};

const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();

fn attempt(status: PaymentStatus) -> Attempt {
    Attempt::sample(status, Some("77"), AT)
}

fn shown(attempt: Attempt) -> [Option<String>; 4] {
    let view = View::of(WorkOrderId(Uuid::nil()), CustomerId(Uuid::nil()), attempt);
    [view.qr_code, view.qr_code_base64, view.ticket_url, view.barcode]
}

#[test]
fn how_to_pay_is_shown_until_the_payment_is_to_end() {
    let text = || Some("000201".to_owned());
    let instructions = Instructions {
        qr_code: text(),
        qr_code_base64: text(),
        ticket_url: text(),
        barcode: text(),
        expires_at: None,
    };
    let pending = Attempt { instructions: Some(instructions), ..attempt(PaymentStatus::Pending) };
    assert_eq!(shown(pending.clone()), [text(), text(), text(), text()]);
    let withdrawn = Some(Withdrawn { by: "berta".to_owned(), at: AT });
    assert_eq!(shown(Attempt { withdrawn, ..pending.clone() }), [None, None, None, None]);
    assert_eq!(shown(Attempt { ended_unseen: true, ..pending }), [None, None, None, None]);
}

#[test]
fn a_bill_waits_about_the_money_that_goes_back_or_about_the_money_that_counts() {
    let late = Attempt { goes_back: Some(GoesBack::TooLate), ..attempt(PaymentStatus::Refunding) };
    let (counts, trying) = (attempt(PaymentStatus::Approved), attempt(PaymentStatus::Processing));
    let about = |wait| [&late, &counts, &trying].map(|attempt| is_about(&Waiting::since(wait, AT), attempt));
    assert_eq!(about(&GIVING_BACK), [true, false, false]);
    assert_eq!(about(&PAYMENT_HEARD), [false, true, false]);
    assert_eq!(about(&CHARGE), [false, false, true]);
}
