//! What a bill forgets with its customer. What the books, the tax law and a dispute need stays: what was quoted, paid and
//! given back, when, by which method and under which number of the gateway, and that the customer said yes or no to which
//! text (decision 19). Who that was, and what they or the desk wrote of it, goes. Pure, like the bill.

use garage_events::event::{Payer, reason};

use super::Bill;
use crate::{
    payment::{Attempt, PartRefund},
    quote::{Decision, Quote, Revision},
};

impl Bill {
    /// The bill of nobody in particular. An attempt of which the gateway has not said the last word keeps its payer
    /// until then, as it may have to be sent once more; whatever is learned later is forgotten in the same way.
    #[must_use]
    pub(super) fn forget(self) -> Self {
        Self {
            customer_erased: true,
            order: self.order.map(|order| super::Order { payer: None, ..order }),
            quote: self.quote.map(quote_of_nobody),
            attempts: self.attempts.into_iter().map(attempt_of_nobody).collect(),
            ..self
        }
    }
}

fn quote_of_nobody(quote: Quote) -> Quote {
    let revision = |revision: Revision| Revision { reason: None, ..revision };
    Quote {
        approved: quote.approved.map(word_of_nobody),
        rejected: quote.rejected.map(word_of_nobody),
        rejected_because: None,
        earlier: quote.earlier.into_iter().map(revision).collect(),
        ..quote
    }
}

/// That it was said stays, when and to which text; not from which address.
fn word_of_nobody(decision: Decision) -> Decision {
    Decision { from: None, ..decision }
}

fn attempt_of_nobody(attempt: Attempt) -> Attempt {
    if attempt.is_open() {
        return attempt;
    }
    let part = |part: PartRefund| PartRefund { reason: reason::ERASED.to_owned(), ..part };
    Attempt {
        payer: Payer { name: String::new(), email: None, document: None },
        address: None,
        metadata: None,
        instructions: None,
        parts: attempt.parts.into_iter().map(part).collect(),
        ..attempt
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use garage_events::{
        Cents, CustomerId, Event, PaymentId, PaymentMethod, PaymentStatus, QuoteId, VehicleId, WorkOrderId,
        WorkOrderStatus,
        event::{WorkOrderCreated, WorkOrderStatusChanged},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{
        bill::{Answer, Extras, Tender},
        gateway::{Address, Charged, Standing},
        payment::Due,
        quote::{Catalogue, Evidence, Terms},
    };

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    const ORDER: WorkOrderId = WorkOrderId(Uuid::from_u128(1));
    const CUSTOMER: CustomerId = CustomerId(Uuid::from_u128(2));
    const QUOTE: QuoteId = QuoteId(Uuid::from_u128(3));
    const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(4));
    /// What only the customer's own data hold.
    const THEIRS: [&str; 6] =
        ["Ana Souza", "52998224725", "ana@example.com", "Rua das Flores", "203.0.113.7", "my own note"];

    fn fee() -> Cents {
        Cents::new(15000).unwrap()
    }

    fn hear(bill: Bill, event: impl Into<Event>) -> Bill {
        let terms = Terms { validity: chrono::TimeDelta::days(10), diagnosis_fee: fee() };
        bill.react(&event.into(), QUOTE, &Catalogue::default(), terms, AT).state
    }

    fn created() -> WorkOrderCreated {
        WorkOrderCreated {
            work_order_id: ORDER,
            customer_id: CUSTOMER,
            vehicle_id: VehicleId(Uuid::nil()),
            status: WorkOrderStatus::Pending,
            description: String::new(),
            estimated_cost: None,
            services: Vec::new(),
            parts: Vec::new(),
            customer: Some(Payer {
                name: "Ana Souza".to_owned(),
                email: Some("ana@example.com".to_owned()),
                document: Some("52998224725".to_owned()),
            }),
        }
    }

    fn erased() -> WorkOrderStatusChanged {
        WorkOrderStatusChanged {
            work_order_id: ORDER,
            previous_status: WorkOrderStatus::Completed,
            new_status: WorkOrderStatus::Delivered,
            revision: 6,
            customer_erased: true,
        }
    }

    fn paying() -> Bill {
        let evidence = Evidence { from: Some("203.0.113.7".to_owned()), ..Evidence::by("work-order:1") };
        let approved = hear(Bill::unknown(ORDER), created()).approve(evidence, AT).unwrap().state;
        let tender = Tender {
            id: PAYMENT,
            quote_id: QUOTE,
            customer_id: CUSTOMER,
            amount: fee(),
            method: PaymentMethod::Boleto,
            card_token: None,
            installments: 1,
        };
        let address = Address {
            zip_code: "01310100".to_owned(),
            street: "Rua das Flores".to_owned(),
            number: "7".to_owned(),
            neighborhood: "Centro".to_owned(),
            city: "São Paulo".to_owned(),
            state: "SP".to_owned(),
        };
        let note = serde_json::json!({"note": "my own note"});
        let extras =
            Extras { address: Some(address), metadata: note.as_object().cloned(), ..Extras::default() };
        approved.pay_with(tender, extras, AT).unwrap().state
    }

    fn captured(bill: Bill) -> Bill {
        let charged = Charged::new("77", Standing::Approved, fee());
        bill.hear(PAYMENT, Answer::Charged(charged), AT).state
    }

    fn holds(bill: &Bill) -> Vec<&'static str> {
        let text = serde_json::to_string(bill).unwrap();
        THEIRS.into_iter().filter(|theirs| text.contains(theirs)).collect()
    }

    #[test]
    fn the_money_stays_and_whose_it_was_goes() {
        let bill = captured(paying());
        assert_eq!(holds(&bill), THEIRS);
        let forgotten = hear(bill.clone(), erased());
        assert_eq!(holds(&forgotten), [""; 0]);
        let (was, is) = (&bill.attempts[0], &forgotten.attempts[0]);
        assert_eq!(
            (is.amount, is.method, &is.gateway_id, is.captured_at),
            (was.amount, was.method, &was.gateway_id, was.captured_at)
        );
        let word = forgotten.quote.as_ref().unwrap().approved.as_ref().unwrap();
        let said = bill.quote.as_ref().unwrap().approved.as_ref().unwrap();
        assert_eq!((word.at, &word.by, &word.text), (said.at, &said.by, &said.text));
        assert_eq!(forgotten.quote.as_ref().unwrap().lines, bill.quote.unwrap().lines);
        assert_eq!(hear(forgotten.clone(), erased()), forgotten);
    }

    #[test]
    fn an_order_that_is_told_of_later_has_no_payer() {
        let forgotten = hear(hear(Bill::unknown(ORDER), erased()), created());
        assert!(forgotten.order.is_some());
        assert_eq!(holds(&forgotten), [""; 0]);
    }

    #[test]
    fn a_charge_that_may_have_to_be_sent_again_knows_its_payer_until_it_has_ended() {
        let forgotten = hear(paying(), erased());
        assert!(
            matches!(forgotten.due().as_slice(), [Due::Create(charge)] if charge.payer.name == "Ana Souza")
        );
        let ended = captured(forgotten);
        assert_eq!(ended.attempts[0].status, PaymentStatus::Approved);
        assert_eq!(holds(&ended), [""; 0]);
    }
}
