//! The sandbox's book: a payment as the provider would keep it, and what may happen to it. Pure; times and
//! keys are arguments.

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{Cents, PaymentMethod, event::Payer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod refund;
mod refusal;
mod test_data;

pub use refund::{Refund, RefundStatus};
pub use refusal::Refusal;
use test_data::beginning;
pub(super) use test_data::holder;

/// What is asked for. The same key may ask again for the same, and for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// How much.
    pub amount: Cents,
    /// How.
    pub method: PaymentMethod,
    /// Cards: the brand.
    pub brand: Option<String>,
    /// Cards: in how many parts.
    pub installments: u8,
    /// Cards: the holder's name, if the token is one of the test data's names.
    #[serde(default)]
    pub holder: Option<String>,
    /// Who pays.
    pub payer: Payer,
    /// The seller's own id of it.
    pub external_reference: Option<String>,
    /// What for.
    pub description: String,
    /// Until when the payer may act; as long as is usual unless told.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
    /// Whom to tell what becomes of it; whoever is told anyway unless told otherwise.
    #[serde(default)]
    pub notification_url: Option<String>,
}

/// A payment in the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The idempotency key that made it.
    pub key: Uuid,
    /// The gateway's id.
    pub number: u64,
    /// What was asked for.
    pub request: Request,
    /// Where it stands.
    pub status: Status,
    /// Why.
    pub detail: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Until when the payer may act; cards have no such time.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the money came.
    pub approved_at: Option<DateTime<Utc>>,
    /// What went back, in order.
    pub refunds: Vec<Refund>,
}

/// The provider's words for where a payment stands, as far as the sandbox needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for the payer.
    Pending,
    /// Under review.
    InProcess,
    /// Paid.
    Approved,
    /// Turned down.
    Rejected,
    /// Called off or lapsed.
    Cancelled,
    /// Given back, all of it.
    Refunded,
    /// Paid, and the payer disputes it.
    InMediation,
    /// The payer's bank takes the money back.
    ChargedBack,
}

impl Status {
    /// Its word, as the provider writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProcess => "in_process",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::InMediation => "in_mediation",
            Self::ChargedBack => "charged_back",
        }
    }
}

/// What people and banks do with a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The payer pays.
    Approve,
    /// The review ends badly.
    Decline,
    /// The payer lets the time pass.
    Expire,
    /// The provider looks at it itself first.
    Review,
    /// The payer disputes what was paid.
    Dispute,
    /// The dispute ends well for the seller.
    Release,
    /// The payer's bank begins to take back what was paid.
    ChargeBack,
    /// The bank has taken it back for good.
    Settle,
    /// The bank has left it with the seller after all.
    Reimburse,
}

/// Money that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// When.
    pub at: DateTime<Utc>,
    /// The payment's number.
    pub payment: u64,
    /// The seller's own id of the payment.
    pub external_reference: Option<String>,
    /// Whether it went back to the payer.
    pub is_refund: bool,
    /// How much.
    pub amount: Cents,
}

impl Entry {
    /// A new payment, which begins as the payer's name demands.
    #[must_use]
    pub fn create(key: Uuid, request: Request, at: DateTime<Utc>) -> Self {
        let (status, detail) =
            beginning(request.holder.as_ref().unwrap_or(&request.payer.name), request.method);
        let expires_at = request.expires_at.or_else(|| life(request.method).map(|life| at + life));
        let waiting = Self {
            key,
            number: number(key),
            request,
            status: Status::Pending,
            detail: String::new(),
            created_at: at,
            updated_at: at,
            expires_at,
            approved_at: None,
            refunds: Vec::new(),
        };
        waiting.moved(status, detail, at)
    }

    /// Whether the request that made it is asked again.
    ///
    /// # Errors
    /// When it is another request under the same key.
    pub fn repeated(&self, request: &Request) -> Result<(), Refusal> {
        if self.request == *request { Ok(()) } else { Err(Refusal::KeyReused) }
    }

    /// The seller calls it off.
    ///
    /// # Errors
    /// When it no longer waits.
    pub fn cancel(&self, at: DateTime<Utc>) -> Result<Self, Refusal> {
        Ok(self.waiting()?.moved(Status::Cancelled, "by_collector", at))
    }

