//! A payment as the outside sees it. A card's token is never among it.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, PaymentId, PaymentMethod, PaymentStatus, QuoteId, Waiting, WorkOrderId, milliseconds,
    milliseconds_if_any,
    waiting::{CHARGE, GIVING_BACK, PAYER},
};
use garage_kit::auth::Caller;
use garage_saga::{Shell, waiting::WaitingFor};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    bill::Bill,
    payment::{Attempt, ChargeBack, PartRefund, PartStanding},
};

/// One attempt to pay.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
#[serde(rename_all = "camelCase")]
pub(super) struct View {
    pub(super) id: PaymentId,
    work_order_id: WorkOrderId,
    quote_id: QuoteId,
    customer_id: CustomerId,
    amount: Cents,
    payment_method: PaymentMethod,
    status: PaymentStatus,
    /// The gateway's word for why it was declined, or why a refund does not go through; `WITHDRAWN` if the desk ended it.
    reason: Option<String>,
    /// The gateway's id of it, whichever gateway it is.
    mercado_pago_payment_id: Option<String>,
    /// In how many parts.
    installments: u8,
    /// PIX: the text to copy and paste.
    qr_code: Option<String>,
    /// PIX: the same as a picture (PNG).
    qr_code_base64: Option<String>,
    /// A page with the code or the boleto.
    ticket_url: Option<String>,
    /// Boleto: the digits that the payer types ("linha digitável").
    barcode: Option<String>,
    /// Until when the payer may act.
    #[serde(serialize_with = "milliseconds_if_any")]
    expires_at: Option<DateTime<Utc>>,
    /// The client's own notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    /// When the desk wanted it ended; it has ended once its status says so, and money that came meanwhile counts.
    #[serde(serialize_with = "milliseconds_if_any", skip_serializing_if = "Option::is_none")]
    withdrawn_at: Option<DateTime<Utc>>,
    /// Who wanted it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn_by: Option<String>,
    /// When the money came.
    #[serde(serialize_with = "milliseconds_if_any")]
    approved_at: Option<DateTime<Utc>>,
    /// When the money went back.
    #[serde(serialize_with = "milliseconds_if_any")]
    refunded_at: Option<DateTime<Utc>>,
    /// How much of it went back.
    refunded_amount: Cents,
    /// How much went back by the gateway's word, where that is more: somebody has refunded at the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunded_at_gateway: Option<Cents>,
    /// What a manager gives back of it after the work, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refunds: Vec<Part>,
    /// The payer's bank takes the money back, or took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_back: Option<TakenBack>,
    /// Of the attempt that its bill waits about, beside the whole list: who must act, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    /// Whether that deadline has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    stuck: Option<bool>,
}

/// A part of a payment that goes back after the work.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refund)]
#[serde(rename_all = "camelCase")]
struct Part {
    id: Uuid,
    amount: Cents,
    /// Why, in the manager's words.
    reason: String,
    status: PartStatus,
    /// The gateway's word for why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_because: Option<String>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<String>,
    #[serde(serialize_with = "milliseconds")]
    requested_at: DateTime<Utc>,
    /// When it went, or when it was certain that it will not.
    #[serde(serialize_with = "milliseconds_if_any")]
    settled_at: Option<DateTime<Utc>>,
}

/// Where a part stands.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = RefundStatus)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum PartStatus {
    /// The gateway is asked until it says that the money went, or will not.
    Processing,
    /// The money went.
    Done,
    /// It did not and will not.
    Refused,
}

/// The payer's bank takes money back, whatever the shop says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChargeBack)]
#[serde(rename_all = "camelCase")]
struct TakenBack {
    /// The gateway's word: `in_process`, `settled` (the payer has the money), `reimbursed` (the shop has it).
    standing: String,
    /// When the shop learned of it.
    #[serde(serialize_with = "milliseconds")]
    at: DateTime<Utc>,
    /// When that last changed.
    #[serde(serialize_with = "milliseconds")]
    changed_at: DateTime<Utc>,
}

impl Part {
    fn of(part: PartRefund) -> Self {
        let (status, refused_because, settled_at) = match part.standing {
            PartStanding::Due => (PartStatus::Processing, None, None),
            PartStanding::Doubted { why, .. } => (PartStatus::Processing, Some(why), None),
            PartStanding::Done { at } => (PartStatus::Done, None, Some(at)),
            PartStanding::Refused { why, at } => (PartStatus::Refused, Some(why), Some(at)),
        };
        Self {
            id: part.id,
            amount: part.amount,
            reason: part.reason,
            status,
            refused_because,
            requested_by: Some(part.by),
            requested_at: part.asked_at,
            settled_at,
        }
    }
}

