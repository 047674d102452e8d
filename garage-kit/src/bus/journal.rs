//! Saying the same thing at most every half minute: a broker that is away for an hour is one fact, not ten
//! thousand.

use std::time::Duration;

use tokio::time::Instant;

const QUIET: Duration = Duration::from_secs(30);

/// Remembers what the log has been told.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    said: Option<Instant>,
    answered: bool,
}

impl Journal {
    /// Whether to tell of trouble: the first time, and again after a while. It then counts as told.
    pub(crate) fn may_complain(&mut self) -> bool {
        let quiet = self.said.is_some_and(|said| said.elapsed() < QUIET);
        if !quiet {
            self.said = Some(Instant::now());
            self.answered = false;
        }
        !quiet
    }

    /// Whether to tell that all is well: at the start, and when the log was left with trouble.
    pub(crate) fn may_relieve(&mut self) -> bool {
        !std::mem::replace(&mut self.answered, true)
    }

    /// All was well for long enough: the next trouble is news.
    pub(crate) fn forget(&mut self) {
        self.said = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn trouble_is_told_once_and_its_end_is_told_once() {
        let mut journal = Journal::default();
        assert_eq!((journal.may_relieve(), journal.may_relieve()), (true, false));
        assert_eq!((journal.may_complain(), journal.may_complain()), (true, false));
        assert_eq!(
            (journal.may_relieve(), journal.may_complain(), journal.may_relieve()),
            (true, false, false)
        );
        journal.forget();
        assert!(journal.may_complain());
    }
}
