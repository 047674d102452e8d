//! Notifications that have been looked into. Who sends one again, be it the provider or somebody who has overheard it,
//! gets the same answer and causes no further question. In memory: whoever has forgotten asks once too often.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

/// So many are remembered, the newest ones.
const MOST: usize = 10_000;

/// Signatures of notifications that were acted on; copies share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Replays(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    all: HashSet<String>,
    oldest_first: VecDeque<String>,
}

impl Replays {
    /// Whether this one was looked into.
    pub(super) fn know(&self, signature: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.contains(signature)
    }

    /// It was.
    pub(super) fn remember(&self, signature: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.all.insert(signature.to_owned()) {
            return;
        }
        known.oldest_first.push_back(signature.to_owned());
        if known.oldest_first.len() > MOST
            && let Some(oldest) = known.oldest_first.pop_front()
        {
            known.all.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered_and_memory_has_an_end() {
        let replays = Replays::default();
        for number in 0..=MOST {
            replays.remember(&number.to_string());
            replays.remember(&number.to_string());
        }
        assert!(!replays.know("0") && replays.know("1") && replays.know(&MOST.to_string()));
        assert_eq!(replays.0.lock().unwrap().all.len(), MOST);
    }
}
