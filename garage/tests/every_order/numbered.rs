//! Numbers instead of values. A world has tens of bytes instead of thousands because each aggregate in it is
//! a number, and each transition is computed once for all the worlds in which it happens.

use std::{collections::HashMap, hash::Hash};

/// Distinct values and the number of each, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Numbered<K, T> {
    numbers: HashMap<K, u32>,
    values: Vec<T>,
}

impl<K, T> Default for Numbered<K, T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<K: Hash + Eq, T> Numbered<K, T> {
    /// The number of the value with this key: the value that came first with it stands for all.
    pub(crate) fn number(&mut self, key: K, value: T) -> u32 {
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.values.push(value);
        }
        number
    }

    pub(crate) fn get(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

/// The number of a value among a few that have no hash.
pub(crate) fn number_among<T: PartialEq>(few: &mut Vec<T>, value: T) -> usize {
    few.iter().position(|known| *known == value).unwrap_or_else(|| {
        few.push(value);
        few.len() - 1
    })
}

/// What has been computed for each number so far.
#[derive(Clone, Debug)]
pub(crate) struct Computed<T>(Vec<Option<T>>);

impl<T> Default for Computed<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Computed<T> {
    pub(crate) fn get(&self, number: u32) -> Option<T> {
        self.0.get(number as usize).cloned().flatten()
    }

    pub(crate) fn set(&mut self, number: u32, value: T) {
        let place = number as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(value);
    }
}
