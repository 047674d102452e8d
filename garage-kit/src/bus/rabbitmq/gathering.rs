//! Deliveries for which nobody waits, gathering for a moment, so that what several of them say of one order is heard
//! together. When something comes that cannot wait, those about the same order come along, so that an order rarely hears
//! how it went on after it has heard that it is finished. Rarely, not never: another copy of the service may hold them, or
//! the other channel may be the faster one. Whoever hears of both must not mind the order, here as elsewhere.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use super::super::judge::BATCH;

/// How long the first of them waits.
const MOMENT: Duration = Duration::from_millis(500);
/// So many do not wait.
const MANY: usize = BATCH;

/// Deliveries in the order in which they came, with what each is about: its correlation id.
pub(super) struct Gathering<T> {
    by_place: BTreeMap<u64, T>,
    about: HashMap<String, Vec<u64>>,
    /// When they have waited long enough.
    until: Option<Instant>,
}

impl<T> Gathering<T> {
    pub(super) fn new() -> Self {
        Self { by_place: BTreeMap::new(), about: HashMap::new(), until: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }

    /// When they have waited long enough, while there are any.
    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// One more.
    pub(super) fn add(&mut self, place: u64, about: Option<String>, delivery: T, now: Instant) {
        self.until.get_or_insert(now + MOMENT);
        self.by_place.insert(place, delivery);
        if let Some(about) = about {
            self.about.entry(about).or_default().push(place);
        }
    }

    /// Whether they have waited long enough, or are many.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now) || self.by_place.len() >= MANY
    }

    /// Takes those about this.
    pub(super) fn take_about(&mut self, about: &str) -> Vec<(u64, T)> {
        let places = self.about.remove(about).unwrap_or_default();
        let taken = places.into_iter().filter_map(|place| self.by_place.remove_entry(&place)).collect();
        if self.is_empty() {
            self.until = None;
        }
        taken
    }

    /// Takes all.
    pub(super) fn take(&mut self) -> BTreeMap<u64, T> {
        std::mem::replace(self, Self::new()).by_place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_waits_for_a_moment_and_the_others_no_longer() {
        let (mut gathering, now) = (Gathering::new(), Instant::now());
        gathering.add(1, None, "one", now);
        gathering.add(2, None, "two", now + MOMENT / 2);
        assert!(!gathering.is_due(now + MOMENT / 2));
        assert!(gathering.is_due(now + MOMENT));
        assert_eq!(gathering.take().into_values().collect::<Vec<_>>(), ["one", "two"]);
        assert!(!gathering.is_due(now + MOMENT), "nothing is there");
        gathering.add(3, None, "three", now + MOMENT);
        assert!(!gathering.is_due(now + MOMENT), "its moment begins anew");
    }

    #[test]
    fn many_do_not_wait() {
        let (mut gathering, now) = (Gathering::new(), Instant::now());
        (1..MANY as u64).for_each(|place| gathering.add(place, None, (), now));
        assert!(!gathering.is_due(now));
        gathering.add(MANY as u64, None, (), now);
        assert!(gathering.is_due(now));
    }

    #[test]
    fn those_about_one_order_come_along_with_it() {
        let (mut gathering, now) = (Gathering::new(), Instant::now());
        for (place, about) in [(1, "a"), (2, "b"), (4, "a")] {
            gathering.add(place, Some(about.to_owned()), place, now);
        }
        assert_eq!(gathering.take_about("a"), [(1, 1), (4, 4)]);
        assert!(gathering.take_about("a").is_empty());
        assert_eq!(gathering.until(), Some(now + MOMENT), "the other one still waits");
        assert_eq!(gathering.take_about("b"), [(2, 2)]);
        assert_eq!(gathering.until(), None);
    }
}
