//! The operator's kind of no: something that should work did not. The caller hears only that it was us and
//! whether trying again makes sense; the causes go to the log.

use std::{error::Error, fmt};

type Cause = Box<dyn Error + Send + Sync>;

/// Something below us failed.
#[derive(Debug)]
pub struct Failure {
    doing: &'static str,
    passing: bool,
    cause: Cause,
}

impl Failure {
    /// A failure that heals by itself or by an operator's hand: a server away, a time-out, a full pool.
    pub fn passing(doing: &'static str, cause: impl Into<Cause>) -> Self {
        Self { doing, passing: true, cause: cause.into() }
    }

    /// A failure that the same call will meet again: a broken statement, a body that no longer reads.
    pub fn lasting(doing: &'static str, cause: impl Into<Cause>) -> Self {
        Self { doing, passing: false, cause: cause.into() }
    }

    /// The same failure for another one who waited for the same.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { doing: self.doing, passing: self.passing, cause: self.causes().into() }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        self.passing
    }

    fn causes(&self) -> String {
        let mut text = self.cause.to_string();
        let mut cause = self.cause.source();
        while let Some(deeper) = cause {
            text.push_str(": ");
            text.push_str(&deeper.to_string());
            cause = deeper.source();
        }
        text
    }
}

impl fmt::Display for Failure {
    /// The whole chain of causes on one line, as the log wants it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.causes())
    }
}

impl Error for Failure {}
