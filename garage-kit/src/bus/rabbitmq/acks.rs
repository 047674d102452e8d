//! Which deliveries of one channel may be acknowledged together. The broker numbers a channel's deliveries 1,
//! 2, 3, …; one acknowledgement may stand for all up to a number, but only once each of them is done, and
//! only for a number that has not been acknowledged yet: anything else costs the channel.

use std::collections::BTreeMap;

/// What is done on one channel.
#[derive(Debug, Default)]
pub(super) struct Ledger(Unhurried<()>);

/// What to tell the broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Acks {
    /// This one and all before it.
    pub(super) through: Option<u64>,
    /// These, each for itself.
    pub(super) single: Vec<u64>,
}

impl Acks {
    /// Of this one and all before it.
    pub(super) const fn through(tag: u64) -> Self {
        Self { through: Some(tag), single: Vec::new() }
    }
}

impl Ledger {
    /// Notes a batch as done.
    pub(super) fn settle(&mut self, tags: &[u64]) -> Acks {
        self.0.settle(tags.iter().map(|tag| (*tag, ())));
        let (together, single): (Vec<u64>, Vec<u64>) = tags.iter().partition(|tag| **tag <= self.0.through);
        Acks { through: together.into_iter().max(), single }
    }
}

/// The same where nobody is in a hurry: what is done ahead waits until all before it is done, so that one acknowledgement
/// is enough for many.
#[derive(Debug)]
pub(super) struct Unhurried<T> {
    /// Everything up to this tag is done.
    through: u64,
    /// Done ahead of one that is not.
    ahead: BTreeMap<u64, T>,
}

impl<T> Default for Unhurried<T> {
    fn default() -> Self {
        Self { through: 0, ahead: BTreeMap::new() }
    }
}

impl<T> Unhurried<T> {
    /// Notes deliveries as done. Those that may be acknowledged now, in their order: the last one stands for all.
    pub(super) fn settle(&mut self, done: impl IntoIterator<Item = (u64, T)>) -> Vec<T> {
        self.ahead.extend(done);
        let mut settled = Vec::new();
        while let Some(next) = self.ahead.remove(&(self.through + 1)) {
            self.through += 1;
            settled.push(next);
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_without_gaps_is_acknowledged_at_once() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.settle(&[1, 2, 3]), Acks { through: Some(3), single: vec![] });
        assert_eq!(ledger.settle(&[4]), Acks { through: Some(4), single: vec![] });
    }

    #[test]
    fn a_delivery_behind_a_gap_is_acknowledged_alone() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.settle(&[1, 3, 4]), Acks { through: Some(1), single: vec![3, 4] });
    }

    #[test]
    fn what_closes_a_gap_is_named_itself_and_not_what_was_acknowledged_before() {
        let mut ledger = Ledger::default();
        let _ = ledger.settle(&[1, 3]);
        assert_eq!(ledger.settle(&[2]), Acks { through: Some(2), single: vec![] });
        assert_eq!(ledger.settle(&[4]), Acks { through: Some(4), single: vec![] });
    }

    #[test]
    fn where_nobody_is_in_a_hurry_what_is_ahead_waits_for_the_gap_to_close() {
        let mut ledger = Unhurried::default();
        assert_eq!(ledger.settle([(1, "a"), (3, "c")]), ["a"]);
        assert!(ledger.settle([(4, "d")]).is_empty());
        assert_eq!(ledger.settle([(2, "b")]), ["b", "c", "d"]);
    }
}
