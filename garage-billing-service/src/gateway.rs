//! The payment gateway as this shop sees it: a few calls, and answers that are never guessed. A provider is a
//! translator without memory: keys, retries and what a doubt means are decided in [`crate::bill`] and
//! [`crate::cashier`]. [`mercado_pago`] speaks to the real one, [`sandbox`] imitates it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use garage_events::{Cents, PaymentId, PaymentMethod, event::Payer};
use serde::{Deserialize, Serialize};

mod boleto;
pub mod mercado_pago;
pub mod sandbox;
pub mod timed;

/// What is asked when a payment is to be made. The same charge is asked again with the same key after a
/// doubt, also after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Our own id of the attempt: the external reference, and the idempotency key.
    pub reference: PaymentId,
    /// How much.
    pub amount: Cents,
    /// How.
    pub method: PaymentMethod,
    /// Who pays.
    pub payer: Payer,
    /// Where they live; boletos need it.
    pub address: Option<Address>,
    /// PIX, boletos: until when the payer may act; as long as the gateway likes unless told.
    pub expires_at: Option<DateTime<Utc>>,
    /// Cards: the provider's single-use token.
    pub card_token: Option<String>,
    /// Cards: the brand as the provider's form names it with the token (its `payment_method_id`: `visa`,
    /// `master`).
    pub card_brand: Option<String>,
    /// Cards: in how many parts.
    pub installments: u8,
    /// What for, as the payer reads it.
    pub description: String,
}

/// Where somebody lives, as Brazilian post wants it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// CEP: eight digits.
    #[schema(pattern = "^[0-9]{8}$", example = "01310100")]
    pub zip_code: String,
    /// The street.
    #[schema(min_length = 1, max_length = 200)]
    pub street: String,
    /// The number in it, or `S/N`.
    #[schema(min_length = 1, max_length = 20)]
    pub number: String,
    /// Bairro.
    #[schema(min_length = 1, max_length = 100)]
    pub neighborhood: String,
    /// The town.
    #[schema(min_length = 1, max_length = 100)]
    pub city: String,
    /// The state's two letters.
    #[schema(pattern = "^[A-Z]{2}$", example = "SP")]
    pub state: String,
}

/// Something that the provider would turn a charge down for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The field of `POST /payments` that would mend it.
    pub field: &'static str,
    /// What is wanted.
    pub wanted: &'static str,
}

/// A payment as the gateway knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// The gateway's id.
    pub gateway_id: String,
    /// Our own id of it, if the gateway tells one of ours.
    pub reference: Option<PaymentId>,
    /// Where it stands.
    pub standing: Standing,
    /// How much.
    pub amount: Cents,
    /// How much of it went back so far.
    pub refunded: Cents,
    /// How much more of it was accepted to go back and has not gone.
    pub going_back: Cents,
    /// The payer's bank takes or took the money back: the provider's word for how that stands.
    pub charge_back: Option<String>,
    /// What the payer needs while it is pending.
    pub instructions: Option<Instructions>,
}

impl Charged {
    /// A payment of which nothing else is to be told.
    #[must_use]
    pub fn new(gateway_id: impl Into<String>, standing: Standing, amount: Cents) -> Self {
        Self {
            gateway_id: gateway_id.into(),
            reference: None,
            standing,
            amount,
            refunded: Cents::ZERO,
            going_back: Cents::ZERO,
            charge_back: None,
            instructions: None,
        }
    }
}

/// Where a payment stands at the gateway. A word that we do not know is `Pending`: only an explicit end is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Waiting for the payer or for the provider.
    Pending,
    /// Captured.
    Approved,
    /// Declined, with the provider's word for why.
    Declined(String),
    /// Cancelled or expired, with the provider's word for why.
    Cancelled(String),
    /// Captured and given back.
    Refunded,
}

/// What the payer needs to pay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instructions {
    /// PIX: the text to copy and paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code: Option<String>,
    /// PIX: the same as a picture (PNG, base64).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code_base64: Option<String>,
    /// A page with the code or the boleto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_url: Option<String>,
    /// Boleto: the digits that the payer types ("linha digitável").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A refund as the gateway knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunded {
    /// The money went back; the gateway's id of the refund.
    Done(String),
    /// Accepted; ask again.
    Pending,
    /// Accepted once, and ended without the money, with the provider's word for why: whoever asks again with the same
    /// key hears the same.
    Rejected(String),
}

/// Why a call brought no answer to act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The gateway understood and said no; nothing happened there.
    #[error("the gateway refused: {0}")]
    Refused(String),
    /// A time-out, a broken connection, a 5xx, a body that does not read: it may have happened.
    #[error("it is not known whether the gateway did it: {0}")]
    Unknown(String),
}

/// A payment provider.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// What this charge lacks, so that nobody begins what cannot end well. No call is made.
    fn lacks(&self, charge: &Charge) -> Vec<Lack>;

    /// Makes a payment; with a reference that was used before, answers with the payment already made.
    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError>;

    /// Reads a payment; `None` when there is none by this id.
    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError>;

    /// Looks for a payment by our own id. A miss right after a doubt proves nothing.
    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError>;

    /// Cancels a pending payment. Refused when it is no longer pending: read it.
    async fn cancel(&self, gateway_id: &str, key: &str) -> Result<Charged, GatewayError>;

    /// Gives a captured payment back, or a part of it; the same key never does it twice.
    async fn refund(&self, gateway_id: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError>;

    /// Whether the gateway can be reached and accepts our credentials; for the operator's check-up.
    async fn check(&self) -> Result<(), GatewayError>;
}
