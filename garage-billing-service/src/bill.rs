//! The bill: everything that Billing knows of one work order. Owns the quote and the payments, follows the
//! order and the workshop (SPEC 4). The money rules live here: at most one attempt counts, money that shows
//! for another one goes back, money is kept only for work that goes on, and what is owed back is owed until the gateway
//! says that it went. Pure: time, ids and prices are arguments, gateway calls are [`Due`] and their answers come back as
//! [`Answer`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, Event, Followed, PartId, PaymentId, PaymentMethod, PaymentStatus, QuoteId,
    QuoteStatus, Refusal, RejectionReason, Transition, VehicleId, WorkOrderId,
    event::{
        Payer, PaymentApproved, PaymentCreated, PaymentFailed, PaymentRefunded, PaymentRejected,
        QuoteApproved, QuoteCreated, QuoteRejected, QuoteSent, WorkOrderCreated, WorkOrderStatusChanged,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    gateway::{Address, Charged, Standing},
    part::Claim,
    payment::{Attempt, Due},
    quote::{Catalogue, Evidence, Quote, Rewrite, Terms},
};

mod erased;
mod index;
mod money;
mod part;
mod stock;
mod waiting;

pub use index::BILLS;
pub use part::PartWish;

/// Everything that Billing knows of one work order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bill {
    /// The order.
    pub work_order_id: WorkOrderId,
    /// What `work-order.created` told; `None` while something else came first.
    pub order: Option<Order>,
    /// The order's status as last heard from its owner.
    pub order_status: Option<Followed>,
    /// When that was heard.
    #[serde(default)]
    pub followed_at: Option<DateTime<Utc>>,
    /// The order was called off.
    pub called_off: Option<DateTime<Utc>>,
    /// The workshop said that it will not finish the work, and why.
    pub work_failed: Option<WorkFailed>,
    /// The quote.
    pub quote: Option<Quote>,
    /// Every attempt to pay, in order.
    pub attempts: Vec<Attempt>,
    /// What has become of the parts that an approved quote names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stock: BTreeMap<PartId, Claim>,
    /// The customer has been erased, and with them whose the bill is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub customer_erased: bool,
}

/// The order, as far as Billing needs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// Whose.
    pub customer_id: CustomerId,
    /// On what.
    pub vehicle_id: VehicleId,
    /// Who pays.
    pub payer: Option<Payer>,
}

/// The workshop's no.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkFailed {
    /// When it was heard.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// What a customer hands in to pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tender {
    /// The id that the attempt will have.
    pub id: PaymentId,
    /// For which quote.
    pub quote_id: QuoteId,
    /// By whom.
    pub customer_id: CustomerId,
    /// How much.
    pub amount: Cents,
    /// How.
    pub method: PaymentMethod,
    /// Cards: the provider's single-use token.
    pub card_token: Option<String>,
    /// Cards: in how many parts.
    pub installments: u8,
}

/// What else comes with a tender; no rule of money looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Cards: the brand as the provider's form names it with the token.
    pub card_brand: Option<String>,
    /// The client's own notes, kept and given back as they are.
    pub metadata: Option<Map<String, Value>>,
    /// Where the payer is reached, unless as the order says.
    pub email: Option<String>,
    /// The payer's CPF or CNPJ, unless as the order says.
    pub document: Option<String>,
    /// Where the payer lives.
    pub address: Option<Address>,
    /// Until when the payer may act.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What came of a gateway call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The payment as the gateway knows it.
    Charged(Charged),
    /// The gateway understood the charge and would not make it, nor does it show one sent before.
    Refused(String),
    /// The gateway has had ample time to show the charge and has none: it never arrived.
    NeverReceived,
    /// The refund is done.
    RefundDone,
    /// The gateway will not refund; a person must act.
    RefundRefused(String),
    /// The refund of what is left has ended and no money went; so many had ended before it. Another one may follow, and
    /// `gone` is what went back by then.
    RefundEnded {
        /// How many had ended before it.
        ended: u32,
        /// How much had gone, by whomever.
        gone: Cents,
        /// The gateway's word for why.
        why: String,
    },
    /// The gateway says that this part went back.
    PartDone(Uuid),
    /// More of the payment has gone than before this part was asked for.
    PartSeen(Uuid),
    /// The gateway would not give this part back, and does not show that it went.
    PartRefused(Uuid, String),
    /// The gateway has had ample time to show that this part went, and it did not.
    PartNeverWent(Uuid),
}

impl Bill {
    /// Nothing is known yet.
    #[must_use]
    pub const fn unknown(work_order_id: WorkOrderId) -> Self {
        Self {
            work_order_id,
            order: None,
            order_status: None,
            followed_at: None,
            called_off: None,
            work_failed: None,
            quote: None,
            attempts: Vec::new(),
            stock: BTreeMap::new(),
            customer_erased: false,
        }
    }

