//! Payments and refunds as the provider shows them (Get payment, Create refund).

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use garage_events::{Cents, PaymentMethod};
use serde_json::{Value, json};

use crate::gateway::{
    Instructions,
    boleto::bars_of,
    sandbox::{
        Sandbox,
        ledger::{Entry, Movement, Refund, Status},
    },
};

/// Hours by which the provider's clock is behind UTC.
const WEST: i32 = 4;

/// The methods that this account takes, by what kind they are.
pub(super) const METHODS: [(&str, &str); 10] = [
    ("pix", "bank_transfer"),
    ("bolbradesco", "ticket"),
    ("visa", "credit_card"),
    ("master", "credit_card"),
    ("elo", "credit_card"),
    ("amex", "credit_card"),
    ("hipercard", "credit_card"),
    ("debvisa", "debit_card"),
    ("debmaster", "debit_card"),
    ("debelo", "debit_card"),
];

/// A payment object.
pub(super) fn payment(sandbox: &Sandbox, entry: &Entry) -> Value {
    let (method, kind) = method(entry);
    let instructions = sandbox.instructions(entry).unwrap_or_default();
    json!({
        "id": entry.number,
        "status": entry.status,
        "status_detail": entry.detail,
        "date_created": time(entry.created_at),
        "date_approved": entry.approved_at.map(time),
        "date_last_updated": time(entry.updated_at),
        "date_of_expiration": entry.expires_at.map(time),
        "payment_method_id": method,
        "payment_type_id": kind,
        "currency_id": "BRL",
        "transaction_amount": entry.request.amount,
        "transaction_amount_refunded": entry.refunded(),
        "installments": entry.request.installments,
        "description": entry.request.description,
        "external_reference": entry.request.external_reference,
        "captured": true,
        "live_mode": false,
        "payer": payer(entry),
        "transaction_details": transaction_details(entry, &instructions),
        "point_of_interaction": point_of_interaction(entry, &instructions),
        "refunds": entry.refunds.iter().map(|made| refund(entry, made)).collect::<Vec<_>>(),
    })
}

/// A refund object.
pub(super) fn refund(entry: &Entry, refund: &Refund) -> Value {
    json!({
        "id": refund.number,
        "payment_id": entry.number,
        "amount": refund.amount,
        "status": refund.status,
        "refund_mode": "standard",
        "adjustment_amount": 0,
        "reason": null,
        "source": {"id": "sandbox", "name": "Garage", "type": "collector"},
        "unique_sequence_number": null,
        "date_created": time(refund.at),
    })
}

/// One line of the ledger.
pub(super) fn movement(moved: &Movement) -> Value {
    json!({
        "type": if moved.is_refund { "refund" } else { "capture" },
        "payment_id": moved.payment,
        "external_reference": moved.external_reference,
        "amount": moved.amount,
        "date": time(moved.at),
    })
}

fn method(entry: &Entry) -> (&str, &'static str) {
    let brand = entry.request.brand.as_deref();
    match entry.request.method {
        PaymentMethod::Pix => ("pix", "bank_transfer"),
        PaymentMethod::Boleto => ("bolbradesco", "ticket"),
        PaymentMethod::CreditCard => (brand.unwrap_or("master"), "credit_card"),
        PaymentMethod::DebitCard => (brand.unwrap_or("debmaster"), "debit_card"),
    }
}

/// Filled once the money came, as the provider does it.
fn payer(entry: &Entry) -> Value {
    match entry.status {
        Status::Approved | Status::Refunded | Status::InMediation | Status::ChargedBack => {
            json!({"email": entry.request.payer.email, "identification": {"number": entry.request.payer.document}})
        }
        Status::Pending | Status::InProcess | Status::Rejected | Status::Cancelled => {
            json!({"email": null, "identification": null})
        }
    }
}

fn transaction_details(entry: &Entry, instructions: &Instructions) -> Value {
    let total = if entry.approved_at.is_some() { entry.request.amount } else { Cents::ZERO };
    let details = json!({"total_paid_amount": total, "net_received_amount": total, "overpaid_amount": 0});
    let boleto = json!({
        "external_resource_url": instructions.ticket_url,
        "digitable_line": instructions.barcode,
        "barcode": {"content": instructions.barcode.as_deref().map(bars_of)},
    });
    if entry.request.method == PaymentMethod::Boleto { merged(details, boleto) } else { details }
}

fn point_of_interaction(entry: &Entry, instructions: &Instructions) -> Value {
    if entry.request.method != PaymentMethod::Pix {
        return json!({});
    }
    json!({"type": "PIX", "transaction_data": {
        "qr_code": instructions.qr_code,
        "qr_code_base64": instructions.qr_code_base64,
        "ticket_url": instructions.ticket_url,
    }})
}

fn merged(mut object: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut object, more) {
        fields.extend(more);
    }
    object
}

fn time(at: DateTime<Utc>) -> String {
    FixedOffset::west_opt(WEST * 3600).map_or_else(
        || at.to_rfc3339_opts(SecondsFormat::Millis, false),
        |zone| at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Millis, false),
    )
}
