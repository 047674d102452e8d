//! What this process has written or read last, so that a decision need not read it again. It may be out of date, since
//! other replicas write too, and is never more than a guess: whoever rests a decision on it names the version, and the
//! store says whether that has passed. Where replicas overtake each other often, guessing costs more than reading, so it
//! is given up for a while.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::{Aggregate, Loaded, store::Rule};

/// So many records, a few kilobytes each.
const RECORDS: usize = 1024;
/// So many values of unique fields with the record that has each.
const OWNERS: usize = 4096;
/// What a wrong guess adds to the doubt; a right one takes one away.
const WRONG: u32 = 32;
/// From this doubt on nothing is guessed …
const TOO_MUCH: u32 = 128;
/// … until so many reads have gone by.
const REST: u32 = 1024;

type Guess = Arc<dyn Any + Send + Sync>;

pub(crate) struct Memory {
    records: Cache<(&'static str, Uuid), Guess>,
    owners: Cache<(&'static str, &'static str, String), Uuid>,
    doubt: AtomicU32,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { records: Cache::new(RECORDS), owners: Cache::new(OWNERS), doubt: AtomicU32::new(0) }
    }

    /// A record as it was last seen here, if that is newer than the version `beyond`.
    pub(crate) fn guess<A: Aggregate>(&self, id: Uuid, beyond: Option<u64>) -> Option<Arc<Loaded<A>>> {
        if !A::REMEMBERED || self.doubt.load(Ordering::Relaxed) >= TOO_MUCH {
            self.less_doubt();
            return None;
        }
        let guess = self.records.get(&(A::KIND.name, id))?.downcast::<Loaded<A>>().ok()?;
        beyond.is_none_or(|passed| guess.version > passed).then_some(guess)
    }

    /// Keeps what was read or written, unless something newer is known.
    pub(crate) fn keep<A: Aggregate>(&self, id: Uuid, loaded: &Arc<Loaded<A>>) {
        if !A::REMEMBERED {
            return;
        }
        let key = (A::KIND.name, id);
        let known = self.records.peek(&key).and_then(|known| known.downcast::<Loaded<A>>().ok());
        if known.is_none_or(|known| known.version <= loaded.version) {
            self.records.insert(key, loaded.clone());
        }
    }

    /// Forgets a record whose state is not known any more.
    pub(crate) fn forget<A: Aggregate>(&self, id: Uuid) {
        if A::REMEMBERED {
            self.records.remove(&(A::KIND.name, id));
        }
    }

    /// A guess has held, or was not made.
    pub(crate) fn less_doubt(&self) {
        let less = |doubt: u32| doubt.checked_sub(1);
        let _ = self.doubt.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Somebody else had written since.
    pub(crate) fn was_wrong(&self) {
        let doubt = self.doubt.load(Ordering::Relaxed).saturating_add(WRONG);
        self.doubt.store(if doubt >= TOO_MUCH { TOO_MUCH + REST } else { doubt }, Ordering::Relaxed);
    }

    /// The record with this value of a unique field that never moves to another one.
    pub(crate) fn owner<A: Aggregate>(&self, field: &'static str, value: &str) -> Option<Uuid> {
        self.owners.get(&(A::KIND.name, field, value.to_owned()))
    }

    /// Keeps who has this value.
    pub(crate) fn owns<A: Aggregate>(&self, field: &'static str, value: &str, id: Uuid) {
        self.owners.insert((A::KIND.name, field, value.to_owned()), id);
    }

    /// Keeps whatever unique values a new record has.
    pub(crate) fn owns_all<A: Aggregate>(&self, id: Uuid, state: &A) {
        let unique = || A::KIND.fields.iter().filter(|field| field.rule == Rule::Unique);
        if !A::REMEMBERED || unique().next().is_none() {
            return;
        }
        let index = state.index();
        for field in unique() {
            if let Some(value) = index.get(field.name).and_then(|value| value.as_str()) {
                self.owns::<A>(field.name, value, id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::{Map, Value};

    use super::*;
    use crate::store::Kind;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Note(Uuid);

    static NOTES: Kind = Kind { name: "notes", fields: &[] };

    impl Aggregate for Note {
        const KIND: &'static Kind = &NOTES;
        const REMEMBERED: bool = true;

        fn id(&self) -> Uuid {
            self.0
        }

        fn index(&self) -> Map<String, Value> {
            Map::new()
        }
    }

    const ID: Uuid = Uuid::from_u128(7);

    fn version(version: u64) -> Arc<Loaded<Note>> {
        Arc::new(Loaded { version, state: Note(ID) })
    }

    #[test]
    fn an_older_version_does_not_take_the_place_of_a_newer_one() {
        let memory = Memory::new();
        memory.keep(ID, &version(3));
        memory.keep(ID, &version(2));
        assert_eq!(memory.guess::<Note>(ID, None), Some(version(3)));
    }

    #[test]
    fn a_version_that_has_passed_is_no_guess() {
        let memory = Memory::new();
        memory.keep(ID, &version(3));
        assert_eq!(memory.guess::<Note>(ID, Some(3)), None);
        assert_eq!(memory.guess::<Note>(ID, Some(2)), Some(version(3)));
    }

    #[test]
    fn whoever_guesses_wrong_again_and_again_reads_for_a_while() {
        let memory = Memory::new();
        memory.keep(ID, &version(1));
        (0..TOO_MUCH / WRONG).for_each(|_| memory.was_wrong());
        assert_eq!(memory.guess::<Note>(ID, None), None);
        let reads = (0..2 * REST).take_while(|_| memory.guess::<Note>(ID, None).is_none()).count();
        assert!((1..2 * REST as usize).contains(&reads), "guessing never came back");
    }
}
