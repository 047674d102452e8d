//! What can be known of a work order, and what an event tells of it.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, Event, EventId, ExecutionId, ExecutionStatus, PaymentId, PaymentMethod, QuoteId, RejectionReason,
    event::{PartUsed, first_text, reason},
    milliseconds, milliseconds_if_any,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Something that happened, when, and the event that told it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fact {
    /// By the clock of whoever saw it.
    pub at: DateTime<Utc>,
    /// None for what happened here.
    pub event_id: Option<EventId>,
    /// What.
    pub what: What,
}

/// What can be known of a work order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the fields are those of the events that tell them")]
pub enum What {
    /// The car was taken in.
    Opened,
    /// A quote exists.
    #[serde(rename_all = "camelCase")]
    Quoted {
        quote_id: QuoteId,
        total_amount: Cents,
        #[serde(serialize_with = "milliseconds")]
        valid_until: DateTime<Utc>,
    },
    /// The customer has it, or another text of it.
    #[serde(rename_all = "camelCase")]
    QuoteSent {
        quote_id: QuoteId,
        /// Which of its texts, counted from 1.
        #[serde(default = "first_text")]
        revision: u32,
        /// Absent from what was kept before 2026-11-28.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total_amount: Option<Cents>,
        /// Absent as the total is.
        #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "milliseconds_if_any")]
        valid_until: Option<DateTime<Utc>>,
    },
    /// The customer said yes.
    #[serde(rename_all = "camelCase")]
    QuoteApproved { quote_id: QuoteId, total_amount: Cents },
    /// The customer said no, or nothing in time.
    #[serde(rename_all = "camelCase")]
    QuoteRejected { quote_id: QuoteId, reason: RejectionReason },
    /// An attempt to pay was declined.
    #[serde(rename_all = "camelCase")]
    PaymentFailed { payment_id: PaymentId, amount: Cents, reason: String },
    /// A pending attempt was refused.
    #[serde(rename_all = "camelCase")]
    PaymentRejected { payment_id: PaymentId, amount: Cents, reason: String },
    /// The money is here.
    #[serde(rename_all = "camelCase")]
    PaymentApproved { payment_id: PaymentId, amount: Cents, payment_method: PaymentMethod },
    /// The money went back, or a part of it after the work.
    #[serde(rename_all = "camelCase")]
    PaymentRefunded {
        payment_id: PaymentId,
        amount: Cents,
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refund_id: Option<Uuid>,
    },
    /// The job moved on.
    #[serde(rename_all = "camelCase")]
    ExecutionMoved {
        execution_id: ExecutionId,
        previous_status: ExecutionStatus,
        new_status: ExecutionStatus,
    },
    /// The work is finished.
    #[serde(rename_all = "camelCase")]
    ExecutionCompleted {
        execution_id: ExecutionId,
        parts_used: Vec<PartUsed>,
        services_performed: Vec<String>,
    },
    /// The work will not be finished.
    #[serde(rename_all = "camelCase")]
    ExecutionFailed { execution_id: ExecutionId, reason: String },
    /// Called off.
    #[serde(rename_all = "camelCase")]
    Cancelled { reason: String },
    /// Given back to the customer.
    #[serde(rename_all = "camelCase")]
    Delivered { by: String },
}

