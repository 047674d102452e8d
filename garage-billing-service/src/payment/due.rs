//! The calls that stored attempts ask for. Pure: they say what is to be done, and somebody else does it.

use std::fmt;

use chrono::{DateTime, Utc};
use garage_events::{Cents, PaymentId};
use uuid::Uuid;

use crate::gateway::Charge;

/// A call to the gateway that a stored attempt asks for. Performing one twice does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a charge is what most calls are, and none is kept")]
pub enum Due {
    /// Make the payment, or learn what became of it.
    Create(Charge),
    /// The order is off, the desk has withdrawn the payment, or the charge was refused once, and nobody knows whether
    /// the gateway took it: look, and do not make it.
    Search {
        /// Our id.
        reference: PaymentId,
        /// When the charge may have been sent last.
        sent_at: DateTime<Utc>,
    },
    /// Learn whether the payer has acted.
    Read {
        /// Our id.
        reference: PaymentId,
        /// The gateway's.
        gateway_id: String,
    },
    /// The order is off, or the desk has withdrawn the payment: cancel what is pending.
    Cancel {
        /// Our id.
        reference: PaymentId,
        /// The gateway's.
        gateway_id: String,
    },
    /// Give back what is left of the money.
    Refund {
        /// Our id.
        reference: PaymentId,
        /// The gateway's.
        gateway_id: String,
        /// How much.
        amount: Cents,
        /// How much went back before.
        gone_before: Cents,
        /// How many refunds of the rest have ended before this one, and no money went.
        ended: u32,
    },
    /// Give a part of the money back.
    GiveBack {
        /// Our id.
        reference: PaymentId,
        /// The gateway's.
        gateway_id: String,
        /// The part's id.
        refund: Uuid,
        /// How much.
        amount: Cents,
        /// How much went back before.
        gone_before: Cents,
    },
    /// A part was refused: look whether it has gone all the same, and do not send it.
    LookForRefund {
        /// Our id.
        reference: PaymentId,
        /// The gateway's.
        gateway_id: String,
        /// The part's id.
        refund: Uuid,
        /// How much.
        amount: Cents,
        /// How much went back before.
        gone_before: Cents,
        /// When it was refused.
        refused_at: DateTime<Utc>,
    },
}

impl Due {
    /// Our id of the attempt that asks for it.
    #[must_use]
    pub const fn reference(&self) -> PaymentId {
        match self {
            Self::Create(charge) => charge.reference,
            Self::Search { reference, .. }
            | Self::Read { reference, .. }
            | Self::Cancel { reference, .. }
            | Self::Refund { reference, .. }
            | Self::GiveBack { reference, .. }
            | Self::LookForRefund { reference, .. } => *reference,
        }
    }

    /// The idempotency key of a call that changes something. It is made of what is stored, so that every sending of one
    /// intent has the same.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Create(charge) => Some(charge.reference.to_string()),
            Self::Cancel { reference, .. } => Some(format!("{reference}-cancel")),
            Self::Refund { reference, ended: 0, .. } => Some(format!("{reference}-refund")),
            Self::Refund { reference, ended, .. } => Some(format!("{reference}-refund-{ended}")),
            Self::GiveBack { refund, .. } => Some(refund.to_string()),
            Self::Search { .. } | Self::Read { .. } | Self::LookForRefund { .. } => None,
        }
    }
}

impl fmt::Display for Due {
    /// Without a token or anything else that is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(charge) => {
                let (amount, method, parts) = (charge.amount, charge.method, charge.installments);
                write!(f, "pay {amount} by {method} in {parts} (reference {})", charge.reference)
            }
            Self::Search { reference, .. } => write!(f, "search for {reference}"),
            Self::Read { gateway_id, .. } => write!(f, "read {gateway_id}"),
            Self::Cancel { gateway_id, .. } => write!(f, "cancel {gateway_id}"),
            Self::Refund { gateway_id, amount, .. } => write!(f, "refund {amount} of {gateway_id}"),
            Self::GiveBack { gateway_id, amount, .. } => write!(f, "give back {amount} of {gateway_id}"),
            Self::LookForRefund { gateway_id, amount, .. } => {
                write!(f, "look whether {amount} of {gateway_id} went back")
            }
        }
    }
}
