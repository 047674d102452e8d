//! A charge in the provider's words (Create payment). What the provider is sure to turn down for want of a
//! datum is turned down here, before any call, in words that tell the shop what is missing. Nothing in it
//! depends on the time or on chance: the same charge is the same body, as its idempotency key demands.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use garage_events::{Cents, PaymentMethod, event::Payer as Customer};
use reqwest::Url;
use serde::Serialize;

use crate::gateway::{Address as Home, Charge, Lack};

const NO_EMAIL: Lack = Lack {
    field: "payer.email",
    wanted: "must be given: the provider wants the payer's e-mail address, and the customer has none",
};
const NO_DOCUMENT: Lack = Lack {
    field: "payer.document",
    wanted: "must be given: a boleto needs the payer's CPF or CNPJ, and the customer has none",
};
const NO_NAME: Lack =
    Lack { field: "customerId", wanted: "must be a customer with a name: a boleto needs the payer's" };
const NO_ADDRESS: Lack =
    Lack { field: "payer.address", wanted: "must be given: a boleto needs the payer's address" };
const NO_TOKEN: Lack =
    Lack { field: "token", wanted: "must be given: a card payment needs the provider's card token" };
const NO_BRAND: Lack = Lack {
    field: "cardBrand",
    wanted: "must be given: a card payment needs the card's brand, as the provider's form tells it with the token",
};

/// What the provider would turn this charge down for.
pub(super) fn lacks(charge: &Charge) -> Vec<Lack> {
    let (payer, method) = (&charge.payer, charge.method);
    let is_boleto = method == PaymentMethod::Boleto;
    let is_card = matches!(method, PaymentMethod::CreditCard | PaymentMethod::DebitCard);
    let lacking = [
        (payer.email.as_deref().is_none_or(str::is_empty), NO_EMAIL),
        (is_boleto && payer.document.is_none(), NO_DOCUMENT),
        (is_boleto && payer.name.trim().is_empty(), NO_NAME),
        (is_boleto && charge.address.is_none(), NO_ADDRESS),
        (is_card && charge.card_token.is_none(), NO_TOKEN),
        (is_card && charge.card_brand.is_none(), NO_BRAND),
    ];
    lacking.into_iter().filter_map(|(is_lacking, lack)| is_lacking.then_some(lack)).collect()
}

/// The body of `POST /v1/payments`.
#[derive(Serialize)]
pub(super) struct NewPayment<'a> {
    transaction_amount: Cents,
    description: &'a str,
    external_reference: String,
    #[serde(flatten)]
    means: Means<'a>,
    payer: Payer<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_of_expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification_url: Option<&'a str>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Address<'a>>,
}

#[derive(Serialize)]
struct Address<'a> {
    zip_code: &'a str,
    street_name: &'a str,
    street_number: &'a str,
    neighborhood: &'a str,
    city: &'a str,
    federal_unit: &'a str,
}

#[derive(Serialize)]
struct Identification<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    number: &'a str,
}

impl<'a> NewPayment<'a> {
    /// The body for this charge, or what is missing.
    pub(super) fn of(charge: &'a Charge, notification_url: Option<&'a Url>) -> Result<Self, Vec<Lack>> {
        let lacking = lacks(charge);
        if !lacking.is_empty() {
            return Err(lacking);
        }
        let waits = matches!(charge.method, PaymentMethod::Pix | PaymentMethod::Boleto);
        Ok(Self {
            transaction_amount: charge.amount,
            description: &charge.description,
            external_reference: charge.reference.to_string(),
            means: Means::of(charge),
            payer: Payer::of(charge),
            date_of_expiration: charge.expires_at.filter(|_| waits).map(brasilia),
            notification_url: notification_url.map(Url::as_str),
        })
    }
}

/// A time as the provider wants it: milliseconds, and an offset in hours and minutes.
fn brasilia(at: DateTime<Utc>) -> String {
    const WEST: i32 = 3 * 3600;
    FixedOffset::west_opt(WEST).map_or_else(
        || at.to_rfc3339_opts(SecondsFormat::Millis, false),
        |zone| at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Millis, false),
    )
}

impl<'a> Means<'a> {
    fn of(charge: &'a Charge) -> Self {
        match charge.method {
            PaymentMethod::Pix => Self::without_card("pix"),
            PaymentMethod::Boleto => Self::without_card("bolbradesco"),
            PaymentMethod::CreditCard => Self::card(charge, charge.installments.max(1)),
            PaymentMethod::DebitCard => Self::card(charge, 1),
        }
    }

    const fn without_card(payment_method_id: &'a str) -> Self {
        Self { payment_method_id, token: None, installments: None }
    }

    fn card(charge: &'a Charge, installments: u8) -> Self {
        Self {
            payment_method_id: charge.card_brand.as_deref().unwrap_or_default(),
            token: charge.card_token.as_deref(),
            installments: Some(installments),
        }
    }
}

impl<'a> Payer<'a> {
    fn of(charge: &'a Charge) -> Self {
        let customer: &Customer = &charge.payer;
        let (first_name, last_name) = names(&customer.name);
        // A boleto must name both; a company of one word, or a person, is then its own family.
        let last_name = last_name.or(first_name.filter(|_| charge.method == PaymentMethod::Boleto));
        Self {
            email: customer.email.as_deref().unwrap_or_default(),
            first_name,
            last_name,
            identification: customer.document.as_deref().map(Identification::of),
            address: charge.address.as_ref().map(Address::of),
        }
    }
}

impl<'a> Address<'a> {
    fn of(home: &'a Home) -> Self {
        Self {
            zip_code: &home.zip_code,
            street_name: &home.street,
            street_number: &home.number,
            neighborhood: &home.neighborhood,
            city: &home.city,
            federal_unit: &home.state,
        }
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
