//! A part of a payment that a manager gives back after the work: a discount for a scratch, say. It is stored before the
//! gateway is asked, and ends by the gateway's word. A refusal is believed once the money must have shown if it had gone
//! after all: the same refund may have been sent before, its answer lost. Pure, like the payment.

use chrono::{DateTime, Utc};
use garage_events::Cents;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Attempt, Due};

/// A part that goes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartRefund {
    /// Its id: also the idempotency key at the gateway.
    pub id: Uuid,
    /// How much.
    pub amount: Cents,
    /// Why, in the manager's words.
    pub reason: String,
    /// The subject of the token that asked for it.
    pub by: String,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// How much of the payment the gateway showed as gone then, by whomever. What it shows beyond that is this part.
    #[serde(default)]
    pub gone_before: Cents,
    /// Where it stands.
    pub standing: PartStanding,
}

/// Where a part stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PartStanding {
    /// The gateway must be asked, until it says that the money went.
    Due,
    /// The gateway would not, and its payment must be looked at once more.
    Doubted {
        /// Its word for why.
        why: String,
        /// When it said so.
        at: DateTime<Utc>,
    },
    /// The money went back.
    Done {
        /// When.
        at: DateTime<Utc>,
    },
    /// It did not and will not.
    Refused {
        /// The gateway's word for why.
        why: String,
        /// When that was certain.
        at: DateTime<Utc>,
    },
}

impl PartRefund {
    /// Whether the gateway still owes us a word.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.standing, PartStanding::Due | PartStanding::Doubted { .. })
    }

    /// Whether the money went.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.standing, PartStanding::Done { .. })
    }

    pub(super) fn due(&self, attempt: &Attempt, gateway_id: String) -> Option<Due> {
        let (reference, refund, amount) = (attempt.id, self.id, self.amount);
        let gone_before = self.gone_before.max(attempt.given_back());
        match self.standing {
            PartStanding::Due => Some(Due::GiveBack { reference, gateway_id, refund, amount, gone_before }),
            PartStanding::Doubted { at, .. } => Some(Due::LookForRefund {
                reference,
                gateway_id,
                refund,
                amount,
                gone_before,
                refused_at: at,
            }),
            PartStanding::Done { .. } | PartStanding::Refused { .. } => None,
        }
    }
}

impl Attempt {
    /// How much of it went back in parts.
    #[must_use]
    pub fn given_back(&self) -> Cents {
        self.parts.iter().filter(|part| part.is_done()).map(|part| part.amount).sum()
    }

    /// The part that is on its way, of which there is one at a time.
    #[must_use]
    pub fn open_part(&self) -> Option<&PartRefund> {
        self.parts.iter().find(|part| part.is_open())
    }
}
