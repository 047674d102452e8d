//! Parts of the money that a manager gives back once the work is finished, and what the payer's bank takes back. The
//! order stays `COMPLETED`: what goes back by this way is always less than all. Pure, like the rest of the bill.

use garage_events::WorkOrderStatus;

use super::*;
use crate::payment::{Call, ChargeBack, PartRefund, PartStanding};

/// A payment is given back in so many parts and no more: a bill is one document.
const MOST_PARTS: usize = 20;
/// What is refused.
const GIVING_PART: &str = "giving a part back";

const fn is_finished(status: WorkOrderStatus) -> bool {
    matches!(status, WorkOrderStatus::Completed | WorkOrderStatus::Delivered)
}

/// What a manager wants to give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartWish {
    /// The id that the refund will have.
    pub id: Uuid,
    /// How much.
    pub amount: Cents,
    /// Why.
    pub reason: String,
    /// Who asks for it.
    pub by: String,
}

impl Bill {
    /// Takes the wish to give a part of a payment back; the gateway is asked afterwards. The same wish handed in again
    /// changes nothing.
    ///
    /// # Errors
    /// Unless the work is finished, the money is here, no other part is on its way, and something stays.
    pub fn give_back_part(
        mut self,
        payment: PaymentId,
        wish: PartWish,
        at: DateTime<Utc>,
    ) -> Result<Transition<Self>, Refusal> {
        self.check_part(payment, &wish)?;
        let attempt = self.attempts.iter_mut().find(|attempt| attempt.id == payment);
        let attempt = attempt.ok_or(Refusal::Unknown("payment"))?;
        if attempt.parts.iter().all(|part| part.id != wish.id) {
            let PartWish { id, amount, reason, by } = wish;
            let (gone_before, standing) = (attempt.gone(), PartStanding::Due);
            attempt.parts.push(PartRefund { id, amount, reason, by, asked_at: at, gone_before, standing });
        }
        Ok(Transition::quiet(self))
    }

    /// Whether the work of a paid order goes on, as far as is known here.
    #[must_use]
    pub fn may_be_finished_unheard(&self) -> bool {
        let is_paid = self.attempts.iter().any(|attempt| attempt.status == PaymentStatus::Approved);
        is_paid && self.is_wanted() && !self.order_status.is_some_and(|known| is_finished(known.status))
    }

    fn check_part(&self, payment: PaymentId, wish: &PartWish) -> Result<(), Refusal> {
        let attempt = self.attempt(payment).ok_or(Refusal::Unknown("payment"))?;
        if attempt.parts.iter().any(|part| part.id == wish.id) {
            return Ok(());
        }
        self.check_a_part_may_go(payment)?;
        if attempt.going_at_gateway > Cents::ZERO {
            return Err(Refusal::state(GIVING_PART, "refund at the gateway", "still on its way"));
        }
        let left = attempt.amount.less(attempt.gone());
        if wish.amount == Cents::ZERO || wish.amount >= left {
            return Err(Refusal::field(
                "amount",
                format!("must be above 0 and less than what is left, {left}"),
            ));
        }
        Ok(())
    }

    /// What must hold for a part to go back, however much of the payment the gateway shows as gone.
    ///
    /// # Errors
    /// Unless the work is finished, the money is here, and no other part is on its way.
    pub fn check_a_part_may_go(&self, payment: PaymentId) -> Result<(), Refusal> {
        let attempt = self.attempt(payment).ok_or(Refusal::Unknown("payment"))?;
        if attempt.status != PaymentStatus::Approved {
            return Err(Refusal::state(GIVING_PART, "payment", attempt.status));
        }
        match self.order_status.map(|known| known.status) {
            Some(known) if is_finished(known) => {}
            Some(other) => return Err(Refusal::state(GIVING_PART, "work order", other)),
            None => return Err(Refusal::state(GIVING_PART, "work order", "not known to be finished")),
        }
        if attempt.open_part().is_some() {
            return Err(Refusal::state(GIVING_PART, "earlier refund", "still on its way"));
        }
        if attempt.parts.len() >= MOST_PARTS {
            let many = format!("given back in {MOST_PARTS} parts, and no more are possible");
            return Err(Refusal::state(GIVING_PART, "payment", many));
        }
        Ok(())
    }

    /// Notes in an attempt's trail what was asked of the gateway, and what it said.
    #[must_use]
    pub fn noted(mut self, reference: PaymentId, call: Call) -> Self {
        let attempts = self.attempts.into_iter();
        self.attempts = attempts
            .map(|attempt| if attempt.id == reference { attempt.noted(call.clone()) } else { attempt })
            .collect();
        self
    }

    pub(super) fn part_done(
        &self,
        mut attempt: Attempt,
        refund: Uuid,
        at: DateTime<Utc>,
    ) -> (Attempt, Option<Event>) {
        let Some(part) = attempt.parts.iter_mut().find(|part| part.id == refund && !part.is_done()) else {
            return (attempt, None);
        };
        part.standing = PartStanding::Done { at };
        let told = self.told_of_part(&attempt, refund);
        (attempt, told.map(Event::from))
    }

    /// What was seen to have gone is this part while it is on its way, and may be a later one once it has ended.
    pub(super) fn part_seen(
        &self,
        attempt: Attempt,
        refund: Uuid,
        at: DateTime<Utc>,
    ) -> (Attempt, Option<Event>) {
        match attempt.open_part().filter(|part| part.id == refund) {
            Some(_) => self.part_done(attempt, refund, at),
            None => (attempt, None),
        }
    }

    /// What is told of a part that went back.
    pub(super) fn told_of_part(&self, attempt: &Attempt, refund: Uuid) -> Option<PaymentRefunded> {
        let part = attempt.parts.iter().find(|part| part.id == refund && part.is_done())?;
        Some(PaymentRefunded {
            work_order_id: self.work_order_id,
            payment_id: attempt.id,
            quote_id: attempt.quote_id,
            amount: part.amount,
            reason: part.reason.clone(),
            refund_id: Some(part.id),
        })
    }
}

impl Attempt {
    /// The gateway would not give a part back. Another sending of it may be on its way.
    pub(super) fn part_doubted(mut self, refund: Uuid, why: String, at: DateTime<Utc>) -> Self {
        let due = |part: &&mut PartRefund| part.id == refund && part.standing == PartStanding::Due;
        if let Some(part) = self.parts.iter_mut().find(due) {
            part.standing = PartStanding::Doubted { why, at };
        }
        self
    }

    /// It did not go, and would have shown.
    pub(super) fn part_refused(mut self, refund: Uuid, at: DateTime<Utc>) -> Self {
        for part in self.parts.iter_mut().filter(|part| part.id == refund) {
            if let PartStanding::Doubted { why, .. } = &part.standing {
                part.standing = PartStanding::Refused { why: why.clone(), at };
            }
        }
        self
    }

    /// What is known of a charge-back after the gateway has spoken of the payment. What it no longer mentions has not
    /// been undone by that.
    pub(super) fn charge_back_after(&self, told: Option<String>, at: DateTime<Utc>) -> Option<ChargeBack> {
        match (&self.charge_back, told) {
            (known, None) => known.clone(),
            (Some(known), Some(standing)) if known.standing == standing => Some(known.clone()),
            (Some(known), Some(standing)) => Some(ChargeBack { standing, at: known.at, changed_at: at }),
            (None, Some(standing)) => Some(ChargeBack { standing, at, changed_at: at }),
        }
    }
}

#[cfg(test)]
mod tests;