    /// What people and banks do with it.
    ///
    /// # Errors
    /// When that cannot be done with it as it stands.
    pub fn decide(&self, verdict: Verdict, at: DateTime<Utc>) -> Result<Self, Refusal> {
        use Status::{Approved, ChargedBack, InMediation, InProcess, Pending};
        let waiting: &[Status] = &[Pending, InProcess];
        let (from, status, detail) = match verdict {
            Verdict::Approve => (waiting, Approved, "accredited"),
            Verdict::Decline => (waiting, Status::Rejected, "cc_rejected_other_reason"),
            Verdict::Expire => (waiting, Status::Cancelled, "expired"),
            Verdict::Review => (&[Pending][..], InProcess, "pending_review_manual"),
            Verdict::Dispute => (&[Approved][..], InMediation, "pending"),
            Verdict::Release => (&[InMediation][..], Approved, "accredited"),
            Verdict::ChargeBack => (&[Approved, InMediation][..], ChargedBack, "in_process"),
            Verdict::Settle => (&[ChargedBack][..], ChargedBack, "settled"),
            Verdict::Reimburse => (&[ChargedBack][..], ChargedBack, "reimbursed"),
        };
        if !from.contains(&self.status) {
            return Err(Refusal::NotPending);
        }
        Ok(self.clone().moved(status, detail, at))
    }

    /// The payment as it is now: one whose time has passed is over, whoever looks.
    #[must_use]
    pub fn as_of(self, now: DateTime<Utc>) -> Self {
        match self.expires_at.filter(|expires_at| *expires_at < now) {
            Some(expired) if self.status == Status::Pending => {
                self.moved(Status::Cancelled, "expired", expired)
            }
            Some(_) | None => self,
        }
    }

    /// The money that it moved so far, in order; later ones only ever follow.
    pub fn movements(&self) -> impl Iterator<Item = Movement> {
        let moved = |at, is_refund, amount| Movement {
            at,
            payment: self.number,
            external_reference: self.request.external_reference.clone(),
            is_refund,
            amount,
        };
        let capture = self.approved_at.map(|at| moved(at, false, self.request.amount));
        capture.into_iter().chain(self.gone_back().map(move |refund| moved(refund.at, true, refund.amount)))
    }

    fn waiting(&self) -> Result<Self, Refusal> {
        match self.status {
            Status::Pending | Status::InProcess => Ok(self.clone()),
            Status::Approved
            | Status::Rejected
            | Status::Cancelled
            | Status::Refunded
            | Status::InMediation
            | Status::ChargedBack => Err(Refusal::NotPending),
        }
    }

    fn moved(self, status: Status, detail: &str, at: DateTime<Utc>) -> Self {
        let approved_at = self.approved_at.or((status == Status::Approved).then_some(at));
        Self { status, detail: detail.to_owned(), updated_at: at, approved_at, ..self }
    }
}

/// How long the payer has, by the provider's defaults.
const fn life(method: PaymentMethod) -> Option<TimeDelta> {
    match method {
        PaymentMethod::Pix => Some(TimeDelta::hours(24)),
        PaymentMethod::Boleto => Some(TimeDelta::days(3)),
        PaymentMethod::CreditCard | PaymentMethod::DebitCard => None,
    }
}

