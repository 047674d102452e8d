//! What is left of a payment and owed back. How much is asked for is decided before the gateway is asked and stored, so
//! that every sending of one refund is the same; only one that is certain to have ended is followed by another, under a
//! key of its own. Pure, like the payment.

use garage_events::Cents;
use serde::{Deserialize, Serialize};

use super::{Attempt, Due};

/// How all that is left of a payment goes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Owed {
    /// How much of the payment had gone when the rest was asked for.
    pub gone_before: Cents,
    /// How many refunds of the rest have ended and no money went: the next one's key is told apart by it.
    pub ended: u32,
}

/// Why money goes back though its order goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GoesBack {
    /// It was given back at the gateway before we saw that it had come, or after everybody had been told that this
    /// payment had ended.
    AtGateway,
    /// It came after everybody had been told that this payment had ended.
    TooLate,
}

impl GoesBack {
    /// Its word in the events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AtGateway => "REFUNDED_AT_GATEWAY",
            Self::TooLate => "CAPTURED_AFTER_END",
        }
    }
}

impl Attempt {
    /// How much of it is known to have gone back, by whomever.
    #[must_use]
    pub fn gone(&self) -> Cents {
        self.given_back().max(self.gone_at_gateway)
    }

    /// How much the gateway is asked for when what is left is owed back.
    #[must_use]
    pub fn rest(&self) -> Cents {
        self.amount.less(self.owed.gone_before)
    }

    /// Nothing is left, as far as is known: whether that is so, only the gateway can say.
    pub(super) fn due_back(&self, gateway_id: String) -> Due {
        let (reference, amount) = (self.id, self.rest());
        let Owed { gone_before, ended } = self.owed;
        if amount == Cents::ZERO {
            return Due::Read { reference, gateway_id };
        }
        Due::Refund { reference, gateway_id, amount, gone_before, ended }
    }

    /// It was thought that nothing is left, and so nothing was asked for; the gateway has shown how much is.
    #[must_use]
    pub(crate) fn owing_what_is_left(mut self) -> Self {
        if self.rest() == Cents::ZERO {
            self.owed.gone_before = self.gone();
        }
        self
    }

    /// This refund of the rest has ended, and by then so much had gone: another one asks for what is left now. Heard of
    /// a refund that was followed by another, it means nothing.
    #[must_use]
    pub(crate) fn refund_ended(mut self, ended: u32, gone: Cents, why: String) -> Self {
        if self.owed.ended == ended {
            self.gone_at_gateway = gone;
            self.owed = Owed { gone_before: self.gone(), ended: ended.saturating_add(1) };
            self.reason = Some(why);
        }
        self
    }
}
