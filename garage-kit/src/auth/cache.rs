//! Tokens that were believed a moment ago. Checking a signature and reading the claims costs more than most
//! requests do, and a client sends the same token with each. Bounded in size and in time, so that a key that
//! was taken back is not believed for long.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use chrono::{DateTime, TimeDelta, Utc};

use super::Caller;

const SIZE: usize = 4096;
const LONGEST: TimeDelta = TimeDelta::seconds(60);

struct Entry {
    caller: Caller,
    until: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct Cache(RwLock<HashMap<Box<str>, Entry>>);

impl Cache {
    pub(super) fn get(&self, token: &str, now: DateTime<Utc>) -> Option<Caller> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(token).filter(|entry| now < entry.until).map(|entry| entry.caller.clone())
    }

    pub(super) fn put(&self, token: &str, caller: Caller, expires: DateTime<Utc>, now: DateTime<Utc>) {
        let until = expires.min(now + LONGEST);
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= SIZE {
            entries.retain(|_, entry| now < entry.until);
        }
        if entries.len() < SIZE {
            entries.insert(token.into(), Entry { caller, until });
        }
    }
}
