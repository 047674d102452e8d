//! A payment that the desk wants ended while it waits: the customer has lost the code, say, and will pay by card. It ends
//! by the gateway's word alone; money that came meanwhile has come. Pure, like the payment.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Attempt;

/// Why such a payment ended, as a word of the events.
pub const WITHDRAWN: &str = "WITHDRAWN";

/// Who wants a payment ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The subject of the token that said so.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Attempt {
    /// Whether it is to be ended at the gateway though the order goes on.
    #[must_use]
    pub(crate) const fn is_to_end(&self) -> bool {
        self.withdrawn.is_some() || self.ended_unseen
    }

    /// Why it was cancelled: because the desk wanted it, or in the gateway's word.
    #[must_use]
    pub(crate) fn cancelled_because(&self, told: String) -> String {
        if self.withdrawn.is_some() { WITHDRAWN.to_owned() } else { told }
    }
}
