//! The provider's no, in its own codes (Create refund, Error codes): what a client branches on.

/// Why the provider does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("Payment not found")]
    NotFound,
    /// It no longer waits.
    #[error("The action requested is not valid for the current payment state")]
    NotPending,
    /// There is no money to give back.
    #[error("Action not allowed for the current payment status")]
    NotCaptured,
    /// All of it went back before.
    #[error("The payment is already refunded")]
    AlreadyRefunded,
    /// More than is left.
    #[error("The amount to refund is greater than what is left of the payment")]
    TooMuch,
    /// There is no such refund.
    #[error("Refund not found")]
    NoSuchRefund,
    /// Nothing, or less.
    #[error("The amount to refund must be positive")]
    NotPositive,
    /// The key was used for something else.
    #[error("The idempotency key was used with another request")]
    KeyReused,
}

impl Refusal {
    /// The provider's code for it; an undocumented one for a key used twice.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotFound => "2000",
            Self::NoSuchRefund => "2032",
            Self::NotPending => "3005",
            Self::NotCaptured => "2063",
            Self::AlreadyRefunded => "4296",
            Self::TooMuch => "2085",
            Self::NotPositive => "4040",
            Self::KeyReused => "idempotency_key_already_used",
        }
    }
}
