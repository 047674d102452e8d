//! The sandbox as the shop's gateway, in process. It asks for nothing that the provider would want for its own
//! sake: neither an e-mail address nor a card's token.

use async_trait::async_trait;
use garage_events::{Cents, PaymentId};

use super::{
    Sandbox, Unanswered,
    ledger::{Entry, RefundStatus, Refusal, Request, Status, holder},
};
use crate::gateway::{Charge, Charged, Gateway, GatewayError, Lack, Refunded, Standing};

#[async_trait]
impl Gateway for Sandbox {
    fn lacks(&self, _: &Charge) -> Vec<Lack> {
        Vec::new()
    }

    /// A reference that was used for another charge is no refusal either: there is a payment, and it says how
    /// much it is.
    async fn create(&self, charge: &Charge) -> Result<Charged, GatewayError> {
        match self.charge(charge.reference.0, request(charge)).await {
            Ok(entry) => Ok(self.charged(&entry)),
            Err(Unanswered::Refused(Refusal::KeyReused)) => {
                let there = self.search(charge.reference).await?;
                there.ok_or_else(|| {
                    GatewayError::Unknown("it has this reference and shows no payment".to_owned())
                })
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn read(&self, gateway_id: &str) -> Result<Option<Charged>, GatewayError> {
        match self.payment(gateway_id).await {
            Ok(entry) => Ok(Some(self.charged(&entry))),
            Err(Unanswered::Refused(Refusal::NotFound)) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    async fn search(&self, reference: PaymentId) -> Result<Option<Charged>, GatewayError> {
        Ok(self.payments(Some(reference.to_string()), 1).await?.first().map(|entry| self.charged(entry)))
    }

    /// The key is not needed: cancelling twice is refused, and reading tells that it was done.
    async fn cancel(&self, gateway_id: &str, _key: &str) -> Result<Charged, GatewayError> {
        Ok(self.charged(&self.call_off(gateway_id).await?))
    }

    async fn refund(&self, gateway_id: &str, amount: Cents, key: &str) -> Result<Refunded, GatewayError> {
        let entry = self.give_back(gateway_id, Some(amount), key).await?;
        match entry.refunds.iter().find(|refund| refund.key == key) {
            Some(refund) if refund.status == RefundStatus::Approved => {
                Ok(Refunded::Done(refund.number.to_string()))
            }
            Some(refund) if refund.status == RefundStatus::Rejected => {
                Ok(Refunded::Rejected("the refund was rejected".to_owned()))
            }
            Some(_) | None => Ok(Refunded::Pending),
        }
    }

    async fn check(&self) -> Result<(), GatewayError> {
        Ok(self.payments(None, 1).await.map(drop)?)
    }
}

impl From<Unanswered> for GatewayError {
    fn from(unanswered: Unanswered) -> Self {
        let told = unanswered.to_string();
        match unanswered {
            Unanswered::Refused(_) => Self::Refused(told),
            Unanswered::Fault(_) | Unanswered::Failed(_) => Self::Unknown(told),
        }
    }
}

fn request(charge: &Charge) -> Request {
    Request {
        amount: charge.amount,
        method: charge.method,
        brand: charge.card_brand.clone(),
        installments: charge.installments,
        holder: charge.card_token.as_deref().and_then(holder),
        payer: charge.payer.clone(),
        external_reference: Some(charge.reference.to_string()),
        description: charge.description.clone(),
        expires_at: charge.expires_at,
        notification_url: None,
    }
}

impl Sandbox {
    fn charged(&self, entry: &Entry) -> Charged {
        let told = entry.request.external_reference.as_ref();
        Charged {
            gateway_id: entry.number.to_string(),
            reference: told.and_then(|told| told.parse().ok().map(PaymentId)),
            standing: standing(entry),
            amount: entry.request.amount,
            refunded: entry.refunded(),
            going_back: entry.going_back(),
            charge_back: (entry.status == Status::ChargedBack).then(|| entry.detail.clone()),
            instructions: self.instructions(entry),
        }
    }
}

fn standing(entry: &Entry) -> Standing {
    match entry.status {
        Status::Pending | Status::InProcess | Status::InMediation => Standing::Pending,
        Status::Approved => Standing::Approved,
        Status::ChargedBack => match entry.detail.as_str() {
            "settled" => Standing::Refunded,
            "reimbursed" => Standing::Approved,
            _ => Standing::Pending,
        },
        Status::Rejected => Standing::Declined(entry.detail.clone()),
        Status::Cancelled => Standing::Cancelled(entry.detail.clone()),
        Status::Refunded => Standing::Refunded,
    }
}