impl View {
    /// An attempt of this order's bill. How to pay one that is to end is not shown: its money would go back.
    pub(super) fn of(work_order_id: WorkOrderId, customer_id: CustomerId, attempt: Attempt) -> Self {
        let is_refunded = attempt.status == PaymentStatus::Refunded;
        let refunded_amount = if is_refunded { attempt.amount } else { attempt.given_back() };
        let is_to_end = attempt.is_to_end();
        let instructions = attempt.instructions.filter(|_| !is_to_end).unwrap_or_default();
        let taken_back = |known: ChargeBack| TakenBack {
            standing: known.standing,
            at: known.at,
            changed_at: known.changed_at,
        };
        Self {
            id: attempt.id,
            work_order_id,
            quote_id: attempt.quote_id,
            customer_id,
            amount: attempt.amount,
            payment_method: attempt.method,
            status: attempt.status,
            reason: attempt.reason,
            mercado_pago_payment_id: attempt.gateway_id,
            installments: attempt.installments,
            qr_code: instructions.qr_code,
            qr_code_base64: instructions.qr_code_base64,
            ticket_url: instructions.ticket_url,
            barcode: instructions.barcode,
            expires_at: instructions.expires_at,
            metadata: attempt.metadata,
            created_at: attempt.created_at,
            updated_at: attempt.updated_at,
            withdrawn_at: attempt.withdrawn.as_ref().map(|withdrawn| withdrawn.at),
            withdrawn_by: attempt.withdrawn.map(|withdrawn| withdrawn.by),
            approved_at: attempt.captured_at,
            refunded_at: attempt.refunded_at,
            refunded_amount,
            refunded_at_gateway: Some(attempt.gone_at_gateway).filter(|gone| *gone > refunded_amount),
            refunds: attempt.parts.into_iter().map(Part::of).collect(),
            charge_back: attempt.charge_back.map(taken_back),
            waiting_for: None,
            stuck: None,
        }
    }

    /// Whether it has waited too long.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck == Some(true)
    }

    /// As much of it as the caller may see: what the desk notes for itself is not for a customer's link.
    pub(super) fn seen_by(self, caller: &Caller) -> Self {
        if caller.scope().is_some() {
            let shown = |part: Part| Part { requested_by: None, refused_because: None, ..part };
            let refunds = self.refunds.into_iter().map(shown).collect();
            Self { metadata: None, withdrawn_by: None, waiting_for: None, stuck: None, refunds, ..self }
        } else {
            self
        }
    }

    /// Every attempt of a bill, oldest first.
    pub(super) fn all(bill: Bill, shell: &Shell) -> impl Iterator<Item = Self> {
        let (work_order_id, waiting) = (bill.work_order_id, bill.waiting());
        let customer_id = bill.order.map(|order| order.customer_id);
        bill.attempts.into_iter().filter_map(move |attempt| {
            let waiting = waiting.filter(|waiting| is_about(waiting, &attempt));
            let view = Self::of(work_order_id, customer_id?, attempt);
            Some(Self {
                waiting_for: waiting.map(|waiting| WaitingFor::of(&waiting, &shell.deadlines)),
                stuck: waiting.map(|waiting| shell.deadlines.is_stuck(&waiting, shell.clock.now())),
                ..view
            })
        })
    }

    /// The attempt that a bill waits about, or the last that there was.
    pub(super) fn of_concern(bill: Bill, shell: &Shell) -> Option<Self> {
        let mut all: Vec<Self> = Self::all(bill, shell).collect();
        let awaited = all.iter().position(|view| view.waiting_for.is_some());
        awaited.or(all.len().checked_sub(1)).map(|place| all.swap_remove(place))
    }
}

/// Whether it is this attempt that a bill waits about: money may go back beside money that has come.
fn is_about(waiting: &Waiting, attempt: &Attempt) -> bool {
    if *waiting.wait == GIVING_BACK {
        attempt.status == PaymentStatus::Refunding || attempt.open_part().is_some()
    } else if [&CHARGE, &PAYER].contains(&waiting.wait) {
        attempt.is_open()
    } else {
        attempt.status == PaymentStatus::Approved
    }
}

#[cfg(test)]
mod tests;
