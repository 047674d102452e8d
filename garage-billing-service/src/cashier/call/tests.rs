//! What is asked of the gateway for money that goes back, and what is made of its answers, over the sandbox's own book.

use std::sync::Mutex;

use async_trait::async_trait;
use futures::FutureExt;
use garage_events::{PaymentMethod, event::Payer};

use super::*;
use crate::gateway::{
    Lack,
    sandbox::ledger::{Entry, RefundStatus, Refusal, Request, Status},
};

const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
const REFERENCE: PaymentId = PaymentId(Uuid::from_u128(4));
const PART: Uuid = Uuid::from_u128(7);

fn cents(centavos: i64) -> Cents {
    Cents::new(centavos).unwrap()
}

/// One paid payment of 150 in the sandbox's book, and how its next refund begins.
struct Book(Mutex<(Entry, RefundStatus)>);

impl Book {
    fn paid() -> Self {
        let request = Request {
            amount: cents(15_000),
            method: PaymentMethod::Pix,
            brand: None,
            installments: 1,
            holder: None,
            payer: Payer { name: "APRO".to_owned(), email: None, document: None },
            external_reference: Some(REFERENCE.to_string()),
            description: String::new(),
            expires_at: None,
            notification_url: None,
        };
        let entry = Entry::create(REFERENCE.0, request, AT);
        Self(Mutex::new((entry, RefundStatus::Approved)))
    }

    fn entry(&self) -> Entry {
        self.0.lock().unwrap().0.clone()
    }

    /// The next refunds begin like this.
    fn begins(&self, status: RefundStatus) {
        self.0.lock().unwrap().1 = status;
    }

    /// Somebody gives so much back by hand.
    fn by_hand(&self, centavos: i64) {
        let next = self.entry().refund(Some(cents(centavos)), "by hand", RefundStatus::Approved, AT);
        self.0.lock().unwrap().0 = next.unwrap();
    }

    /// The last refund ends.
    fn decide(&self, status: RefundStatus) {
        let entry = self.entry();
        let number = entry.refunds.last().unwrap().number;
        self.0.lock().unwrap().0 = entry.decide_refund(number, status, AT).unwrap();
    }

    fn perform(&self, due: &Due, at: DateTime<Utc>) -> Option<Answer> {
        perform(self, due, at).now_or_never().unwrap().answer
    }

    fn give_back(&self, gone_before: i64, centavos: i64) -> Option<Answer> {
        let (reference, gateway_id, amount) = (REFERENCE, "77".to_owned(), cents(centavos));
        let gone_before = cents(gone_before);
        self.perform(&Due::GiveBack { reference, gateway_id, refund: PART, amount, gone_before }, AT)
    }

    fn refund(&self, gone_before: i64, ended: u32) -> Option<Answer> {
        let (reference, gateway_id) = (REFERENCE, "77".to_owned());
        let (gone_before, amount) = (cents(gone_before), cents(15_000 - gone_before));
        self.perform(&Due::Refund { reference, gateway_id, amount, gone_before, ended }, AT)
    }
}

#[async_trait]
impl Gateway for Book {
    fn lacks(&self, _: &Charge) -> Vec<Lack> {
        Vec::new()
    }

    async fn create(&self, _: &Charge) -> Result<Charged, GatewayError> {
        Err(GatewayError::Refused("it is paid".to_owned()))
    }

    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError> {
        let entry = self.entry();
        let is_gone = entry.status == Status::Refunded;
        let standing = if is_gone { Standing::Refunded } else { Standing::Approved };
        let (refunded, going_back) = (entry.refunded(), entry.going_back());
        Ok(Some(Charged { refunded, going_back, ..Charged::new(gateway_id, standing, cents(15_000)) }))
    }

    async fn search(&self, _: PaymentId) -> Result<Option<Charged>, GatewayError> {
        self.read("77").await
    }

    async fn cancel(&self, _: &str, _: &str) -> Result<Charged, GatewayError> {
        Err(GatewayError::Refused("it is paid".to_owned()))
    }

    async fn refund(&self, _: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError> {
        let mut book = self.0.lock().unwrap();
        let next = book.0.refund(Some(amount), key, book.1, AT);
        book.0 = next.map_err(|refusal: Refusal| GatewayError::Refused(refusal.to_string()))?;
        let made = book.0.refunds.iter().find(|refund| refund.key == key).unwrap();
        Ok(match made.status {
            RefundStatus::Approved => Refunded::Done(made.number.to_string()),
            RefundStatus::InProcess => Refunded::Pending,
            RefundStatus::Rejected => Refunded::Rejected("rejected".to_owned()),
        })
    }

    async fn check(&self) -> Result<(), GatewayError> {
        Ok(())
    }
}

#[test]
fn a_part_is_not_taken_for_gone_because_somebody_has_refunded_as_much_by_hand() {
    let book = Book::paid();
    book.by_hand(4_000);
    book.begins(RefundStatus::Rejected);
    assert!(matches!(book.give_back(4_000, 3_000), Some(Answer::PartRefused(PART, _))));
    assert_eq!(book.entry().refunded(), cents(4_000));
}

#[test]
fn a_refund_that_was_accepted_and_rejected_has_ended_and_its_successor_goes() {
    let book = Book::paid();
    book.begins(RefundStatus::InProcess);
    assert_eq!(book.refund(0, 0), None, "it is under way");
    book.decide(RefundStatus::Rejected);
    book.begins(RefundStatus::Approved);
    let ended = || Some(Answer::RefundEnded { ended: 0, gone: Cents::ZERO, why: "rejected".to_owned() });
    assert_eq!(
        (book.refund(0, 0), book.refund(0, 0)),
        (ended(), ended()),
        "its key is worth nothing any more"
    );
    assert_eq!(book.refund(0, 1), Some(Answer::RefundDone));
    assert_eq!(book.entry().refunded(), cents(15_000));
}

#[test]
fn no_refund_has_ended_while_any_money_is_on_its_way_back() {
    let book = Book::paid();
    book.begins(RefundStatus::Rejected);
    assert!(matches!(book.refund(0, 0), Some(Answer::RefundEnded { .. })));
    book.begins(RefundStatus::InProcess);
    assert_eq!(book.refund(0, 1), None);
    assert_eq!(book.refund(0, 0), None, "an older one is told nothing");
}

#[test]
fn where_more_has_gone_than_was_known_only_the_rest_is_asked_for() {
    let book = Book::paid();
    book.by_hand(4_000);
    let why = "The amount to refund is greater than what is left of the payment".to_owned();
    assert_eq!(book.refund(0, 0), Some(Answer::RefundEnded { ended: 0, gone: cents(4_000), why }));
    assert_eq!(book.refund(4_000, 1), Some(Answer::RefundDone));
    assert_eq!(book.entry().refunded(), cents(15_000));
}

#[test]
fn money_is_back_only_when_the_rest_and_what_went_before_are_all_of_it() {
    let book = Book::paid();
    assert_eq!(book.refund(4_000, 0), None, "it went, and the gateway shows that 40 are still here");
    book.by_hand(4_000);
    assert_eq!(book.refund(4_000, 0), Some(Answer::RefundDone));
}

#[test]
fn a_refund_that_the_gateway_would_not_even_take_stays_as_it_is() {
    let book = Book::paid();
    book.0.lock().unwrap().0.status = Status::InMediation;
    assert!(matches!(book.refund(0, 0), Some(Answer::RefundRefused(_))));
}
