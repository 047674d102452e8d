//! How a store's connections are used, for whoever watches over it: a pool that is always all in use, with callers that
//! wait, is the first sign of a database that is too slow.

use std::sync::atomic::{AtomicU32, Ordering};

/// A pool of connections as it is at this moment. The counts are read one after the other, so that they may differ by
/// what happened between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Which of the store's pools.
    pub name: &'static str,
    /// So many connections may be open.
    pub most: u32,
    /// Open and free.
    pub idle: u32,
    /// Open and at work.
    pub used: u32,
    /// Callers that want one.
    pub waiting: u32,
}

/// A count of something that begins and ends.
#[derive(Debug, Default)]
pub(super) struct Underway(AtomicU32);

impl Underway {
    /// Counts until the guard is dropped.
    pub(super) fn one(&self) -> One<'_> {
        self.begin();
        One(self)
    }

    pub(super) fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// An end that is told without its beginning is not counted.
    pub(super) fn end(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }

    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct One<'a>(&'a Underway);

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
