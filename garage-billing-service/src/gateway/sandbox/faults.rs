//! Trouble on the line: told for the next calls, so that a story about a lost answer meets exactly that; or by chance, so
//! many of a hundred calls, for a crowd of them. Chance begins with a seed, so it can be had again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use super::ledger::RefundStatus;

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The request never arrives: no effect.
    RequestLost,
    /// The effect happens and nobody hears of it.
    AnswerLost,
    /// The gateway is out of order and says so: no effect.
    Unavailable,
    /// The gateway has had too many calls and says when to come again: no effect.
    Busy,
    /// The effect happens, and the answer takes [`SLOW`].
    Slow,
}

/// How long a slow answer takes.
pub const SLOW: Duration = Duration::from_secs(8);

/// So many of a hundred calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Odds {
    /// Meet [`Fault::AnswerLost`].
    pub answer_lost: u8,
    /// Meet [`Fault::RequestLost`].
    pub request_lost: u8,
    /// Meet [`Fault::Unavailable`].
    pub unavailable: u8,
    /// Meet [`Fault::Slow`].
    pub slow: u8,
}

/// What will go wrong with the next calls; copies share it. The payer's own acts are no calls.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Trouble>>);

#[derive(Debug, Default)]
struct Trouble {
    /// By call; nothing goes wrong with one that was let pass.
    expected: VecDeque<Option<Fault>>,
    chance: Option<(StdRng, Odds)>,
    refunds: VecDeque<RefundStatus>,
}

impl Faults {
    /// So many more calls meet this fault.
    pub fn expect(&self, calls: usize, fault: Fault) {
        self.lock().expected.extend(std::iter::repeat_n(Some(fault), calls));
    }

    /// So many more calls go well, whatever is told next.
    pub fn let_pass(&self, calls: usize) {
        self.lock().expected.extend(std::iter::repeat_n(None, calls));
    }

    /// From now on calls meet faults by chance.
    pub fn by_chance(&self, seed: u64, odds: Odds) {
        self.lock().chance = Some((StdRng::seed_from_u64(seed), odds));
    }

    /// So many more refunds begin like this instead of being done at once.
    pub fn expect_refunds(&self, refunds: usize, status: RefundStatus) {
        self.lock().refunds.extend(std::iter::repeat_n(status, refunds));
    }

    /// From now on all is well.
    pub fn clear(&self) {
        *self.lock() = Trouble::default();
    }

    /// The fault that this call meets.
    pub(super) fn next(&self) -> Option<Fault> {
        let mut trouble = self.lock();
        let expected = trouble.expected.pop_front();
        expected.unwrap_or_else(|| {
            trouble.chance.as_mut().and_then(|(dice, odds)| odds.of(dice.random_range(0..100)))
        })
    }

    /// How the next refund begins.
    pub(super) fn next_refund(&self) -> RefundStatus {
        self.lock().refunds.pop_front().unwrap_or(RefundStatus::Approved)
    }

    fn lock(&self) -> MutexGuard<'_, Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Odds {
    /// The fault of a call that has drawn this number below 100.
    fn of(self, drawn: u8) -> Option<Fault> {
        let shares = [
            (Fault::AnswerLost, self.answer_lost),
            (Fault::RequestLost, self.request_lost),
            (Fault::Unavailable, self.unavailable),
            (Fault::Slow, self.slow),
        ];
        let mut below = 0_u8;
        shares.into_iter().find_map(|(fault, share)| {
            below = below.saturating_add(share);
            (drawn < below).then_some(fault)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_comes_first_and_chance_after_it() {
        let faults = Faults::default();
        assert_eq!(faults.next(), None);
        faults.by_chance(7, Odds { answer_lost: 20, unavailable: 10, ..Odds::default() });
        faults.expect(1, Fault::Busy);
        assert_eq!(faults.next(), Some(Fault::Busy));
        let met: Vec<_> = (0..10_000).map(|_| faults.next()).collect();
        let count = |fault| met.iter().filter(|met| **met == fault).count();
        assert!((1_800..2_200).contains(&count(Some(Fault::AnswerLost))));
        assert!((850..1_150).contains(&count(Some(Fault::Unavailable))));
        assert_eq!(count(Some(Fault::RequestLost)) + count(Some(Fault::Slow)), 0);
        faults.clear();
        faults.let_pass(1);
        faults.expect(1, Fault::Busy);
        assert_eq!((faults.next(), faults.next(), faults.next()), (None, Some(Fault::Busy), None));
    }

    #[test]
    fn the_same_seed_has_the_same_chance() {
        let drawn = || {
            let faults = Faults::default();
            faults.by_chance(42, Odds { answer_lost: 50, ..Odds::default() });
            (0..100).map(|_| faults.next()).collect::<Vec<_>>()
        };
        assert_eq!(drawn(), drawn());
    }
}
