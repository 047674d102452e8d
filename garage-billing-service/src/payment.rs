//! One attempt to pay, and what becomes of its money. An attempt is stored before the gateway is asked, and
//! ends only by the gateway's explicit word: unknown is never treated as failed. Pure; whether an answer
//! means work or a refund is decided in [`crate::bill`], which knows the order.

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{Cents, PaymentId, PaymentMethod, PaymentStatus, QuoteId, event::Payer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::gateway::{Address, Charge, Instructions};

mod due;
pub(crate) mod http;
mod owed;
mod part;
mod trail;
mod withdrawn;

pub use due::Due;
pub use owed::{GoesBack, Owed};
pub use part::{PartRefund, PartStanding};
pub use trail::Call;
pub use withdrawn::{WITHDRAWN, Withdrawn};

/// How long after the last call a charge that the gateway has never shown is taken as never received. Calls
/// end within a minute and the gateway's search shows a payment within minutes.
pub const NEVER_RECEIVED: TimeDelta = TimeDelta::minutes(15);

/// An attempt to pay.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id: also the external reference and the idempotency key at the gateway.
    pub id: PaymentId,
    /// For which quote.
    pub quote_id: QuoteId,
    /// How much: the quote's total.
    pub amount: Cents,
    /// How.
    pub method: PaymentMethod,
    /// Who pays, as known when it was made.
    pub payer: Payer,
    /// Where they live, if the method needs it.
    #[serde(default)]
    pub address: Option<Address>,
    /// Until when the payer may act, for methods that let them take their time.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Cards: the provider's single-use token; forgotten once the gateway has answered.
    pub card_token: Option<String>,
    /// Cards: the brand as the provider's form names it with the token.
    pub card_brand: Option<String>,
    /// Cards: in how many parts.
    pub installments: u8,
    /// The client's own notes.
    pub metadata: Option<Map<String, Value>>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The gateway's id, once known.
    pub gateway_id: Option<String>,
    /// Why the gateway refused a charge that had been sent more than once. Another sending of it may still be
    /// taken, so it is sent no more, and looked for until it must have shown.
    pub refused: Option<String>,
    /// The gateway's word for why it was declined, or why a refund does not go through; or [`WITHDRAWN`].
    pub reason: Option<String>,
    /// What the payer needs while it is pending.
    pub instructions: Option<Instructions>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// When the money came.
    pub captured_at: Option<DateTime<Utc>>,
    /// When the money went back.
    pub refunded_at: Option<DateTime<Utc>>,
    /// What a manager gave back of it after the work, in order.
    #[serde(default)]
    pub parts: Vec<PartRefund>,
    /// How much of it had gone back when the gateway told last. More than the shop gave is somebody's doing at the gateway.
    #[serde(default)]
    pub gone_at_gateway: Cents,
    /// How much more of it the gateway had accepted to give back then.
    #[serde(default)]
    pub going_at_gateway: Cents,
    /// How what is left of it goes back, once it is owed.
    #[serde(default)]
    pub owed: Owed,
    /// Why it goes back though the order goes on.
    #[serde(default)]
    pub goes_back: Option<GoesBack>,
    /// The desk wants it ended.
    #[serde(default)]
    pub withdrawn: Option<Withdrawn>,
    /// Its end was told before the gateway showed it: it is cancelled there, and what comes of it goes back.
    #[serde(default)]
    pub ended_unseen: bool,
    /// The payer's bank takes the money back, or took it.
    #[serde(default)]
    pub charge_back: Option<ChargeBack>,
    /// What was asked of the gateway, and what it said.
    #[serde(default)]
    pub trail: Vec<Call>,
}

/// The payer's bank takes money back, whatever the shop says.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChargeBack {
    /// The gateway's word for how it stands: `in_process`, `settled` (the payer has the money), `reimbursed` (the shop).
    pub standing: String,
    /// When the shop learned of it.
    pub at: DateTime<Utc>,
    /// When that last changed.
    pub changed_at: DateTime<Utc>,
}