impl Fact {
    /// Most facts can hold but once, whoever tells them; payments are told apart by their id, a quote's texts by their
    /// number and total, and the job's moves, which may repeat after rework, by the event.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        use What::{
            ExecutionMoved, PaymentApproved, PaymentFailed, PaymentRefunded, PaymentRejected, QuoteSent,
        };
        match (&self.what, &other.what) {
            (PaymentFailed { payment_id: a, .. }, PaymentFailed { payment_id: b, .. })
            | (PaymentRejected { payment_id: a, .. }, PaymentRejected { payment_id: b, .. })
            | (PaymentApproved { payment_id: a, .. }, PaymentApproved { payment_id: b, .. }) => a == b,
            (
                PaymentRefunded { payment_id: a, refund_id: part_of_a, .. },
                PaymentRefunded { payment_id: b, refund_id: part_of_b, .. },
            ) => (a, part_of_a) == (b, part_of_b),
            (
                QuoteSent { revision: a, total_amount: known, .. },
                QuoteSent { revision: b, total_amount: told, .. },
            ) => a == b && (known.is_none() || known == told),
            (ExecutionMoved { .. }, ExecutionMoved { .. }) => self.event_id == other.event_id,
            (one, two) => std::mem::discriminant(one) == std::mem::discriminant(two),
        }
    }

    /// A cancellation calls the order off, and so does a rejected quote.
    pub(super) fn calls_off(&self) -> Option<Self> {
        match &self.what {
            What::Cancelled { .. } => Some(self.clone()),
            What::QuoteRejected { reason, .. } => {
                let reason = match reason {
                    RejectionReason::Customer => reason::QUOTE_REJECTED,
                    RejectionReason::Expired => reason::QUOTE_EXPIRED,
                };
                Some(Self { what: What::Cancelled { reason: reason.to_owned() }, ..self.clone() })
            }
            What::Opened
            | What::Quoted { .. }
            | What::QuoteSent { .. }
            | What::QuoteApproved { .. }
            | What::PaymentFailed { .. }
            | What::PaymentRejected { .. }
            | What::PaymentApproved { .. }
            | What::PaymentRefunded { .. }
            | What::ExecutionMoved { .. }
            | What::ExecutionCompleted { .. }
            | What::ExecutionFailed { .. }
            | What::Delivered { .. } => None,
        }
    }
}

impl What {
    /// What an event tells a work order; `None` for those that this service tells itself or does not follow.
    pub(super) fn told_by(event: &Event) -> Option<Self> {
        Some(match event.clone() {
            Event::QuoteCreated(e) => Self::Quoted {
                quote_id: e.quote_id,
                total_amount: e.total_amount,
                valid_until: e.valid_until,
            },
            Event::QuoteSent(e) => Self::QuoteSent {
                quote_id: e.quote_id,
                revision: e.revision,
                total_amount: Some(e.total_amount),
                valid_until: Some(e.valid_until),
            },
            Event::QuoteApproved(e) => {
                Self::QuoteApproved { quote_id: e.quote_id, total_amount: e.total_amount }
            }
            Event::QuoteRejected(e) => Self::QuoteRejected { quote_id: e.quote_id, reason: e.reason },
            Event::PaymentApproved(e) => Self::PaymentApproved {
                payment_id: e.payment_id,
                amount: e.amount,
                payment_method: e.payment_method,
            },
            Event::PaymentRejected(e) => {
                Self::PaymentRejected { payment_id: e.payment_id, amount: e.amount, reason: e.reason }
            }
            Event::PaymentFailed(e) => {
                Self::PaymentFailed { payment_id: e.payment_id, amount: e.amount, reason: e.reason }
            }
            Event::PaymentRefunded(e) => {
                let (payment_id, refund_id) = (e.payment_id, e.refund_id);
                Self::PaymentRefunded { payment_id, amount: e.amount, reason: e.reason, refund_id }
            }
            Event::ExecutionStatusChanged(e) => Self::ExecutionMoved {
                execution_id: e.execution_id,
                previous_status: e.previous_status,
                new_status: e.new_status,
            },
            Event::ExecutionCompleted(e) => Self::ExecutionCompleted {
                execution_id: e.execution_id,
                parts_used: e.parts_used,
                services_performed: e.services_performed,
            },
            Event::ExecutionFailed(e) => {
                Self::ExecutionFailed { execution_id: e.execution_id, reason: e.reason }
            }
            Event::WorkOrderCreated(_)
            | Event::WorkOrderStatusChanged(_)
            | Event::WorkOrderCancelled(_)
            | Event::PaymentCreated(_)
            | Event::ExecutionCreated(_) => return None,
        })
    }

