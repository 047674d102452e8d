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

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        self.passing
    }
}

impl fmt::Display for Failure {
    /// The whole chain of causes on one line, as the log wants it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.cause)?;
        let mut cause = self.cause.source();
        while let Some(deeper) = cause {
            write!(f, ": {deeper}")?;
            cause = deeper.source();
        }
        Ok(())
    }
}

impl Error for Failure {}