impl Attempt {
    /// Captured, owed back, or possibly one of them soon. Two may be: money that came late goes back beside another's.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        match self.status {
            PaymentStatus::Processing
            | PaymentStatus::Pending
            | PaymentStatus::Approved
            | PaymentStatus::Refunding => true,
            PaymentStatus::Rejected | PaymentStatus::Cancelled | PaymentStatus::Refunded => false,
        }
    }

    /// Whether the gateway still owes us a word.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.status, PaymentStatus::Processing | PaymentStatus::Pending)
    }

    /// Whether its charge was announced again after the first time ([`crate::bill::Bill::resend`]).
    #[must_use]
    pub(crate) fn was_sent_again(&self) -> bool {
        self.updated_at != self.created_at
    }

    /// The call that it asks for; `wanted` is false once the order is off.
    #[must_use]
    pub fn due(&self, wanted: bool) -> Option<Due> {
        let reference = self.id;
        match (self.status, self.gateway_id.clone(), wanted && !self.is_to_end()) {
            (PaymentStatus::Processing | PaymentStatus::Pending, Some(gateway_id), true) => {
                Some(Due::Read { reference, gateway_id })
            }
            (PaymentStatus::Processing | PaymentStatus::Pending, Some(gateway_id), false) => {
                Some(Due::Cancel { reference, gateway_id })
            }
            (PaymentStatus::Processing | PaymentStatus::Pending, None, true) if self.refused.is_none() => {
                Some(Due::Create(self.charge()))
            }
            (PaymentStatus::Processing | PaymentStatus::Pending, None, _) => {
                Some(Due::Search { reference, sent_at: self.updated_at })
            }
            (PaymentStatus::Refunding, Some(gateway_id), _) => Some(self.due_back(gateway_id)),
            (PaymentStatus::Approved, Some(gateway_id), _) => self.open_part()?.due(self, gateway_id),
            (PaymentStatus::Refunding | PaymentStatus::Approved, None, _)
            | (PaymentStatus::Rejected | PaymentStatus::Cancelled | PaymentStatus::Refunded, _, _) => None,
        }
    }

    /// The call that tells where it stands when none is due: how it is at the gateway, if it is there at all.
    #[must_use]
    pub fn look(&self) -> Due {
        let reference = self.id;
        match self.gateway_id.clone() {
            Some(gateway_id) => Due::Read { reference, gateway_id },
            None => Due::Search { reference, sent_at: self.updated_at },
        }
    }

    /// The charge that makes it.
    #[must_use]
    pub fn charge(&self) -> Charge {
        Charge {
            reference: self.id,
            amount: self.amount,
            method: self.method,
            payer: self.payer.clone(),
            address: self.address.clone(),
            expires_at: self.expires_at,
            card_token: self.card_token.clone(),
            card_brand: self.card_brand.clone(),
            installments: self.installments,
            description: format!("Quote {}", self.quote_id),
        }
    }

    /// The attempt with one call more in its trail.
    #[must_use]
    pub fn noted(self, call: Call) -> Self {
        Self { trail: trail::with(self.trail, call), ..self }
    }

    /// The attempt with another status. What is asked for when it is owed back is settled by that.
    #[must_use]
    pub fn moved(self, status: PaymentStatus, at: DateTime<Utc>) -> Self {
        let captured = matches!(status, PaymentStatus::Approved | PaymentStatus::Refunding);
        let is_owed_now = status == PaymentStatus::Refunding && self.status != PaymentStatus::Refunding;
        let owed = if is_owed_now { Owed { gone_before: self.gone(), ended: 0 } } else { self.owed.clone() };
        Self {
            status,
            owed,
            updated_at: at,
            captured_at: self.captured_at.or(captured.then_some(at)),
            refunded_at: self.refunded_at.or((status == PaymentStatus::Refunded).then_some(at)),
            ..self
        }
    }
}