/// A number as the provider gives: 13 to 16 digits, exact in a double. One key always has the same.
const fn number(key: Uuid) -> u64 {
    const LEAST: u64 = 1_000_000_000_000;
    const END: u64 = 9_000_000_000_000_000;
    let (high, low) = key.as_u64_pair();
    LEAST + (high ^ low) % (END - LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    const KEY: Uuid = Uuid::from_u128(0x0199_3c6e_7b1a_7000_8000_1234_5678_9abc);

    fn request(name: &str, method: PaymentMethod) -> Request {
        Request {
            amount: Cents::new(81494).unwrap(),
            method,
            brand: None,
            holder: None,
            installments: 1,
            payer: Payer { name: name.to_owned(), email: None, document: None },
            external_reference: None,
            description: String::new(),
            expires_at: None,
            notification_url: None,
        }
    }

    fn made(name: &str) -> Entry {
        Entry::create(KEY, request(name, PaymentMethod::Pix), AT)
    }

    #[test]
    fn a_payer_who_takes_time_waits_in_the_method_s_own_way() {
        for (method, status, detail, hours) in [
            (PaymentMethod::Pix, Status::Pending, "pending_waiting_transfer", Some(24)),
            (PaymentMethod::Boleto, Status::Pending, "pending_waiting_payment", Some(72)),
            (PaymentMethod::CreditCard, Status::InProcess, "pending_contingency", None),
            (PaymentMethod::DebitCard, Status::InProcess, "pending_contingency", None),
        ] {
            let entry = Entry::create(KEY, request("CONT", method), AT);
            assert_eq!((entry.status, entry.detail.as_str()), (status, detail));
            assert_eq!(entry.expires_at, hours.map(|hours| AT + TimeDelta::hours(hours)));
        }
    }

    #[test]
    fn money_comes_only_with_an_approval() {
        assert_eq!((made("APRO").status, made("APRO").approved_at), (Status::Approved, Some(AT)));
        assert_eq!((made("OTHE").status, made("OTHE").approved_at), (Status::Rejected, None));
    }

    #[test]
    fn only_what_waits_can_be_decided_or_called_off() {
        let waiting = made("CONT");
        for (verdict, status, detail) in [
            (Verdict::Approve, Status::Approved, "accredited"),
            (Verdict::Decline, Status::Rejected, "cc_rejected_other_reason"),
            (Verdict::Expire, Status::Cancelled, "expired"),
        ] {
            let decided = waiting.decide(verdict, AT).unwrap();
            assert_eq!((decided.status, decided.detail.as_str()), (status, detail));
            assert_eq!(decided.decide(Verdict::Approve, AT), Err(Refusal::NotPending));
            assert_eq!(decided.cancel(AT), Err(Refusal::NotPending));
        }
        assert_eq!(waiting.cancel(AT).unwrap().detail, "by_collector");
    }

    #[test]
    fn a_payment_whose_time_has_passed_is_over_whoever_looks() {
        let waiting = made("CONT");
        let last = waiting.expires_at.unwrap();
        assert_eq!(waiting.clone().as_of(last), waiting);
        let over = waiting.as_of(last + TimeDelta::milliseconds(1));
        assert_eq!(
            (over.status, over.detail.as_str(), over.updated_at),
            (Status::Cancelled, "expired", last)
        );
        let paid = made("APRO");
        assert_eq!(paid.clone().as_of(last + TimeDelta::days(1)), paid);
    }

    #[test]
    fn the_payer_s_bank_may_take_the_money_back_and_leave_it_after_all() {
        let taken = made("APRO").decide(Verdict::ChargeBack, AT).unwrap();
        assert_eq!((taken.status, taken.detail.as_str()), (Status::ChargedBack, "in_process"));
        assert_eq!(taken.decide(Verdict::Settle, AT).unwrap().detail, "settled");
        assert_eq!(taken.decide(Verdict::Reimburse, AT).unwrap().detail, "reimbursed");
        assert_eq!(made("CONT").decide(Verdict::ChargeBack, AT), Err(Refusal::NotPending));
        let disputed = made("APRO").decide(Verdict::Dispute, AT).unwrap();
        assert_eq!(disputed.decide(Verdict::Release, AT).unwrap().status, Status::Approved);
    }

    #[test]
    fn the_ledger_keeps_the_capture_when_the_money_has_gone_back() {
        let later = AT + TimeDelta::days(1);
        let entry = made("APRO").refund(None, "a", RefundStatus::Approved, later).unwrap();
        let moved: Vec<_> =
            entry.movements().map(|moved| (moved.is_refund, moved.amount.centavos())).collect();
        assert_eq!(moved, [(false, 81494), (true, 81494)]);
        assert_eq!(made("OTHE").movements().count(), 0);
    }

    #[test]
    fn a_key_asks_for_one_thing_only() {
        assert_eq!(made("APRO").repeated(&request("APRO", PaymentMethod::Pix)), Ok(()));
        assert_eq!(made("APRO").repeated(&request("APRO", PaymentMethod::Boleto)), Err(Refusal::KeyReused));
    }

    #[test]
    fn a_number_is_the_key_s_own_and_exact_in_a_double() {
        for key in [Uuid::nil(), Uuid::max(), KEY, Uuid::from_u128(u64::MAX.into())] {
            assert_eq!(number(key), number(key));
            assert!((1_000_000_000_000..1 << 53).contains(&number(key)), "{key}");
        }
        assert_ne!(number(KEY), number(Uuid::from_u128(KEY.as_u128() + 1)));
    }
}
