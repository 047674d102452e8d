//! A charge in the provider's words (Create payment). What the provider is sure to turn down for want of a
//! datum is turned down here, before any call, in words that tell the shop what is missing. Nothing in it
//! depends on the time or on chance: the same charge is the same body, as its idempotency key demands.

use garage_events::{Cents, PaymentMethod, event::Payer as Customer};
use serde::Serialize;

use crate::gateway::Charge;

const NO_EMAIL: &str = "the customer needs an e-mail address for this payment method";
const NO_DOCUMENT: &str = "the customer needs a CPF or CNPJ for a boleto";
const NO_TOKEN: &str = "a card payment needs the provider's card token";
const NO_BRAND: &str =
    "a card payment needs the card's brand, as the provider's form tells it with the token";

/// The body of `POST /v1/payments`.
#[derive(Serialize)]
pub(super) struct NewPayment<'a> {
    transaction_amount: Cents,
    description: &'a str,
    external_reference: String,
    #[serde(flatten)]
    means: Means<'a>,
    payer: Payer<'a>,
}

#[derive(Serialize)]
struct Means<'a> {
    payment_method_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    installments: Option<u8>,
}

#[derive(Serialize)]
struct Payer<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identification: Option<Identification<'a>>,
}

#[derive(Serialize)]
struct Identification<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    number: &'a str,
}

impl<'a> NewPayment<'a> {
    /// The body for this charge, or what is missing.
    pub(super) fn of(charge: &'a Charge) -> Result<Self, &'static str> {
        if charge.method == PaymentMethod::Boleto && charge.payer.document.is_none() {
            return Err(NO_DOCUMENT);
        }
        Ok(Self {
            transaction_amount: charge.amount,
            description: &charge.description,
            external_reference: charge.reference.to_string(),
            means: Means::of(charge)?,
            payer: Payer::of(&charge.payer)?,
        })
    }
}

impl<'a> Means<'a> {
    fn of(charge: &'a Charge) -> Result<Self, &'static str> {
        match charge.method {
            PaymentMethod::Pix => Ok(Self::without_card("pix")),
            PaymentMethod::Boleto => Ok(Self::without_card("bolbradesco")),
            PaymentMethod::CreditCard => Self::card(charge, charge.installments.max(1)),
            PaymentMethod::DebitCard => Self::card(charge, 1),
        }
    }

    const fn without_card(payment_method_id: &'a str) -> Self {
        Self { payment_method_id, token: None, installments: None }
    }

    fn card(charge: &'a Charge, installments: u8) -> Result<Self, &'static str> {
        let token = charge.card_token.as_deref().ok_or(NO_TOKEN)?;
        let payment_method_id = charge.card_brand.as_deref().ok_or(NO_BRAND)?;
        Ok(Self { payment_method_id, token: Some(token), installments: Some(installments) })
    }
}

impl<'a> Payer<'a> {
    fn of(customer: &'a Customer) -> Result<Self, &'static str> {
        let (first_name, last_name) = names(&customer.name);
        Ok(Self {
            email: customer.email.as_deref().filter(|email| !email.is_empty()).ok_or(NO_EMAIL)?,
            first_name,
            last_name,
            identification: customer.document.as_deref().map(Identification::of),
        })
    }
}

impl<'a> Identification<'a> {
    /// A CPF has 11 digits, a CNPJ 14 digits or capitals.
    const fn of(number: &'a str) -> Self {
        Self { kind: if number.len() == 11 { "CPF" } else { "CNPJ" }, number }
    }
}

/// The first word, and the rest; a company may have a name of one word.
fn names(full: &str) -> (Option<&str>, Option<&str>) {
    let (first, rest) = full.trim().split_once(char::is_whitespace).unwrap_or((full.trim(), ""));
    let present = |name: &'_ str| !name.is_empty();
    (Some(first).filter(|name| present(name)), Some(rest.trim()).filter(|name| present(name)))
}
