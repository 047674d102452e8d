//! Requests as the provider takes them, and its codes for those that it does not (Create payment, Error
//! codes).

use std::collections::HashMap;

use axum::http::HeaderMap;
use chrono::{DateTime, TimeDelta, Utc};
use garage_events::{Cents, PaymentMethod, event::Payer};
use reqwest::Url;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use super::{error::Error, show::METHODS};
use crate::gateway::sandbox::ledger::{Refusal, Request, holder};

#[derive(Deserialize)]
struct Body {
    transaction_amount: Option<Value>,
    payment_method_id: Option<String>,
    token: Option<String>,
    installments: Option<u8>,
    external_reference: Option<String>,
    date_of_expiration: Option<String>,
    notification_url: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    payer: BodyPayer,
}

#[derive(Default, Deserialize)]
struct BodyPayer {
    email: Option<String>,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    identification: Option<Identification>,
    address: Option<HashMap<String, String>>,
}

/// What the provider wants to know of where a boleto's payer lives.
const ADDRESS: [&str; 6] =
    ["zip_code", "street_name", "street_number", "neighborhood", "city", "federal_unit"];
/// As long as a notification's address may be.
const LONGEST_URL: usize = 248;

#[derive(Deserialize)]
struct Identification {
    number: Option<String>,
}

/// The key, which every call that moves money must carry.
pub(super) fn key(headers: &HeaderMap) -> Result<&str, Error> {
    let missing = || Error::malformed(4292, "Header X-Idempotency-Key can't be null");
    headers
        .get("x-idempotency-key")
        .and_then(|key| key.to_str().ok())
        .filter(|key| !key.is_empty())
        .ok_or_else(missing)
}

/// The provider takes any text for a key; this one wants a UUID for a payment's, under which it is kept.
pub(super) fn uuid(key: &str) -> Result<Uuid, Error> {
    key.parse().map_err(|_| Error::malformed(1, "the sandbox wants a UUID as X-Idempotency-Key"))
}

/// The body of `POST /v1/payments`, as it comes at this time.
pub(super) fn payment(body: &[u8], now: DateTime<Utc>) -> Result<Request, Error> {
    let body: Body = json(body)?;
    let amount = amount(body.transaction_amount)?;
    let id =
        body.payment_method_id.ok_or_else(|| Error::malformed(4001, "payment_method_id can't be null"))?;
    let method = method(&id)?;
    let is_card = matches!(method, PaymentMethod::CreditCard | PaymentMethod::DebitCard);
    if is_card && body.token.is_none() {
        return Err(Error::malformed(4000, "token can't be null"));
    }
    match body.installments {
        None if is_card => return Err(Error::malformed(4004, "installments can't be null")),
        Some(0 | 37..) => return Err(Error::malformed(4033, "Invalid installments")),
        Some(_) | None => {}
    }
    Ok(Request {
        amount,
        method,
        brand: is_card.then_some(id),
        installments: body.installments.unwrap_or(1),
        holder: body.token.as_deref().filter(|_| is_card).and_then(holder),
        payer: payer(body.payer, method)?,
        external_reference: body.external_reference,
        description: body.description,
        expires_at: body.date_of_expiration.map(|told| expiration(&told, method, now)).transpose()?,
        notification_url: body.notification_url.map(notification_url).transpose()?,
    })
}

fn amount(told: Option<Value>) -> Result<Cents, Error> {
    let told = told.ok_or_else(|| Error::malformed(4002, "transaction_amount can't be null"))?;
    if !told.is_number() {
        return Err(Error::malformed(4003, "transaction_amount must be numeric"));
    }
    let amount = serde_json::from_value(told).ok().filter(|amount| *amount > Cents::ZERO);
    amount.ok_or_else(|| Error::malformed(4037, "Invalid transaction_amount"))
}

/// `credit_card`, `debit_card` and `boleto` are kinds of methods, not methods.
fn method(id: &str) -> Result<PaymentMethod, Error> {
    let known = METHODS.iter().find(|(known, _)| *known == id);
    match known.map(|(_, kind)| *kind) {
        Some("bank_transfer") => Ok(PaymentMethod::Pix),
        Some("ticket") => Ok(PaymentMethod::Boleto),
        Some("credit_card") => Ok(PaymentMethod::CreditCard),
        Some("debit_card") => Ok(PaymentMethod::DebitCard),
        Some(_) | None => Err(Error::malformed(3028, "Invalid payment_method_id")),
    }
}

/// PIX from half an hour to thirty days, boletos from a day to thirty.
fn expiration(told: &str, method: PaymentMethod, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let at = DateTime::parse_from_rfc3339(told).map(|at| at.to_utc());
    let at = at.map_err(|_| Error::malformed(23, "The following parameters must be valid date and format (yyyy-MM-dd'T'HH:mm:ssz): date_of_expiration"))?;
    let soonest = if method == PaymentMethod::Boleto { TimeDelta::days(1) } else { TimeDelta::minutes(30) };
    // The clocks of two machines differ, and a request takes its time.
    let grace = TimeDelta::minutes(5);
    let life = at - now;
    if (soonest - grace..=TimeDelta::days(30) + grace).contains(&life) {
        Ok(at)
    } else {
        Err(Error::malformed(23, "date_of_expiration is not within the limits of this payment method"))
    }
}

fn notification_url(told: String) -> Result<String, Error> {
    if told.len() > LONGEST_URL {
        return Err(Error::malformed(4021, "notification_url is too long"));
    }
    let is_url = told.parse::<Url>().is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
    if is_url {
        Ok(told)
    } else {
        Err(Error::malformed(4020, "notification_url attribute must be url valid"))
    }
}

fn payer(told: BodyPayer, method: PaymentMethod) -> Result<Payer, Error> {
    let email = told.email.filter(|email| email.contains('@'));
    let email = email.ok_or_else(|| Error::malformed(4050, "payer.email must be a valid email"))?;
    let document = told.identification.and_then(|identification| identification.number);
    if method == PaymentMethod::Boleto && document.is_none() {
        return Err(Error::malformed(2067, "Invalid user identification number"));
    }
    let knows = |field: &str| {
        told.address.as_ref().and_then(|address| address.get(field)).is_some_and(|text| !text.is_empty())
    };
    if method == PaymentMethod::Boleto && !ADDRESS.into_iter().all(knows) {
        return Err(Error::malformed(4006, "payer.address must have all of its fields"));
    }
    let name = format!("{} {}", told.first_name, told.last_name).trim().to_owned();
    Ok(Payer { name, email: Some(email), document })
}

/// The body of `PUT /v1/payments/{id}`: the sandbox knows one update.
pub(super) fn cancellation(body: &[u8]) -> Result<(), Error> {
    let told: Value = json(body)?;
    if told["status"] == "cancelled" { Ok(()) } else { Err(Error::malformed(1, "Params Error: status")) }
}

/// The body of a refund: an amount, or nothing for all of it.
pub(super) fn refund(body: &[u8]) -> Result<Option<Cents>, Error> {
    if body.is_empty() {
        return Ok(None);
    }
    let told: Value = json(body)?;
    match &told["amount"] {
        Value::Null => Ok(None),
        Value::Number(amount) => {
            amount.to_string().parse().map(Some).map_err(|_| Refusal::NotPositive.into())
        }
        Value::String(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(Error::malformed(4041, "The amount to refund must be numeric"))
        }
    }
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|_| Error::malformed(1, "Params Error"))
}
