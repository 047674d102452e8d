//! The money of a bill: an attempt to pay is taken, gateway calls fall due, and their answers decide what was captured,
//! what is owed back and what is told. Pure, like the rest of the bill.

use super::*;

/// A bill takes so many attempts and no more: it is one document, and a customer's link may try for ever.
const MOST_ATTEMPTS: usize = 50;

impl Bill {
    /// Takes an attempt to pay: it is stored, and the gateway is asked afterwards. The same attempt handed
    /// in again changes nothing.
    ///
    /// # Errors
    /// Unless the quote is approved, the amount is its total, the order goes on and no other attempt lives.
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
            charge_back: None,
            trail: Vec::new(),
        };
        let attempts = self.attempts.into_iter().chain([attempt]).collect();
        Ok(Transition::telling(Self { attempts, ..self }, [told.into()]))
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
            Answer::PartDone(refund) => self.part_done(attempt, refund, at),
            Answer::PartSeen(refund) => self.part_seen(attempt, refund, at),
            Answer::PartRefused(refund, why) => (attempt.part_doubted(refund, why, at), None),
            Answer::PartNeverWent(refund) => (attempt.part_refused(refund, at), None),
            Answer::Refused(_) | Answer::NeverReceived | Answer::RefundDone | Answer::RefundRefused(_) => {
                (attempt, None)
            }
        };
        self.attempts[at_index] = attempt;
        let bill = if self.customer_erased { self.forget() } else { self };
        Transition::telling(bill, told)
    }

    /// The charge will not come any more: called off, or refused and never made. While it is still being sent, not
    /// to have seen it means nothing.
    fn never_received(&self, attempt: Attempt, at: DateTime<Utc>) -> (Attempt, Option<Event>) {
        match attempt.refused.clone() {
            _ if !self.is_wanted() => (attempt.moved(PaymentStatus::Cancelled, at), None),
            Some(reason) => self.declined(attempt, reason, at),
            None => (attempt, None),
        }
    }

    /// What a payment's standing means for an attempt in its state. Money that comes for an order that is
    /// off is owed back at once, and nobody is told to start work.
    fn charged(&self, attempt: Attempt, charged: Charged, at: DateTime<Utc>) -> (Attempt, Option<Event>) {
        if charged.amount != attempt.amount {
            let reason = format!("the gateway has {} instead of {}", charged.amount, attempt.amount);
            return (Attempt { reason: Some(reason), ..attempt }, None);
        }
        let never_arrived = attempt.status == PaymentStatus::Cancelled && attempt.gateway_id.is_none();
        let open = attempt.is_open() || never_arrived;
        let status = attempt.status;
        let charge_back = attempt.charge_back_after(charged.charge_back, at);
        let gateway_id = Some(charged.gateway_id);
        let gone_at_gateway = charged.refunded;
        let attempt =
            Attempt { gateway_id, refused: None, card_token: None, charge_back, gone_at_gateway, ..attempt };
        match charged.standing {
            Standing::Pending if status == PaymentStatus::Processing || never_arrived => (
                Attempt { instructions: charged.instructions, ..attempt.moved(PaymentStatus::Pending, at) },
                None,
            ),
            Standing::Approved if open && self.is_wanted() => self.captured(attempt, at),
            Standing::Approved if open => (attempt.moved(PaymentStatus::Refunding, at), None),
            Standing::Declined(reason) if open => self.declined(attempt, reason, at),
            Standing::Cancelled(reason) if open => self.declined(attempt, reason, at),
            Standing::Refunded if open || status == PaymentStatus::Refunding => self.given_back(attempt, at),
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

    pub(super) fn told_of_capture(&self, attempt: &Attempt) -> PaymentApproved {
        PaymentApproved {
            work_order_id: self.work_order_id,
            payment_id: attempt.id,
            quote_id: attempt.quote_id,
            amount: attempt.amount,
            payment_method: attempt.method,
        }
    }

    /// Declined while the client waits is a failure, refused after it was pending a rejection (SPEC 3). For
    /// an order that is off it is no news to anybody.
    fn declined(&self, attempt: Attempt, reason: String, at: DateTime<Utc>) -> (Attempt, Option<Event>) {
        if !self.is_wanted() {
            return (
                Attempt {
                    reason: Some(reason),
                    card_token: None,
                    ..attempt.moved(PaymentStatus::Cancelled, at)
                },
                None,
            );
        }
        let (work_order_id, payment_id) = (self.work_order_id, attempt.id);
        let (quote_id, amount) = (attempt.quote_id, attempt.amount);
        let told = if attempt.status == PaymentStatus::Pending {
            PaymentRejected { work_order_id, payment_id, quote_id, amount, reason: reason.clone() }.into()
        } else {
            PaymentFailed { work_order_id, payment_id, quote_id, amount, reason: reason.clone() }.into()
        };
        (
            Attempt { reason: Some(reason), card_token: None, ..attempt.moved(PaymentStatus::Rejected, at) },
            Some(told),
        )
    }

    fn given_back(&self, attempt: Attempt, at: DateTime<Utc>) -> (Attempt, Option<Event>) {
        let told = self.told_of_refund(&attempt).into();
        (Attempt { reason: None, ..attempt.moved(PaymentStatus::Refunded, at) }, Some(told))
    }

    pub(super) fn told_of_refund(&self, attempt: &Attempt) -> PaymentRefunded {
        let reason = self.work_failed.as_ref().map_or("WORK_ORDER_CANCELLED", |failed| &failed.reason);
        PaymentRefunded {
            work_order_id: self.work_order_id,
            payment_id: attempt.id,
            quote_id: attempt.quote_id,
            amount: attempt.amount,
            reason: reason.to_owned(),
            refund_id: None,
        }
    }
}
