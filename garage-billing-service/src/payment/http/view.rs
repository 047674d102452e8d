//! A payment as the outside sees it. A card's token is never among it.

use chrono::{DateTime, Utc};
use garage_events::{
    Cents, CustomerId, PaymentId, PaymentMethod, PaymentStatus, QuoteId, WorkOrderId, milliseconds,
};
use garage_kit::auth::Caller;
use garage_saga::{Shell, waiting::WaitingFor};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{bill::Bill, http::perhaps, payment::Attempt};

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
    /// The gateway's word for why it was declined, or why a refund does not go through.
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
    /// Boleto: the bar code's digits.
    barcode: Option<String>,
    /// Until when the payer may act.
    #[serde(serialize_with = "perhaps")]
    expires_at: Option<DateTime<Utc>>,
    /// The client's own notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
    #[serde(serialize_with = "milliseconds")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "milliseconds")]
    updated_at: DateTime<Utc>,
    /// When the money came.
    #[serde(serialize_with = "perhaps")]
    approved_at: Option<DateTime<Utc>>,
    /// When the money went back.
    #[serde(serialize_with = "perhaps")]
    refunded_at: Option<DateTime<Utc>>,
    /// Of the live attempt, beside the whole list: who must act, and until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<WaitingFor>,
    /// Whether that deadline has passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    stuck: Option<bool>,
}

impl View {
    /// An attempt of this order's bill.
    pub(super) fn of(work_order_id: WorkOrderId, customer_id: CustomerId, attempt: Attempt) -> Self {
        let instructions = attempt.instructions.unwrap_or_default();
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
            approved_at: attempt.captured_at,
            refunded_at: attempt.refunded_at,
            waiting_for: None,
            stuck: None,
        }
    }

    /// As much of it as the caller may see: what the desk notes for itself is not for a customer's link.
    pub(super) fn seen_by(self, caller: &Caller) -> Self {
        if caller.scope().is_some() {
            Self { metadata: None, waiting_for: None, stuck: None, ..self }
        } else {
            self
        }
    }

    /// Every attempt of a bill, oldest first.
    pub(super) fn all(bill: Bill, shell: &Shell) -> impl Iterator<Item = Self> {
        let (work_order_id, waiting) = (bill.work_order_id, bill.waiting());
        let customer_id = bill.order.map(|order| order.customer_id);
        bill.attempts.into_iter().filter_map(move |attempt| {
            let waiting = waiting.filter(|_| attempt.is_live());
            let view = Self::of(work_order_id, customer_id?, attempt);
            Some(Self {
                waiting_for: waiting.map(|waiting| WaitingFor::of(&waiting, &shell.deadlines)),
                stuck: waiting.map(|waiting| shell.deadlines.is_stuck(&waiting, shell.clock.now())),
                ..view
            })
        })
    }

    /// The attempt that a bill waits about: the live one, or the last that there was.
    pub(super) fn of_concern(bill: Bill, shell: &Shell) -> Option<Self> {
        let mut all: Vec<Self> = Self::all(bill, shell).collect();
        let live = all.iter().position(|view| view.waiting_for.is_some());
        live.or(all.len().checked_sub(1)).map(|place| all.swap_remove(place))
    }
}