    /// Learns what an event tells; total. `id` is for a quote that begins with it.
    pub fn react(
        self,
        event: &Event,
        id: QuoteId,
        catalogue: &Catalogue,
        terms: Terms,
        at: DateTime<Utc>,
    ) -> Transition<Self> {
        match event {
            Event::WorkOrderCreated(created) => self.opened(created, id, catalogue, terms, at),
            Event::WorkOrderCancelled(_) => Transition::quiet(self.call_off(at)),
            Event::ExecutionFailed(failed) => Transition::quiet(self.give_up(&failed.reason, at)),
            Event::WorkOrderStatusChanged(changed) => Transition::quiet(self.follow(changed, at)),
            Event::QuoteCreated(_)
            | Event::QuoteApproved(_)
            | Event::QuoteRejected(_)
            | Event::QuoteSent(_)
            | Event::PaymentCreated(_)
            | Event::PaymentApproved(_)
            | Event::PaymentRejected(_)
            | Event::PaymentFailed(_)
            | Event::PaymentRefunded(_)
            | Event::ExecutionCreated(_)
            | Event::ExecutionStatusChanged(_)
            | Event::ExecutionCompleted(_) => Transition::quiet(self),
        }
    }

    fn follow(self, changed: &WorkOrderStatusChanged, at: DateTime<Utc>) -> Self {
        let order_status = Followed::after(self.order_status, changed);
        let followed_at = if order_status == self.order_status { self.followed_at } else { Some(at) };
        let bill = Self { order_status, followed_at, ..self };
        if changed.customer_erased { bill.forget() } else { bill }
    }

    fn opened(
        self,
        created: &WorkOrderCreated,
        id: QuoteId,
        catalogue: &Catalogue,
        terms: Terms,
        at: DateTime<Utc>,
    ) -> Transition<Self> {
        if self.order.is_some() {
            return Transition::quiet(self);
        }
        let quote = Quote::priced(id, created, catalogue, terms, at);
        let order = Order {
            customer_id: created.customer_id,
            vehicle_id: created.vehicle_id,
            payer: created.customer.clone().filter(|_| !self.customer_erased),
        };
        let bill = Self { order: Some(order), ..self };
        if bill.called_off.is_some() {
            return Transition::quiet(Self { quote: Some(quote.closed(QuoteStatus::Cancelled, at)), ..bill });
        }
        let told = QuoteCreated {
            work_order_id: bill.work_order_id,
            quote_id: id,
            customer_id: created.customer_id,
            total_amount: quote.total(),
            valid_until: quote.valid_until,
        };
        Transition::telling(Self { quote: Some(quote), ..bill }, [told.into()])
    }

    /// The order was called off. Money captured before waits for the workshop's word; a quote under which
    /// nothing was captured is void.
    fn call_off(self, at: DateTime<Utc>) -> Self {
        if self.called_off.is_some() {
            return self;
        }
        let mut bill = Self { called_off: Some(at), ..self };
        bill.void_quote(at);
        bill
    }

    fn void_quote(&mut self, at: DateTime<Utc>) {
        let captured = self.attempts.iter().any(|attempt| attempt.status == PaymentStatus::Approved);
        if let Some(quote) =
            self.quote.as_mut().filter(|quote| quote.is_open() || quote.status == QuoteStatus::Approved)
            && !captured
        {
            *quote = quote.closed(QuoteStatus::Cancelled, at);
        }
    }

    /// The workshop will not finish the work: whatever was captured is owed back.
    fn give_up(self, reason: &str, at: DateTime<Utc>) -> Self {
        if self.work_failed.is_some() {
            return self;
        }
        let owed = |attempt: Attempt| match attempt.status {
            PaymentStatus::Approved => attempt.moved(PaymentStatus::Refunding, at),
            PaymentStatus::Processing
            | PaymentStatus::Pending
            | PaymentStatus::Rejected
            | PaymentStatus::Cancelled
            | PaymentStatus::Refunding
            | PaymentStatus::Refunded => attempt,
        };
        let mut bill = Self {
            work_failed: Some(WorkFailed { at, reason: reason.to_owned() }),
            attempts: self.attempts.into_iter().map(owed).collect(),
            ..self
        };
        if bill.called_off.is_some() {
            bill.void_quote(at);
        }
        bill
    }

