//! One gateway call, and what its answer means. What cannot be answered now is asked again later and never
//! guessed.

use chrono::{DateTime, Utc};
use garage_events::PaymentId;

use crate::{
    bill::Answer,
    gateway::{Charge, Charged, Gateway, GatewayError, Refunded, Standing},
    payment::{Due, NEVER_RECEIVED},
};

/// Makes the call; `None` when nothing is known afterwards that was not known before.
pub async fn perform(gateway: &dyn Gateway, due: &Due, now: DateTime<Utc>) -> Option<Answer> {
    match due {
        Due::Create(charge) => create(gateway, charge).await,
        Due::Search { reference, sent_at } => {
            search(gateway, *reference, now - *sent_at > NEVER_RECEIVED).await
        }
        Due::Read { gateway_id, .. } => doubted(gateway.read(gateway_id).await)?.map(Answer::Charged),
        Due::Cancel { reference, gateway_id } => cancel(gateway, gateway_id, *reference).await,
        Due::Refund { reference, gateway_id, amount } => {
            match gateway.refund(gateway_id, *amount, &format!("{reference}-refund")).await {
                Ok(Refunded::Done(_)) => Some(Answer::RefundDone),
                Ok(Refunded::Pending) => None,
                Err(GatewayError::Refused(reason)) => refused_refund(gateway, gateway_id, reason).await,
                Err(unknown @ GatewayError::Unknown(_)) => doubted::<Answer>(Err(unknown)),
            }
        }
    }
}

/// A refusal does not say what became of the same charge when it was sent before, its answer lost: a card's token, say,
/// is refused when it comes twice. So look. What a refusal and a miss mean together is for [`crate::bill`] to say, which
/// knows whether the charge was sent more than once.
async fn create(gateway: &dyn Gateway, charge: &Charge) -> Option<Answer> {
    match gateway.create(charge).await {
        Ok(charged) => Some(Answer::Charged(charged)),
        Err(GatewayError::Refused(reason)) => Some(match doubted(gateway.search(charge.reference).await)? {
            Some(charged) => Answer::Charged(charged),
            None => Answer::Refused(reason),
        }),
        Err(unknown @ GatewayError::Unknown(_)) => doubted(Err(unknown)),
    }
}

async fn search(gateway: &dyn Gateway, reference: PaymentId, ample_time: bool) -> Option<Answer> {
    match doubted(gateway.search(reference).await)? {
        Some(charged) => Some(Answer::Charged(charged)),
        None => ample_time.then_some(Answer::NeverReceived),
    }
}

/// A refused cancellation means that the payment is no longer pending: whatever it became is the answer.
async fn cancel(gateway: &dyn Gateway, gateway_id: &str, reference: PaymentId) -> Option<Answer> {
    match gateway.cancel(gateway_id, &format!("{reference}-cancel")).await {
        Ok(charged) => Some(Answer::Charged(charged)),
        Err(GatewayError::Refused(_)) => doubted(gateway.read(gateway_id).await)?.map(Answer::Charged),
        Err(unknown @ GatewayError::Unknown(_)) => doubted(Err(unknown)),
    }
}

/// Refused because it was done before (the answer to the first try was lost), or for good.
async fn refused_refund(gateway: &dyn Gateway, gateway_id: &str, reason: String) -> Option<Answer> {
    match doubted(gateway.read(gateway_id).await)? {
        Some(charged @ Charged { standing: Standing::Refunded, .. }) => Some(Answer::Charged(charged)),
        Some(_) | None => Some(Answer::RefundRefused(reason)),
    }
}

/// Doubt is for the log; the attempt stays as it is.
fn doubted<T>(answer: Result<T, GatewayError>) -> Option<T> {
    answer
        .inspect_err(|doubt| tracing::warn!(%doubt, "the gateway gave no answer; it will be asked again"))
        .ok()
}