    /// The quote that it is about.
    pub(super) const fn quote_id(&self) -> Option<QuoteId> {
        match self {
            Self::Quoted { quote_id, .. }
            | Self::QuoteSent { quote_id, .. }
            | Self::QuoteApproved { quote_id, .. }
            | Self::QuoteRejected { quote_id, .. } => Some(*quote_id),
            Self::Opened
            | Self::PaymentFailed { .. }
            | Self::PaymentRejected { .. }
            | Self::PaymentApproved { .. }
            | Self::PaymentRefunded { .. }
            | Self::ExecutionMoved { .. }
            | Self::ExecutionCompleted { .. }
            | Self::ExecutionFailed { .. }
            | Self::Cancelled { .. }
            | Self::Delivered { .. } => None,
        }
    }

    /// What the quote comes to.
    pub(super) const fn total_amount(&self) -> Option<Cents> {
        if let Self::Quoted { total_amount, .. } | Self::QuoteApproved { total_amount, .. } = self {
            Some(*total_amount)
        } else if let Self::QuoteSent { total_amount, .. } = self {
            *total_amount
        } else {
            None
        }
    }

    /// Until when the quote may be answered.
    pub(super) const fn valid_until(&self) -> Option<DateTime<Utc>> {
        if let Self::Quoted { valid_until, .. } = self {
            Some(*valid_until)
        } else if let Self::QuoteSent { valid_until, .. } = self {
            *valid_until
        } else {
            None
        }
    }

    /// Which text of the quote was sent.
    pub(super) const fn revision(&self) -> Option<u32> {
        if let Self::QuoteSent { revision, .. } = self { Some(*revision) } else { None }
    }

    /// Why it came to an end.
    pub(super) fn reason(&self) -> Option<&str> {
        if let Self::Cancelled { reason } | Self::ExecutionFailed { reason, .. } = self {
            Some(reason)
        } else {
            None
        }
    }

    pub(super) const fn is_opened(&self) -> bool {
        matches!(self, Self::Opened)
    }

    pub(super) const fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered { .. })
    }

    pub(super) const fn is_completed(&self) -> bool {
        matches!(self, Self::ExecutionCompleted { .. })
    }

    pub(super) const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. })
    }

    /// What calls the order off, also where it was off already when it was heard.
    pub(super) const fn is_off(&self) -> bool {
        matches!(self, Self::Cancelled { .. } | Self::QuoteRejected { .. })
    }

    /// By the workshop's own doing: a job that ends because the order was called off is no failure.
    pub(super) fn is_failed(&self) -> bool {
        matches!(self, Self::ExecutionFailed { reason, .. } if reason != reason::WORK_ORDER_CANCELLED)
    }

    pub(super) const fn is_paid(&self) -> bool {
        matches!(self, Self::PaymentApproved { .. })
    }

    pub(super) const fn is_approved(&self) -> bool {
        matches!(self, Self::QuoteApproved { .. })
    }

    pub(super) const fn is_sent(&self) -> bool {
        matches!(self, Self::QuoteSent { .. })
    }

    pub(super) const fn is_quoted(&self) -> bool {
        matches!(self, Self::Quoted { .. })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_was_kept_without_its_total_is_known_by_its_number() {
        let quote_id = QuoteId(Uuid::from_u128(1));
        let fact = |what| Fact { at: DateTime::UNIX_EPOCH, event_id: None, what };
        let kept: What =
            serde_json::from_value(json!({ "type": "QUOTE_SENT", "quoteId": quote_id })).unwrap();
        let kept = fact(kept);
        let told = |revision, reais: i64| {
            let (total_amount, valid_until) = (Cents::new(reais * 100), Some(DateTime::UNIX_EPOCH));
            fact(What::QuoteSent { quote_id, revision, total_amount, valid_until })
        };
        assert!(kept.is_same(&told(1, 150)) && !kept.is_same(&told(2, 150)));
        assert!(told(1, 150).is_same(&told(1, 150)));
        assert!(!told(1, 150).is_same(&told(1, 200)), "as programs from before tell another text");
    }
}
