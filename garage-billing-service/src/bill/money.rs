//! The money of a bill: an attempt to pay is taken, gateway calls fall due, and their answers decide what was captured,
//! what is owed back and what is told. Pure, like the rest of the bill.

use garage_events::event::reason;

use super::*;
use crate::payment::{GoesBack, Owed, WITHDRAWN};

mod charged;
mod withdrawal;

/// A bill takes so many attempts and no more: it is one document.
const MOST_ATTEMPTS: usize = 50;
/// A customer's link may try for ever, so it stops earlier: the desk can still take the payment.
const MOST_BY_LINK: usize = 20;

impl Bill {
    /// Takes an attempt to pay: it is stored, and the gateway is asked afterwards. The same attempt handed
    /// in again changes nothing.
    ///
    /// # Errors
    /// Unless the quote is approved, the amount is its total, the order goes on and no other attempt counts, or may yet.
    pub fn pay(self, tender: Tender, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        self.pay_with(tender, Extras::default(), at)
    }

    /// The same with what else comes with it.
    ///
    /// # Errors
    /// As [`Self::pay`].
    pub fn pay_with(
        self,
        tender: Tender,
        extras: Extras,
        at: DateTime<Utc>,
    ) -> Result<Transition<Self>, Refusal> {
        if self.attempts.iter().any(|attempt| attempt.id == tender.id) {
            return Ok(Transition::quiet(self));
        }
        let payer = self.check_tender(&tender)?;
        let told = PaymentCreated {
            work_order_id: self.work_order_id,
            payment_id: tender.id,
            quote_id: tender.quote_id,
            amount: tender.amount,
            payment_method: tender.method,
        };
        let attempt = Attempt {
            id: tender.id,
            quote_id: tender.quote_id,
            amount: tender.amount,
            method: tender.method,
            payer: Payer {
                email: extras.email.or(payer.email),
                document: extras.document.or(payer.document),
                ..payer
            },
            address: extras.address,
            expires_at: extras.expires_at,
            card_token: tender.card_token,
            card_brand: extras.card_brand,
            installments: tender.installments,
            metadata: extras.metadata,
            status: PaymentStatus::Processing,
            gateway_id: None,
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
        };
        let attempts = self.attempts.into_iter().chain([attempt]).collect();
        Ok(Transition::telling(Self { attempts, ..self }, [told.into()]))
    }

    /// Whether a customer's link may begin another attempt, as far as their number goes.
    ///
    /// # Errors
    /// When there have been so many that the next one is the desk's.
    pub fn check_room_for_the_link(&self) -> Result<(), Refusal> {
        if self.attempts.len() < MOST_BY_LINK {
            return Ok(());
        }
        let many =
            format!("at {MOST_BY_LINK} attempts, as many as a customer's link may make: ask the workshop");
        Err(Refusal::state("paying by this link", "bill", many))
    }

    /// Everything that must hold before money may move.
    fn check_tender(&self, tender: &Tender) -> Result<Payer, Refusal> {
        let quote = self.quote()?;
        let order = self.order.as_ref().ok_or(Refusal::Unknown("work order"))?;
        if quote.id != tender.quote_id {
            return Err(Refusal::field("quoteId", "must be the quote of this work order"));
        }
        if order.customer_id != tender.customer_id {
            return Err(Refusal::field("customerId", "must be the customer of this work order"));
        }
        if self.called_off.is_some() {
            return Err(Refusal::state("paying", "work order", "CANCELLED"));
        }
        if self.work_failed.is_some() {
            return Err(Refusal::state("paying", "work order", "FAILED"));
        }
        if quote.status != QuoteStatus::Approved {
            return Err(Refusal::state("paying", "quote", quote.status));
        }
        if self.attempts.len() >= MOST_ATTEMPTS {
            return Err(Refusal::state("paying", "bill", "at its last attempt; ask the workshop"));
        }
        if let Some(live) = self.attempts.iter().find(|attempt| attempt.is_live()) {
            return Err(Refusal::state("paying again", "earlier payment", live.status));
        }
        if tender.amount != quote.total() {
            return Err(Refusal::field("amount", format!("must be the quote's total, {}", quote.total())));
        }
        Ok(order.payer.clone().unwrap_or_else(|| Payer { name: String::new(), email: None, document: None }))
    }

    /// The gateway calls that must be made, whenever and however often, until their answers are in.
    #[must_use]
    pub fn due(&self) -> Vec<Due> {
        self.attempts.iter().filter_map(|attempt| attempt.due(self.is_wanted())).collect()
    }