#[cfg(test)]
impl Attempt {
    /// One for tests: a PIX of R$ 150, of which nothing more is known than this.
    pub(crate) fn sample(status: PaymentStatus, gateway_id: Option<&str>, at: DateTime<Utc>) -> Self {
        Self {
            id: PaymentId(uuid::Uuid::from_u128(1)),
            quote_id: QuoteId(uuid::Uuid::nil()),
            amount: Cents::new(15000).unwrap(),
            method: PaymentMethod::Pix,
            payer: Payer { name: "Ana".to_owned(), email: None, document: None },
            address: None,
            expires_at: None,
            card_token: None,
            card_brand: None,
            installments: 1,
            metadata: None,
            status,
            gateway_id: gateway_id.map(ToOwned::to_owned),
            refused: None,
            reason: None,
            instructions: None,
            created_at: at,
            updated_at: at,
            captured_at: None,
            refunded_at: None,
            parts: Vec::new(),
            gone_at_gateway: Cents::ZERO,
            going_at_gateway: Cents::ZERO,
            owed: Owed::default(),
            goes_back: None,
            withdrawn: None,
            ended_unseen: false,
            charge_back: None,
            trail: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    const ID: PaymentId = PaymentId(Uuid::from_u128(1));

    fn attempt(status: PaymentStatus, gateway_id: Option<&str>) -> Attempt {
        Attempt {
            method: PaymentMethod::CreditCard,
            card_token: Some("token".to_owned()),
            card_brand: Some("visa".to_owned()),
            installments: 3,
            ..Attempt::sample(status, gateway_id, AT)
        }
    }

    #[test]
    fn what_the_gateway_is_asked_follows_from_what_is_known() {
        let (reference, gateway_id) = (ID, "7".to_owned());
        let amount = Cents::new(15000).unwrap();
        for status in [PaymentStatus::Processing, PaymentStatus::Pending] {
            let (unknown, known) = (attempt(status, None), attempt(status, Some("7")));
            assert!(matches!(unknown.due(true), Some(Due::Create(charge)) if charge.reference == ID));
            assert_eq!(unknown.due(false), Some(Due::Search { reference, sent_at: AT }));
            assert_eq!(known.due(true), Some(Due::Read { reference, gateway_id: gateway_id.clone() }));
            assert_eq!(known.due(false), Some(Due::Cancel { reference, gateway_id: gateway_id.clone() }));
        }
        for wanted in [true, false] {
            let owed = attempt(PaymentStatus::Refunding, Some("7")).due(wanted);
            let gateway_id = gateway_id.clone();
            let whole = Due::Refund { reference, gateway_id, amount, gone_before: Cents::ZERO, ended: 0 };
            assert_eq!(owed, Some(whole));
        }
    }

    #[test]
    fn what_the_desk_has_withdrawn_is_looked_for_and_cancelled_and_never_made() {
        let withdrawn = |gateway_id| Attempt {
            withdrawn: Some(Withdrawn { by: "berta".to_owned(), at: AT }),
            ..attempt(PaymentStatus::Processing, gateway_id)
        };
        assert_eq!(withdrawn(None).due(true), Some(Due::Search { reference: ID, sent_at: AT }));
        assert!(matches!(withdrawn(Some("7")).due(true), Some(Due::Cancel { .. })));
    }

    fn cents(centavos: i64) -> Cents {
        Cents::new(centavos).unwrap()
    }

    fn owed(gone_at_gateway: i64) -> Attempt {
        let paid = attempt(PaymentStatus::Approved, Some("7"));
        Attempt { gone_at_gateway: cents(gone_at_gateway), ..paid }.moved(PaymentStatus::Refunding, AT)
    }

    #[test]
    fn only_what_is_left_is_asked_for_and_always_the_same_under_one_key() {
        let owed = owed(4000);
        let due = owed.due(false).unwrap();
        assert!(matches!(due, Due::Refund { amount, .. } if amount == cents(11000)), "{due:?}");
        let shown = Attempt { gone_at_gateway: cents(5000), ..owed };
        assert_eq!(shown.due(false), Some(due), "it may have been sent");
    }

    #[test]
    fn a_refund_that_ended_is_followed_by_another_under_a_key_of_its_own() {
        let first = owed(0);
        let second = first.clone().refund_ended(0, cents(4000), "rejected".to_owned());
        let due = second.due(false).unwrap();
        assert!(matches!(due, Due::Refund { amount, ended: 1, .. } if amount == cents(11000)), "{due:?}");
        assert_eq!(first.due(false).unwrap().key(), Some(format!("{ID}-refund")));
        assert_eq!(due.key(), Some(format!("{ID}-refund-1")));
        assert_eq!(second.clone().refund_ended(0, cents(0), "rejected".to_owned()), second, "heard before");
    }

    #[test]
    fn nothing_is_asked_for_where_nothing_is_left_and_the_gateway_says_whether_that_is_so() {
        let gone = owed(15000);
        assert!(matches!(gone.due(false), Some(Due::Read { .. })));
        let shown = Attempt { gone_at_gateway: cents(9000), ..gone }.owing_what_is_left();
        assert!(matches!(shown.due(false), Some(Due::Refund { amount, .. }) if amount == cents(6000)));
    }

    #[test]
    fn what_has_ended_asks_for_nothing() {
        let ended = [
            PaymentStatus::Approved,
            PaymentStatus::Rejected,
            PaymentStatus::Cancelled,
            PaymentStatus::Refunded,
        ];
        for status in ended {
            assert_eq!(attempt(status, Some("7")).due(true), None);
            assert_eq!(attempt(status, None).due(false), None);
        }
    }

    #[test]
    fn the_gateway_is_told_everything_about_the_card() {
        let Some(Due::Create(charge)) = attempt(PaymentStatus::Processing, None).due(true) else {
            panic!("no charge is due");
        };
        let card = (charge.card_token.as_deref(), charge.card_brand.as_deref(), charge.installments);
        assert_eq!(card, (Some("token"), Some("visa"), 3));
    }

    #[test]
    fn a_look_makes_nothing() {
        assert!(matches!(attempt(PaymentStatus::Approved, Some("7")).look(), Due::Read { .. }));
        assert!(matches!(attempt(PaymentStatus::Cancelled, None).look(), Due::Search { .. }));
    }

    #[test]
    fn money_comes_once_and_goes_back_once() {
        let later = AT + TimeDelta::hours(1);
        let refunding = attempt(PaymentStatus::Processing, Some("7"))
            .moved(PaymentStatus::Approved, AT)
            .moved(PaymentStatus::Refunding, later);
        assert_eq!((refunding.captured_at, refunding.refunded_at), (Some(AT), None));
        let refunded = refunding.moved(PaymentStatus::Refunded, later);
        assert_eq!(
            (refunded.captured_at, refunded.refunded_at, refunded.is_live()),
            (Some(AT), Some(later), false)
        );
    }
}