    /// Whether money is still welcome: neither called off nor given up.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        self.called_off.is_none() && self.work_failed.is_none()
    }

    /// One of its attempts.
    #[must_use]
    pub fn attempt(&self, id: PaymentId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.id == id)
    }

    fn quote(&self) -> Result<&Quote, Refusal> {
        self.quote.as_ref().ok_or(Refusal::Unknown("quote"))
    }

    /// Changes the quote's lines before the customer has it.
    ///
    /// # Errors
    /// See [`Quote::edited`].
    pub fn edit(self, rewrite: Rewrite, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        let edited = self.quote()?.edited(rewrite, at)?;
        Ok(Transition::quiet(Self { quote: Some(edited), ..self }))
    }

    /// Writes the quote anew, also when the customer has it; they get the new one by its being sent again.
    ///
    /// # Errors
    /// See [`Quote::revised`].
    pub fn revise(self, rewrite: Rewrite, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        let revised = self.quote()?.revised(rewrite, at)?;
        Ok(Transition::quiet(Self { quote: Some(revised), ..self }))
    }

    /// The bill with its quote as the customer has it.
    #[must_use]
    pub fn seen_by_the_customer(self) -> Self {
        Self { quote: self.quote.map(Quote::seen_by_the_customer), ..self }
    }

    /// Whether this command has written the quote's lines before.
    #[must_use]
    pub fn was_written_by(&self, command: Uuid) -> bool {
        self.quote.as_ref().is_some_and(|quote| quote.was_written_by(command))
    }

    /// Writes the quote's lines anew at a command that may come twice: the second time, known by its id,
    /// changes nothing, whatever has become of the quote since.
    ///
    /// # Errors
    /// See [`Quote::written`].
    pub fn write(
        self,
        command: Uuid,
        rewrite: Rewrite,
        at: DateTime<Utc>,
    ) -> Result<Transition<Self>, Refusal> {
        if self.was_written_by(command) {
            return Ok(Transition::quiet(self));
        }
        let written = self.quote()?.written(command, rewrite, at)?;
        Ok(Transition::quiet(Self { quote: Some(written), ..self }))
    }

    /// Hands the quote to the customer. A sent quote stays sent.
    ///
    /// # Errors
    /// See [`Quote::sent`].
    pub fn send(self, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        if self.quote()?.status == QuoteStatus::Sent {
            return Ok(Transition::quiet(self));
        }
        let quote = self.quote()?.sent(at)?;
        let (work_order_id, quote_id, customer_id, total_amount, valid_until) = self.told_of(&quote)?;
        let revision = quote.revision;
        let told = QuoteSent { work_order_id, quote_id, revision, customer_id, total_amount, valid_until };
        Ok(Transition::telling(Self { quote: Some(quote), ..self }, [told.into()]))
    }

    /// The customer says yes. An approved quote stays approved.
    ///
    /// # Errors
    /// See [`Quote::approved`].
    pub fn approve(self, evidence: Evidence, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        if self.quote()?.status == QuoteStatus::Approved {
            return Ok(Transition::quiet(self));
        }
        let quote = self.quote()?.approved(evidence, at)?;
        let (work_order_id, quote_id, customer_id, total_amount, valid_until) = self.told_of(&quote)?;
        let told = QuoteApproved { work_order_id, quote_id, customer_id, total_amount, valid_until };
        Ok(Transition::telling(Self { quote: Some(quote), ..self }, [told.into()]))
    }

    fn told_of(
        &self,
        quote: &Quote,
    ) -> Result<(WorkOrderId, QuoteId, CustomerId, Cents, DateTime<Utc>), Refusal> {
        let order = self.order.as_ref().ok_or(Refusal::Unknown("work order"))?;
        Ok((self.work_order_id, quote.id, order.customer_id, quote.total(), quote.valid_until))
    }

    /// The customer says no. A rejected quote stays rejected.
    ///
    /// # Errors
    /// See [`Quote::rejected`].
    pub fn reject(self, evidence: Evidence, at: DateTime<Utc>) -> Result<Transition<Self>, Refusal> {
        self.reject_because(None, evidence, at)
    }

    /// The customer says no, in these words.
    ///
    /// # Errors
    /// As [`Self::reject`].
    pub fn reject_because(
        self,
        words: Option<String>,
        evidence: Evidence,
        at: DateTime<Utc>,
    ) -> Result<Transition<Self>, Refusal> {
        if self.quote()?.status == QuoteStatus::Rejected {
            return Ok(Transition::quiet(self));
        }
        let quote = Quote { rejected_because: words, ..self.quote()?.rejected(evidence, at)? };
        Ok(self.turned_down(quote, RejectionReason::Customer))
    }

    /// Nobody answered in time.
    pub fn expire(self, at: DateTime<Utc>) -> Transition<Self> {
        match self.quote.as_ref().filter(|quote| quote.has_lapsed(at)) {
            Some(quote) => {
                let lapsed = quote.closed(QuoteStatus::Expired, at);
                self.turned_down(lapsed, RejectionReason::Expired)
            }
            None => Transition::quiet(self),
        }
    }

    fn turned_down(self, quote: Quote, reason: RejectionReason) -> Transition<Self> {
        let told = QuoteRejected { work_order_id: self.work_order_id, quote_id: quote.id, reason };
        Transition::telling(Self { quote: Some(quote), ..self }, [told.into()])
    }
}

#[cfg(test)]
mod tests;