    /// The charge of an attempt is about to be sent again, so a search for it counts from now ([`Due::Search`]).
    /// Nothing changes unless that charge is due: whoever sends it looks at [`Self::due`] afterwards.
    pub fn resend(mut self, reference: PaymentId, at: DateTime<Utc>) -> Transition<Self> {
        let wanted = self.is_wanted();
        let mut attempts = self.attempts.iter_mut();
        if let Some(attempt) = attempts.find(|attempt| attempt.id == reference)
            && matches!(attempt.due(wanted), Some(Due::Create(_)))
        {
            attempt.updated_at = at;
        }
        Transition::quiet(self)
    }

    /// Learns what came of a gateway call; total. An answer already known, or to an attempt that is not
    /// there, has no effect.
    pub fn hear(mut self, reference: PaymentId, answer: Answer, at: DateTime<Utc>) -> Transition<Self> {
        let Some(at_index) = self.attempts.iter().position(|attempt| attempt.id == reference) else {
            return Transition::quiet(self);
        };
        let attempt = self.attempts[at_index].clone();
        let in_doubt = attempt.is_open() && attempt.gateway_id.is_none();
        let (attempt, told) = match answer {
            Answer::Charged(charged) => self.charged(attempt, charged, at),
            Answer::Refused(reason) if in_doubt && attempt.was_sent_again() => {
                (Attempt { refused: Some(reason), card_token: None, ..attempt }, None)
            }
            Answer::Refused(reason) if in_doubt => self.declined(attempt, reason, at),
            Answer::NeverReceived if in_doubt => self.never_received(attempt, at),
            Answer::RefundDone if attempt.status == PaymentStatus::Refunding => self.given_back(attempt, at),
            Answer::RefundRefused(reason) if attempt.status == PaymentStatus::Refunding => {
                (Attempt { reason: Some(reason), ..attempt }, None)
            }
            Answer::RefundEnded { ended, gone, why } if attempt.status == PaymentStatus::Refunding => {
                (attempt.refund_ended(ended, gone, why), None)
            }
            Answer::PartDone(refund) => self.part_done(attempt, refund, at),
            Answer::PartSeen(refund) => self.part_seen(attempt, refund, at),
            Answer::PartRefused(refund, why) => (attempt.part_doubted(refund, why, at), None),
            Answer::PartNeverWent(refund) => (attempt.part_refused(refund, at), None),
            Answer::Refused(_)
            | Answer::NeverReceived
            | Answer::RefundDone
            | Answer::RefundRefused(_)
            | Answer::RefundEnded { .. } => (attempt, None),
        };
        self.attempts[at_index] = attempt;
        let bill = if self.customer_erased { self.forget() } else { self };
        Transition::telling(bill, told)
    }

    /// The charge will not come any more: called off, refused and never made, or withdrawn. While it is still being
    /// sent, not to have seen it means nothing.
    fn never_received(&self, attempt: Attempt, at: DateTime<Utc>) -> (Attempt, Option<Event>) {
        match attempt.refused.clone() {
            _ if !self.is_wanted() => (attempt.moved(PaymentStatus::Cancelled, at), None),
            Some(reason) => self.declined(attempt, reason, at),
            None if attempt.withdrawn.is_some() => self.declined(attempt, WITHDRAWN.to_owned(), at),
            None => (attempt, None),
        }
    }

    pub(super) fn told_of_capture(&self, attempt: &Attempt) -> PaymentApproved {
        PaymentApproved {
            work_order_id: self.work_order_id,
            payment_id: attempt.id,
            quote_id: attempt.quote_id,
            amount: attempt.amount,
            payment_method: attempt.method,
        }
    }

    /// What went back in parts was told with each of them.
    pub(super) fn told_of_refund(&self, attempt: &Attempt) -> PaymentRefunded {
        let of_the_order = self.work_failed.as_ref().map(|failed| failed.reason.as_str());
        let of_its_own = attempt.goes_back.map(GoesBack::word);
        PaymentRefunded {
            work_order_id: self.work_order_id,
            payment_id: attempt.id,
            quote_id: attempt.quote_id,
            amount: attempt.amount.less(attempt.given_back()),
            reason: of_its_own.or(of_the_order).unwrap_or(reason::WORK_ORDER_CANCELLED).to_owned(),
            refund_id: None,
        }
    }
}

#[cfg(test)]
mod tests;
