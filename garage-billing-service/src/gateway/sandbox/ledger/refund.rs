//! Money that goes back: once per key, never beyond the capture, and perhaps not at once or not at all.

use chrono::{DateTime, Utc};
use garage_events::Cents;
use serde::{Deserialize, Serialize};

use super::{Entry, Refusal, Status};

/// Money that goes back.
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
    /// Whether it has gone.
    #[serde(default)]
    pub status: RefundStatus,
}

/// Whether a refund has gone, in the provider's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// It has.
    #[default]
    Approved,
    /// Not yet.
    InProcess,
    /// It will not.
    Rejected,
}

impl Entry {
    /// Gives back `amount`, or all that is left; it begins as `status`. The same key gives back once.
    ///
    /// # Errors
    /// When there is no such money, or the key gave back another amount.
    pub fn refund(
        &self,
        amount: Option<Cents>,
        key: &str,
        status: RefundStatus,
        at: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        if let Some(before) = self.refunds.iter().find(|refund| refund.key == key) {
            let is_same = amount.is_none_or(|amount| amount == before.amount);
            return if is_same { Ok(self.clone()) } else { Err(Refusal::KeyReused) };
        }
        let amount = self.refundable(amount)?;
        let number = self.number + self.refunds.len() as u64 + 1;
        let mut next = self.clone();
        next.refunds.push(Refund { key: key.to_owned(), number, amount, at, status });
        Ok(next.after_refund(at))
    }

    /// What becomes of a refund that has not gone.
    ///
    /// # Errors
    /// When there is none by this number that has not gone.
    pub fn decide_refund(
        &self,
        number: u64,
        status: RefundStatus,
        at: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let mut next = self.clone();
        let waits =
            |refund: &&mut Refund| refund.number == number && refund.status == RefundStatus::InProcess;
        let refund = next.refunds.iter_mut().find(waits).ok_or(Refusal::NoSuchRefund)?;
        (refund.status, refund.at) = (status, at);
        Ok(next.after_refund(at))
    }

    fn after_refund(self, at: DateTime<Utc>) -> Self {
        match self.refunded() {
            all if all == self.request.amount => self.moved(Status::Refunded, "refunded", at),
            Cents::ZERO => Self { updated_at: at, ..self },
            _ => self.moved(Status::Approved, "partially_refunded", at),
        }
    }

    /// How much would go back.
    fn refundable(&self, amount: Option<Cents>) -> Result<Cents, Refusal> {
        match self.status {
            Status::Approved => {}
            Status::Refunded => return Err(Refusal::AlreadyRefunded),
            Status::Pending
            | Status::InProcess
            | Status::Rejected
            | Status::Cancelled
            | Status::InMediation
            | Status::ChargedBack => return Err(Refusal::NotCaptured),
        }
        match amount.unwrap_or_else(|| self.left()) {
            Cents::ZERO => Err(Refusal::NotPositive),
            amount if amount > self.left() => Err(Refusal::TooMuch),
            amount => Ok(amount),
        }
    }

    /// The refunds that have gone.
    pub(super) fn gone_back(&self) -> impl Iterator<Item = &Refund> {
        self.refunds.iter().filter(|refund| refund.status == RefundStatus::Approved)
    }

    /// How much went back.
    #[must_use]
    pub fn refunded(&self) -> Cents {
        self.gone_back().map(|refund| refund.amount).sum()
    }

    /// How much was accepted to go back and has not gone.
    #[must_use]
    pub fn going_back(&self) -> Cents {
        let waits = self.refunds.iter().filter(|refund| refund.status == RefundStatus::InProcess);
        waits.map(|refund| refund.amount).sum()
    }

    /// How much of the payment neither went back nor is about to.
    fn left(&self) -> Cents {
        let asked = self.refunds.iter().filter(|refund| refund.status != RefundStatus::Rejected);
        let asked: Cents = asked.map(|refund| refund.amount).sum();
        self.request.amount.less(asked)
    }
}

#[cfg(test)]
mod tests {
    use garage_events::{PaymentMethod, event::Payer};
    use uuid::Uuid;

    use super::{super::Request, *};

    const AT: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    const DONE: RefundStatus = RefundStatus::Approved;

    fn made(name: &str) -> Entry {
        let request = Request {
            amount: Cents::new(81494).unwrap(),
            method: PaymentMethod::Pix,
            brand: None,
            holder: None,
            installments: 1,
            payer: Payer { name: name.to_owned(), email: None, document: None },
            external_reference: None,
            description: String::new(),
            expires_at: None,
            notification_url: None,
        };
        Entry::create(Uuid::from_u128(7), request, AT)
    }

    fn cents(n: i64) -> Option<Cents> {
        Cents::new(n)
    }

    #[test]
    fn a_refund_goes_back_once_per_key_and_never_beyond_the_capture() {
        let whole = made("APRO").refund(cents(81494), "a", DONE, AT).unwrap();
        assert_eq!((whole.status, whole.refunded()), (Status::Refunded, cents(81494).unwrap()));
        assert_eq!(whole.refund(cents(81494), "a", DONE, AT), Ok(whole.clone()));
        assert_eq!(whole.refund(cents(1), "a", DONE, AT), Err(Refusal::KeyReused));
        assert_eq!(whole.refund(cents(1), "b", DONE, AT), Err(Refusal::AlreadyRefunded));
        assert_eq!(made("CONT").refund(None, "a", DONE, AT), Err(Refusal::NotCaptured));
        assert_eq!(made("OTHE").refund(None, "a", DONE, AT), Err(Refusal::NotCaptured));
    }

    #[test]
    fn a_payment_can_go_back_in_parts_until_nothing_is_left() {
        let part = made("APRO").refund(cents(10000), "a", DONE, AT).unwrap();
        assert_eq!((part.status, part.detail.as_str()), (Status::Approved, "partially_refunded"));
        assert_eq!(part.refund(cents(71495), "b", DONE, AT), Err(Refusal::TooMuch));
        assert_eq!(part.refund(cents(0), "b", DONE, AT), Err(Refusal::NotPositive));
        let rest = part.refund(None, "b", DONE, AT).unwrap();
        assert_eq!((rest.status, rest.refunds[1].amount), (Status::Refunded, cents(71494).unwrap()));
        assert_ne!(rest.refunds[0].number, rest.refunds[1].number);
    }

    #[test]
    fn money_on_its_way_back_is_not_back_and_cannot_be_asked_for_twice() {
        let waits = made("APRO").refund(None, "a", RefundStatus::InProcess, AT).unwrap();
        assert_eq!((waits.status, waits.refunded()), (Status::Approved, Cents::ZERO));
        assert_eq!(waits.refund(cents(1), "b", DONE, AT), Err(Refusal::TooMuch));
        let number = waits.refunds[0].number;
        let gone = waits.decide_refund(number, RefundStatus::Approved, AT).unwrap();
        assert_eq!((gone.status, gone.refunded()), (Status::Refunded, cents(81494).unwrap()));
        let not_gone = waits.decide_refund(number, RefundStatus::Rejected, AT).unwrap();
        assert_eq!((not_gone.status, not_gone.refunded()), (Status::Approved, Cents::ZERO));
        assert!(not_gone.refund(None, "b", DONE, AT).is_ok());
        assert_eq!(gone.decide_refund(number, RefundStatus::Rejected, AT), Err(Refusal::NoSuchRefund));
    }
}
