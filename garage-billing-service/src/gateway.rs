//! The payment gateway as this shop sees it: five calls, and answers that are never guessed. A provider is a
//! translator without memory: keys, retries and what a doubt means are decided in [`crate::bill`] and
//! [`crate::cashier`]. [`mercado_pago`] speaks to the real one, [`sandbox`] imitates it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use garage_events::{Cents, PaymentId, PaymentMethod, event::Payer};
use serde::{Deserialize, Serialize};

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

/// A payment as the gateway knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// The gateway's id.
    pub gateway_id: String,
    /// Where it stands.
    pub standing: Standing,
    /// How much.
    pub amount: Cents,
    /// What the payer needs while it is pending.
    pub instructions: Option<Instructions>,
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
    /// Boleto: the bar code's digits.
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
    /// Makes a payment; with a reference that was used before, answers with the payment already made.
    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError>;

    /// Reads a payment; `None` when there is none by this id.
    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError>;

    /// Looks for a payment by our own id. A miss right after a doubt proves nothing.
    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError>;

    /// Cancels a pending payment. Refused when it is no longer pending: read it.
    async fn cancel(&self, gateway_id: &str, key: &str) -> Result<Charged, GatewayError>;

    /// Gives a captured payment back, whole; the same key never does it twice.
    async fn refund(&self, gateway_id: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError>;

    /// Whether the gateway can be reached and accepts our credentials; for the operator's check-up.
    async fn check(&self) -> Result<(), GatewayError>;
}
