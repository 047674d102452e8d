//! What the sandbox tells a payer who has yet to act. The page that it names is on no network, so that nobody
//! is sent to a stranger's.

use garage_events::PaymentMethod;

use super::{
    boleto::barcode,
    br_code::br_code,
    ledger::{Entry, Status},
};
use crate::gateway::Instructions;

/// Reserved for names that must not resolve (RFC 2606).
const HOST: &str = "sandbox.garage.invalid";

/// `None` when there is nothing for the payer to do.
pub(super) fn of(entry: &Entry) -> Option<Instructions> {
    if entry.status != Status::Pending {
        return None;
    }
    let (number, amount) = (entry.number, entry.request.amount);
    let page = Instructions {
        ticket_url: Some(format!("https://{HOST}/payments/{number}")),
        expires_at: entry.expires_at,
        ..Instructions::default()
    };
    match entry.request.method {
        PaymentMethod::Pix => {
            Some(Instructions { qr_code: Some(br_code(&format!("{HOST}/pix/{number}"), amount)), ..page })
        }
        PaymentMethod::Boleto => {
            let due = entry.expires_at.unwrap_or(entry.created_at).date_naive();
            Some(Instructions { barcode: Some(barcode(number, amount, due)), ..page })
        }
        PaymentMethod::CreditCard | PaymentMethod::DebitCard => None,
    }
}
