//! The sandbox's book: a payment as the provider would keep it, and what may happen to it. Pure; times and
//! keys are arguments.

use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{Cents, PaymentMethod, event::Payer};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

mod refusal;
mod test_data;

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
}

/// Money that went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The idempotency key that made it.
    pub key: String,
    /// The gateway's id of it.
    pub number: u64,
    /// How much.
    pub amount: Cents,
    /// When.
    pub at: DateTime<Utc>,
}

/// What becomes of a payment that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The payer pays.
    Approve,
    /// The review ends badly.
    Decline,
    /// The payer lets the time pass.
    Expire,
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
        let expires_at = life(request.method).map(|life| at + life);
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

    /// What the payer or the reviewer does.
    ///
    /// # Errors
    /// When it no longer waits.
    pub fn decide(&self, verdict: Verdict, at: DateTime<Utc>) -> Result<Self, Refusal> {
        let (status, detail) = match verdict {
            Verdict::Approve => (Status::Approved, "accredited"),
            Verdict::Decline => (Status::Rejected, "cc_rejected_other_reason"),
            Verdict::Expire => (Status::Cancelled, "expired"),
        };
        Ok(self.waiting()?.moved(status, detail, at))
    }

    /// Gives back `amount`, or all that is left. The same key gives back once.
    ///
    /// # Errors
    /// When there is no such money, or the key gave back another amount.
    pub fn refund(&self, amount: Option<Cents>, key: &str, at: DateTime<Utc>) -> Result<Self, Refusal> {
        if let Some(before) = self.refunds.iter().find(|refund| refund.key == key) {
            let is_same = amount.is_none_or(|amount| amount == before.amount);
            return if is_same { Ok(self.clone()) } else { Err(Refusal::KeyReused) };
        }
        let amount = self.refundable(amount)?;
        let number = self.number + self.refunds.len() as u64 + 1;
        let mut next = self.clone();
        next.refunds.push(Refund { key: key.to_owned(), number, amount, at });
        if next.left() == Cents::ZERO {
            return Ok(next.moved(Status::Refunded, "refunded", at));
        }
        Ok(next.moved(Status::Approved, "partially_refunded", at))
    }

    /// How much would go back.
    fn refundable(&self, amount: Option<Cents>) -> Result<Cents, Refusal> {
        match self.status {
            Status::Approved => {}
            Status::Refunded => return Err(Refusal::AlreadyRefunded),
            Status::Pending | Status::InProcess | Status::Rejected | Status::Cancelled => {
                return Err(Refusal::NotCaptured);
            }
        }
        match amount.unwrap_or_else(|| self.left()) {
            Cents::ZERO => Err(Refusal::NotPositive),
            amount if amount > self.left() => Err(Refusal::TooMuch),
            amount => Ok(amount),
        }
    }

    /// How much went back.
    #[must_use]
    pub fn refunded(&self) -> Cents {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// How much of the payment did not go back.
    fn left(&self) -> Cents {
        Cents::new(self.request.amount.centavos() - self.refunded().centavos()).unwrap_or(Cents::ZERO)
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
        capture
            .into_iter()
            .chain(self.refunds.iter().map(move |refund| moved(refund.at, true, refund.amount)))
    }

    fn waiting(&self) -> Result<Self, Refusal> {
        match self.status {
            Status::Pending | Status::InProcess => Ok(self.clone()),
            Status::Approved | Status::Rejected | Status::Cancelled | Status::Refunded => {
                Err(Refusal::NotPending)
            }
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
        }
    }

    fn made(name: &str) -> Entry {
        Entry::create(KEY, request(name, PaymentMethod::Pix), AT)
    }

    fn cents(n: i64) -> Option<Cents> {
        Cents::new(n)
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
    fn a_refund_goes_back_once_per_key_and_never_beyond_the_capture() {
        let whole = made("APRO").refund(cents(81494), "a", AT).unwrap();
        assert_eq!((whole.status, whole.refunded()), (Status::Refunded, cents(81494).unwrap()));
        assert_eq!(whole.refund(cents(81494), "a", AT), Ok(whole.clone()));
        assert_eq!(whole.refund(cents(1), "a", AT), Err(Refusal::KeyReused));
        assert_eq!(whole.refund(cents(1), "b", AT), Err(Refusal::AlreadyRefunded));
        assert_eq!(made("CONT").refund(None, "a", AT), Err(Refusal::NotCaptured));
        assert_eq!(made("OTHE").refund(None, "a", AT), Err(Refusal::NotCaptured));
    }

    #[test]
    fn a_payment_can_go_back_in_parts_until_nothing_is_left() {
        let part = made("APRO").refund(cents(10000), "a", AT).unwrap();
        assert_eq!((part.status, part.detail.as_str()), (Status::Approved, "partially_refunded"));
        assert_eq!(part.refund(cents(71495), "b", AT), Err(Refusal::TooMuch));
        assert_eq!(part.refund(cents(0), "b", AT), Err(Refusal::NotPositive));
        let rest = part.refund(None, "b", AT).unwrap();
        assert_eq!((rest.status, rest.refunds[1].amount), (Status::Refunded, cents(71494).unwrap()));
        assert_ne!(rest.refunds[0].number, rest.refunds[1].number);
    }

    #[test]
    fn the_ledger_keeps_the_capture_when_the_money_has_gone_back() {
        let entry = made("APRO").refund(None, "a", AT + TimeDelta::days(1)).unwrap();
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
