//! What the sandbox tells a payer who has yet to act. Unless it is told where its payer's pages are, the page that it
//! names is on no network, so that nobody is sent to a stranger's.

use garage_events::PaymentMethod;

use super::{
    boleto::barcode,
    br_code::br_code,
    ledger::{Entry, Status},
    picture::png_base64,
};
use crate::gateway::{Instructions, boleto::line_of};

/// Reserved for names that must not resolve (RFC 2606).
const NOWHERE: &str = "https://sandbox.garage.invalid";

/// `None` when there is nothing for the payer to do. `pages` is where the payer's pages are.
pub(super) fn of(entry: &Entry, pages: Option<&str>) -> Option<Instructions> {
    if entry.status != Status::Pending {
        return None;
    }
    let (number, amount) = (entry.number, entry.request.amount);
    let page = Instructions {
        ticket_url: Some(format!("{}/pay/{number}", pages.unwrap_or(NOWHERE))),
        expires_at: entry.expires_at,
        ..Instructions::default()
    };
    match entry.request.method {
        PaymentMethod::Pix => {
            let code = br_code(&format!("sandbox.garage.invalid/pix/{number}"), amount);
            Some(Instructions { qr_code_base64: png_base64(&code), qr_code: Some(code), ..page })
        }
        PaymentMethod::Boleto => {
            let due = entry.expires_at.unwrap_or(entry.created_at).date_naive();
            Some(Instructions { barcode: Some(line_of(barcode(number, amount, due))), ..page })
        }
        PaymentMethod::CreditCard | PaymentMethod::DebitCard => None,
    }
}
