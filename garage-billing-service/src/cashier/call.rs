//! One gateway call, and what its answer means. What cannot be answered now is asked again later and never
//! guessed.

use chrono::{DateTime, Utc};
use garage_events::{Cents, PaymentId};
use uuid::Uuid;

use crate::{
    bill::Answer,
    gateway::{Charge, Charged, Gateway, GatewayError, Refunded, Standing},
    payment::{Due, NEVER_RECEIVED},
};

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performed {
    /// What is known now and was not before, if anything.
    pub answer: Option<Answer>,
    /// What the gateway said, or why it said nothing, for the trail.
    pub said: String,
    /// Whether it is not known what it did.
    pub is_doubt: bool,
}

/// Makes the call.
pub async fn perform(gateway: &dyn Gateway, due: &Due, now: DateTime<Utc>) -> Performed {
    let performed = match due {
        Due::Create(charge) => create(gateway, charge).await,
        Due::Search { reference, sent_at } => {
            search(gateway, *reference, now - *sent_at > NEVER_RECEIVED).await
        }
        Due::Read { gateway_id, .. } => read(gateway, gateway_id).await,
        Due::Cancel { gateway_id, .. } => cancel(gateway, gateway_id, &key(due)).await,
        Due::Refund { gateway_id, amount, gone_before, ended, .. } => {
            let rest = Rest { gateway_id, amount: *amount, gone_before: *gone_before, ended: *ended };
            rest.give_back(gateway, &key(due)).await
        }
        Due::GiveBack { gateway_id, refund, amount, gone_before, .. } => {
            let part = Part { gateway_id, id: *refund, amount: *amount, gone_before: *gone_before };
            part.give_back(gateway).await
        }
        Due::LookForRefund { gateway_id, refund, amount, gone_before, refused_at, .. } => {
            let part = Part { gateway_id, id: *refund, amount: *amount, gone_before: *gone_before };
            part.look_for(gateway, now - *refused_at > NEVER_RECEIVED).await
        }
    };
    performed.unwrap_or_else(|doubt| Performed { answer: None, said: doubt.to_string(), is_doubt: true })
}

type Outcome = Result<Performed, GatewayError>;

fn key(due: &Due) -> String {
    due.key().unwrap_or_default()
}

fn charged(charged: Charged) -> Performed {
    let said = format!("payment {} of {}: {:?}", charged.gateway_id, charged.amount, charged.standing);
    answered(Answer::Charged(charged), said)
}

fn answered(answer: Answer, said: impl Into<String>) -> Performed {
    Performed { answer: Some(answer), said: said.into(), is_doubt: false }
}

fn nothing(said: impl Into<String>) -> Performed {
    Performed { answer: None, said: said.into(), is_doubt: false }
}

/// A refusal does not say what became of the same charge when it was sent before, its answer lost: a card's token, say,
/// is refused when it comes twice. So look. What a refusal and a miss mean together is for [`crate::bill`] to say, which
/// knows whether the charge was sent more than once.
async fn create(gateway: &dyn Gateway, charge: &Charge) -> Outcome {
    match gateway.create(charge).await {
        Ok(made) => Ok(charged(made)),
        Err(GatewayError::Refused(reason)) => Ok(match gateway.search(charge.reference).await? {
            Some(made) => charged(made),
            None => answered(Answer::Refused(reason.clone()), format!("refused: {reason}")),
        }),
        Err(doubt @ GatewayError::Unknown(_)) => Err(doubt),
    }
}

async fn read(gateway: &dyn Gateway, gateway_id: &str) -> Outcome {
    let found = gateway.read(gateway_id).await?;
    Ok(found.map_or_else(|| nothing("there is no such payment"), charged))
}

async fn search(gateway: &dyn Gateway, reference: PaymentId, ample_time: bool) -> Outcome {
    Ok(match gateway.search(reference).await? {
        Some(found) => charged(found),
        None if ample_time => answered(Answer::NeverReceived, "it was never received"),
        None => nothing("it does not show"),
    })
}

/// A refused cancellation means that the payment is no longer pending: whatever it became is the answer.
async fn cancel(gateway: &dyn Gateway, gateway_id: &str, key: &str) -> Outcome {
    match gateway.cancel(gateway_id, key).await {
        Ok(cancelled) => Ok(charged(cancelled)),
        Err(GatewayError::Refused(_)) => read(gateway, gateway_id).await,
        Err(doubt @ GatewayError::Unknown(_)) => Err(doubt),
    }
}

/// What is left of a payment and shall go back.
struct Rest<'a> {
    gateway_id: &'a str,
    amount: Cents,
    gone_before: Cents,
    ended: u32,
}

