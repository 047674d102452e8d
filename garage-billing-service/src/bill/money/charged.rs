//! What a payment's standing at the gateway means for an attempt in its state. Money counts once and for work that goes
//! on; whatever else comes, comes late, and goes back.

use super::*;
use crate::gateway::Instructions;

impl Bill {
    /// Learns how a payment stands. Money that comes for an order that is off, or for an attempt whose end was told, is
    /// owed back at once, and nobody is told to start work.
    pub(super) fn charged(
        &self,
        attempt: Attempt,
        charged: Charged,
        at: DateTime<Utc>,
    ) -> (Attempt, Option<Event>) {
        if charged.amount != attempt.amount {
            let reason = format!("the gateway has {} instead of {}", charged.amount, attempt.amount);
            return (Attempt { reason: Some(reason), ..attempt }, None);
        }
        let status = attempt.status;
        let has_ended = matches!(status, PaymentStatus::Rejected | PaymentStatus::Cancelled);
        let never_seen = has_ended && attempt.gateway_id.is_none();
        let is_open = attempt.is_open();
        let may_be_declined = is_open || never_seen && status == PaymentStatus::Cancelled;
        let is_owed = status == PaymentStatus::Refunding;
        let attempt = seen(attempt, &charged, at);
        match charged.standing {
            Standing::Pending if status == PaymentStatus::Processing || never_seen => {
                (pending(attempt, charged.instructions, at), None)
            }
            Standing::Approved if is_open && self.is_wanted() && !attempt.ended_unseen => {
                self.captured(attempt, at)
            }
            Standing::Approved if is_open || has_ended => (self.too_late(attempt, at), None),
            Standing::Approved if is_owed => (attempt.owing_what_is_left(), None),
            Standing::Declined(reason) if may_be_declined => self.declined(attempt, reason, at),
            Standing::Cancelled(reason) if may_be_declined => {
                let reason = attempt.cancelled_because(reason);
                self.declined(attempt, reason, at)
            }
            Standing::Refunded if is_open || has_ended => {
                let goes_back = self.is_wanted().then_some(GoesBack::AtGateway);
                self.given_back(Attempt { goes_back, ..attempt }, at)
            }
            Standing::Refunded if is_owed => self.given_back(attempt, at),
            Standing::Pending
            | Standing::Approved
            | Standing::Declined(_)
            | Standing::Cancelled(_)
            | Standing::Refunded => (attempt, None),
        }
    }

    fn captured(&self, attempt: Attempt, at: DateTime<Utc>) -> (Attempt, Option<Event>) {
        let told = self.told_of_capture(&attempt).into();
        (attempt.moved(PaymentStatus::Approved, at), Some(told))
    }

    /// The order is off; or the end of this attempt was told, so that another one may have been paid meanwhile.
    fn too_late(&self, attempt: Attempt, at: DateTime<Utc>) -> Attempt {
        let goes_back = self.is_wanted().then_some(GoesBack::TooLate);
        Attempt { goes_back, reason: None, ..attempt.moved(PaymentStatus::Refunding, at) }
    }

    /// Declined while the client waits is a failure, refused after it was pending a rejection (SPEC 3). For
    /// an order that is off it is no news to anybody, and neither is a second end.
    pub(super) fn declined(
        &self,
        attempt: Attempt,
        reason: String,
        at: DateTime<Utc>,
    ) -> (Attempt, Option<Event>) {
        let ended = |attempt: Attempt, reason: String, status| Attempt {
            reason: Some(reason),
            card_token: None,
            ..attempt.moved(status, at)
        };
        if !self.is_wanted() || attempt.ended_unseen {
            return (ended(attempt, reason, PaymentStatus::Cancelled), None);
        }
        let (work_order_id, payment_id) = (self.work_order_id, attempt.id);
        let (quote_id, amount) = (attempt.quote_id, attempt.amount);
        let told = if attempt.status == PaymentStatus::Pending {
            PaymentRejected { work_order_id, payment_id, quote_id, amount, reason: reason.clone() }.into()
        } else {
            PaymentFailed { work_order_id, payment_id, quote_id, amount, reason: reason.clone() }.into()
        };
        (ended(attempt, reason, PaymentStatus::Rejected), Some(told))
    }

    pub(super) fn given_back(&self, attempt: Attempt, at: DateTime<Utc>) -> (Attempt, Option<Event>) {
        let told = self.told_of_refund(&attempt).into();
        (Attempt { reason: None, ..attempt.moved(PaymentStatus::Refunded, at) }, Some(told))
    }
}

/// The attempt with what the gateway shows of it, whatever that means for it.
fn seen(attempt: Attempt, charged: &Charged, at: DateTime<Utc>) -> Attempt {
    Attempt {
        charge_back: attempt.charge_back_after(charged.charge_back.clone(), at),
        gateway_id: Some(charged.gateway_id.clone()),
        refused: None,
        card_token: None,
        gone_at_gateway: charged.refunded,
        going_at_gateway: charged.going_back,
        ..attempt
    }
}

/// It waits for its payer. One whose end was told before it was seen may not be paid any more.
fn pending(attempt: Attempt, instructions: Option<Instructions>, at: DateTime<Utc>) -> Attempt {
    let ended_unseen = attempt.ended_unseen || attempt.status == PaymentStatus::Rejected;
    Attempt { instructions, ended_unseen, ..attempt.moved(PaymentStatus::Pending, at) }
}