impl Rest<'_> {
    async fn give_back(&self, gateway: &dyn Gateway, key: &str) -> Outcome {
        match gateway.refund(self.gateway_id, self.amount, key).await {
            Ok(Refunded::Done(id)) => self.done(gateway, &id).await,
            Ok(Refunded::Pending) => Ok(nothing(ON_ITS_WAY)),
            Ok(Refunded::Rejected(why)) => self.refused(gateway, why, true).await,
            Err(GatewayError::Refused(why)) => self.refused(gateway, why, false).await,
            Err(doubt @ GatewayError::Unknown(_)) => Err(doubt),
        }
    }

    /// With what had gone before it is all of the money; that had better be so.
    async fn done(&self, gateway: &dyn Gateway, id: &str) -> Outcome {
        let done = || Ok(answered(Answer::RefundDone, format!("refund {id} is done")));
        if self.gone_before == Cents::ZERO {
            return done();
        }
        match gateway.read(self.gateway_id).await? {
            Some(found) if is_all_gone(&found) => done(),
            Some(_) | None => {
                Ok(nothing(format!("refund {id} is done, and not all of the money shows as gone")))
            }
        }
    }

    /// Refused because it was done before (the answer to the first try was lost), or for now, or for good: it has ended,
    /// or more has gone than when it was asked for, so that there is less than it wants.
    async fn refused(&self, gateway: &dyn Gateway, why: String, has_ended: bool) -> Outcome {
        let told = format!("refused: {why}");
        Ok(match gateway.read(self.gateway_id).await? {
            Some(found) if found.standing == Standing::Refunded => charged(found),
            Some(found) if is_all_gone(&found) => answered(Answer::RefundDone, GONE),
            Some(found) if found.going_back > Cents::ZERO => nothing(ON_ITS_WAY),
            Some(found) if has_ended || found.refunded > self.gone_before => {
                answered(Answer::RefundEnded { ended: self.ended, gone: found.refunded, why }, told)
            }
            Some(_) | None => answered(Answer::RefundRefused(why), told),
        })
    }
}

fn is_all_gone(payment: &Charged) -> bool {
    payment.standing == Standing::Refunded || payment.refunded >= payment.amount
}

/// A part that shall go back.
struct Part<'a> {
    gateway_id: &'a str,
    id: Uuid,
    amount: Cents,
    gone_before: Cents,
}

impl Part<'_> {
    /// Refused because it was done before, or perhaps for good.
    async fn give_back(&self, gateway: &dyn Gateway) -> Outcome {
        match gateway.refund(self.gateway_id, self.amount, &self.id.to_string()).await {
            Ok(Refunded::Done(id)) => Ok(answered(Answer::PartDone(self.id), format!("refund {id} is done"))),
            Ok(Refunded::Pending) => Ok(nothing(ON_ITS_WAY)),
            Ok(Refunded::Rejected(reason)) | Err(GatewayError::Refused(reason)) => {
                Ok(match self.whereabouts(gateway).await? {
                    Whereabouts::Gone => answered(Answer::PartSeen(self.id), GONE),
                    Whereabouts::OnItsWay => nothing(ON_ITS_WAY),
                    Whereabouts::Here => {
                        answered(Answer::PartRefused(self.id, reason.clone()), format!("refused: {reason}"))
                    }
                })
            }
            Err(doubt @ GatewayError::Unknown(_)) => Err(doubt),
        }
    }

    async fn look_for(&self, gateway: &dyn Gateway, ample_time: bool) -> Outcome {
        Ok(match self.whereabouts(gateway).await? {
            Whereabouts::Gone => answered(Answer::PartSeen(self.id), GONE),
            Whereabouts::OnItsWay => nothing(ON_ITS_WAY),
            Whereabouts::Here if ample_time => answered(Answer::PartNeverWent(self.id), "it never went"),
            Whereabouts::Here => nothing("it does not show"),
        })
    }

    /// One part is on its way at a time, so more than before can only be this one.
    async fn whereabouts(&self, gateway: &dyn Gateway) -> Result<Whereabouts, GatewayError> {
        let payment = gateway.read(self.gateway_id).await?;
        let payment = payment.ok_or_else(|| GatewayError::Unknown("it shows no such payment".to_owned()))?;
        let with_it = self.gone_before.centavos() + self.amount.centavos();
        Ok(if payment.refunded.centavos() >= with_it {
            Whereabouts::Gone
        } else if payment.going_back > Cents::ZERO {
            Whereabouts::OnItsWay
        } else {
            Whereabouts::Here
        })
    }
}

const GONE: &str = "it had gone before";
const ON_ITS_WAY: &str = "accepted, and not done yet";

/// Where a part is, as its payment shows.
enum Whereabouts {
    Gone,
    OnItsWay,
    Here,
}

#[cfg(test)]
mod tests;
